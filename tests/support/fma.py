# SPDX-License-Identifier: Apache-2.0
"""The fused multiply-add of float32 in NumPy: a * b + c, rounded once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def fma(a: Array, b: Array, c: Array) -> Array:
    """The product is exact in double; the sum is rounded to odd there, after which rounding to float is right.

    Of finite numbers whose results are finite.
    """
    product = a.astype(np.float64) * b
    total = product + c
    added = total - product
    missed = (product - (total - added)) + (c - added)
    bits = total.view(np.int64)
    towards = np.where((missed > 0) == (total > 0), 1, -1)
    odd = np.where((missed != 0) & (bits % 2 == 0), bits + towards, bits)
    return odd.view(np.float64).astype(np.float32)
