# SPDX-License-Identifier: Apache-2.0
"""A dense layer of floats, with room for more classes, in the place of a model's last one.

What is in front of it stays as it is, so that a frozen int8 model learns new classes: the integers that its last layers
give are made floats, and only the new head is trained.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from groat.errors import InputError
from groat.graph import Graph, Op, Tensor
from groat.graph.ir import Array

HEAD = "head"
"""The name of the new layer; its parameters are head/weights and head/bias."""
BEHIND = ("softmax", "reshape")
"""What may follow a model's last dense layer; the new one has nothing behind it."""


def with_head(graph: Graph, classes: int) -> Graph:
    """The graph up to its last dense layer, and a dense layer of float32 in the place of that one.

    Args:
        graph: as it was imported, before all passes; its dense layer has int8, int16 or float32 activations.
        classes: outputs of the new layer, at least as many as the old one has.  The first ones have its weights; the
            others start with zeros, and the smallest bias of the old ones, so that they are not chosen at first.

    The new graph gives logits: it has no softmax at its end.
    Raises InputError if the model does not end with one dense layer, or has more classes.
    """
    position = len(graph.ops) - 1
    while position > 0 and graph.ops[position].kind.startswith(BEHIND):
        position -= 1
    dense = graph.ops[position] if graph.ops else None
    if dense is None or not dense.kind.startswith("fully_connected") or len(graph.outputs) != 1:
        found = f"{len(graph.outputs)} outputs" if len(graph.outputs) != 1 else dense.kind if dense else "no ops"
        raise InputError(f"{graph.name} must end with one dense layer to get another head; found {found}")
    weights, bias = _floats(graph, dense)
    known, depth = weights.shape
    if classes < known:
        raise InputError(f"the head of {graph.name} has {known} classes; expected at least as many, found {classes}")
    more = classes - known
    values = {
        f"{HEAD}/weights": np.vstack([weights, np.zeros((more, depth), np.float32)]),
        f"{HEAD}/bias": np.concatenate([bias, np.full(more, bias.min(), np.float32)]),
    }
    tensors = dict(graph.tensors)
    first = max(tensors) + 1
    tensors |= {first + i: Tensor(name, v.shape, "float32", data=v) for i, (name, v) in enumerate(values.items())}
    ops = list(graph.ops[:position])
    number, x = dense.inputs[0], graph.tensors[dense.inputs[0]]
    if x.dtype != "float32":
        attrs = {"scale": x.scale} if x.dtype == "int16" else {"scale": x.scale, "zero_point": x.zero_point}
        kind = "dequantize_int16" if x.dtype == "int16" else "dequantize"
        number = first + 2
        tensors[number] = Tensor(f"{HEAD}/input", x.shape, "float32")
        ops.append(Op(kind, (dense.inputs[0],), (number,), attrs, dense.index))
    shape = (*dense.attrs["out_shape"][:-1], classes)
    output = first + 3
    tensors[output] = Tensor(HEAD, shape, "float32")
    clamp_and_shape = {"act_min": -np.inf, "act_max": np.inf, "out_shape": shape}
    ops.append(Op("fully_connected_float32", (number, first, first + 1), (output,), clamp_and_shape, dense.index))
    used = {n for op in ops for n in (*op.inputs, *op.outputs)} | set(graph.inputs)
    tensors = {n: t for n, t in tensors.items() if n in used}
    return replace(graph, tensors=tensors, ops=tuple(ops), outputs=(output,))


def _floats(graph: Graph, dense: Op) -> tuple[Array, Array]:
    """(weights [classes, depth], bias [classes]) of a dense layer as float32."""
    x, stored = (graph.tensors[number] for number in dense.inputs[:2])
    if stored.data is None:
        raise InputError(f"the weights of {graph.name}'s last layer are no constants")
    weights, scales = stored.data.astype(np.float32), np.ones(len(stored.data), np.float32)
    if stored.quantization is not None:
        scales = np.broadcast_to(np.array(stored.quantization.scale, np.float32), scales.shape)
        zeros = np.broadcast_to(np.array(stored.quantization.zero_point, np.float32), scales.shape)
        weights = (weights - zeros[:, np.newaxis]) * scales[:, np.newaxis]
    if len(dense.inputs) < 3:
        return weights, np.zeros(len(weights), np.float32)
    data = graph.tensors[dense.inputs[2]].data
    assert data is not None  # or the op had not been imported
    steps = scales * np.float32(x.scale) if stored.quantization is not None else scales
    return weights, (data * steps).astype(np.float32)
