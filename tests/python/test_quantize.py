# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE from float32, with a floating-point unit and by integers alone: every float, as its formula says."""

from __future__ import annotations

import numpy as np
import pytest

import groat.kernels
from groat.graph.ir import Array
from groat.ops.quantize import OP

SETS = ("ref", "scalar", "rvv")  # the latter takes floats for the integers that their bits are
SPECIAL = np.array([0, 1, 2, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF], np.uint32)
SCALES = (1 / 255, 0.003921568859368563, 1.0, np.pi, 2 / 3, 1.9999999, 2.0**-126, 2.0**-149, 2.0**-130 * 1.7, 3.4e38)


def expected(x: Array, scale: float, zero_point: int) -> Array:
    attrs = {"scale": scale, "zero_point": zero_point}
    return OP.reference(groat.graph.ir.Op("quantize", (0,), (1,), attrs), [x])[0]


def check(bits: Array, scale: float, zero_point: int) -> None:
    x = bits.view(np.float32)
    for name in SETS:
        y = groat.kernels.quantize(x, scale=scale, zero_point=zero_point, isa=name)
        wrong = np.flatnonzero(y != expected(x, float(np.float32(scale)), zero_point))
        assert wrong.size == 0, f"{name}, scale {scale!r}: {wrong.size} differ, first {bits[wrong[0]]:#x}"


def near_ties(scale: float) -> Array:
    """The bits of all floats within 16 of each tie, and of special ones; both signs."""
    with np.errstate(over="ignore"):
        ties = ((np.arange(0, 520) + 0.5) * np.float64(np.float32(scale))).astype(np.float32)
    around = ties.view(np.uint32)[:, None].astype(np.int64) + np.arange(-16, 17)
    bits = np.concatenate([np.clip(around, 0, 0x7FFFFFFF).ravel().astype(np.uint32), SPECIAL])
    return np.concatenate([bits, bits | np.uint32(1 << 31)])


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("zero_point", [-128, -1, 0, 127])
def test_around_every_tie(scale: float, zero_point: int) -> None:
    check(near_ties(scale), scale, zero_point)


@pytest.mark.parametrize("seed", range(20))
def test_around_every_tie_of_random_scales(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for scale in rng.integers(1, 0x7F800000, 20).astype(np.uint32).view(np.float32):
        check(near_ties(float(scale)), float(scale), int(rng.integers(-128, 128)))


@pytest.mark.parametrize("scale", SCALES)
def test_random_floats(scale: float) -> None:
    rng = np.random.default_rng(1)
    near_scale = np.float32(scale).view(np.uint32).astype(np.int64) + rng.integers(-(4 << 23), 10 << 23, 200_000)
    bits = np.concatenate([np.clip(near_scale, 0, 0x7FFFFFFF), rng.integers(0, 1 << 32, 100_000)]).astype(np.uint32)
    check(bits, scale, 5)
    check(bits ^ np.uint32(1 << 31), scale, -100)


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "zero_point"), [(1 / 255, -128), (0.0173, 3), (2.0**-140, -128)])
def test_every_float(scale: float, zero_point: int) -> None:
    block = np.arange(1 << 24, dtype=np.uint32)
    for high in range(1 << 8):
        check(block | np.uint32(high << 24), scale, zero_point)
