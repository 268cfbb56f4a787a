# SPDX-License-Identifier: Apache-2.0
"""Several RISC-V harts share a step of training: the same bytes, and nearly as many times fewer instructions each."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.float_nets import LINEAR, RELU, Net

import groat
from groat.graph import Graph
from groat.runners.qemu import QemuRunner
from groat.train.options import Train

pytestmark = pytest.mark.qemu


def resnet8() -> Graph:
    """The convolutions and sums of MLPerf Tiny's ResNet8."""
    net = Net((32, 32, 3))
    net.conv(16)
    for out_c, stride in ((16, 1), (32, 2), (64, 2)):
        start = net.last
        net.conv(out_c, stride=stride)
        net.conv(out_c, act=LINEAR)
        main = net.last
        if stride == 2:
            net.last = start
            start = net.conv(out_c, kernel=1, stride=2, act=LINEAR)
        net.add(start, main, act=RELU)
    net.mean()
    net.dense(10)
    net.softmax()
    return net.graph("resnet8")


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
def test_harts_share_a_step_of_resnet8(dtype: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.random((1, 32, 32, 3))
    bytes_of, most = {}, {}
    for harts in (1, 2, 4, 8):
        target = "rv32v" if harts == 1 else f"rv32v-smp{harts}"
        with groat.compile(resnet8(), target=target, train=Train(dtype=dtype)).on(f"qemu:{target}") as device:
            runner = device.runner
            assert isinstance(runner, QemuRunner)
            runner.select("train_step")
            image, label, rate = runner.model.inputs
            inputs = [x.astype(image.dtype), np.array([3], label.dtype), np.array([0.01], rate.dtype)]
            by_core = runner.by_core(inputs)
            assert len(by_core) == harts
            most[harts] = max(by_core)
            loss = runner.run(inputs)[0]
            bytes_of[harts] = (loss.tobytes(), *(value.tobytes() for value in runner.parameters().values()))
    assert all(found == bytes_of[1] for found in bytes_of.values())
    assert np.isfinite(np.frombuffer(bytes_of[1][0], np.float32)).all()
    shares = {harts: most[1] / most[harts] for harts in most}
    least = {2: 1.8, 4: 3.3, 8: {"fp32": 6.5, "fp16": 6.0}[dtype]}
    assert all(shares[harts] >= least[harts] for harts in least), shares
