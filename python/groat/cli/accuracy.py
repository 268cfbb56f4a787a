# SPDX-License-Identifier: Apache-2.0
"""Commands about models of integers: quantize, eval, compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from groat.cli.common import (
    Format,
    FormatOption,
    ModelPath,
    ShapeOption,
    SourcePath,
    TargetOption,
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
from groat.errors import InputError
from groat.options import Options, parse_size
from groat.quantization.options import Quantization


@app.command(epilog="Example: groat quantize model.tflite --calib samples.npz --scheme int8 -o model.groat")
@takes(choices=Quantization, options=Options)
def quantize(
    model: SourcePath,
    calib: Annotated[Path, typer.Option(help=".npz with x, float32: typical inputs, at best 100 or more")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="default: the model's name with .groat; .tflite is for other tools"),
    ] = None,
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
    with progress_bar() as progress:
        loaded = load(model, shape=options.shape, channels=options.channels, states=options.states)
        made = quantize_model(loaded, samples.inputs, choices, layers, budget, progress)
        if path.suffix == ".tflite":
            exported = made.to_tflite()
            write_file(path, exported)
            facts: dict[str, Any] = {"file_bytes": len(exported)}
        else:
            compiled = compile_model(made, target, None, options, progress)
            compiled.save(path)
            facts = {"target": target, **{key: compiled.report[key] for key in ("file_bytes", "arena_bytes", "macs")}}
    if plot is not None and isinstance(made, Mixed):
        write_file(plot, draw_trade_off(made, f"Mixtures of {model.name}").encode())
    report = {"output": str(path), **made.report, **facts}
    table = new_table("Layers", "#index", "op", "name", "scheme", "rounding", "#weights bytes")
    for row in made.layers:
        nbytes = f"{row.weights_bytes:,}" if row.rounding else "–"
        table.add_row(str(row.position), row.op, short_name(row.name), row.scheme, row.rounding or "–", nbytes)
    shown = ("output", "target", "scheme", "samples", "file_bytes", "weights_bytes", "arena_bytes", "macs")
    rows = {key: report[key] for key in shown if key in report}
    rows["float_layers"] = ", ".join(report["float_layers"]) or "none"
    emit(report, format, facts_table(f"Quantised {model}", rows), table)


@app.command(
    "eval", epilog="Example: groat eval model.groat --data test.npz --on host,qemu:cortex-m4 --metric top1 --limit 500"
)
@compiles
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
    with progress_bar() as progress:
        verdicts = judge(
            lambda place: packed_model(model, split_where(place)[1], options, progress)[0],
            samples,
            on.split(","),
            metric,
            progress,
        )
    table = new_table(f"{model} on {samples.count:,} samples", "on", f"#{metric}", "#samples a second", "outputs")
    for verdict in verdicts:
        value = f"{verdict.value:.6g}" if metric == "mse" else f"{100 * verdict.value:.2f} %"
        speed = f"{verdict.samples / max(verdict.seconds, 1e-9):,.0f}"
        table.add_row(verdict.on, value, speed, "same as the first" if verdict.same else "differ from the first")
    emit({"model": str(model), "results": [as_dict(verdict) for verdict in verdicts]}, format, table)


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
    with progress_bar() as progress:
        models = [path if path.suffix == ".groat" else load(path, shape=shape) for path in (first, second)]
        found = against(models[0], models[1], samples, progress)
    table = new_table("Layers", "op", "name", "scheme", "#SNR dB", "#saturated", "")
    for layer in found.layers:
        mark = "<- hurts" if layer is found.hurts else ""
        numbers = [f"{layer.snr:.1f}", f"{layer.saturated:.2%}"]
        table.add_row(layer.op, short_name(layer.name), layer.scheme or "–", *numbers, mark)
    facts = {
        "samples": found.samples,
        "outputs, SNR dB": ", ".join(f"{value:.1f}" for value in found.outputs),
        "same largest output": f"{100 * found.agreement:.2f} %",
        "first layer that hurts": "none" if found.hurts is None else found.hurts.name,
        **{f"try {number}": text for number, text in enumerate(found.advice, 1)},
    }
    report = {"first": str(first), "second": str(second), **found.report}
    emit(report, format, facts_table(f"{second} against {first}", facts), table)
