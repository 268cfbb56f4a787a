# SPDX-License-Identifier: Apache-2.0
"""MobileNetV2 of tests.support: the sizes that publications name, and every layer as TensorFlow Lite Micro has it."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.support import mobilenets
from tests.support.mobilenets import NETWORKS, mobilenet, multiple_of_8
from tests.support.oracle import needs_tflm
from tests.support.random_graphs import random_inputs

import groat
from groat.graph import Graph
from groat.oracle.tflm import Tflm
from groat.runners.host import HostRunner
from groat.validation import find_difference

SMALL, LARGE, MSF = NETWORKS
MACS = {SMALL: 26_660_752, LARGE: 300_774_272, MSF: 18_909_490}
PEAKS = {SMALL: 311_040, LARGE: 1_505_280, MSF: 194_400}
SHA256 = {
    SMALL: "e24895ea98d92f671f7f3e84b3a276407542ea52cb6980959d3301130cf345f8",
    LARGE: "1b19e5e3ceddae6ed3ffa519499ae692224f3481c67c86f3133687c9ab9fcbf5",
    MSF: "fb3e0ae50c61fd1ec5c3db280f30fb7927c9af91b2566eb152deae7f800142c9",
}
each_network = pytest.mark.parametrize("name", NETWORKS)


def peak(graph: Graph) -> int:
    """Bytes of tensors that are needed at once, op by op in the order of the file."""
    last = {number: step for step, op in enumerate(graph.ops) for number in op.inputs}
    alive = {number: graph.tensors[number].nbytes for number in graph.inputs}
    highest = 0
    for step, op in enumerate(graph.ops):
        alive |= {number: graph.tensors[number].nbytes for number in op.outputs}
        highest = max(highest, sum(alive.values()))
        alive = {number: size for number, size in alive.items() if last.get(number, step) > step}
    return highest


def test_channels_are_rounded_by_the_rule_of_the_paper() -> None:
    channels = (32, 16, 24, 32, 64, 96, 160, 320)
    assert [multiple_of_8(0.35 * c) for c in channels] == [16, 8, 8, 16, 24, 32, 56, 112]
    assert [multiple_of_8(c) for c in channels] == list(channels)


@each_network
def test_work_and_memory_are_the_published_ones(name: str) -> None:
    model = groat.load(mobilenet(name))
    compiled = groat.compile(model)
    assert compiled.report["macs"] == MACS[name]
    assert peak(model.graph) == PEAKS[name]
    scratch = max(buffer.nbytes for buffer in compiled.plan.buffers if not buffer.tensors)
    assert compiled.plan.arena_bytes < PEAKS[name] + scratch + 16


@each_network
def test_every_machine_writes_the_same_file(name: str) -> None:
    assert hashlib.sha256(mobilenet(name)).hexdigest() == SHA256[name]


@each_network
def test_activations_fill_their_range(name: str) -> None:
    """No layer is nearly constant, and few values are at an end that is not the zero of a RELU6."""
    model = groat.load(mobilenet(name))
    with HostRunner(groat.compile(model).packed) as runner:
        for step, (found,) in runner.trace(random_inputs(mobilenet(name), 1)):
            low, high = np.mean(found == -128), np.mean(found == 127)
            assert high < 0.05, step
            assert low < 0.75, step
            assert len(np.unique(found)) > 40, step


@needs_tflm
@each_network
def test_every_layer_equals_tflm(name: str) -> None:
    model = mobilenet(name)
    compiled = groat.compile(model)
    with HostRunner(compiled.packed) as runner:
        assert find_difference(compiled, runner, Tflm(model), random_inputs(model, 2)) is None


def test_the_command_writes_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "model.tflite"
    monkeypatch.setattr(sys, "argv", ["mobilenets", MSF, "-o", str(out)])
    mobilenets.main()
    assert out.read_bytes() == mobilenet(MSF)
