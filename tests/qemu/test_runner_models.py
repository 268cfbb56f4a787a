# SPDX-License-Identifier: Apache-2.0
"""Real models on every emulated core: the host's bytes, exact counts, and clear words where they do not fit."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from tests.support.devices import DEVICES, device
from tools.tflite_builder import Builder, Quant, range_quant

import groat
from groat.errors import FitError, InputError
from groat.runners.host import HostRunner
from groat.runners.qemu import QemuRunner

pytestmark = pytest.mark.qemu

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.tflite"
FRAMES = 20
STACK_LIMIT = 1280


@functools.cache
def packed_for(target: str) -> bytes:
    return groat.compile(DIGITS, target=target).packed


@pytest.fixture
def packed(request: pytest.FixtureRequest) -> bytes:
    """The digits, packed for the core that the test is about."""
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    return packed_for(parameters.get("name", "cortex-m4"))


def random_inputs(runner: groat.BaseRunner, frames: int) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [rng.integers(-128, 128, (frames, *info.shape)).astype(info.dtype) for info in runner.model.inputs]


@pytest.mark.parametrize("linked", [False, True], ids=["beside", "linked"])
@pytest.mark.parametrize("name", DEVICES)
def test_a_device_gives_the_hosts_bytes(packed: bytes, name: str, linked: bool) -> None:
    device(name)
    host = HostRunner(packed)
    batch = random_inputs(host, FRAMES)
    first = [array[0] for array in batch]
    with QemuRunner(name, packed, linked) as runner:
        for found, expected in zip(runner.run_batch(batch), host.run_batch(batch), strict=True):
            np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(runner.run(first)[0], host.run(first)[0])
        steps = list(zip(runner.trace(first), host.trace(first), strict=True))
        assert len(steps) == len(runner.model.steps)
        for (index, found_outputs), (host_index, host_outputs) in steps:
            assert index == host_index
            for found, expected in zip(found_outputs, host_outputs, strict=True):
                np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", DEVICES)
def test_profiles_repeat_and_add_up(packed: bytes, name: str) -> None:
    device(name)
    with QemuRunner(name, packed) as runner, QemuRunner(name, packed, linked=True) as linked:
        inputs = [array[0] for array in random_inputs(runner, 1)]
        profile = runner.profile(inputs)
        assert runner.profile(inputs) == profile
        assert linked.profile(inputs) == profile
    assert len(profile.step_instructions) == len(runner.model.steps)
    assert min(profile.step_instructions) > 0
    calls = sum(profile.step_instructions) - profile.instructions  # the same work, called from outside
    assert abs(calls) <= 40 * len(profile.step_instructions)
    assert profile.instructions > runner.model.macs / 32  # no core here does more at once
    assert 0 < profile.open_instructions < 25_000 * (2 if name == "cortex-m0" else 1)
    assert 0 < profile.open_stack_bytes < STACK_LIMIT
    assert 0 < profile.stack_bytes < STACK_LIMIT


def test_a_batch_larger_than_a_request_and_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    device("rv32imc")
    monkeypatch.setattr("groat.runners.device._REQUEST_BYTES", 200)  # three frames
    packed = packed_for("rv32imc")
    host = HostRunner(packed)
    with QemuRunner("rv32imc", packed) as runner:
        for frames in (0, 1, 7):
            batch = random_inputs(host, frames)
            found, expected = runner.run_batch(batch)[0], host.run_batch(batch)[0]
            assert found.shape[0] == frames
            np.testing.assert_array_equal(found, expected)


def test_wrong_inputs_are_refused_before_they_are_sent(packed: bytes) -> None:
    device("cortex-m4")
    with QemuRunner("cortex-m4", packed) as runner:
        good = [array[0] for array in random_inputs(runner, 1)]
        expected = runner.run(good)
        shape = good[0].shape
        for bad, message in [
            ([], "expected a sequence of 1 input arrays .*, found 0"),
            (good * 2, "found 2"),
            (good[0], "found an array"),
            ([good[0].astype(np.uint8)], "expected dtype int8, found uint8"),
            ([good[0].tolist()], "expected dtype int8, found list"),
            ([good[0][..., None]], "expected shape"),
            ([np.zeros((2, *shape), np.int8)], "expected shape"),
        ]:
            with pytest.raises(InputError, match=message):
                runner.run(bad)
        with pytest.raises(InputError, match="expected shape"):
            runner.run_batch([np.zeros((2, *shape[:-1]), np.int8)])
        with pytest.raises(InputError, match="step 99 does not exist"):
            runner.run_step(99)
        with pytest.raises(InputError, match="tensor -1 does not exist"):
            runner.tensor(-1)
        np.testing.assert_array_equal(runner.run(good)[0], expected[0])


def dense(inputs: int, outputs: int, target: str) -> bytes:
    builder = Builder()
    x = builder.input((1, inputs), quant=range_quant(-1, 1))
    weights = np.ones((outputs, inputs), np.int8)
    y = builder.fully_connected(x, weights, None, Quant(0.01), range_quant(-8, 8))
    return groat.compile(builder.build([y]), target=target).packed


def test_a_model_that_does_not_fit_is_refused_with_numbers() -> None:
    device("cortex-m0")
    large = dense(1000, 300, "cortex-m0")
    for linked, message in [
        (False, f"{len(large):,} bytes; cortex-m0 has room for 163,840"),
        (True, r"CODE, .* 262,144 bytes, is too small by \d\d,"),
    ]:
        with pytest.raises(FitError, match=message):
            QemuRunner("cortex-m0", large, linked)
    wide = dense(20_000, 1, "cortex-m0")
    for linked, message in [
        (False, "needs an arena of 20,0.. bytes; cortex-m0 has 1.,..."),
        (True, r"DATA, .* 16,384 bytes, is too small by \d,\d\d\d"),
    ]:
        with pytest.raises(FitError, match=message):
            QemuRunner("cortex-m0", wide, linked)
