# SPDX-License-Identifier: Apache-2.0
"""Commands of the model zoo: list, build."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from groat.cli.common import (
    Format,
    FormatOption,
    TargetOption,
    app,
    emit,
    facts_table,
    new_table,
    progress_bar,
    short_name,
    takes,
)
from groat.errors import InputError
from groat.options import Options
from groat.quantization.options import Quantization

zoo = typer.Typer(
    help="Known networks, built in PyTorch, trained where data allows, and packed.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(zoo, name="zoo")


def shown(metric: str, value: float | None) -> str:
    """A metric for people."""
    if value is None:
        return "–"
    return f"{value:.4g}" if metric == "mse" else f"{100 * value:.1f} %"


@zoo.command("list", epilog="Example: groat zoo list --format json")
def list_models(format: FormatOption = Format.table) -> None:
    """Lists the models: what each needs on a Cortex-M4 in int8, and how good it is on samples that it never saw."""
    from groat.zoo import figures

    rows = figures()
    table = new_table(
        "Model zoo, in int8 on a Cortex-M4 (bytes)",
        *("name", "task", "input", "#parameters", "#MACs", "#arena", "#flash", "weights", "#judged"),
    )
    table.columns[0].no_wrap = True
    for row in rows:
        sizes = [f"{row[key]:,}" for key in ("parameters", "macs", "arena_bytes", "file_bytes")]
        shape = "×".join(map(str, row["input"]))
        table.add_row(row["name"], row["task"], shape, *sizes, row["weights"], shown(row["metric"], row["quantized"]))
    emit(rows, format, table)


@zoo.command(epilog="Example: groat zoo build ds_cnn --target cortex-m4 --scheme int8 -o ds_cnn.groat")
@takes(choices=Quantization, options=Options)
def build(
    name: Annotated[str, typer.Argument(help="a name that `groat zoo list` shows", show_default=False)],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="default: NAME.groat")] = None,
    target: TargetOption = "cortex-m4",
    weights: Annotated[
        Path | None, typer.Option(help="a state dict: .npz of --save-weights, or what torch.save wrote")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="samples, as docs/ZOO.md says: to measure ranges and accuracy with"),
    ] = None,
    train: Annotated[bool, typer.Option("--train", help="train with the data, from --weights or random ones")] = False,
    validate: Annotated[
        bool,
        typer.Option(
            "--validate", help="train without the samples for validation, and judge by these, not by the test"
        ),
    ] = False,
    epochs: Annotated[int | None, typer.Option(help="of training, in place of the recipe's")] = None,
    save_weights: Annotated[
        Path | None, typer.Option(help="write the weights of --data into this .npz", metavar="FILE")
    ] = None,
    classes: Annotated[int | None, typer.Option(help="of the output, for random weights without data")] = None,
    seed: Annotated[int, typer.Option(help="of random weights, training and stand-ins for samples")] = 0,
    *,
    choices: Quantization,
    options: Options,
    format: FormatOption = Format.table,
) -> None:
    """Builds a model in PyTorch, quantises it and packs it; with data, says how good it is."""
    from groat.compiler import compile_model
    from groat.zoo.building import build as build_model

    path = output if output is not None else Path(f"{name}.groat")
    if save_weights is not None and (data is None or save_weights.suffix != ".npz"):
        raise InputError(f"--save-weights {save_weights}: expected a name that ends in .npz, and --data")
    with progress_bar() as progress:
        built = build_model(
            name,
            weights=weights,
            data=data,
            train=train,
            validate=validate,
            epochs=epochs,
            classes=classes,
            seed=seed,
            quantization=choices,
            progress=progress,
        )
        judged = built.judged(progress)
        compiled = compile_model(built.quantized, target, None, options, progress)
    if save_weights is not None:
        built.save_weights(save_weights)
    compiled.save(path)
    report: dict[str, Any] = {"output": str(path), "target": target, **built.report}
    report |= {key: compiled.report[key] for key in ("file_bytes", "arena_bytes", "macs", "inputs", "outputs")}
    report |= {"judged": judged or None}
    facts = {key: report[key] for key in ("output", "target", "task", "weights", "parameters", "macs")}
    facts |= {key: report[key] for key in ("file_bytes", "arena_bytes", "scheme", "calibrated_by")}
    facts["float_layers"] = ", ".join(short_name(name) for name in report["float_layers"]) or "none"
    if judged:
        facts["judged by"] = f"{judged['test_samples']:,} samples of {judged['of']}"
        facts[f"{judged['metric']} of floats"] = shown(judged["metric"], judged["floats"])
        facts[f"{judged['metric']} of {built.quantized.options.scheme}"] = shown(judged["metric"], judged["quantized"])
    emit(report, format, facts_table(f"Built {name}", facts))
