# SPDX-License-Identifier: Apache-2.0
"""The Helium kernels on this host, compiled against emulated instructions: the reference's bytes for hostile calls."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.mve_cases import CASES

from groat import kernels
from groat.pack.layouts import Filters, mve

CALLS = 300


@pytest.mark.parametrize("name", CASES)
def test_a_kernel_gives_the_references_bytes(name: str) -> None:
    for seed in range(CALLS):
        call = CASES[name](np.random.default_rng(seed))
        np.testing.assert_array_equal(call(isa="mve"), call(isa="ref"), f"{name} {seed}")


@pytest.mark.parametrize("shift", [0, -1, -2, -7, -23, -31])
@pytest.mark.parametrize(("zero_point", "act_min"), [(-128, -128), (0, -128), (3, 3), (-5, 100), (127, -128)])
def test_ties_of_every_rounding(shift: int, zero_point: int, act_min: int) -> None:
    """Sums around every half, both signs: ties go away from zero twice, rectified or not."""
    step = 1 << -shift
    near = np.array([k * step // 2 + d for k in range(-9, 10) for d in range(-2, 3)])
    for multiplier in (1 << 30, (1 << 31) - 1, 1431655765):
        arguments = {
            "bias": np.clip(near, -(1 << 31), (1 << 31) - 1).astype(np.int32),
            "multiplier": multiplier,
            "shift": shift,
            "output_zero_point": zero_point,
            "act_min": act_min,
        }
        weights = np.ones((len(near), 1), np.int8)
        x = np.array([[0], [1], [-1]], np.int8)
        found = kernels.fully_connected(x, weights, **arguments, isa="mve")
        np.testing.assert_array_equal(found, kernels.fully_connected(x, weights, **arguments, isa="ref"))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 63, 64, 65, 4095, 4096, 4097])
def test_averages_of_many_round_as_division_does(count: int) -> None:
    """Up to 4096 a quotient is a product; sums next to every half of the least and the greatest ones."""
    rng = np.random.default_rng(count)
    x = np.concatenate([np.full((1, 1, count, 8), value, np.int8) for value in (-128, -127, -1, 0, 1, 127)], axis=3)
    x[..., rng.integers(0, count, count // 2), :] += 1
    found = kernels.average_pool2d(x, (1, count), 1, "valid", isa="mve")
    np.testing.assert_array_equal(found, kernels.average_pool2d(x, (1, count), 1, "valid", isa="ref"))


@pytest.mark.parametrize(
    ("shift", "bias", "acc_offset", "layout"),
    [
        (-1, (1 << 31) - 1, False, 2),
        (0, 0, False, 3),
        (0, (1 << 31) - 257 - 256, False, 3),
        (0, (1 << 31) - 256 - 256, False, 1),  # with the weights' 256, a zero point might wrap
        (0, -(1 << 31), False, 1),
        (0, 0, True, 1),
        (1, 0, False, 0),
    ],
)
def test_a_layout_says_what_holds_for_every_input(shift: int, bias: int, acc_offset: bool, layout: int) -> None:
    weights = np.array([[1, -1], [0, 0]], np.int8)
    multiplier = np.full(2, (1 << 31) - 1, np.int32)
    filters = Filters(
        weights.reshape(2, 1, 1, 2),
        np.array([bias, 0], np.int64),
        multiplier,
        np.array([shift, -1], np.int32),
        -128,
        -128,
        127,
        tap=2,
        acc_offset=acc_offset,
    )
    assert mve.conv_s8([filters])[0].layout == layout
    constants = {"bias": np.array([bias, 0], np.int32), "multiplier": multiplier, "shift": np.array([shift, -1])}
    x = np.array([[127, -128], [-128, 127], [-128, -128]], np.int8)
    found = kernels.fully_connected(x, weights, **constants, output_zero_point=-128, isa="mve")
    expected = kernels.fully_connected(x, weights, **constants, output_zero_point=-128, isa="ref")
    np.testing.assert_array_equal(found, expected)
