# SPDX-License-Identifier: Apache-2.0
"""Devices that train int8 layers, as the host does with the same kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.support.learning import digits
from tests.support.material import ROOT

import groat

MODEL = ROOT / "examples" / "digits" / "digits_int8.tflite"
STEPS = 48
# Bytes where each product and sum is rounded alone, or fused in the same places; else at most so many quanta apart, for
# gradients that differ in their last places round to different numbers now and then.
PLACES = [
    ("cortex-m0", "last:1", "fp32", 0),
    ("cortex-m4", "all", "fp32", 0),
    ("cortex-m4", "all", "fp16", 0),
    ("cortex-m55", "all", "fp16", 3),
    ("rv32v", "all", "fp16", 3),
]


@pytest.mark.parametrize(("target", "layers", "gradients", "apart"), PLACES)
def test_steps_are_the_hosts(target: str, layers: str, gradients: Any, apart: int) -> None:
    model = groat.load(MODEL)
    tensor = model.graph.tensors[model.graph.inputs[0]]
    x, y, _, _ = digits()
    images = np.clip(np.rint(16 * x[:STEPS] / tensor.scale) + tensor.zero_point, -128, 127).astype(np.int8)
    labels = [[(int(label) + 1) % 10] for label in y[:STEPS]]  # so that there is something to learn
    compiled = groat.compile(model, target=target, train=groat.Train(layers, dtype="int8", gradients=gradients))
    rate = 0.002 if layers == "all" else 0.05  # one layer alone has more to do
    losses, learnt = {}, {}
    for where in ("host", f"qemu:{target}"):
        with compiled.on(where) as session:
            before = session.parameters()
            losses[where] = [result.loss for result in session.trainer.steps(images, labels, rate)]
            learnt[where] = session.parameters()
    host, device = losses.values()
    np.testing.assert_allclose(device, host, rtol=0.05 if apart else 1e-6)
    assert np.mean(device[-8:]) < np.mean(device[:8])
    for name, value in learnt["host"].items():
        assert (value != before[name]).any()
        found = learnt[f"qemu:{target}"][name].astype(np.int64)
        if apart == 0:
            assert (found == value).all(), name
        elif value.dtype == np.int8:
            assert np.abs(found - value).max() <= apart, name
