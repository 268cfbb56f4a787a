# SPDX-License-Identifier: Apache-2.0
"""Functions of one 8-bit value as tables: what their importers have in common."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from groat.graph.ir import Op
from groat.ops.arithmetic import LIMITS, Int64
from groat.ops.base import ImportedOp


def tabulate(source: ImportedOp, function: Callable[[Int64], Int64]) -> Op:
    """The op whose table holds function(stored value) for each of the 256 stored values, clamped to the output's
    type."""
    x, y = source.input(0), source.output(0)
    values = np.arange(256, dtype=np.uint8).view(x.dtype).astype(np.int64)
    table = np.clip(function(values), *LIMITS[y.dtype]).astype(y.dtype).view(np.uint8)
    return source.op("lut", source.inputs[:1], {"table": table, "dtype": y.dtype})
