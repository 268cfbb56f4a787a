# SPDX-License-Identifier: Apache-2.0
"""Expected instructions of a layer, from a table of measured costs.

A table, `<packing>.toml` beside this module, has a section for each kernel and layout: instructions for each unit of
work, fitted to measurements by tools/measure_layouts.py.  It serves to compare layouts, not to predict a device.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path


@functools.cache
def load_table(packing: str) -> Mapping[str, Mapping[str, float]]:
    """Name of a kernel and layout -> unit of work -> instructions; empty without a table."""
    path = table_path(packing)
    if not path.exists():
        return {}
    return {name: dict(prices) for name, prices in tomllib.loads(path.read_text(encoding="utf-8"))["costs"].items()}


def table_path(packing: str) -> Path:
    return Path(__file__).with_name(f"{packing}.toml")


def expected(packing: str, kernel: str, work: Mapping[str, int]) -> int | None:
    """Instructions for so much of each unit of work; None if the table does not have the kernel.

    A unit that is not in the table yet is free, so that tools/measure_layouts.py can run.
    """
    prices = load_table(packing).get(kernel)
    if prices is None:
        return None
    return round(sum(prices.get(unit, 0.0) * count for unit, count in work.items()))
