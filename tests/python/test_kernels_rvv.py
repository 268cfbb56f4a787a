# SPDX-License-Identifier: Apache-2.0
"""The RISC-V vector kernels on this host, with emulated intrinsics: the reference's bytes for hostile arguments."""

from __future__ import annotations

import numpy as np
import pytest
from tests.golden.edit import Editor
from tests.support.rvv_cases import CASES
from tests.support.single_layers import model

import groat
from groat import kernels
from groat.errors import InputError
from groat.isa import core
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
    return rvv.conv_s8([Filters(weights.reshape(count, 1, 1, -1), *constants, 0, -128, 127, pixels=pixels)])[0].layout


def test_two_products_that_overflow_are_made_smaller() -> None:
    weights = np.zeros((20, 32), np.int8)
    weights[7, 4] = weights[7, 7] = -128
    assert _layout(weights) == 1  # not of one pair
    weights[7, 5] = -128
    assert _layout(weights) == 1 + 4


def test_weights_too_heavy_for_that_leave_the_fast_path() -> None:
    weights = np.full((64, 256), -128, np.int8)
    assert _layout(weights) == 0
    weights[:, :16] = 1
    assert _layout(weights) == 1 + 4 * 60


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


def _refuses(packed: bytes, at: int, value: int, width: int) -> bool:
    """Whether a file with another value at an offset from the channels' constants is refused as such."""
    data = bytearray(packed)
    at += Editor(packed).record("params", 0).channels
    data[at : at + width] = value.to_bytes(width, "little", signed=True)
    rvv_core = core("rvv")
    assert rvv_core.Model.open_status(packed, 1 << 16) == 0
    status = {code: name for name, code, _ in rvv_core.status_table()}
    return status[rvv_core.Model.open_status(bytes(data), 1 << 16)] == "E_PARAMS"


def _refuses_scales(packed: bytes, multipliers: int, shifts: int, lanes: int) -> None:
    for lane in range(lanes):
        assert _refuses(packed, multipliers + 4 * lane, -1, 4), lane
        for value in (0, -1, 32, 64, -(1 << 15)):
            assert _refuses(packed, shifts + 2 * lane, value, 2), (lane, value)


@pytest.mark.parametrize("layer", ["wide", "heavy", "deep", "units"])
def test_constants_of_tiles_out_of_range_are_refused(layer: str) -> None:
    """Of each tile: chunk and `general`, multipliers and shifts."""
    packed = groat.compile(model(layer), target="rv32v").packed
    params = Editor(packed).record("params", 0)
    head, left = 0, params.out_c
    while left > 0:
        lanes = min(left, 64)
        groups = 1
        while 2 * groups * lanes <= 64:
            groups *= 2
        for chunk in (0, 3, 5, 16, -1) if groups == 1 else (0, 3, 5, 8, 16, -1):
            assert _refuses(packed, head, chunk, 4), chunk
        for value in (2, -1):
            assert _refuses(packed, head + 4, value, 4), value
        multipliers = head + 8 + 4 * max(lanes, groups * lanes // 2)
        _refuses_scales(packed, multipliers, multipliers + 4 * lanes, lanes)
        head = multipliers + 4 * lanes + (2 * lanes + 3) // 4 * 4
        left -= lanes


@pytest.mark.parametrize(("layer", "groups", "segments"), [("heavy", 1, [64]), ("deep", 4, [96, 96, 96])])
def test_products_of_inputs_elsewhere_are_refused(layer: str, groups: int, segments: list[int]) -> None:
    packed = groat.compile(model(layer), target="rv32v").packed
    params = Editor(packed).record("params", 0)
    extra = params.layout // 4
    assert extra > 0
    at = params.weights - params.channels
    for inputs in segments:
        at += inputs * 64 // groups
        for product in range(2 * extra * 64):
            assert _refuses(packed, at + 2 * product, 255 - inputs - 256 * (255 - inputs > 127), 1)
            assert not _refuses(packed, at + 2 * product, -1, 1)
        at += 4 * extra * 64


def test_constants_of_planes_out_of_range_are_refused() -> None:
    packed = groat.compile(model("planes"), target="rv32v").packed
    assert Editor(packed).record("params", 0).layout == 3
    for channel in range(0, 8 * 16, 16):
        assert _refuses(packed, channel + 4, -1, 4)
        for shift in (0, -1, 32, 1 << 20):
            assert _refuses(packed, channel + 8, shift, 4)
        for four in (2, -1):
            assert _refuses(packed, channel + 12, four, 4)


def test_constants_of_a_depthwise_layer_out_of_range_are_refused() -> None:
    """Those repeated behind the last channel too."""
    packed = groat.compile(model("depthwise"), target="rv32v").packed
    for value in (2, -1):
        assert _refuses(packed, 0, value, 4), value
    period = 12 + 64 - 4
    _refuses_scales(packed, 4 + 4 * period, 4 + 8 * period, period)
