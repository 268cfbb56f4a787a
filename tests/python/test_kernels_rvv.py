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


def _refuses(packed: bytes, at: int, value: int, width: int) -> bool:
    """Whether a file with another value at an offset from the channels' constants is refused as such."""
    data = bytearray(packed)
    at += Editor(packed).record("params", 0).channels
    data[at : at + width] = value.to_bytes(width, "little", signed=True)
    rvv_core = core("rvv")
    assert rvv_core.Model.open_status(packed, 1 << 16) == 0
    status = {code: name for name, code, _ in rvv_core.status_table()}
    return status[rvv_core.Model.open_status(bytes(data), 1 << 16)] == "E_PARAMS"


@pytest.mark.parametrize(("layer", "heads"), [("wide", {0: 64, 8 + 10 * 64: 6}), ("depthwise", {0: 72})])
def test_every_constant_out_of_range_is_refused(layer: str, heads: dict[int, int]) -> None:
    """Of each tile: chunk and `general`, multipliers and shifts; of a depthwise layer, those repeated behind the last
    channel too."""
    packed = groat.compile(model(layer), target="rv32v").packed
    for head, lanes in heads.items():
        general = head + 4 if layer == "wide" else head
        starts = 24 if lanes == 6 else lanes  # six channels lie in eight groups
        multipliers = general + 4 + 4 * starts
        shifts = multipliers + 4 * lanes
        if layer == "wide":
            for chunk in (0, 3, 5, 8, -1):
                assert _refuses(packed, head, chunk, 4), chunk
        for value in (2, -1):
            assert _refuses(packed, general, value, 4), value
        for lane in range(lanes):
            assert _refuses(packed, multipliers + 4 * lane, -1, 4), lane
            for value in (0, -1, 32, 64, -(1 << 15)):
                assert _refuses(packed, shifts + 2 * lane, value, 2), (lane, value)
