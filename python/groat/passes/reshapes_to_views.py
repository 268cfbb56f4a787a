# SPDX-License-Identifier: Apache-2.0
"""A reshape moves no bytes: its output becomes a view of its input."""

from __future__ import annotations

from dataclasses import replace

from groat.graph import Graph


def reshapes_to_views(graph: Graph) -> Graph:
    views = dict(graph.views)
    ops = []
    for op in graph.ops:
        if op.kind == "reshape":
            views[op.outputs[0]] = op.inputs[0]
        else:
            ops.append(op)
    return replace(graph, ops=tuple(ops), views=views)
