# SPDX-License-Identifier: Apache-2.0
"""Commands that train models: train, train-plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from groat.cli.common import (
    Format,
    FormatOption,
    ShapeOption,
    SourcePath,
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
from groat.options import Options, parse_size
from groat.train.options import Train


@app.command(
    epilog="Example: groat train model.tflite --data digits.npz --epochs 3 --on qemu:cortex-m4 --plot curves.svg"
)
@takes(options=Options, choices=Train)
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
    samples = load_data(data)
    loaded = load(model, shape=options.shape, channels=options.channels, states=options.states)
    with progress_bar() as progress:
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
        write_file(output, to_tflite(loaded, values if choices.adapter_rank > 0 else as_floats(parameters)))
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
    epochs_table = new_table("Epochs", "#epoch", "#loss", "#accuracy")
    losses = ["–", *(f"{loss:.4f}" for loss in history.epoch_losses)]
    shares = [f"{100 * share:.2f} %" for share in history.accuracies] or ["–"] * len(losses)
    for number, (loss, share) in enumerate(zip(losses, shares, strict=True)):
        epochs_table.add_row(str(number), loss, share)
    shown = ("on", "samples", "test_samples", "steps", "skipped_steps", "arena_bytes", "output")
    emit(report, format, facts_table(f"Trained {model}", {key: report[key] for key in shown}), epochs_table)


@app.command("train-plan", epilog="Example: groat train-plan model.tflite --data digits.npz --target rv32v --ram 64K")
@takes(choices=Train)
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
    with progress_bar() as progress:
        plan = plan_training(
            loaded, samples, target, choices, **sizes, lr=lr, steps=steps, seed=seed, progress=progress
        )
    table = new_table("Layers", "name", "#benefit", "#parameter bytes", "#MACs of its gradient", "chosen")
    for row in plan.report["choices"]:
        numbers = [f"{row['benefit']:.4f}", f"{row['parameter_bytes']:,}", f"{row['update_macs']:,}"]
        table.add_row(short_name(row["name"]), *numbers, "yes" if row["chosen"] else "")
    facts = {"target": target, "benefit": f"{plan.benefit:.4f}", "arena_bytes": plan.arena_bytes}
    facts |= {"step_macs": plan.step_macs, "layers": ",".join(plan.chosen)}
    emit({"target": target, **plan.report}, format, facts_table(f"What to train of {model}", facts), table)
