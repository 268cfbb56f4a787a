# SPDX-License-Identifier: Apache-2.0
"""Ways to look at a graph that the tests of several parts share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

import groat
from groat.graph import Graph, Op
from groat.ops import op_def
from groat.pack import pack_steps, structs, write
from groat.pack.writer import seal
from groat.passes.keep_outputs import keep_outputs
from groat.planner import plan_memory
from groat.runners.host import HostRunner

Array = npt.NDArray[Any]


def pack_as_is(graph: Graph) -> tuple[Graph, bytes]:
    """The graph packed without any optimisation, and as it was packed: only its outputs have memory of their own."""
    graph = keep_outputs(graph)
    steps = pack_steps(graph)
    plan = plan_memory(graph, [step.scratch_bytes for step in steps.steps])
    return graph, write(graph, steps, plan, bytes(32))[0]


def run_as_is(graph: Graph, inputs: Sequence[Array]) -> list[Array]:
    """What the graph computes on the host without any optimisation."""
    with HostRunner(pack_as_is(graph)[1]) as runner:
        return runner.run(inputs)


def evaluate(graph: Graph, inputs: Sequence[Array]) -> dict[int, Array]:
    """Every tensor of the graph by NumPy alone, through the ops' references."""
    values = {number: tensor.data for number, tensor in graph.tensors.items() if tensor.data is not None}
    values |= dict(zip(graph.inputs, inputs, strict=True))

    def value(number: int) -> Array:
        if number in graph.views:
            return value(graph.views[number]).reshape(graph.tensors[number].shape)
        return values[number]

    for op in graph.ops:
        results = op_def(op.kind).reference(op, [value(number) for number in op.inputs])
        values |= dict(zip(op.outputs, results, strict=True))
    return values | {number: value(number) for number in graph.views}


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph.ops]


def the_op(graph: Graph, kind: str) -> Op:
    """The only op of a kind."""
    (found,) = (op for op in graph.ops if op.kind == kind)
    return found


def random_int8(rng: np.random.Generator, shape: Sequence[int]) -> Array:
    """Any values, or only the two ends."""
    if rng.random() < 0.25:
        return rng.choice(np.array([-128, 127], np.int8), tuple(shape))
    return rng.integers(-128, 128, tuple(shape)).astype(np.int8)


def with_flipped_weight(compiled: groat.Compiled, layer: int) -> groat.Compiled:
    """One bit of the constants of a step's first filter, and the checksum right again."""
    packed = bytearray(compiled.packed)
    header = structs.record(compiled.packed, "groat_header", 0)
    step = structs.table(compiled.packed, "groat_step", header.steps.offset, header.steps.count)[layer]
    kind = compiled.graph.ops[layer].kind
    packed[structs.record(compiled.packed, f"groat_{kind}_params", step.params).weights] ^= 0x40
    return replace(compiled, packed=seal(packed))
