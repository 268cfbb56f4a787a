# SPDX-License-Identifier: Apache-2.0
"""Devices that learn the digits from scratch, as the host does and as PyTorch does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.support import bad_samples
from tests.support.learning import RATES, learn, learn_by_torch, network

import groat

PLACES = [("qemu:cortex-m4", "fp32"), ("qemu:cortex-m55", "fp16"), ("qemu:rv32v", "fp16")]
# float16 keeps 11 bits: two orders of the same sums differ by about that, and steps carry it on.
CLOSE = {"fp32": 1e-3, "fp16": 5e-2}


def assert_same_curve(found: list[float], expected: list[float], dtype: str, window: int = 25) -> None:
    """Means of some neighbouring steps agree."""
    mine, theirs = (np.convolve(losses, np.ones(window) / window, "valid") for losses in (found, expected))
    np.testing.assert_allclose(mine, theirs, rtol=CLOSE[dtype], atol=CLOSE[dtype])


@pytest.mark.parametrize(("where", "dtype"), PLACES)
def test_the_first_steps_are_the_hosts(where: str, dtype: Any) -> None:
    found, _ = learn(where, dtype, epochs=1, steps=128)
    expected, _ = learn("host", dtype, epochs=1, steps=128)
    np.testing.assert_allclose(found[:5], expected[:5], rtol=CLOSE[dtype] / 5, atol=1e-3)
    assert_same_curve(found, expected, dtype)
    assert np.mean(found[-25:]) < 0.95 * np.mean(found[:25])


@pytest.mark.parametrize(("where", "dtype"), PLACES)
def test_nothing_is_learnt_from_bad_samples(where: str, dtype: Any) -> None:
    graph = network()
    with groat.compile(graph, target=where.split(":")[1], train=groat.Train(dtype=dtype)).on(where) as session:
        image = np.random.default_rng(2).random(graph.tensors[graph.inputs[0]].shape)
        for bad in bad_samples.BAD.values():
            session.runner.reset()
            bad_samples.assert_nothing_is_learnt_from(bad, session, image, 3)


@pytest.mark.slow
@pytest.mark.parametrize(("where", "dtype"), PLACES)
def test_a_device_learns_the_digits(where: str, dtype: Any) -> None:
    theirs, expected = learn_by_torch()
    hosts, accuracy_there = learn("host", dtype)
    losses, accuracy = learn(where, dtype)
    print(
        f"{where} {dtype}: {100 * accuracy:.2f} %, host {100 * accuracy_there:.2f} %, PyTorch {100 * expected:.2f} %; "
        f"loss {np.mean(losses[-500:]):.4f}, {np.mean(hosts[-500:]):.4f}, {np.mean(theirs[-500:]):.4f}"
    )
    assert len(losses) == len(theirs) == len(RATES) * 1347
    assert accuracy >= 0.96
    assert accuracy >= expected - 0.005
    assert_same_curve(losses, hosts, dtype, 500)
