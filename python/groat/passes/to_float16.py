# SPDX-License-Identifier: Apache-2.0
"""float32 is stored as float16: activations and weights, but for biases, inputs and outputs of the model.

Not bit-exact, so never done unless asked for.  What is computed is still float32 (docs/NUMERICS.md).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from groat.graph import Graph, Op, Tensor
from groat.ops import op_rows

MOVING = ("pad", "transpose", "concatenation", "reshape", "slice", "gather")
LAYERS = ("conv", "depthwise", "fully")
BIAS = 2  # the input of an op with weights that stays as it is


def _converts(op: Op, graph: Graph) -> bool:
    moves = op.kind in MOVING and graph.tensors[op.outputs[0]].dtype == "float32"
    sibling = op.kind.replace("_float32", "_float16")
    return moves or (sibling != op.kind and len(op.outputs) == 1 and any(row.name == sibling for row in op_rows()))


def to_float16(graph: Graph) -> Graph:
    tensors = dict(graph.tensors)
    ops: list[Op] = []
    halves: dict[int, int] = {}  # float32 tensor -> the same in float16
    wholes: dict[int, int] = {}  # a tensor that has become float16 -> the same in float32

    def new(tensor: Tensor) -> int:
        number = max(tensors) + 1
        tensors[number] = tensor
        return number

    def cast(number: int, dtype: str, to: int | None = None) -> int:
        target = new(replace(tensors[number], dtype=dtype)) if to is None else to
        ops.append(Op("cast", (number,), (target,), {"dtype": dtype}))
        return target

    def half(number: int) -> int:
        """A tensor as an op of float16 reads it."""
        tensor = tensors[number]
        if tensor.dtype != "float32":
            return number
        if number not in halves:
            if tensor.data is None:
                halves[number] = cast(number, "float16")
            else:
                with np.errstate(over="ignore"):
                    data = tensor.data.astype(np.float16)
                halves[number] = new(replace(tensor, dtype="float16", data=data))
        return halves[number]

    def whole(number: int) -> int:
        """A tensor as any other op reads it."""
        if tensors[number].dtype != "float16":
            return number
        if number not in wholes:
            wholes[number] = cast(number, "float32")
        return wholes[number]

    outputs = list(graph.outputs)
    for op in graph.ops:
        if not _converts(op, graph):
            ops.append(replace(op, inputs=tuple(whole(number) for number in op.inputs)))
            continue
        stays = (1, 2) if op.kind == "group_norm_float32" else (BIAS,) if op.kind.startswith(LAYERS) else ()
        inputs = tuple(n if i in stays else half(n) for i, n in enumerate(op.inputs))
        (number,) = op.outputs
        kind = op.kind.replace("_float32", "_float16")
        if number in outputs:
            target = new(replace(tensors[number], dtype="float16"))
            ops.append(replace(op, kind=kind, inputs=inputs, outputs=(target,)))
            cast(target, "float32", number)
            halves[number] = target
        else:
            tensors[number] = replace(tensors[number], dtype="float16")
            ops.append(replace(op, kind=kind, inputs=inputs))
    used = {number for op in ops for number in (*op.inputs, *op.outputs)} | {*graph.inputs, *outputs}
    kept = {number: tensor for number, tensor in tensors.items() if number in used}
    return replace(graph, tensors=kept, ops=tuple(ops))
