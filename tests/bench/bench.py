# SPDX-License-Identifier: Apache-2.0
"""Measures every model on every emulated core and compares with the committed figures.

    python tests/bench/bench.py            writes tests/bench/figures.csv
    python tests/bench/bench.py --check    fails if a figure is more than 2 % worse than the committed one

Instructions are executed ones, counted in QEMU: exact and repeatable, not cycles.  The input is the LCG of
groat.inputs.  Models that are not in the repository are looked for in `../shared/material` beside it, or in
$GROAT_MATERIAL; what is not there is neither measured nor checked, and its committed figures stay.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import groat
from groat import toolchain
from groat.compiler import write_file
from groat.profiling import profile
from groat.targets import list_targets, load_target

ROOT = Path(__file__).parents[2]
FIGURES = Path(__file__).with_name("figures.csv")
MATERIAL = Path(os.environ.get("GROAT_MATERIAL", ROOT.parent / "shared" / "material"))
TOLERANCE = 1.02
MODELS = {
    "digits": ROOT / "examples/digits/digits_int8.tflite",
    "resnet8": MATERIAL / "models/mlperf_tiny/pretrainedResnet_quant.tflite",
    "ds_cnn": MATERIAL / "models/mlperf_tiny/kws_ref_model.tflite",
    "vww_mobilenet_v1": MATERIAL / "models/mlperf_tiny/vww_96_int8.tflite",
    "autoencoder": MATERIAL / "models/mlperf_tiny/model_ToyCar_quant_fullint_micro_intio.tflite",
    "person_detect": MATERIAL / "models/tflm/person_detect.tflite",
    "micro_speech": MATERIAL / "models/tflm/micro_speech_quantized.tflite",
    "hello_world": MATERIAL / "models/tflm/hello_world_int8.tflite",
    "mcunet_v2_vww": MATERIAL / "models/tinyengine/vww.tflite",
}
MEASURED = ("instructions", "open_instructions", "arena_bytes", "stack_bytes", "code_bytes", "model_bytes")
COLUMNS = ("model", "target", "macs", *MEASURED, "compiler", "flags")

Row = dict[str, str]


def measure(model: str, target: str) -> Row | None:
    """The figures of one model on one target; None if it does not fit there."""
    try:
        report = profile(groat.compile(MODELS[model], target=target).packed, f"qemu:{target}")
    except groat.FitError:
        return None
    values = {**report, **report["flash"]}
    compiler = load_target(target).compiler
    assert compiler is not None
    return {
        "model": model,
        "target": target,
        "macs": str(report["macs"]),
        **{name: str(values[name]) for name in MEASURED},
        "compiler": toolchain.version(toolchain.require(compiler.command, f"firmware for {target}")),
        "flags": " ".join(compiler.flags),
    }


def read_figures() -> dict[tuple[str, str], Row]:
    if not FIGURES.exists():
        return {}
    with FIGURES.open(newline="", encoding="utf-8") as file:
        return {(row["model"], row["target"]): row for row in csv.DictReader(file)}


def write_figures(rows: dict[tuple[str, str], Row]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    order = {model: index for index, model in enumerate(MODELS)}
    for key in sorted(rows, key=lambda key: (order.get(key[0], len(order)), key)):
        writer.writerow(rows[key])
    write_file(FIGURES, text.getvalue().encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if a figure got worse")
    parser.add_argument("--model", action="append", choices=MODELS, help="only this model; may be given again")
    parser.add_argument("--target", action="append", help="only this target; may be given again")
    arguments = parser.parse_args()
    models = [name for name in arguments.model or MODELS if MODELS[name].exists()]
    targets = arguments.target or [name for name in list_targets() if name != "host"]

    committed = read_figures()
    found: dict[tuple[str, str], Row] = {}
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=len(models) * len(targets))
        for model in models:
            for target in targets:
                bars.update(task, description=f"{model} on {target}")
                row = measure(model, target)
                if row is not None:
                    found[model, target] = row
                bars.advance(task)

    console = Console() if Console().is_terminal else Console(width=120)
    table = Table(title="Executed instructions in QEMU (emulated; not cycles)", title_justify="left")
    for column in ("model", "target", "instructions", "per MAC", "arena", "stack", "code", "model bytes", "change"):
        table.add_column(column, justify="left" if column in ("model", "target") else "right", no_wrap=True)
    worse = []
    for key, row in found.items():
        old = committed.get(key)
        change = "new" if old is None else f"{int(row['instructions']) / int(old['instructions']) - 1:+.1%}"
        per_mac = f"{int(row['instructions']) / int(row['macs']):.2f}" if int(row["macs"]) else "–"
        names = ("arena_bytes", "stack_bytes", "code_bytes", "model_bytes")
        table.add_row(
            *key, f"{int(row['instructions']):,}", per_mac, *(f"{int(row[name]):,}" for name in names), change
        )
        for name in MEASURED if old is not None else ():
            if int(row[name]) > int(old[name]) * TOLERANCE:
                worse.append(f"{key[0]} on {key[1]}: {name} was {int(old[name]):,}, is {int(row[name]):,}")
    console.print(table)
    if arguments.check:
        print("\n".join(worse) if worse else f"{len(found)} figures, none more than 2 % worse")
        return 1 if worse else 0
    write_figures(committed | found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
