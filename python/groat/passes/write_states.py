# SPDX-License-Identifier: Apache-2.0
"""What is copied to a state is made there, where nothing reads any more what the state held before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from groat.graph import Graph, Op
from groat.ops import op_def


def write_states(graph: Graph) -> Graph:
    for copy in graph.ops:
        if copy.kind == "reshape" and copy.outputs[0] in graph.states and _may_go(graph, copy):
            graph = _without(graph, copy)
    return graph


def _may_go(graph: Graph, copy: Op) -> bool:
    source, state = graph.root(copy.inputs[0]), copy.outputs[0]
    position = next((i for i, op in enumerate(graph.ops) if source in op.outputs), None)
    readers = [op for op in graph.ops if source in map(graph.root, op.inputs)]
    if position is None or source in graph.states or len(readers) > 1 or source in map(graph.root, graph.outputs):
        return False
    writer, after = graph.ops[position], graph.ops[position + 1 :]
    if any(state in op.outputs for op in graph.ops if op is not copy) or any(_read(graph, op, state) for op in after):
        return False
    carried = [(index, writer.outputs.index(source)) for index in _read(graph, writer, state)]
    return all(pair in op_def(writer.kind).carried(writer) for pair in carried)


def _read(graph: Graph, op: Op, state: int) -> Sequence[int]:
    """The inputs (as indices) of an op that are a state."""
    return [index for index, number in enumerate(op.inputs) if graph.root(number) == state]


def _without(graph: Graph, copy: Op) -> Graph:
    """The graph with what was copied as the state itself."""
    source, state = graph.root(copy.inputs[0]), copy.outputs[0]
    made = graph.tensors[source]
    tensors = {**graph.tensors, source: replace(made, name=graph.tensors[state].name)}
    states = {
        source if number == state else number: (
            replace(kept, initial=kept.initial.reshape(made.shape)) if number == state else kept
        )
        for number, kept in graph.states.items()
    }
    ops = tuple(op for op in graph.ops if op is not copy)
    return replace(graph, tensors=tensors, ops=ops, states=states, views={**graph.views, state: source})
