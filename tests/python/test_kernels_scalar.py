# SPDX-License-Identifier: Apache-2.0
"""The kernels for cores without SIMD against the portable ones, and what their packer proves."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.scalar_cases import case

import groat.kernels
from groat.pack.layouts import Filters, scalar

SEEDS, SLOW_SEEDS, STEP = 1200, 20_000, 100


def check(seeds: range) -> None:
    for seed in seeds:
        call = case(seed)
        np.testing.assert_array_equal(call.run(isa="scalar"), call.run(isa="ref"), f"seed {seed}")


@pytest.mark.parametrize("first", range(0, SEEDS, STEP))
def test_hostile_calls_give_the_portable_kernels_bytes(first: int) -> None:
    check(range(first, first + STEP))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(SEEDS, SLOW_SEEDS, STEP))
def test_many_hostile_calls_give_the_portable_kernels_bytes(first: int) -> None:
    check(range(first, first + STEP))


@pytest.mark.parametrize("weight", [-128, -127, 127, 64, 51, 32, 17, 16, 1])
@pytest.mark.parametrize("inputs", [(-128, 127), (127, -128), (-128, -128), (127, 127)])
def test_sums_of_packed_pixels_never_touch(weight: int, inputs: tuple[int, int]) -> None:
    """Two pixels at opposite ends, all weights alike: the lower sum is as large as its chunk allows."""
    x = np.tile(np.array(inputs, np.int8)[:, None], (2, 200))[None, None]
    weights = np.full((3, 1, 1, 200), weight, np.int8)
    weights[1] = -weight if weight > -128 else 127
    options = {"multiplier": np.full(3, 1 << 30), "shift": np.full(3, -14), "output_zero_point": 3}
    y = groat.kernels.conv2d(x, weights, **options, isa="scalar")
    np.testing.assert_array_equal(y, groat.kernels.conv2d(x, weights, **options, isa="ref"))


def filters(weights: np.ndarray, bias: int = 0, shift: int = -8, pixels: int = 4) -> Filters:
    count = weights.shape[0]
    return Filters(
        weights=weights,
        bias=np.full(count, bias, np.int64),
        multiplier=np.full(count, 1 << 30, np.int32),
        shift=np.full(count, shift, np.int32),
        output_zero_point=0,
        act_min=-128,
        act_max=127,
        pixels=pixels,
    )


def shifts(weights: np.ndarray, bias: int, shift: int) -> list[int]:
    """The last field of each channel's record."""
    packed = scalar.conv_s8([filters(weights, bias, shift)])[0]
    return np.frombuffer(packed.channels, "<i4").reshape(-1, 4)[: weights.shape[0], 3].tolist()


def test_a_chunk_holds_as_many_products_as_16_bits_do() -> None:
    weights = np.full((2, 1, 1, 32), 17, np.int8)
    packed = scalar.conv_s8([filters(weights)])[0]
    lengths = packed.weights[8 * 32 :]
    assert [n // 8 for n in lengths if n] == [15, 15, 2]  # 15 * 17 = 255, and 128 * 255 < 2**15
    assert packed.layout == 12  # 3 chunks to 32 products


def test_one_pixel_needs_no_chunks() -> None:
    packed = scalar.conv_s8([filters(np.full((2, 1, 1, 32), 17, np.int8), pixels=1)])[0]
    assert packed.layout == 0
    assert len(packed.weights) == 8 * 32


@pytest.mark.parametrize(
    ("weight", "bias", "shift", "expected"),
    [
        (17, 0, -8, 9),  # proven
        (17, 0, 0, 64),  # the second rounding does not take place
        (0, 2**30, -30, 98),  # one output, whatever the input is
    ],
)
def test_what_is_not_proven_is_marked(weight: int, bias: int, shift: int, expected: int) -> None:
    assert shifts(np.full((3, 1, 1, 16), weight, np.int8), bias, shift) == [expected] * 3
