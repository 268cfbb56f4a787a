# SPDX-License-Identifier: Apache-2.0
"""Every output gets bytes of its own: not an input's, not a constant's, not another output's."""

from __future__ import annotations

from dataclasses import replace

from groat.graph import Graph, Op


def keep_outputs(graph: Graph) -> Graph:
    """Copies an output that is a view of an input, of a constant or state, or of what another output shows already.

    Inputs may be overwritten by a run, states by training or a reset, and the device gives every output a place in the
    arena.
    """
    tensors, ops, outputs = dict(graph.tensors), list(graph.ops), list(graph.outputs)
    taken = {graph.root(number) for number in graph.inputs} | set(graph.states)
    for position, number in enumerate(outputs):
        root = graph.root(number)
        if root in taken or tensors[root].data is not None:
            copy = max(tensors) + 1
            tensors[copy] = replace(tensors[number], data=None)
            ops.append(Op("reshape", (number,), (copy,), {"out_shape": tensors[number].shape}))
            outputs[position] = copy
        else:
            taken.add(root)
    return replace(graph, tensors=tensors, ops=tuple(ops), outputs=tuple(outputs))
