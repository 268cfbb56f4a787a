# SPDX-License-Identifier: Apache-2.0
"""Sums of products of float16 as the kernels for Helium make them (docs/NUMERICS.md), in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

CHUNK, LANES = 16, 8


def half_fma(a: Array, b: Array, c: Array) -> Array:
    """a * b + c of float16, rounded once: the product is exact in double, and the sum near enough to it."""
    with np.errstate(over="ignore"):
        return (a.astype(np.float64) * b.astype(np.float64) + c.astype(np.float64)).astype(np.float16)


def chunked(acc: Array, x: Array, w: Array) -> Array:
    """acc + sum of x * w over the first axis, up to CHUNK terms in float16 at a time."""
    for start in range(0, len(x), CHUNK):
        acc = acc + chunk(x[start : start + CHUNK], w[start : start + CHUNK]).astype(np.float32)
    return acc


def chunk(x: Array, w: Array) -> Array:
    total = np.zeros(np.broadcast_shapes(x.shape[1:], w.shape[1:]), np.float16)
    for a, b in zip(x, w, strict=True):
        total = half_fma(a, b, total)
    return total


def across_lanes(x: Array, w: Array, run: int) -> Array:
    """The sum over the first axis with terms in the lanes: run by run, pieces of CHUNK vectors."""
    sums = np.zeros((LANES // 2, *np.broadcast_shapes(x.shape[1:], w.shape[1:])), np.float32)
    for first in range(0, len(x), run):
        for start in range(first, first + run, CHUNK * LANES):
            stop = min(start + CHUNK * LANES, first + run)
            missing = -(stop - start) % LANES
            pieces = [np.concatenate([v[start:stop], np.zeros((missing, *v.shape[1:]), np.float16)]) for v in (x, w)]
            total = chunk(*(v.reshape(-1, LANES, *v.shape[1:]) for v in pieces)).astype(np.float32)
            sums = sums + total[0::2] + total[1::2]
    result: Array = (sums[0] + sums[1]) + (sums[2] + sums[3])
    return result
