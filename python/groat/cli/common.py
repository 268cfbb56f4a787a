# SPDX-License-Identifier: Apache-2.0
"""What all commands share: the app, its common arguments, what they print, flags from dataclasses of options."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from groat.errors import InputError
from groat.options import SHAPE_HELP, Options, parse_size
from groat.progress import Progress
from groat.train.options import Train

app = typer.Typer(
    name="groat",
    help="Neural networks on microcontrollers: compile, quantise, check, run, profile and train them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
# Without a terminal there is no width to keep to.
stdout = Console(highlight=False, markup=False, width=None if Console().is_terminal else 120)
stderr = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


class Format(StrEnum):
    table = "table"
    json = "json"


class By(StrEnum):
    layer = "layer"
    function = "function"
    opcode = "opcode"


ModelPath = Annotated[Path, typer.Argument(help="a .tflite or .onnx model, or a packed .groat one", show_default=False)]
SourcePath = Annotated[Path, typer.Argument(help="a .tflite or .onnx model", show_default=False)]
FormatOption = Annotated[Format, typer.Option("--format", help="table for people, json for scripts")]
ShapeOption = Annotated[str | None, typer.Option("--shape", help=SHAPE_HELP)]
TargetOption = Annotated[str, typer.Option("--target", help="a name that `groat targets` lists")]


def emit(value: dict[str, Any] | list[Any], format: Format, *tables: Table) -> None:
    if format == Format.json:
        typer.echo(json.dumps(value, indent=2))
    else:
        for table in tables:
            # A title of the table itself would be wrapped to the table's width.
            title, table.title = table.title, None
            stdout.print(title, markup=False, style="bold")
            stdout.print(table)


def new_table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for column in columns:
        numeric = column.startswith("#")
        table.add_column(column.lstrip("#"), justify="right" if numeric else "left", overflow="fold")
    return table


def facts_table(title: str, facts: dict[str, Any]) -> Table:
    """A table of names and values."""
    table = Table(title=title, show_header=False)
    for name, value in facts.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))
    return table


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on standard error, shown only to people: of what is being done just now."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bars:
        task = bars.add_task("reading the model", total=None)

        def show(what: str, done: int, total: int) -> None:
            bars.update(task, description=what, completed=done, total=total or None)

        yield show


def packed_model(
    path: Path, target: str, options: Options, progress: Progress, train: Train | None = None
) -> tuple[bytes, list[str] | None]:
    """(packed model, names of its layers if known) of a .tflite or .groat file."""
    from groat.compiler import compile_model, read_file
    from groat.pack.reader import check

    if path.suffix == ".groat":
        given = [name for name, value in asdict(options).items() if value != getattr(Options(), name)]
        if given:
            flags = " and ".join(flag_of(name) for name in given)
            raise InputError(
                f"{path} is packed already: {flags} {'is' if len(given) == 1 else 'are'} for models that are not"
            )
        packed = read_file(path)
        check(packed, path.name)
        return packed, None
    compiled = compile_model(path, target, None, options, progress, train)
    return compiled.packed, [layer["name"] for layer in compiled.report["layers"]]


def short_name(name: str, most: int = 40) -> str:
    """A layer's name for people: converters join the names of all that they fused."""
    first = name.split(";")[0]
    return first if len(first) <= most else "…" + first[1 - most :]


def flag_of(name: str) -> str:
    return "--" + name.replace("_", "-")


def _flags(group: type[Any]) -> list[inspect.Parameter]:
    """A flag for each field of a dataclass of options that says what its help is."""
    flags = []
    for field in fields(group):
        if "help" not in field.metadata:
            continue
        metavar = "|".join(field.metadata["choices"]) or ("SIZE" if field.metadata["size"] else None)
        names = [flag_of(field.name), *field.metadata["also"]]
        option = typer.Option(*names, help=field.metadata["help"], metavar=metavar)
        words = field.metadata["choices"] or isinstance(field.default, str)
        kind = str if words else str | None if field.default is None else type(field.default)
        flags.append(
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=Annotated[kind, option]
            )
        )
    return flags


def takes(**groups: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command a flag for each field of dataclasses of options, and hands it their values: for options=Options
    one object of Options as its argument `options`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        flags = {name: _flags(group) for name, group in groups.items()}
        own = [p.replace(kind=p.KEYWORD_ONLY) for name, p in signature.parameters.items() if name not in groups]

        def call(**given: Any) -> None:
            made = {}
            for name, group in groups.items():
                values = {flag.name: given.pop(flag.name) for flag in flags[name]}
                for field in fields(group):
                    if field.metadata.get("size") and values[field.name] is not None:
                        values[field.name] = parse_size(values[field.name])
                made[name] = group(**values)
            command(**given, **made)

        # The format goes last, as in all commands.
        parameters = [*own[:-1], *(flag for of_group in flags.values() for flag in of_group), own[-1]]
        call.__name__, call.__doc__ = command.__name__, command.__doc__
        call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        return call

    return decorate


compiles = takes(options=Options)
"""A command that compiles a model."""
