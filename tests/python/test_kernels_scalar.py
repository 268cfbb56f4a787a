# SPDX-License-Identifier: Apache-2.0
"""The kernels for cores without SIMD against the portable ones, and what their packer proves."""

from __future__ import annotations

import numpy as np
import pytest
from tests.golden.edit import Editor
from tests.support.scalar_cases import case, long_case
from tests.support.single_layers import model

import groat
from groat.isa import core
from groat.pack.layouts import Filters, Packed, scalar

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


@pytest.mark.parametrize("first", range(0, 200, STEP))
def test_long_filters_give_the_portable_kernels_bytes(first: int) -> None:
    for seed in range(first, first + STEP):
        call = long_case(seed)
        np.testing.assert_array_equal(call.run(isa="scalar"), call.run(isa="ref"), f"seed {seed}")


@pytest.mark.parametrize("weight", [-128, -127, 127, 64, 51, 32, 17, 16, 1])
@pytest.mark.parametrize("inputs", [(-128, 127, 127), (127, -128, -128), (-128, -128, 127), (127, 127, -128)])
@pytest.mark.parametrize("depth", [7, 63, 64, 200])
def test_sums_of_packed_pixels_never_touch(weight: int, inputs: tuple[int, ...], depth: int) -> None:
    """Neighbouring pixels at opposite ends, all weights alike: sums are as large as their fields allow."""
    x = np.tile(np.array(inputs * 3, np.int8)[:, None], (1, depth))[None, None]
    weights = np.full((5, 1, 1, depth), weight, np.int8)
    weights[1] = -weight if weight > -128 else 127
    weights[2] = 1
    options = {"multiplier": np.full(5, 1 << 30), "shift": np.full(5, -13), "output_zero_point": 3}
    y = groat.kernels.conv2d(x, weights, **options, isa="scalar")
    np.testing.assert_array_equal(y, groat.kernels.conv2d(x, weights, **options, isa="ref"))


def filters(weights: np.ndarray, bias: int = 0, shift: int | list[int] = -8, pixels: int = 6) -> Filters:
    count = weights.shape[0]
    return Filters(
        weights=weights,
        bias=np.full(count, bias, np.int64),
        multiplier=np.full(count, 1 << 30, np.int32),
        shift=np.broadcast_to(np.array(shift, np.int32), count),
        output_zero_point=0,
        act_min=-128,
        act_max=127,
        pixels=pixels,
    )


def shifts(packed: Packed) -> list[int]:
    return np.frombuffer(packed.channels, "<u2").reshape(-1, 8)[:, 6].tolist()


def positions(packed: Packed) -> list[int]:
    return np.frombuffer(packed.channels, "<u2").reshape(-1, 8)[:, 7].tolist()


def division(packed: Packed) -> tuple[int, int, bool]:
    """Products of a pass, passes of a group, and whether whole sums fit."""
    return packed.layout % 16 * 8 + 8, packed.layout // 16 % 8 + 1, packed.layout >= 128


@pytest.mark.parametrize(
    ("weight", "depth", "expected"),
    [
        (17, 32, (32, 8, True)),
        (1, 128, (128, 8, True)),
        (1, 129, (48, 8, True)),  # longer ones go in passes, whose sums are kept
        (127, 128, (64, 1, False)),  # 64 * 127 * 128 < 2**20, but 64 * 128 * 128 is not
        (-128, 128, (56, 1, False)),
        (64, 128, (128, 8, True)),
        (65, 128, (120, 1, False)),
        (32, 640, (64, 4, False)),
    ],
)
def test_a_pass_holds_as_many_products_as_its_fields_do(
    weight: int, depth: int, expected: tuple[int, int, bool]
) -> None:
    packed = scalar.conv_s8([filters(np.full((2, 1, 1, depth), weight, np.int8))])[0]
    assert division(packed) == expected


def test_single_pixels_need_no_passes() -> None:
    packed = scalar.conv_s8([filters(np.full((2, 1, 1, 32), 17, np.int8), pixels=1)])[0]
    assert packed.layout == 0
    assert len(packed.weights) == 8 * 32


@pytest.mark.parametrize(
    ("weight", "bias", "shift", "expected"),
    [
        (17, 0, -8, 9),  # proven
        (17, 0, 0, 64),  # the second rounding does not take place
        (0, 2**30, -30, 226),  # one output, whatever the input is
    ],
)
def test_what_is_not_proven_is_marked(weight: int, bias: int, shift: int, expected: int) -> None:
    packed = scalar.conv_s8([filters(np.full((3, 1, 1, 16), weight, np.int8), bias, shift)])[0]
    assert shifts(packed) == [expected] * 4  # quads are filled up


def test_channels_of_one_output_come_last_and_others_behind_the_proven() -> None:
    weights = np.full((6, 1, 1, 16), 17, np.int8)
    weights[[0, 4]] = 0
    packed = scalar.conv_s8([filters(weights, 3, [-8, 2, -9, -8, -8, -15])])[0]
    assert positions(packed) == [2, 3, 1, 5, 0, 4, 4, 4]
    # Channel 5 is proven, but too small to be scaled as it lies in its field.
    assert shifts(packed) == [10, 9, 66, 49, 248, 248, 248, 248]
    assert division(packed)[2]


@pytest.mark.parametrize(("layer", "records"), [("wide", 72), ("depthwise", 12)])
@pytest.mark.parametrize(("offset", "value"), [(4, -1), (12, 32), (12, 95), (12, 96), (12, 159), (12, 287), (14, 500)])
def test_constants_out_of_range_are_refused(layer: str, records: int, offset: int, value: int) -> None:
    """Multiplier, shift and position of the first channel and of the last."""
    packed = groat.compile(model(layer), target="rv32imc").packed
    first = Editor(packed).record("params", 0).channels
    scalar_core = core("scalar")
    status = {code: name for name, code, _ in scalar_core.status_table()}
    assert scalar_core.Model.open_status(packed, 1 << 16) == 0
    for record in (first, first + 16 * (records - 1)):
        data = bytearray(packed)
        width = 4 if offset == 4 else 2
        data[record + offset : record + offset + width] = value.to_bytes(width, "little", signed=value < 0)
        assert status[scalar_core.Model.open_status(bytes(data), 1 << 16)] == "E_PARAMS"
