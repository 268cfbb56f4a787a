# SPDX-License-Identifier: Apache-2.0
"""A division by a constant becomes a multiplication, which integers have kernels for and floats round once more: only
quantisation does so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from groat.graph import Graph


def multiply_by_reciprocals(graph: Graph) -> Graph:
    tensors, ops = dict(graph.tensors), []
    for op in graph.ops:
        divisor = graph.tensors[op.inputs[1]] if op.kind == "binary_float32" else None
        if divisor is None or divisor.data is None or op.attrs["function"] != "div":
            ops.append(op)
            continue
        with np.errstate(all="ignore"):
            factor = np.float32(1) / divisor.data
        if not np.isfinite(factor).all():
            ops.append(op)
            continue
        number = max(tensors) + 1
        tensors[number] = replace(divisor, name=f"1 / {divisor.name}", data=factor)
        attrs = {name: op.attrs[name] for name in ("act_min", "act_max")}
        ops.append(replace(op, kind="mul_float32", inputs=(op.inputs[0], number), attrs=attrs))
    return replace(graph, tensors=tensors, ops=tuple(ops))
