# SPDX-License-Identifier: Apache-2.0
"""Measures every model on every emulated core and compares with the committed figures.

    python tests/bench/bench.py             writes tests/bench/figures.csv and the README's table
    python tests/bench/bench.py --check     fails if a figure is more than 2 % worse than the committed one
    python tests/bench/bench.py --repeat    measures everything twice, fails unless both give the same numbers

Instructions are executed ones, counted in QEMU: exact and repeatable, not cycles.  The input is the LCG of
groat.inputs.  Figures of others beside ours are those of peers.csv, which names their source; they were measured in
the same emulator with the same input.  Models that are not in the repository are looked for in `../shared/material`
beside it, or in $GROAT_MATERIAL; what is not there is neither measured nor checked, and its committed figures stay.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import re
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

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
PEERS = Path(__file__).with_name("peers.csv")
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
DEFAULT = "balanced"
FASTER = ("cortex-m4",)  # targets that are measured with --optimize speed too
MEASURED = ("instructions", "open_instructions", "arena_bytes", "stack_bytes", "code_bytes", "model_bytes")
COLUMNS = ("model", "target", "optimize", "macs", *MEASURED, "compiler", "flags")
SUMMARY = ("cortex-m4", "cortex-m55", "rv32imc", "rv32v")  # columns of the table at the end
README = ROOT / "README.md"
README_LABELS = {
    "resnet8": "ResNet8, images",
    "ds_cnn": "DS-CNN, keywords",
    "vww_mobilenet_v1": "MobileNetV1-0.25, person or not",
    "autoencoder": "autoencoder, anomalies",
    "person_detect": "person_detect, person or not",
    "mcunet_v2_vww": "MCUNetV2, person or not",
}
# Heading, target, what the weights were packed for.
README_COLUMNS = (
    ("Cortex-M4", "cortex-m4", "balanced"),
    ("M4, `speed`", "cortex-m4", "speed"),
    ("Cortex-M55", "cortex-m55", "balanced"),
    ("RV32IMC", "rv32imc", "balanced"),
    ("RV32 with vectors", "rv32v", "balanced"),
)
BYTES_ON = ("cortex-m4", "balanced")  # where arena and code are told of

_TABLE = re.compile(r"^\| model \(int8\) \|.*\n(?:\|.*\n)+", re.MULTILINE)
_STACK = re.compile(r"(its stack is at most )[\d,]+( bytes)")

Row = dict[str, str]


class Case(NamedTuple):
    """What is measured: a key of the figures."""

    model: str
    target: str
    optimize: str


def measure(case: Case) -> Row | None:
    """The figures of one model on one target; None if it does not fit there."""
    options = {} if case.optimize == DEFAULT else {"optimize": case.optimize}
    try:
        packed = groat.compile(MODELS[case.model], target=case.target, schedule="layer", **options).packed
        report = profile(packed, f"qemu:{case.target}")
    except groat.FitError:
        return None
    values = {**report, **report["flash"]}
    compiler = load_target(case.target).compiler
    assert compiler is not None
    return {
        **case._asdict(),
        "macs": str(report["macs"]),
        **{name: str(values[name]) for name in MEASURED},
        "compiler": toolchain.version(toolchain.require(compiler.command, f"firmware for {case.target}")),
        "flags": " ".join(compiler.flags),
    }


def measure_all(cases: list[Case], jobs: int) -> dict[Case, Row]:
    """The figures of all cases that fit; several are measured at once, which changes none."""
    found: dict[Case, Row] = {}
    with Progress(console=Console(stderr=True), transient=True) as bars, ProcessPoolExecutor(jobs) as pool:
        task = bars.add_task("measuring", total=len(cases))
        for case, row in zip(cases, pool.map(measure, cases), strict=True):
            bars.update(task, advance=1, description=f"{case.model} on {case.target}")
            if row is not None:
                found[case] = row
    return found


# ---- Files -----------------------------------------------------------------------------------------------


def read_figures() -> dict[Case, Row]:
    if not FIGURES.exists():
        return {}
    with FIGURES.open(newline="", encoding="utf-8") as file:
        rows = [{"optimize": DEFAULT, **row} for row in csv.DictReader(file)]
    return {Case(row["model"], row["target"], row["optimize"]): row for row in rows}


def write_figures(rows: dict[Case, Row]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    order = {model: index for index, model in enumerate(MODELS)}
    for key in sorted(rows, key=lambda key: (order.get(key.model, len(order)), key)):
        writer.writerow(rows[key])
    write_file(FIGURES, text.getvalue().encode())


def read_peers() -> dict[tuple[str, str], Row]:
    with PEERS.open(newline="", encoding="utf-8") as file:
        return {(row["model"], row["target"]): row for row in csv.DictReader(file)}


# ---- Comparing -------------------------------------------------------------------------------------------


def got_worse(found: dict[Case, Row], committed: dict[Case, Row]) -> list[str]:
    """A line for each figure that is beyond the tolerance."""
    return [
        f"{case.model} on {case.target}, {case.optimize}: {name} was {int(old[name]):,}, is {int(row[name]):,}"
        for case, row in found.items()
        if (old := committed.get(case)) is not None
        for name in MEASURED
        if int(row[name]) > int(old[name]) * TOLERANCE
    ]


def differences(first: dict[Case, Row], second: dict[Case, Row]) -> list[str]:
    """A line for each figure that two measurements do not agree on."""
    return [
        f"{case.model} on {case.target}, {case.optimize}: {name} was {row[name]}, then {second[case][name]}"
        for case, row in first.items()
        for name in MEASURED
        if row[name] != second[case][name]
    ]


# ---- Tables ----------------------------------------------------------------------------------------------


def _table(title: str, columns: Iterable[str], names: int) -> Table:
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < names else "right", no_wrap=True)
    return table


def details(found: dict[Case, Row], committed: dict[Case, Row], peers: dict[tuple[str, str], Row]) -> Table:
    """Every figure, with the peer's instructions and the change since the committed ones."""
    columns = ("instructions", "per MAC", "TFLM", "arena", "stack", "code", "model bytes", "change")
    table = _table("Executed instructions in QEMU (emulated; not cycles)", ("model", "target", "optimize", *columns), 3)
    for case, row in found.items():
        old = committed.get(case)
        change = "new" if old is None else f"{int(row['instructions']) / int(old['instructions']) - 1:+.1%}"
        per_mac = f"{int(row['instructions']) / int(row['macs']):.2f}" if int(row["macs"]) else "–"
        peer = peers.get((case.model, case.target))
        names = ("arena_bytes", "stack_bytes", "code_bytes", "model_bytes")
        table.add_row(
            *case,
            f"{int(row['instructions']):,}",
            per_mac,
            f"{int(peer['instructions']):,}" if peer is not None else "–",
            *(f"{int(row[name]):,}" for name in names),
            change,
        )
    return table


def millions(instructions: str) -> str:
    """Three digits: 29.9, 4.81, 0.583."""
    return f"{int(instructions) / 1e6:.3g}"


def summary(figures: dict[Case, Row], peers: dict[tuple[str, str], Row]) -> Table:
    """A row for each model: millions of instructions on each core, TensorFlow Lite Micro's in brackets."""
    columns = [
        (target, optimize)
        for target in SUMMARY
        for optimize in dict.fromkeys(case.optimize for case in sorted(figures) if case.target == target)
    ]
    heads = [target if optimize == DEFAULT else f"{target} {optimize}" for target, optimize in columns]
    table = _table("Millions of executed instructions (TensorFlow Lite Micro's)", ("model", *heads), 1)
    for model in MODELS:
        cells = []
        for target, optimize in columns:
            row, peer = figures.get(Case(model, target, optimize)), peers.get((model, target))
            theirs = f" ({millions(peer['instructions'])})" if peer is not None else ""
            cells.append(millions(row["instructions"]) + theirs if row is not None else "–")
        if any(cell != "–" for cell in cells):
            table.add_row(model, *cells)
    return table


# ---- The README ------------------------------------------------------------------------------------------


def readme_table(figures: dict[Case, Row], peers: dict[tuple[str, str], Row]) -> str:
    """The table in Markdown: in each cell ours, then the peer's; columns that nothing was measured for are left out."""
    columns = [c for c in README_COLUMNS if any(Case(model, *c[1:]) in figures for model in README_LABELS)]
    heads = ["model (int8)", "MACs", *(head for head, _, _ in columns), "arena", "code and constants"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for model, label in README_LABELS.items():
        here = figures.get(Case(model, *BYTES_ON))
        if here is None:
            continue
        cells = [label, f"{millions(here['macs'])} M"]
        for _, target, optimize in columns:
            ours, theirs = figures.get(Case(model, target, optimize)), peers.get((model, target))
            cells.append(" · ".join(millions(row["instructions"]) if row else "–" for row in (ours, theirs)))
        theirs = peers.get((model, BYTES_ON[0]), {})
        for name in ("arena_bytes", "code_bytes"):
            cells.append(
                f"{int(here[name]):,} · {int(theirs[name]):,}" if theirs.get(name) else f"{int(here[name]):,} · –"
            )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def updated_readme(text: str, figures: dict[Case, Row], peers: dict[tuple[str, str], Row]) -> str:
    """The README with its table and the deepest stack made anew; ValueError if it has no place for them."""
    if not _TABLE.search(text) or not _STACK.search(text):
        raise ValueError("the README has lost its table of figures, or the sentence about the stack")
    deepest = max(int(row["stack_bytes"]) for row in figures.values())
    text = _TABLE.sub(lambda _: readme_table(figures, peers), text, count=1)
    return _STACK.sub(rf"\g<1>{deepest:,}\g<2>", text, count=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if a figure got worse")
    parser.add_argument("--repeat", action="store_true", help="measure twice; exit 1 if any number differs")
    parser.add_argument("--model", action="append", choices=MODELS, help="only this model; may be given again")
    parser.add_argument("--target", action="append", help="only this target; may be given again")
    parser.add_argument("--jobs", type=int, default=2, help="how many to measure at once (2)")
    arguments = parser.parse_args()
    models = [name for name in arguments.model or MODELS if MODELS[name].exists()]
    targets = arguments.target or [name for name in list_targets() if name != "host"]
    cases = [
        Case(model, target, optimize)
        for model in models
        for target in targets
        for optimize in (DEFAULT, *(("speed",) if target in FASTER else ()))
    ]

    committed, peers = read_figures(), read_peers()
    found = measure_all(cases, arguments.jobs)
    changed = differences(found, measure_all(list(found), arguments.jobs)) if arguments.repeat else []

    console = Console() if Console().is_terminal else Console(width=140)
    console.print(details(found, committed, peers))
    console.print(summary(found, peers))
    if arguments.repeat:
        print("\n".join(changed) if changed else f"{len(found)} rows, measured twice: not one number differs")
    if arguments.check:
        worse = got_worse(found, committed)
        print("\n".join(worse) if worse else f"{len(found)} rows, no figure more than 2 % worse")
        return 1 if worse or changed else 0
    if changed:
        return 1
    write_figures(committed | found)
    text = README.read_text(encoding="utf-8")
    write_file(README, updated_readme(text, committed | found, peers).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
