# SPDX-License-Identifier: Apache-2.0
"""The RISC-V vector kernels on this host, with emulated intrinsics: the reference's bytes for hostile arguments."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.rvv_cases import CASES

from groat import kernels
from groat.errors import InputError
from groat.pack.layouts import Filters, rvv

CALLS = 200


@pytest.mark.parametrize("name", CASES)
def test_a_kernel_gives_the_references_bytes(name: str) -> None:
    for seed in range(CALLS):
        call = CASES[name](np.random.default_rng(seed))
        try:
            expected = call(isa="ref")
        except InputError:
            continue  # this window does not fit this image
        np.testing.assert_array_equal(call(isa="rvv"), expected, f"{name} {seed}")


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("value", [31, 32, 63, 64, 127, -128, -127, -64, -63])
@pytest.mark.parametrize("units", [3, 16, 40, 64])
def test_sums_at_the_limit_of_16_bits(units: int, value: int, sign: int) -> None:
    """As many products as the packer believes to fit, all of one sign."""
    weights = np.full((units, 64), value, np.int8)
    x = np.full((2, 64), 127 if sign > 0 else -128, np.int8)
    x[1] = -x[1] - 1
    arguments = {"multiplier": 1 << 30, "shift": -12}
    expected = kernels.fully_connected(x, weights, **arguments, isa="ref")
    np.testing.assert_array_equal(kernels.fully_connected(x, weights, **arguments, isa="rvv"), expected)


def _layout(weights: np.ndarray, pixels: int = 1) -> int:
    count = len(weights)
    constants = (np.zeros(count, np.int64), np.full(count, 1 << 30), np.full(count, -5))
    return rvv.conv_s8([Filters(weights.reshape(count, 1, 1, -1), *constants, 0, -128, 127, 1, pixels)])[0].layout


def test_two_products_that_overflow_leave_the_fast_path() -> None:
    weights = np.zeros((20, 32), np.int8)
    weights[7, 4] = weights[7, 7] = -128
    assert _layout(weights) == 1  # not of one pair
    weights[7, 5] = -128
    assert _layout(weights) == 0


def test_layouts_say_what_scratch_a_layer_may_have() -> None:
    weights = np.ones((20, 32), np.int8)
    assert [_layout(weights, pixels) for pixels in (1, 2, 100)] == [1, 2, 3]
    assert _layout(np.ones((20, 64), np.int8), 100) == 2


@pytest.mark.parametrize("shift", [-1, -2, -7, -15, -16, -31, 0, 3])
@pytest.mark.parametrize("zero_point", [-128, 0, 127])
def test_every_rounding(shift: int, zero_point: int) -> None:
    """Accumulators around every half, both signs: ties go away from zero twice."""
    step = 1 << max(0, -shift)
    near = np.array([k * step // 2 + d for k in range(-9, 10) for d in range(-2, 3)])
    for multiplier in (1 << 30, (1 << 31) - 1, 1431655765):
        bias = np.clip(near, -(1 << 31), (1 << 31) - 1).astype(np.int32)
        weights = np.zeros((len(bias), 4), np.int8)
        weights[:, 0] = 1
        x = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [-1, 0, 0, 0]], np.int8)
        arguments = {"bias": bias, "multiplier": multiplier, "shift": shift, "output_zero_point": zero_point}
        found = kernels.fully_connected(x, weights, **arguments, isa="rvv")
        np.testing.assert_array_equal(found, kernels.fully_connected(x, weights, **arguments, isa="ref"))
