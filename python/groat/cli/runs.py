# SPDX-License-Identifier: Apache-2.0
"""Commands that run models: run, validate, profile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from groat.cli.common import (
    By,
    Format,
    FormatOption,
    ModelPath,
    SourcePath,
    app,
    compiles,
    emit,
    facts_table,
    new_table,
    packed_model,
    progress_bar,
    short_name,
    takes,
)
from groat.errors import MismatchError
from groat.options import Options
from groat.train.options import Train


@app.command(epilog="Example: groat run model.groat --on qemu:cortex-m4 --data x.npy --output y.npy")
@compiles
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
    reset: Annotated[
        bool, typer.Option("--reset", help="each of a batch begins a sequence; else they are the steps of one")
    ] = False,
    *,
    options: Options,
    format: FormatOption = Format.table,
) -> None:
    """Runs a model and prints or writes its outputs."""
    from groat.inference import load_arrays, run_model, save_arrays
    from groat.runners import split_where

    with progress_bar() as progress:
        packed, _ = packed_model(model, split_where(on)[1], options, progress)
        arrays = None if data is None else load_arrays(data)
        result = run_model(packed, on, arrays, progress, reset)
    if output is not None:
        save_arrays(output, result)
    table = new_table(f"{model} on {on}", "output", "dtype", "shape", "values")
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
    emit(value, format, table)


@app.command(epilog="Example: groat validate model.tflite --against tflm --on host,qemu:cortex-m4 --inputs 16")
@compiles
def validate(
    model: SourcePath,
    against: Annotated[
        str | None,
        typer.Option(help="the oracle: tflm or, of ONNX models of floats, onnxruntime", show_default=False),
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
    from groat.validation import oracles_of
    from groat.validation import validate as compare

    with progress_bar() as progress:
        loaded = load(model, shape=options.shape, channels=options.channels, states=options.states)
        against = against or oracles_of(loaded)[0]
        verdicts = compare(loaded, on.split(","), against, inputs, seed, progress, options)
    table = new_table(f"{model} against {against}", "on", "#inputs", "#equal", "first difference")
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
    emit(value, format, table)
    if not equal:
        raise typer.Exit(MismatchError.exit_code)


@app.command(epilog="Example: groat profile model.tflite --on qemu:cortex-m4 --format json")
@takes(options=Options, choices=Train)
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

    with progress_bar() as progress:
        trains = choices if program != "infer" else None
        packed, names = packed_model(model, split_where(on)[1], options, progress, trains)
        progress(f"profiling on {on}", 0, 0)
        report = measure(packed, on, names, by.value if by is not None else None, cycles, program, progress)
    parts = {f"flash {name}": value for name, value in report["flash"].items()}
    apart = ("flash", "layers", "streams", "by", "rows", "cycles")
    facts = {name: report[name] for name in report if name not in apart} | parts
    per_mac = report["instructions_per_mac"]
    facts["instructions_per_mac"] = "–" if per_mac is None else f"{per_mac:.2f}"
    layers = new_table("Layers", "#index", "op", "name", "#instructions", "#MACs", "#per MAC")
    for layer in report["layers"]:
        ratio = f"{layer['instructions'] / layer['macs']:.2f}" if layer["macs"] else "–"
        row = (
            str(layer["index"]),
            layer["op"],
            short_name(layer["name"]),
            f"{layer['instructions']:,}",
            f"{layer['macs']:,}",
        )
        layers.add_row(*row, ratio)
    tables = [facts_table(str(model), facts), layers]
    if report["streams"]:
        streams = new_table("Streams", "layers", "#instructions", "#beside the layers' rows")
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
            facts_table(
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
    emit(report, format, *tables)


def _where_table(report: dict[str, Any]) -> Table:
    """The rows of a profile; under each layer its functions."""
    estimated = ["#cycles (estimate)"] if "cycles" in report else []
    layers = report["by"] == "layer"
    title = "Functions of each layer" if layers else f"Instructions by {report['by']}"
    table = new_table(
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
