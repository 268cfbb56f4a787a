# SPDX-License-Identifier: Apache-2.0
"""A reshape moves no bytes: its output becomes a view of its input.

But for states: what is written to one must get there, and what was read of one must stay when it is written again.
"""

from __future__ import annotations

from dataclasses import replace

from groat.graph import Graph


def reshapes_to_views(graph: Graph) -> Graph:
    views = dict(graph.views)
    written = {n: i for i, op in enumerate(graph.ops) for n in op.outputs if n in graph.states}  # by which op, at last
    last_use = {n: i for i, op in enumerate(graph.ops) for n in op.inputs}
    last_use |= dict.fromkeys(graph.outputs, len(graph.ops))
    # Of a tensor and all that may become views of it.
    for op in reversed(graph.ops):
        if op.kind == "reshape":
            source, target = op.inputs[0], op.outputs[0]
            last_use[source] = max(last_use[source], last_use.get(target, 0))
    ops = []
    for op in graph.ops:
        seen = op.inputs[0]
        while seen in views:
            seen = views[seen]
        outlives = seen in written and last_use.get(op.outputs[0], 0) > written[seen]
        if op.kind != "reshape" or op.outputs[0] in graph.states or outlives:
            ops.append(op)
        else:
            views[op.outputs[0]] = op.inputs[0]
    return replace(graph, ops=tuple(ops), views=views)
