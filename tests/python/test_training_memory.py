# SPDX-License-Identifier: Apache-2.0
"""What a step of training takes of RAM: parameters, activations, gradients and scratch, in one arena."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.support.float_nets import RELU, Net
from tests.support.material import KIB, required

import groat
from groat.graph import Graph


def perceptron() -> Graph:
    net = Net((64,))
    net.dense(32, act=RELU)
    net.dense(10)
    net.softmax()
    return net.graph("perceptron")


def cnn(channels: tuple[int, int]) -> Graph:
    """Two convolutions 3x3, each with a max pool behind it, and a dense layer, for images of 16x16."""
    net = Net((16, 16, 1))
    for out_c in channels:
        net.conv(out_c)
        net.pool("max")
    net.dense(10)
    net.softmax()
    return net.graph("cnn")


def resnet8() -> Any:
    return required("models/mlperf_tiny/pretrainedResnet.tflite")


def state_bytes(compiled: groat.Compiled) -> int:
    return sum(compiled.graph.tensors[number].nbytes for number in compiled.graph.states)


@pytest.mark.parametrize(
    ("graph", "dtype", "most"),
    [
        (perceptron(), "fp32", 11),
        (perceptron(), "fp16", 6),
        (cnn((8, 8)), "fp32", 20),
        (cnn((8, 16)), "fp32", 27),
        (cnn((8, 16)), "fp16", 20),
    ],
)
@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55"])
def test_small_networks_learn_in_kilobytes(graph: Graph, dtype: Any, most: int, target: str) -> None:
    """AIfES takes 18.5 KB for the perceptron, and 57.5 KB for a CNN of this kind."""
    compiled = groat.compile(graph, target=target, train=groat.Train(dtype=dtype))
    assert compiled.plan.arena_bytes <= most * KIB


def test_the_last_two_blocks_of_resnet8() -> None:
    """Their weights, and what the first block, which is frozen, has alive at its end: three images, and scratch."""
    compiled = groat.compile(resnet8(), target="cortex-m55", train=groat.Train(layers="last:7", dtype="fp16"))
    front = 3 * 2 * math.prod((32, 32, 16)) + 6 * KIB
    assert compiled.plan.arena_bytes <= state_bytes(compiled) + front + 8 * KIB


def test_adapters_of_the_last_two_blocks_of_resnet8() -> None:
    """Their weights alone, as float16, are 142 KB."""
    train = groat.Train(layers="last:7", dtype="fp16", adapter_rank=4)
    compiled = groat.compile(resnet8(), target="cortex-m55", train=train, ram=128 * KIB, max_mac_overhead=1.05)
    assert compiled.plan.arena_bytes <= 128 * KIB
    assert state_bytes(compiled) > 13 * KIB


@pytest.mark.parametrize("branches", [2, 4, 8])
def test_gradients_of_branches_do_not_wait_for_each_other(branches: int) -> None:
    """However many ops read a tensor, the gradient of it is one tensor and the part that is added to it."""
    net = Net((16, 16, 4))
    first = net.conv(16)
    ends = []
    for _ in range(branches):
        net.last = first
        ends.append(net.conv(16, stride=4))
    total = ends[0]
    for end in ends[1:]:
        total = net.add(total, end)
    net.mean()
    net.dense(3)
    graph = net.graph("branches")
    compiled = groat.compile(graph, target="cortex-m4", train=groat.Train(layers="all"))
    wide = 4 * graph.tensors[first].elements
    kept = branches * 4 * graph.tensors[ends[0]].elements
    assert compiled.plan.arena_bytes <= state_bytes(compiled) + 3 * wide + 2 * kept + 8 * KIB
