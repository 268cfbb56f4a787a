# SPDX-License-Identifier: Apache-2.0
"""Runs a model on this computer and on emulated microcontrollers, and prints one table.

Without --model it classifies handwritten digits that the model has not seen; with one, seeded random inputs.

    python examples/digits/demo.py
    python examples/digits/demo.py --model path/to/model.tflite
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import groat
from groat.inputs import random_inputs
from groat.profiling import profile

HERE = Path(__file__).parent
DIGITS = HERE / "digits_int8.tflite"
DEVICES = ("cortex-m4", "cortex-m55", "rv32imc")
RANDOM_INPUTS = 4


def digits_inputs(model: groat.Model) -> tuple[list[Any], Any]:
    """(the model's input for every held-out scan, their labels)."""
    sys.path.insert(0, str(HERE))
    import data

    _, _, images, labels = data.load()
    tensor = model.graph.tensors[model.graph.inputs[0]]
    return [data.quantize(images, tensor.scale, tensor.zero_point)[:, np.newaxis]], labels


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=DIGITS, help="a .tflite model (default: the digits)")
    path = parser.parse_args().model
    console = Console()
    if not console.is_terminal:
        console = Console(width=100)

    table = Table(title=f"{path.name}, executed instructions in QEMU (emulated; not cycles)", title_justify="left")
    table.add_column("on", no_wrap=True)
    for column in ("accuracy", "same bytes", "instructions", "arena", "stack", "code", "model"):
        table.add_column(column, justify="right", no_wrap=True)
    reference: list[Any] | None = None
    same_everywhere = True
    try:
        model = groat.load(path)
        inputs, labels = (
            digits_inputs(model) if path == DIGITS else (random_inputs(model.graph, RANDOM_INPUTS, seed=0), None)
        )
        places = ["host", *(f"qemu:{device}" for device in DEVICES)]
        with Progress(console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task("", total=len(places))
            for place in places:
                bars.update(task, description=place)
                target = place.rpartition(":")[2]
                compiled = groat.compile(model, target=target)
                with groat.Runner(place, compiled.packed) as runner:
                    outputs = runner.run_batch(inputs)
                if reference is None:
                    reference = outputs
                same = all(np.array_equal(a, b) for a, b in zip(reference, outputs, strict=True))
                same_everywhere &= same
                accuracy = "–"
                if labels is not None:
                    accuracy = f"{np.mean(outputs[0].reshape(len(labels), -1).argmax(axis=1) == labels):.1%}"
                cost = ["–"] * 5
                if place != "host":
                    report = profile(compiled.packed, place)
                    values = (
                        report["instructions"],
                        report["arena_bytes"],
                        report["stack_bytes"],
                        report["flash"]["code_bytes"],
                        report["flash"]["model_bytes"],
                    )
                    cost = [f"{value:,}" for value in values]
                table.add_row(place, accuracy, "yes" if same else "NO", *cost)
                bars.advance(task)
    except groat.GroatError as error:
        print(f"groat: {error}", file=sys.stderr)
        return error.exit_code
    count = len(inputs[0])
    what = f"{count} held-out scans" if labels is not None else f"{count} seeded random inputs"
    console.print(table)
    console.print(
        f"{what}; instructions are of one inference; arena, stack, code and model are bytes.", highlight=False
    )
    return 0 if same_everywhere else 5


if __name__ == "__main__":
    sys.exit(main())
