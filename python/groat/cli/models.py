# SPDX-License-Identifier: Apache-2.0
"""Commands that compile models, or write them for other tools: analyze, pack, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from groat.cli.common import (
    Format,
    FormatOption,
    ShapeOption,
    SourcePath,
    TargetOption,
    app,
    compiles,
    emit,
    facts_table,
    new_table,
    progress_bar,
    short_name,
    stderr,
    takes,
)
from groat.errors import InputError
from groat.options import Options
from groat.train.options import Train


@app.command(epilog="Example: groat analyze model.tflite --target cortex-m4 --ram 64K")
@compiles
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

    with progress_bar() as progress:
        report = analyze_model(model, target, options, plot, advise, progress)
    names = ("target", "optimize", "input", "arena_bytes", "activation_bytes", "scratch_bytes", "optimal")
    more = ("ram_bytes", "weights_bytes", "model_bytes", "flash_bytes", "macs", "mac_overhead", "fits")
    facts = {name: report[name] for name in (*names, *more)}
    if "smallest_bytes" in report:
        facts["smallest_bytes"] = report["smallest_bytes"]
        for help in report["helps"]:
            facts[f"with {help['option']} {help['value']}"] = help["smallest_bytes"]
    peak = report["peak"]
    alive = new_table(f"Alive at the peak, step {peak['step']} ({peak['op']})", "tensor", "dtype", "shape", "#bytes")
    for tensor in peak["tensors"]:
        alive.add_row(short_name(tensor["name"]), tensor["dtype"], str(tensor["shape"]), f"{tensor['bytes']:,}")
    tables = [facts_table(str(model), facts), _memories_table(report), _schedule_table(report), alive]
    if "advice" in report:
        tables.append(_advice_table(report["advice"]))
    emit(report, format, *tables)
    if not report["fits"]:
        raise typer.Exit(4)


def _memories_table(report: dict[str, Any]) -> Table:
    """What lies in which memory, and how much a run reads and writes there."""
    table = new_table("Memories", "name", "#bytes", "#read and written", "#cost of a byte")
    for memory in report["memories"]:
        table.add_row(
            memory["name"], f"{memory['bytes']:,}", f"{memory['traffic_bytes']:,}", f"{memory['byte_cost']:g}"
        )
    return table


def _schedule_table(report: dict[str, Any]) -> Table:
    """Which ops run one by one and which together, and what memory that takes."""
    table = new_table("Schedule", "kind", "#first op", "#last op", "#bytes", "slots of units")
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
    table = new_table(title, "#op", "kind", "change", "#halo bytes", "#activation bytes", "#saved", "#MACs")
    for change in advice["changes"]:
        counts = [f"{change[key]:,}" for key in ("halo_bytes", "activation_bytes", "saved_bytes", "macs")]
        table.add_row(str(change["model_op"]), change["op"], change["change"], *counts)
    return table


@app.command(epilog="Example: groat pack model.tflite --target cortex-m4 -o model.groat")
@takes(options=Options, choices=Train)
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
    with progress_bar() as progress:
        compiled = compile_model(model, target, dump, options, progress, choices if learn else None)
    compiled.save(path)
    report = {"output": str(path), **compiled.report}
    keys = ("output", "target", "optimize", "input", "file_bytes", "weights_bytes", "arena_bytes", "activation_bytes")
    more = ("scratch_bytes", "macs", "mac_overhead")
    facts = {key: report[key] for key in (*keys, *more)}
    emit(report, format, facts_table(f"Packed {model}", facts), _schedule_table(report), _layouts_table(report))


@app.command(epilog="Example: groat export model.onnx -o model.tflite")
def export(
    model: SourcePath,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="default: its name with .tflite")] = None,
    shape: ShapeOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Writes a model as a TFLite file, for other tools: ONNX, or what groat quantize reads."""
    from groat.compiler import load, write_file

    path = output if output is not None else model.with_suffix(".tflite")
    if path.resolve() == model.resolve():
        raise InputError(f"{path} is the model itself; name another file with -o")
    exported = load(model, shape=shape).to_tflite()
    write_file(path, exported)
    report = {"model": str(model), "output": str(path), "file_bytes": len(exported)}
    emit(report, format, facts_table(f"Exported {model}", report))


def _layouts_table(report: dict[str, Any]) -> Table:
    """How the weights of each layer were laid out, and what a table of measurements expects of that."""
    table = new_table("Layouts", "#index", "op", "name", "layout", "#bytes", "#expected instructions")
    for layer in report["layers"]:
        if layer["layout"] is not None:
            expected = layer["expected_instructions"]
            table.add_row(
                str(layer["index"]),
                layer["op"],
                short_name(layer["name"]),
                layer["layout"],
                f"{layer['packed_bytes']:,}",
                "–" if expected is None else f"{expected:,}",
            )
    return table


def _show(graph: Any, number: int) -> str:
    tensor = graph.tensors[number]
    return f"{number}:{tensor.dtype}{list(tensor.shape)}{' const' if tensor.data is not None else ''}"
