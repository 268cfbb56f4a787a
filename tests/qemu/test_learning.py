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


def on_the_host(where: str, dtype: Any, **choices: Any) -> tuple[list[float], float]:
    """As learn, by the same kernels, emulated on the host."""
    return learn("host", dtype, target=where.removeprefix("qemu:"), **choices)


@pytest.mark.parametrize(("where", "dtype"), PLACES)
def test_the_first_steps_are_the_hosts(where: str, dtype: Any) -> None:
    """To the bit by the same kernels; those of the host sum in another order."""
    found, accuracy = learn(where, dtype, epochs=1, steps=128)
    assert (found, accuracy) == on_the_host(where, dtype, epochs=1, steps=128)
    others, _ = learn("host", dtype, epochs=1, steps=128)
    np.testing.assert_allclose(found[:5], others[:5], rtol={"fp32": 2e-4, "fp16": 1e-2}[dtype], atol=1e-3)
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
    losses, accuracy = learn(where, dtype)
    print(f"{where} {dtype}: {accuracy:.2%}, loss {np.mean(losses[-500:]):.4f}; ", end="")
    print(f"PyTorch: {expected:.2%}, {np.mean(theirs[-500:]):.4f}")
    assert len(losses) == len(theirs) == len(RATES) * 1347
    assert accuracy >= 0.96
    assert accuracy >= expected - 0.005
    assert (losses, accuracy) == on_the_host(where, dtype)
