# SPDX-License-Identifier: Apache-2.0
"""The DSP kernels on this host, compiled against emulated instructions: the reference's bytes for hostile arguments."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.dsp_cases import CASES

from groat import kernels
from groat.errors import InputError

CALLS = 300


@pytest.mark.parametrize("name", CASES)
def test_a_kernel_gives_the_references_bytes(name: str) -> None:
    for seed in range(CALLS):
        call = CASES[name](np.random.default_rng(seed))
        try:
            expected = call(isa="ref")
        except InputError:
            continue  # this window does not fit this image
        np.testing.assert_array_equal(call(isa="dsp"), expected, f"{name} {seed}")


@pytest.mark.parametrize("low", [-128, -127])
@pytest.mark.parametrize("depth", [511, 517, 700, 1100])
def test_sums_at_the_limit_of_a_pair(low: int, depth: int) -> None:
    """Where a second channel's sum just fits 24 bits, and where it does not."""
    rng = np.random.default_rng(depth)
    weights = np.full((4, depth), low, np.int8)
    weights[0] = rng.integers(-128, 128, depth)
    weights[3] = 127
    x = np.stack([np.full(depth, value, np.int8) for value in (-128, 127, 0)])
    arguments = {"bias": np.zeros(4, np.int32), "multiplier": 1518500250, "shift": -16}
    found = kernels.fully_connected(x, weights, **arguments, isa="dsp")
    np.testing.assert_array_equal(found, kernels.fully_connected(x, weights, **arguments, isa="ref"))


@pytest.mark.parametrize("shift", [-1, -2, -7, -22, -23, -24])
@pytest.mark.parametrize("zero_point", [-128, 0, 127])
def test_every_rounding_of_the_short_way(shift: int, zero_point: int) -> None:
    """Accumulators around every half, both signs: ties go away from zero twice."""
    step = 1 << -shift
    near = np.array([k * step // 2 + d for k in range(-9, 10) for d in range(-2, 3)])
    for multiplier in (1 << 30, (1 << 31) - 1, 1431655765):
        bias = np.clip(near, -(1 << 29), 1 << 29).astype(np.int32)
        weights = np.zeros((len(bias), 4), np.int8)
        weights[:, 0] = 1
        x = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [-1, 0, 0, 0]], np.int8)
        arguments = {"bias": bias, "multiplier": multiplier, "shift": shift, "output_zero_point": zero_point}
        found = kernels.fully_connected(x, weights, **arguments, isa="dsp")
        np.testing.assert_array_equal(found, kernels.fully_connected(x, weights, **arguments, isa="ref"))
