# SPDX-License-Identifier: Apache-2.0
"""A table that only clamps (RELU and RELU6 of an unchanged scale) joins the op before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from groat.graph import Graph, Op


def clamp_of(lut: Op) -> tuple[int, int] | None:
    """(low, high) if the table is y = clamp(x, low, high) on int8; None otherwise."""
    if lut.attrs["dtype"] != "int8":
        return None
    values = np.arange(256, dtype=np.uint8).view(np.int8)
    table = lut.attrs["table"].view(np.int8)
    low, high = int(table.min()), int(table.max())
    return (low, high) if np.array_equal(table, np.clip(values, low, high)) else None


def fold_clamps(graph: Graph) -> Graph:
    ops = list(graph.ops)
    for lut in graph.ops:
        if lut.kind != "lut":
            continue
        source, target = lut.inputs[0], lut.outputs[0]
        writer = next((op for op in ops if source in op.outputs), None)
        readers = [op for op in ops if source in map(graph.root, op.inputs)]
        clamp = clamp_of(lut)
        if clamp is None or writer is None or "act_min" not in writer.attrs:
            continue
        if len(readers) != 1 or source in map(graph.root, graph.outputs):
            continue
        (low, high), (act_min, act_max) = clamp, (writer.attrs["act_min"], writer.attrs["act_max"])
        bounds = {"act_min": min(max(act_min, low), high), "act_max": min(max(act_max, low), high)}
        ops[ops.index(writer)] = replace(writer, outputs=(target,), attrs={**writer.attrs, **bounds})
        ops.remove(lut)
    return graph.with_ops(tuple(ops))
