# SPDX-License-Identifier: Apache-2.0
"""The command line: thin over the Python API.

Exit codes: 0 success; 1 an unforeseen error of Groat; 2 a wrong argument; 3 a model that cannot be read or has
unsupported ops; 4 a model that does not fit; 5 outputs that differ; 6 a missing tool; 7 a device that failed.
"""

from __future__ import annotations

import inspect
import json
import sys
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

from groat.errors import GroatError, InputError, MismatchError
from groat.options import SHAPE_HELP, Options, parse_size
from groat.progress import Progress
from groat.quantization.options import Quantization
from groat.train.options import Train

app = typer.Typer(
    name="groat",
    help="Runs int8 neural networks on microcontrollers: compile, check, run and profile models.",
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


def _emit(value: dict[str, Any] | list[Any], format: Format, *tables: Table) -> None:
    if format == Format.json:
        typer.echo(json.dumps(value, indent=2))
    else:
        for table in tables:
            # A title of the table itself would be wrapped to the table's width.
            title, table.title = table.title, None
            stdout.print(title, markup=False, style="bold")
            stdout.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for column in columns:
        numeric = column.startswith("#")
        table.add_column(column.lstrip("#"), justify="right" if numeric else "left", overflow="fold")
    return table


def _facts(title: str, facts: dict[str, Any]) -> Table:
    """A table of names and values."""
    table = Table(title=title, show_header=False)
    for name, value in facts.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))
    return table


@contextmanager
def _progress() -> Iterator[Progress]:
    """A progress bar on standard error, shown only to people: of what is being done just now."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bars:
        task = bars.add_task("reading the model", total=None)

        def show(what: str, done: int, total: int) -> None:
            bars.update(task, description=what, completed=done, total=total or None)

        yield show


def _packed(
    path: Path, target: str, options: Options, progress: Progress, train: Train | None = None
) -> tuple[bytes, list[str] | None]:
    """(packed model, names of its layers if known) of a .tflite or .groat file."""
    from groat.compiler import compile_model, read_file
    from groat.pack.reader import check

    if path.suffix == ".groat":
        given = [name for name, value in asdict(options).items() if value != getattr(Options(), name)]
        if given:
            flags = " and ".join(_flag_of(name) for name in given)
            raise InputError(
                f"{path} is packed already: {flags} {'is' if len(given) == 1 else 'are'} for models that are not"
            )
        packed = read_file(path)
        check(packed, path.name)
        return packed, None
    compiled = compile_model(path, target, None, options, progress, train)
    return compiled.packed, [layer["name"] for layer in compiled.report["layers"]]


def _short(name: str, most: int = 40) -> str:
    """A layer's name for people: converters join the names of all that they fused."""
    first = name.split(";")[0]
    return first if len(first) <= most else "…" + first[1 - most :]


def _flag_of(name: str) -> str:
    return "--" + name.replace("_", "-")


def _flags(group: type[Any]) -> list[inspect.Parameter]:
    """A flag for each field of a dataclass of options that says what its help is."""
    flags = []
    for field in fields(group):
        if "help" not in field.metadata:
            continue
        metavar = "|".join(field.metadata["choices"]) or ("SIZE" if field.metadata["size"] else None)
        names = [_flag_of(field.name), *field.metadata["also"]]
        option = typer.Option(*names, help=field.metadata["help"], metavar=metavar)
        words = field.metadata["choices"] or isinstance(field.default, str)
        kind = str if words else str | None if field.default is None else type(field.default)
        flags.append(
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=Annotated[kind, option]
            )
        )
    return flags


def _takes(**groups: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
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


_compiles = _takes(options=Options)
"""A command that compiles a model."""


@app.command(epilog="Example: groat analyze model.tflite --target cortex-m4 --ram 64K")
@_compiles
def analyze(
    model: SourcePath,
    target: TargetOption = "cortex-m4",
    advise: Annotated[
        bool, typer.Option("--advise", help="tell also how the network could be changed to need less memory")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="draw memory over time and the trade-off into this .svg")] = None,
    *,
    options: Options,
    format: FormatOption = Format.table,
) -> None:
    """Says what a model needs before anything is built: arena, weights, MACs, and whether it fits."""
    from groat.analysis import analyze_model

    with _progress() as progress:
        report = analyze_model(model, target, options, plot, advise, progress)
    names = ("target", "optimize", "input", "arena_bytes", "activation_bytes", "scratch_bytes", "optimal")
    more = ("ram_bytes", "weights_bytes", "model_bytes", "flash_bytes", "macs", "mac_overhead", "fits")
    facts = {name: report[name] for name in (*names, *more)}
    if "smallest_bytes" in report:
        facts["smallest_bytes"] = report["smallest_bytes"]
        for help in report["helps"]:
            facts[f"with {help['option']} {help['value']}"] = help["smallest_bytes"]
    peak = report["peak"]
    alive = _table(f"Alive at the peak, step {peak['step']} ({peak['op']})", "tensor", "dtype", "shape", "#bytes")
    for tensor in peak["tensors"]:
        alive.add_row(_short(tensor["name"]), tensor["dtype"], str(tensor["shape"]), f"{tensor['bytes']:,}")
    tables = [_facts(str(model), facts), _memories_table(report), _schedule_table(report), alive]
    if "advice" in report:
        tables.append(_advice_table(report["advice"]))
    _emit(report, format, *tables)
    if not report["fits"]:
        raise typer.Exit(4)


def _memories_table(report: dict[str, Any]) -> Table:
    """What lies in which memory, and how much a run reads and writes there."""
    table = _table("Memories", "name", "#bytes", "#read and written", "#cost of a byte")
    for memory in report["memories"]:
        table.add_row(
            memory["name"], f"{memory['bytes']:,}", f"{memory['traffic_bytes']:,}", f"{memory['byte_cost']:g}"
        )
    return table


def _schedule_table(report: dict[str, Any]) -> Table:
    """Which ops run one by one and which together, and what memory that takes."""
    table = _table("Schedule", "kind", "#first op", "#last op", "#bytes", "slots of units")
    for stretch in report["schedule"]:
        rings = [line for line in stretch.get("lines", []) if line["slots"] > 0]
        lines = ", ".join(f"{line['slots']}/{line['rows'] * line['units']}" for line in rings)
        table.add_row(
            stretch["kind"], str(stretch["first_op"]), str(stretch["last_op"]), f"{stretch['bytes']:,}", lines
        )
    return table


def _advice_table(advice: dict[str, Any]) -> Table:
    """Which other networks would need less."""
    title = f"Other networks that need less than {advice['activation_bytes']:,} bytes of activations (train them anew)"
    table = _table(title, "#op", "kind", "change", "#halo bytes", "#activation bytes", "#saved", "#MACs")
    for change in advice["changes"]:
        counts = [f"{change[key]:,}" for key in ("halo_bytes", "activation_bytes", "saved_bytes", "macs")]
        table.add_row(str(change["model_op"]), change["op"], change["change"], *counts)
    return table


@app.command(epilog="Example: groat pack model.tflite --target cortex-m4 -o model.groat")
@_takes(options=Options, choices=Train)
def pack(
    model: SourcePath,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="default: the model's name with .groat")] = None,
    target: TargetOption = "cortex-m4",
    learn: Annotated[bool, typer.Option("--learn", help="with the programs of training, as the options below")] = False,
    dump_after: Annotated[str | None, typer.Option(help="print the graph after this pass, or after `all`")] = None,
    *,
    options: Options,
    choices: Train,
    format: FormatOption = Format.table,
) -> None:
    """Compiles a model to a packed file that devices run."""
    from groat.compiler import compile_model
    from groat.graph import Graph
    from groat.passes import PASSES

    names = [rewrite.__name__ for rewrite in PASSES]
    if dump_after not in (None, "all", *names):
        raise InputError(f"there is no pass {dump_after!r}; expected all or one of {', '.join(names)}")

    def dump(name: str, graph: Graph) -> None:
        if dump_after in (name, "all"):
            stderr.print(f"after {name}:", markup=False)
            for op in graph.ops:
                reads = ", ".join(_show(graph, number) for number in op.inputs)
                writes = ", ".join(_show(graph, number) for number in op.outputs)
                stderr.print(f"  {op.kind} ({reads}) -> {writes}", markup=False)

    path = output if output is not None else model.with_suffix(".groat")
    if path.resolve() == model.resolve():
        raise InputError(f"{path} is the model itself; name another file with -o")
    with _progress() as progress:
        compiled = compile_model(model, target, dump, options, progress, choices if learn else None)
    compiled.save(path)
    report = {"output": str(path), **compiled.report}
    keys = ("output", "target", "optimize", "input", "file_bytes", "weights_bytes", "arena_bytes", "activation_bytes")
    more = ("scratch_bytes", "macs", "mac_overhead")
    facts = {key: report[key] for key in (*keys, *more)}
    _emit(report, format, _facts(f"Packed {model}", facts), _schedule_table(report), _layouts_table(report))


def _layouts_table(report: dict[str, Any]) -> Table:
    """How the weights of each layer were laid out, and what a table of measurements expects of that."""
    table = _table("Layouts", "#index", "op", "name", "layout", "#bytes", "#expected instructions")
    for layer in report["layers"]:
        if layer["layout"] is not None:
            expected = layer["expected_instructions"]
            table.add_row(
                str(layer["index"]),
                layer["op"],
                _short(layer["name"]),
                layer["layout"],
                f"{layer['packed_bytes']:,}",
                "–" if expected is None else f"{expected:,}",
            )
    return table


def _show(graph: Any, number: int) -> str:
    tensor = graph.tensors[number]
    return f"{number}:{tensor.dtype}{list(tensor.shape)}{' const' if tensor.data is not None else ''}"


@app.command(epilog="Example: groat run model.groat --on qemu:cortex-m4 --data x.npy --output y.npy")
@_compiles
def run(
    model: ModelPath,
    on: Annotated[str, typer.Option(help="host, qemu: and a target, or serial: and a port")] = "host",
    data: Annotated[
        list[Path] | None,
        typer.Option(help=".npy file of an input, or of a batch of them; once for each input.  Default: the LCG input"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="write the outputs to this .npz, or the only one to this .npy")
    ] = None,
    *,
    options: Options,
    format: FormatOption = Format.table,
) -> None:
    """Runs a model and prints or writes its outputs."""
    from groat.inference import load_arrays, run_model, save_arrays
    from groat.runners import split_where

    with _progress() as progress:
        packed, _ = _packed(model, split_where(on)[1], options, progress)
        arrays = None if data is None else load_arrays(data)
        result = run_model(packed, on, arrays, progress)
    if output is not None:
        save_arrays(output, result)
    table = _table(f"{model} on {on}", "output", "dtype", "shape", "values")
    for name, array in result.items():
        values = ", ".join(str(value) for value in array.ravel()[:16]) + (", …" if array.size > 16 else "")
        table.add_row(name, str(array.dtype), str(list(array.shape)), values)
    value = {
        "on": on,
        "outputs": [
            {"name": name, "dtype": str(array.dtype), "shape": list(array.shape), "values": array.tolist()}
            for name, array in result.items()
        ],
    }
    _emit(value, format, table)


@app.command(epilog="Example: groat validate model.tflite --against tflm --on host,qemu:cortex-m4 --inputs 16")
@_compiles
def validate(
    model: SourcePath,
    against: Annotated[
        str | None,
        typer.Option(help="the oracle: tflm of TFLite models, onnxruntime of ONNX models", show_default=False),
    ] = None,
    on: Annotated[str, typer.Option(help="places, separated by commas")] = "host",
    inputs: Annotated[int, typer.Option(help="how many random inputs")] = 8,
    seed: Annotated[int, typer.Option(help="of the random inputs")] = 0,
    *,
    options: Options,
    format: FormatOption = Format.table,
) -> None:
    """Compares every output with TensorFlow Lite Micro or ONNX Runtime, and names the first layer that differs."""
    from groat.compiler import load
    from groat.validation import oracle_of
    from groat.validation import validate as compare

    with _progress() as progress:
        loaded = load(model, shape=options.shape, channels=options.channels)
        against = against or oracle_of(loaded)
        verdicts = compare(loaded, on.split(","), against, inputs, seed, progress, options)
    table = _table(f"{model} against {against}", "on", "#inputs", "#equal", "first difference")
    for verdict in verdicts:
        difference = "none" if verdict.difference is None else str(verdict.difference)
        table.add_row(verdict.on, str(verdict.inputs), str(verdict.outputs_equal), difference)
    equal = all(verdict.equal for verdict in verdicts)
    value = {
        "model": str(model),
        "against": against,
        "inputs": inputs,
        "seed": seed,
        "equal": equal,
        "results": [verdict.as_dict() for verdict in verdicts],
    }
    _emit(value, format, table)
    if not equal:
        raise typer.Exit(MismatchError.exit_code)


@app.command(
    epilog="Example: groat train model.tflite --data digits.npz --epochs 3 --on qemu:cortex-m4 --plot curves.svg"
)
@_takes(options=Options, choices=Train)
def train(
    model: SourcePath,
    data: Annotated[Path, typer.Option(help=".npz with x and y, and x_test and y_test to measure accuracy")],
    on: Annotated[str, typer.Option(help="host, qemu: and a target, or serial: and a port")] = "host",
    epochs: Annotated[int, typer.Option(help="how often each sample is learnt from")] = 1,
    lr: Annotated[float, typer.Option(help="learning rate")] = 0.01,
    seed: Annotated[int, typer.Option(help="of the order of samples")] = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="write the trained model (.tflite), or its parameters (.npz)"),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="draw loss and accuracy into this .svg")] = None,
    *,
    options: Options,
    choices: Train,
    format: FormatOption = Format.table,
) -> None:
    """Trains a model of floats where it runs, sample by sample, and saves what it learnt."""
    from groat.compiler import compile_model, load, write_file
    from groat.passes import run_passes
    from groat.runners import split_where
    from groat.train.adapters import merged
    from groat.train.curves import draw_training
    from groat.train.export import to_tflite
    from groat.train.loop import load_data
    from groat.train.loop import train as learn
    from groat.train.parameters import as_floats, save_parameters

    if output is not None and output.suffix not in (".tflite", ".npz"):
        raise InputError(f"{output}: a trained model is written as .tflite, its parameters as .npz")
    if output is not None and output.resolve() == model.resolve():
        raise InputError(f"{output} is the model itself; name another file with -o")
    samples, loaded = load_data(data), load(model, shape=options.shape, channels=options.channels)
    if output is not None and output.suffix == ".tflite" and loaded.is_onnx:
        raise InputError(f"{output}: {model} is ONNX; what it learnt can be written as .npz")
    with _progress() as progress:
        compiled = compile_model(loaded, split_where(on)[1], None, options, progress, choices)
        with compiled.on(on, progress) as session:
            history = learn(
                session.runner, samples, epochs, lr, accumulate=choices.accumulate, seed=seed, progress=progress
            )
            parameters = session.parameters()
            if output is not None and output.suffix == ".npz":
                save_parameters(output, session.runner.model, parameters)
    if output is not None and output.suffix == ".tflite":
        values = merged(run_passes(loaded.graph, None, options.io, choices.floats), parameters)
        write_file(output, to_tflite(loaded.source, values if choices.adapter_rank > 0 else as_floats(parameters)))
    if plot is not None:
        write_file(plot, draw_training(history, f"Training of {model.name} on {on}").encode())
    report = {
        "model": str(model),
        "on": on,
        "samples": len(samples.x),
        "test_samples": len(samples.x_test),
        **history.report,
        "arena_bytes": compiled.plan.arena_bytes,
        "parameters": [{"name": name, "shape": list(value.shape)} for name, value in parameters.items()],
        "output": None if output is None else str(output),
    }
    epochs_table = _table("Epochs", "#epoch", "#loss", "#accuracy")
    losses = ["–", *(f"{loss:.4f}" for loss in history.epoch_losses)]
    shares = [f"{100 * share:.2f} %" for share in history.accuracies] or ["–"] * len(losses)
    for number, (loss, share) in enumerate(zip(losses, shares, strict=True)):
        epochs_table.add_row(str(number), loss, share)
    shown = ("on", "samples", "test_samples", "steps", "skipped_steps", "arena_bytes", "output")
    _emit(report, format, _facts(f"Trained {model}", {key: report[key] for key in shown}), epochs_table)


@app.command("train-plan", epilog="Example: groat train-plan model.tflite --data digits.npz --target rv32v --ram 64K")
@_takes(choices=Train)
def train_plan(
    model: SourcePath,
    data: Annotated[Path, typer.Option(help=".npz with x, y, x_test and y_test")],
    target: TargetOption = "host",
    ram: Annotated[
        str | None, typer.Option(metavar="SIZE", help="RAM that the arena may take, for example 64K")
    ] = None,
    max_macs: Annotated[str | None, typer.Option(metavar="SIZE", help="work of a step, for example 5M")] = None,
    lr: Annotated[float, typer.Option(help="learning rate of the measurements")] = 0.01,
    steps: Annotated[int, typer.Option(help="of each measurement")] = 100,
    seed: Annotated[int, typer.Option(help="of the choice of samples")] = 0,
    shape: ShapeOption = None,
    *,
    choices: Train,
    format: FormatOption = Format.table,
) -> None:
    """Finds which layers to train under bounds of RAM and work: measures what each helps, and chooses the best set."""
    from groat.compiler import load
    from groat.train.loop import load_data
    from groat.train.plan import plan_training

    bounds = {"ram": ram, "macs": max_macs}
    sizes = {name: None if text is None else parse_size(text) for name, text in bounds.items()}
    samples, loaded = load_data(data), load(model, shape=shape)
    with _progress() as progress:
        plan = plan_training(
            loaded, samples, target, choices, **sizes, lr=lr, steps=steps, seed=seed, progress=progress
        )
    table = _table("Layers", "name", "#benefit", "#parameter bytes", "#MACs of its gradient", "chosen")
    for row in plan.report["choices"]:
        numbers = [f"{row['benefit']:.4f}", f"{row['parameter_bytes']:,}", f"{row['update_macs']:,}"]
        table.add_row(_short(row["name"]), *numbers, "yes" if row["chosen"] else "")
    facts = {"target": target, "benefit": f"{plan.benefit:.4f}", "arena_bytes": plan.arena_bytes}
    facts |= {"step_macs": plan.step_macs, "layers": ",".join(plan.chosen)}
    _emit({"target": target, **plan.report}, format, _facts(f"What to train of {model}", facts), table)


@app.command(epilog="Example: groat profile model.tflite --on qemu:cortex-m4 --format json")
@_takes(options=Options, choices=Train)
def profile(
    model: ModelPath,
    on: Annotated[str, typer.Option(help="a device: qemu: and a target, or serial: and a port")] = "qemu:cortex-m4",
    by: Annotated[By | None, typer.Option(help="tell also where the instructions go")] = None,
    program: Annotated[str, typer.Option(help="infer, or one that trains: train_step, apply")] = "infer",
    cycles: Annotated[bool, typer.Option("--cycles", help="estimate cycles too, from a table of costs")] = False,
    *,
    options: Options,
    choices: Train,
    format: FormatOption = Format.table,
) -> None:
    """Measures one inference, or step of training: stack, flash, and executed instructions of an emulated device, not
    cycles, or what the counter of one at a port says."""
    from groat.profiling import profile as measure
    from groat.runners import split_where

    with _progress() as progress:
        trains = choices if program != "infer" else None
        packed, names = _packed(model, split_where(on)[1], options, progress, trains)
        progress(f"profiling on {on}", 0, 0)
        report = measure(packed, on, names, by.value if by is not None else None, cycles, program, progress)
    parts = {f"flash {name}": value for name, value in report["flash"].items()}
    apart = ("flash", "layers", "streams", "by", "rows", "cycles")
    facts = {name: report[name] for name in report if name not in apart} | parts
    per_mac = report["instructions_per_mac"]
    facts["instructions_per_mac"] = "–" if per_mac is None else f"{per_mac:.2f}"
    layers = _table("Layers", "#index", "op", "name", "#instructions", "#MACs", "#per MAC")
    for layer in report["layers"]:
        ratio = f"{layer['instructions'] / layer['macs']:.2f}" if layer["macs"] else "–"
        row = (
            str(layer["index"]),
            layer["op"],
            _short(layer["name"]),
            f"{layer['instructions']:,}",
            f"{layer['macs']:,}",
        )
        layers.add_row(*row, ratio)
    tables = [_facts(str(model), facts), layers]
    if report["streams"]:
        streams = _table("Streams", "layers", "#instructions", "#beside the layers' rows")
        for stream in report["streams"]:
            counts = [f"{stream[key]:,}" for key in ("instructions", "walk_instructions")]
            streams.add_row(f"{stream['first']} to {stream['last']}", *counts)
        tables.append(streams)
    if "rows" in report:
        tables.append(_where_table(report))
    if "cycles" in report:
        estimate = report["cycles"]
        unknown = ", ".join(f"{row['name']} ({row['instructions']:,})" for row in estimate["unknown"])
        tables.append(
            _facts(
                "Estimate of cycles, not a measurement",
                {
                    "core": estimate["core"],
                    "cycles": _cycles(estimate["range"]),
                    "assumes": estimate["assumes"],
                    f"opcodes without a cost, taken as {estimate['unknown_cycles']:g} each": unknown or "none",
                    **{f"source {name!r}": text for name, text in estimate["sources"].items()},
                },
            )
        )
    _emit(report, format, *tables)


def _where_table(report: dict[str, Any]) -> Table:
    """The rows of a profile; under each layer its functions."""
    estimated = ["#cycles (estimate)"] if "cycles" in report else []
    layers = report["by"] == "layer"
    title = "Functions of each layer" if layers else f"Instructions by {report['by']}"
    table = _table(
        title,
        *(["layer"] if layers else []),
        report["by"].replace("layer", "function"),
        "#instructions",
        "#share",
        *estimated,
    )

    def add(row: dict[str, Any], *names: str) -> None:
        cells = [f"{row['instructions']:,}", f"{row['share']:.1%}"]
        table.add_row(*names, *cells, *([_cycles(row["cycles"])] if estimated else []))

    for row in report["rows"]:
        if not layers:
            add(row, row["name"])
            continue
        add(row, f"{row['index']} {row['op']}", "")
        for function in row["functions"]:
            add(function, "", function["name"])
    return table


def _cycles(estimate: list[int]) -> str:
    return " to ".join(f"{cycles:,}" for cycles in estimate)


@app.command(epilog="Example: groat quantize model.tflite --calib samples.npz --scheme int8 -o model.groat")
@_takes(choices=Quantization, options=Options)
def quantize(
    model: SourcePath,
    calib: Annotated[Path, typer.Option(help=".npz with x, float32: typical inputs, at best 100 or more")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="default: the model's name with .groat")] = None,
    target: TargetOption = "cortex-m4",
    layer: Annotated[
        list[str] | None, typer.Option(metavar="NAME=SCHEME", help="another scheme for a layer, by name or index")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(metavar="SIZE", help="of mixed: bytes of all weights, or a share of int8's, as 60%")
    ] = None,
    instructions: Annotated[
        str | None, typer.Option(metavar="SIZE", help="of mixed: instructions of an inference, for example 5M")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="of mixed: draw accuracy over bytes into this .svg")] = None,
    *,
    choices: Quantization,
    options: Options,
    format: FormatOption = Format.table,
) -> None:
    """Turns a model of floats into one of integers, by samples of its input, and packs it."""
    from groat.compiler import compile_model, load, write_file
    from groat.quantization import Budget, Mixed, quantize_model
    from groat.quantization.trade_off import draw_trade_off
    from groat.samples import load_samples

    path = output if output is not None else model.with_suffix(".groat")
    if path.resolve() == model.resolve():
        raise InputError(f"{path} is the model itself; name another file with -o")
    layers = {}
    for text in layer or ():
        name, equals, scheme = text.rpartition("=")
        if not equals:
            raise InputError(f"--layer {text!r}: expected NAME=SCHEME")
        layers[name] = scheme
    bounds = {"--weights": weights, "--instructions": instructions, "--plot": plot}
    given = [name for name, value in bounds.items() if value is not None]
    if given and choices.scheme != "mixed":
        raise InputError(f"{' and '.join(given)} {'is' if len(given) == 1 else 'are'} for --scheme mixed")
    most = None if instructions is None else parse_size(instructions)
    budget = Budget(options.flash, options.ram, weights, most, target)
    samples = load_samples(calib)
    with _progress() as progress:
        loaded = load(model, shape=options.shape, channels=options.channels)
        made = quantize_model(loaded, samples.inputs, choices, layers, budget, progress)
        compiled = compile_model(made, target, None, options, progress)
    compiled.save(path)
    if plot is not None and isinstance(made, Mixed):
        write_file(plot, draw_trade_off(made, f"Mixtures of {model.name}").encode())
    report = {"output": str(path), "target": target, **made.report}
    report |= {key: compiled.report[key] for key in ("file_bytes", "arena_bytes", "macs")}
    table = _table("Layers", "#index", "op", "name", "scheme", "rounding", "#weights bytes")
    for row in made.layers:
        nbytes = f"{row.weights_bytes:,}" if row.rounding else "–"
        table.add_row(str(row.position), row.op, _short(row.name), row.scheme, row.rounding or "–", nbytes)
    shown = ("output", "target", "scheme", "samples", "file_bytes", "weights_bytes", "arena_bytes", "macs")
    facts = {key: report[key] for key in shown} | {"float_layers": ", ".join(report["float_layers"]) or "none"}
    _emit(report, format, _facts(f"Quantised {model}", facts), table)


@app.command(
    "eval", epilog="Example: groat eval model.groat --data test.npz --on host,qemu:cortex-m4 --metric top1 --limit 500"
)
@_compiles
def evaluate(
    model: ModelPath,
    data: Annotated[Path, typer.Option(help=".npz with x and y, or x_test and y_test, which are preferred")],
    on: Annotated[str, typer.Option(help="places, separated by commas")] = "host",
    metric: Annotated[str, typer.Option(help="top1, top5 or mse")] = "top1",
    limit: Annotated[int | None, typer.Option(min=1, help="of the samples, at most so many")] = None,
    *,
    options: Options,
    format: FormatOption = Format.table,
) -> None:
    """Says how good a model is on labelled samples, on this computer (all cores) and on devices."""
    from groat.evaluation import as_dict
    from groat.evaluation import evaluate as judge
    from groat.runners import split_where
    from groat.samples import load_samples

    samples = load_samples(data, judging=True).first(limit)
    with _progress() as progress:
        verdicts = judge(
            lambda place: _packed(model, split_where(place)[1], options, progress)[0],
            samples,
            on.split(","),
            metric,
            progress,
        )
    table = _table(f"{model} on {samples.count:,} samples", "on", f"#{metric}", "#samples a second", "outputs")
    for verdict in verdicts:
        value = f"{verdict.value:.6g}" if metric == "mse" else f"{100 * verdict.value:.2f} %"
        speed = f"{verdict.samples / max(verdict.seconds, 1e-9):,.0f}"
        table.add_row(verdict.on, value, speed, "same as the first" if verdict.same else "differ from the first")
    _emit({"model": str(model), "results": [as_dict(verdict) for verdict in verdicts]}, format, table)


@app.command(epilog="Example: groat compare float.tflite model.groat --data samples.npz")
def compare(
    first: SourcePath,
    second: Annotated[
        Path, typer.Argument(help="a model of the same network; a .groat packed with --names all", show_default=False)
    ],
    data: Annotated[Path, typer.Option(help=".npz with x, or x_test, which is preferred")],
    limit: Annotated[int, typer.Option(min=1, help="of the samples, at most so many")] = 100,
    shape: ShapeOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Says layer by layer how far a model is from another one, the first layer that hurts, and what to try."""
    from groat.comparison import compare as against
    from groat.compiler import load
    from groat.samples import load_samples

    samples = load_samples(data, judging=True).first(limit)
    with _progress() as progress:
        models = [path if path.suffix == ".groat" else load(path, shape=shape) for path in (first, second)]
        found = against(models[0], models[1], samples, progress)
    table = _table("Layers", "op", "name", "scheme", "#SNR dB", "#saturated", "")
    for layer in found.layers:
        mark = "<- hurts" if layer is found.hurts else ""
        numbers = [f"{layer.snr:.1f}", f"{layer.saturated:.2%}"]
        table.add_row(layer.op, _short(layer.name), layer.scheme or "–", *numbers, mark)
    facts = {
        "samples": found.samples,
        "outputs, SNR dB": ", ".join(f"{value:.1f}" for value in found.outputs),
        "same largest output": f"{100 * found.agreement:.2f} %",
        "first layer that hurts": "none" if found.hurts is None else found.hurts.name,
        **{f"try {number}": text for number, text in enumerate(found.advice, 1)},
    }
    report = {"first": str(first), "second": str(second), **found.report}
    _emit(report, format, _facts(f"{second} against {first}", facts), table)


@app.command(epilog="Example: groat ops --format json")
def ops(format: FormatOption = Format.table) -> None:
    """Lists the ops of this version and the TFLite operators that become them."""
    from groat.ops import op_def, op_rows

    rows = [{"id": row.id, "name": row.name, "tflite": sorted(op_def(row.name).tflite)} for row in op_rows()]
    table = _table("Ops", "#id", "name", "TFLite operators")
    for row in rows:
        table.add_row(str(row["id"]), str(row["name"]), ", ".join(row["tflite"]))  # type: ignore[arg-type]
    _emit(rows, format, table)


@app.command(epilog="Example: groat targets")
def targets(format: FormatOption = Format.table) -> None:
    """Lists the targets: their cores and memories."""
    from groat.targets import list_targets, load_target

    found = [load_target(name) for name in list_targets()]
    rows = [
        {
            "name": target.name,
            "core": target.core,
            "packing": target.packing,
            "ram_bytes": target.ram_bytes,
            "flash_bytes": target.flash_bytes,
            "memories": [
                {"name": memory.name, "bytes": memory.length, "byte_cost": memory.cost} for memory in target.arenas
            ],
            "runner": target.name if target.qemu is None else f"qemu:{target.name}",
        }
        for target in found
    ]
    table = _table("Targets", "name", "core", "kernels", "#RAM bytes", "#flash bytes", "--memories", "run with --on")
    for target, row in zip(found, rows, strict=True):
        sizes = [f"{row[key]:,}" if row[key] else "–" for key in ("ram_bytes", "flash_bytes")]
        names = ", ".join(memory.name for memory in target.arenas)
        table.add_row(str(row["name"]), str(row["core"]), str(row["packing"]), *sizes, names, str(row["runner"]))
    _emit(rows, format, table)


@app.command(epilog="Example: groat doctor")
def doctor(format: FormatOption = Format.table) -> None:
    """Says what is installed, what is missing, and the command that installs it.  Exits with 6 if anything is."""
    from groat.doctor import examine

    report = examine()
    present = _table("Installed", "what", "version", "path")
    for item in report["installed"]:
        present.add_row(item["what"], item["version"], item["path"])
    absent = _table("Missing", "what", "needed for", "install with")
    for item in report["missing"]:
        absent.add_row(item["what"], item["needed_for"], item["install_command"])
    _emit(report, format, present, *([absent] if report["missing"] else []))
    if report["missing"]:
        raise typer.Exit(6)


def main() -> None:
    """Runs the command line; errors that Groat foresees become one message and an exit code."""
    try:
        app(prog_name="groat")
    except GroatError as error:
        stderr.print(f"groat: {error}", markup=False, style="red")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
