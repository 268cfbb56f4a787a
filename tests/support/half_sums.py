# SPDX-License-Identifier: Apache-2.0
"""Sums of products of float16 as the kernels for Helium and RISC-V vectors make them (docs/NUMERICS.md), in NumPy: what
is not finite then is summed in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from tests.support.fma import fma

Array = npt.NDArray[Any]

CHUNKS = {("mve", "conv"): 16, ("mve", "depthwise"): 16, ("rvv", "conv"): 32}
"""How many terms kernel sets sum in float16; those of dense layers are those of convolutions."""

CHUNK, LANES = 16, 8


def half_fma(a: Array, b: Array, c: Array) -> Array:
    """a * b + c of float16, rounded once: the product is exact in double, and the sum near enough to it."""
    with np.errstate(over="ignore", invalid="ignore"):
        return (a.astype(np.float64) * b.astype(np.float64) + c.astype(np.float64)).astype(np.float16)


def chunked(start: Array, x: Array, w: Array, most: int) -> Array:
    """start + sum of x * w over the first axis, up to `most` terms in float16 at a time."""
    acc = start
    with np.errstate(invalid="ignore"):
        for first in range(0, len(x), most):
            acc = acc + chunk(x[first : first + most], w[first : first + most]).astype(np.float32)
    return np.where(np.isfinite(acc), acc, in_float32(start, x, w))


def in_float32(acc: Array, x: Array, w: Array) -> Array:
    for a, b in zip(x.astype(np.float32), w.astype(np.float32), strict=True):
        acc = fma(a, b, acc)
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
            with np.errstate(invalid="ignore"):
                sums = sums + total[0::2] + total[1::2]
    with np.errstate(invalid="ignore"):
        result: Array = (sums[0] + sums[1]) + (sums[2] + sums[3])
    return np.where(np.isfinite(result), result, in_float32(np.zeros_like(result), x, w))
