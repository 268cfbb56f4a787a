# SPDX-License-Identifier: Apache-2.0
"""A table or change of scale that only clamps (RELU and RELU6 of an unchanged scale) joins the op before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from groat.graph import Graph, Op
from groat.ops.arithmetic import quantize_multiplier

ONE = quantize_multiplier(1.0)


def clamp_of(op: Op) -> tuple[float, float] | None:
    """(low, high) if the op is y = clamp(x, low, high), of one type; None otherwise."""
    if op.kind == "clamp_float32":
        return op.attrs["act_min"], op.attrs["act_max"]
    if op.kind == "rescale":
        attrs = op.attrs
        same = attrs["input_dtype"] == attrs["dtype"] and attrs["input_zero_point"] == attrs["output_zero_point"]
        by_one = (attrs["multiplier"], attrs["shift"]) == ONE
        return (attrs["act_min"], attrs["act_max"]) if same and by_one else None
    return _clamp_of_table(op) if op.kind == "lut" else None


def _clamp_of_table(lut: Op) -> tuple[int, int] | None:
    if lut.attrs["dtype"] != "int8":
        return None
    values = np.arange(256, dtype=np.uint8).view(np.int8)
    table = lut.attrs["table"].view(np.int8)
    low, high = int(table.min()), int(table.max())
    return (low, high) if np.array_equal(table, np.clip(values, low, high)) else None


def fold_clamps(graph: Graph) -> Graph:
    ops = list(graph.ops)
    for op in graph.ops:
        clamp = clamp_of(op)
        if clamp is None:
            continue
        source, target = op.inputs[0], op.outputs[0]
        writer = next((other for other in ops if source in other.outputs), None)
        readers = [other for other in ops if source in map(graph.root, other.inputs)]
        if writer is None or "act_min" not in writer.attrs:
            continue
        if len(readers) != 1 or source in map(graph.root, graph.outputs):
            continue
        (low, high), (act_min, act_max) = clamp, (writer.attrs["act_min"], writer.attrs["act_max"])
        bounds = {"act_min": min(max(act_min, low), high), "act_max": min(max(act_max, low), high)}
        ops[ops.index(writer)] = replace(writer, outputs=(target,), attrs={**writer.attrs, **bounds})
        ops.remove(op)
    return graph.with_ops(tuple(ops))
