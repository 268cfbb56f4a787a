# SPDX-License-Identifier: Apache-2.0
"""The DSP kernels on this host, compiled against emulated instructions: the reference's bytes for hostile arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.support.dsp_cases import CASES, LAYOUTS

from groat import kernels
from groat.errors import InputError
from groat.pack.layouts import Candidate, candidates, dsp_stairs

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


@pytest.mark.parametrize(("name", "layout"), LAYOUTS)
def test_a_layout_gives_the_references_bytes(name: str, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def offered(*arguments: Any) -> list[Candidate]:
        found = candidates(*arguments)
        taken.extend(candidate for candidate in found if candidate.name == layout)
        return found

    monkeypatch.setattr("groat.pack.writer.candidates", offered)
    for seed in range(CALLS // 2):
        call = CASES[name](np.random.default_rng(seed))
        try:
            expected = call(isa="ref")
        except InputError:
            continue
        taken.clear()
        with kernels.use_layout(layout):
            found = call(isa="dsp")
        np.testing.assert_array_equal(found, expected, f"{name} {seed}")
    assert taken or layout.endswith("pixel")


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


@pytest.mark.parametrize("zero_point", [-128, -5])
@pytest.mark.parametrize("bits", [4, 9, 13])
def test_short_constants_give_every_output(bits: int, zero_point: int) -> None:
    """All sums of a range, one by one, for constants that are said to be exact."""
    rng = np.random.default_rng(bits)
    count = 40
    least = -rng.integers(1, 3000, count)
    exact = dsp_stairs.Exact(
        least=least,
        greatest=least + rng.integers(0, 200000, count),
        bias=rng.integers(-30000, 30000, count),
        multiplier=rng.integers(1 << 30, 1 << 31, count),
        right=rng.integers(1, 14, count),
        zero_point=zero_point,
        act_min=-128,
        act_max=127,
    )
    scale = np.clip(bits + 1 - exact.right, 0, 8)
    found, short = dsp_stairs.find(exact, scale, bits)
    for channel in np.flatnonzero(found):
        sums = np.arange(exact.least[channel], exact.greatest[channel] + 1)
        bias, multiplier, offset = short[channel]
        high = ((sums << scale[channel]) + bias) * multiplier >> 32
        outputs = np.clip(high + offset >> bits, -128, 127)
        wanted = np.stack([exact(np.full(count, value))[channel] for value in (sums[0], sums[-1])])
        assert [outputs[0], outputs[-1]] == wanted.tolist()
        steps = exact.steps()[:, channel]
        np.testing.assert_array_equal(outputs, np.searchsorted(steps, sums, side="right") - 128)
    assert found.sum() > (count / 2 if zero_point == -128 and bits > 4 else 0)


def test_steps_are_where_the_output_rises() -> None:
    rng = np.random.default_rng(1)
    exact = dsp_stairs.Exact(
        least=np.array([-700, -5, -40000]),
        greatest=np.array([900, 5, 40000]),
        bias=np.array([17, 0, -3000]),
        multiplier=rng.integers(1 << 30, 1 << 31, 3),
        right=np.array([2, 1, 8]),
        zero_point=3,
        act_min=-100,
        act_max=100,
    )
    steps = exact.steps()
    for channel in range(3):
        for number, output in enumerate(range(-127, 128)):
            if steps[number, channel] <= exact.greatest[channel]:
                assert exact(np.full(3, steps[number, channel]))[channel] >= output
            if steps[number, channel] > exact.least[channel]:
                assert exact(np.full(3, steps[number, channel] - 1))[channel] < output
