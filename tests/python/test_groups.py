# SPDX-License-Identifier: Apache-2.0
"""Wide tensors in groups of channels: the same bytes, in less memory."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.random_graphs import random_inputs
from tools.tflite_builder import Builder, Quant

import groat
from groat.compiler import Job
from groat.graph import verify
from groat.options import Options
from groat.passes import run_passes
from groat.planner import ways
from groat.planner.groups import LEAST_CHANNELS, in_groups, wide_pairs


def inverted_residual(seed: int, channels: int, size: int = 9) -> bytes:
    rng = np.random.default_rng(seed)

    def ints(*shape: int) -> np.ndarray:
        return rng.integers(-127, 128, shape).astype(np.int8)

    m = Builder("inverted residual")
    x = m.input((1, size, size, 6), quant=Quant(0.05, 3))
    bias = rng.integers(-2000, 2000, channels).astype(np.int32)
    wide = m.conv_2d(x, ints(channels, 1, 1, 6), bias, Quant(0.004), Quant(0.04, -7), activation="RELU6")
    y = m.depthwise_conv_2d(wide, ints(1, 3, 3, channels), bias, Quant(0.006), Quant(0.05, 1), stride=(2, 2))
    return m.build([m.conv_2d(y, ints(6, 1, 1, channels), None, Quant(0.005), Quant(0.1))])


@pytest.mark.parametrize(("channels", "count"), [(32, 2), (32, 4), (50, 3), (64, 8), (35, 2)])
@pytest.mark.parametrize("target", ["host", "cortex-m4", "cortex-m55", "rv32v", "rv32imc"])
def test_the_bytes_are_the_same(channels: int, count: int, target: str) -> None:
    model = inverted_residual(channels, channels)
    graph = run_passes(groat.load(model).graph)
    split = in_groups(graph, 0, 1, count)
    assert split is not None
    verify(split)
    assert [op.kind for op in split.ops] == [*["conv_2d", "depthwise_conv_2d"] * count, "concatenation", "conv_2d"]
    x = random_inputs(model, 1)
    usual, grouped = (groat.compile(g, target, schedule="layer").run(*x) for g in (graph, split))
    np.testing.assert_array_equal(usual, grouped)


def test_only_pairs_that_nothing_else_reads() -> None:
    graph = run_passes(groat.load(inverted_residual(1, 32)).graph)
    assert wide_pairs(graph, 0, 3) == wide_pairs(graph, 1, 2) == [(0, 1)]
    assert wide_pairs(graph, 2, 3) == []
    m = Builder("read twice")
    x = m.input((1, 5, 5, 8), quant=Quant(0.05))
    wide = m.conv_2d(x, np.ones((32, 1, 1, 8), np.int8), None, Quant(0.01), Quant(0.05))
    y = m.depthwise_conv_2d(wide, np.ones((1, 3, 3, 32), np.int8), None, Quant(0.01), Quant(0.05))
    assert wide_pairs(run_passes(groat.load(m.build([m.add(wide, y, Quant(0.1))])).graph), 0, 9) == []


def test_groups_of_few_channels_are_not_made() -> None:
    graph = run_passes(groat.load(inverted_residual(1, 3 * LEAST_CHANNELS)).graph)
    assert in_groups(graph, 0, 1, 3) is not None
    assert in_groups(graph, 0, 1, 4) is None


def test_patches_use_groups_where_they_save_memory() -> None:
    """A window of 7 x 7 over a small, wide image reads nearly all of it: rings save nothing there, groups do."""
    rng = np.random.default_rng(5)

    def ints(*shape: int) -> np.ndarray:
        return rng.integers(-127, 128, shape).astype(np.int8)

    m = Builder("small and wide")
    x = m.input((1, 10, 10, 8), quant=Quant(0.05, 3))
    wide = m.conv_2d(x, ints(96, 1, 1, 8), None, Quant(0.004), Quant(0.04, -7), activation="RELU6")
    y = m.depthwise_conv_2d(wide, ints(1, 7, 7, 96), None, Quant(0.003), Quant(0.05, 1), stride=(2, 2))
    model = m.build([m.conv_2d(y, ints(8, 1, 1, 96), None, Quant(0.005), Quant(0.1))])

    job = Job(groat.load(model), "cortex-m4", Options(schedule="patch"))
    without, *_, grouped = ways(job.graph, "patch", False, 1.0, job.scratch_of)
    assert [op.kind for op in without.graph.ops] == [op.kind for op in job.graph.ops]
    assert "concatenation" in [op.kind for op in grouped.graph.ops]
    assert grouped.least_bytes < 0.7 * without.least_bytes
    assert grouped.mac_overhead == 1.0
    compiled = groat.compile(model, "cortex-m4", schedule="patch")
    assert [op.kind for op in compiled.graph.ops] == [op.kind for op in grouped.graph.ops]
    inputs = random_inputs(model, 3)
    np.testing.assert_array_equal(
        compiled.run(*inputs), groat.compile(model, "cortex-m4", schedule="layer").run(*inputs)
    )
