# SPDX-License-Identifier: Apache-2.0
"""Advice about a network is true: who builds the network that it speaks of gets the memory that it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.command import Groat
from tests.support.random_cnns import random_cnn
from tools.tflite_builder import Builder, Quant

import groat
from groat.advice import advise
from groat.options import Options
from groat.passes import run_passes

Layer = tuple[int, int]  # kernel, stride
NETWORK: tuple[Layer, ...] = ((3, 1), (1, 1), (3, 1), (3, 2), (5, 1), (3, 2))


def network(layers: Sequence[Layer]) -> bytes:
    """Convolutions with SAME padding and these windows; as many channels as NETWORK has, more behind its strides."""
    m = Builder()
    y = m.input((1, 25, 22, 3), quant=Quant(0.05, 3))
    depth = 3
    for (kernel, stride), (_, usual) in zip(layers, NETWORK, strict=True):
        channels = depth + 5 * (usual - 1) + 1
        weights = np.ones((channels, kernel, kernel, depth), np.int8)
        y = m.conv_2d(y, weights, None, Quant(0.01), Quant(0.5, -4), stride=(stride, stride))
        depth = channels
    return m.build([m.mean(y, (1, 2), Quant(0.5))])


def advice_about(layers: Sequence[Layer], options: Options) -> dict[str, Any]:
    return advise(run_passes(groat.load(network(layers)).graph), options)


@pytest.mark.parametrize("rows", ["resident", "rows"])
def test_what_is_advised_can_be_had(rows: str) -> None:
    advice = advice_about(NETWORK, Options(input=rows))
    assert advice["peak"]["kind"] == "stream"
    found = advice["changes"]
    assert [change["saved_bytes"] for change in found] == sorted((c["saved_bytes"] for c in found), reverse=True)
    kinds = set()
    for change in found:
        layers = list(NETWORK)
        at = change["model_op"]
        words = change["change"].split()
        if words[0] == "kernel":
            assert words[1] == f"{layers[at][0]}x{layers[at][0]}"
            layers[at] = (int(words[3].split("x")[0]), layers[at][1])
        else:
            earlier = int(words[5])
            assert layers[earlier][0] > 1
            assert all(kernel == 1 for kernel, _ in layers[earlier + 1 : at])
            layers[earlier], layers[at] = (layers[earlier][0], layers[at][1]), (layers[at][0], 1)
        kinds.add((words[0], words[-1] == "1x1"))
        assert advice_about(layers, Options(input=rows))["activation_bytes"] == change["activation_bytes"], change
        assert groat.compile(network(layers)).report["macs"] == change["macs"], change
        assert change["saved_bytes"] == advice["activation_bytes"] - change["activation_bytes"] > 0
    assert {("kernel", True), ("kernel", False), ("stride", False)} <= kinds


def test_layer_by_layer_only_smaller_images_help() -> None:
    advice = advice_about(NETWORK, Options(schedule="layer"))
    report = groat.compile(network(NETWORK), schedule="layer").report
    assert advice["activation_bytes"] == report["activation_bytes"]
    assert advice["peak"]["kind"] == "layer"
    assert len(advice["peak"]["model_ops"]) == 1
    assert all(change["change"].startswith("stride") for change in advice["changes"])
    assert advice["changes"]


@pytest.mark.parametrize("seed", range(25))
def test_any_network_gets_advice_or_none(seed: int) -> None:
    graph = run_passes(groat.load(random_cnn(seed)).graph)
    seen: list[tuple[int, int]] = []
    advice = advise(graph, Options(), lambda what, done, total: seen.append((done, total)))
    assert seen == [(done + 1, len(seen)) for done in range(len(seen))]
    assert advice == advise(graph, Options())
    ops = {op.index: op.kind for op in graph.ops}
    for change in advice["changes"]:
        assert ops[change["model_op"]] == change["op"]
        assert 0 < change["saved_bytes"] < advice["activation_bytes"]
        assert change["halo_bytes"] >= 0


def test_the_command_advises(groat_command: Groat, digits: Path) -> None:
    report = groat_command.json("analyze", digits, "--advise", "--input", "rows")
    assert report["advice"] == advise(run_passes(groat.load(digits).graph), Options(input="rows"))
    assert "advice" not in groat_command.json("analyze", digits)
    assert "Other networks that need less than" in groat_command("analyze", digits, "--advise").out
