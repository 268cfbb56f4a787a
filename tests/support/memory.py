# SPDX-License-Identifier: Apache-2.0
"""What the models that planners are compared by take in each schedule: the table of docs/MEMORY.md.

python -m tests.support.memory [--target cortex-m4] [--model resnet8]
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.support.schedules import compile_named, model_named

KB = 1024
SCRATCH_BYTES = 5 * KB // 2  # for kernels, beside what a model is to fit

MODELS = {
    "resnet8": (17.0, 14.0, 9.0),
    "vww": (40.5, 15.5, 11.5),
    "mcunetv2_vww_integer": (34.5, 17.0, 14.5),
    "mobilenetv2_0.35_144": (89.0, 29.0, 19.0),
    "mobilenetv2_1.0_224": (275.0, 145.0, 90.0),
}
"""KB that are to be enough for the activations of each: with the image in memory, by rows, and by rows with 1.15 times
the multiply-accumulates."""
AIMS: tuple[dict[str, Any], ...] = (
    {"input": "resident"},
    {"input": "rows"},
    {"input": "rows", "max_mac_overhead": 1.15},
)

COLUMNS: dict[str, dict[str, Any]] = {
    "layers": {"schedule": "layer"},
    "rows": {"schedule": "stream"},
    "rows, image by rows": {"schedule": "stream", "input": "rows"},
    "patches, image by rows": {"schedule": "patch", "input": "rows"},
    "≤ 1.15 × MACs": {"schedule": "patch", "input": "rows", "max_mac_overhead": 1.15},
}


@dataclass(frozen=True)
class Figures:
    """What a plan takes.

    Attributes:
        activation_bytes, scratch_bytes, mac_overhead: as groat.Compiled.report.
        seconds: of processor time, to plan and pack it.
    """

    activation_bytes: int
    scratch_bytes: int
    mac_overhead: float
    seconds: float

    @property
    def arena_bytes(self) -> int:
        """All in all."""
        return self.activation_bytes + self.scratch_bytes


def figures_of(name: str, target: str, options: dict[str, Any]) -> Figures:
    """One of MODELS, compiled with options of groat.compile; groat.FitError if it does not fit the RAM they give."""
    model_named(name)
    start = time.process_time()
    report = compile_named(name, target, **options).report
    seconds = time.process_time() - start
    return Figures(report["activation_bytes"], report["scratch_bytes"], report["mac_overhead"], seconds)


def budgets(name: str) -> Iterator[dict[str, Any]]:
    """Options that ask for what a model is to fit, kernels' scratch included."""
    for kilobytes, options in zip(MODELS[name], AIMS, strict=True):
        yield {"schedule": "auto", "ram": int(kilobytes * KB) + SCRATCH_BYTES, **options}


def _in_new_process(cases: Iterable[tuple[str, str, dict[str, Any]]]) -> Iterator[Figures]:
    """One by one, each in a process that remembers nothing."""
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawned, max_tasks_per_child=1) as pool:
        for case in cases:
            yield pool.submit(figures_of, *case).result()


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description="prints what each schedule of each model takes")
    parser.add_argument("--target", default="cortex-m4")
    parser.add_argument("--model", choices=MODELS, action="append", help="this one alone")
    arguments = parser.parse_args()
    names = arguments.model or list(MODELS)

    print(f"Bytes on {arguments.target}: activations + scratch of kernels (MACs; seconds to plan)\n")
    _print_row("model", *COLUMNS)
    _print_row(*["---"] * (len(COLUMNS) + 1))
    for name in names:
        found = list(_in_new_process((name, arguments.target, options) for options in COLUMNS.values()))
        _print_row(name, *map(_cell, found))

    print(f"\nIn a given RAM, of which {SCRATCH_BYTES} bytes are meant for scratch:\n")
    _print_row("model", *("`" + " ".join(map(str, options.values())) + "`" for options in AIMS))
    _print_row(*["---"] * (len(AIMS) + 1))
    for name in names:
        found = list(_in_new_process((name, arguments.target, options) for options in budgets(name)))
        _print_row(name, *(f"{_cell(each)} in {b['ram']:,}" for each, b in zip(found, budgets(name), strict=True)))


def _cell(found: Figures) -> str:
    return f"{found.activation_bytes:,} + {found.scratch_bytes:,} ({found.mac_overhead:.2f}×; {found.seconds:.1f} s)"


def _print_row(*cells: str) -> None:
    print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
