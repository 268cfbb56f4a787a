# SPDX-License-Identifier: Apache-2.0
"""Which tensors share a buffer, and from which step to which each buffer holds something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from groat.graph import Graph
from groat.ops import op_def, op_row


@dataclass
class Lifetime:
    """A buffer before it has a place.

    Attributes:
        tensors: those that lie in it, in the order they are written; empty for scratch.
        first_step, last_step: inclusive.  An input lives from step 0, an output to the last step.
        step: whose scratch this is, or None.
    """

    tensors: list[int]
    nbytes: int
    first_step: int
    last_step: int
    step: int | None = None


def lifetimes(graph: Graph, scratch_bytes: Sequence[int]) -> list[Lifetime]:
    """Buffers of a graph whose ops run in their order, with the scratch that each step needs.

    An output takes over an input's buffer where the op allows it and nothing reads the input afterwards.
    """
    end = len(graph.ops) - 1
    last_use: dict[int, int] = {}
    for step, op in enumerate(graph.ops):
        for number in op_def(op.kind).arguments(op):
            last_use[graph.root(number)] = step
    for number in graph.outputs:
        last_use[graph.root(number)] = end

    result: list[Lifetime] = []
    buffer_of: dict[int, Lifetime] = {}

    def new(number: int, first: int) -> None:
        last = last_use.get(number, first)
        buffer_of[number] = Lifetime([number], graph.tensors[number].nbytes, first, last)
        result.append(buffer_of[number])

    for number in graph.inputs:
        new(graph.root(number), 0)
    for step, op in enumerate(graph.ops):
        inputs = [graph.tensors[number] for number in op.inputs]
        outputs = [graph.tensors[number] for number in op.outputs]
        candidates = op_def(op.kind).inplace(op, inputs, outputs) if op_row(op.kind).inplace else ()
        taken = False
        for index in candidates:
            buffer = buffer_of.get(graph.root(op.inputs[index]))
            # Outputs of the graph end with the last step, but must stay readable after it.
            kept = buffer is not None and any(graph.root(out) in buffer.tensors for out in graph.outputs)
            if buffer is not None and buffer.last_step == step and not kept:
                number = op.outputs[0]
                buffer.tensors.append(number)
                buffer.last_step = last_use.get(number, step)
                buffer_of[number] = buffer
                taken = True
                break
        if not taken:
            for number in op.outputs:
                new(number, step)
        if scratch_bytes[step] > 0:
            result.append(Lifetime([], scratch_bytes[step], step, step, step))
    return result
