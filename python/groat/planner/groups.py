# SPDX-License-Identifier: Apache-2.0
"""Wide tensors in groups of channels.

A 1x1 convolution that widens an image for a depthwise convolution (an inverted residual) makes the widest tensor of a
network, of which no channel needs another: some channels are made, go through the depthwise convolution and are
narrow again before the next ones are made.  The groups are ops of their own, joined by a CONCATENATION; weights and
multiply-accumulates stay the same.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from groat.graph import Graph, Op, Tensor
from groat.ops import op_def

LEAST_CHANNELS = 8
"""Of a group: kernels of fewer channels are slow."""
PARTS = 4  # a group has a multiple of so many channels, as kernels like it


def wide_pairs(graph: Graph, first: int, end: int) -> list[tuple[int, int]]:
    """(position of a 1x1 convolution, position of the depthwise one that alone reads what it makes), of which one is in
    [first, end)."""
    readers: dict[int, list[int]] = {}
    for position, op in enumerate(graph.ops):
        for number in op_def(op.kind).arguments(op):
            readers.setdefault(graph.root(number), []).append(position)
    outputs = {graph.root(number) for number in graph.outputs}
    found = []
    for position, op in enumerate(graph.ops):
        if op.kind != "conv_2d" or op.attrs["kernel"] != (1, 1) or op.attrs["groups"] != 1:
            continue
        (output,) = op.outputs
        reader = readers.get(output, [])
        if len(reader) != 1 or output in outputs:
            continue
        other = graph.ops[reader[0]]
        alone = other.kind == "depthwise_conv_2d" and other.inputs[0] == output and other.outputs[0] not in outputs
        same = alone and graph.tensors[other.outputs[0]].shape[3] == graph.tensors[output].shape[3]
        if same and (first <= position < end or first <= reader[0] < end):
            found.append((position, reader[0]))
    return found


def in_groups(graph: Graph, wide: int, depthwise: int, count: int) -> Graph | None:
    """The graph with such a pair in `count` groups; None if they would have too few channels."""
    one, other = graph.ops[wide], graph.ops[depthwise]
    channels = graph.tensors[one.outputs[0]].shape[3]
    bounds = [channels * k // count // PARTS * PARTS for k in range(count)] + [channels]
    if min(b - a for a, b in itertools.pairwise(bounds)) < LEAST_CHANNELS:
        return None
    tensors = dict(graph.tensors)

    def add(tensor: Tensor) -> int:
        number = max(tensors) + 1
        tensors[number] = tensor
        return number

    ops: list[Op] = []
    joined = []
    for a, b in itertools.pairwise(bounds):
        read = one.inputs[0]
        for op in (one, other):
            constants = [add(_cut(graph.tensors[number], a, b, channels)) for number in op.inputs[1:]]
            made = graph.tensors[op.outputs[0]]
            output = add(replace(made, name=f"{made.name}[{a}:{b}]", shape=(*made.shape[:3], b - a)))
            attrs = {
                name: value[a:b] if isinstance(value, np.ndarray) and value.shape[:1] == (channels,) else value
                for name, value in op.attrs.items()
            }
            ops.append(Op(op.kind, (read, *constants), (output,), attrs, op.index))
            read = output
        joined.append(read)
    ops.append(Op("concatenation", tuple(joined), other.outputs, {"axis": 3}, other.index))
    before = graph.ops[:wide] + graph.ops[wide + 1 : depthwise]
    return replace(graph, tensors=tensors, ops=(*before, *ops, *graph.ops[depthwise + 1 :]))


def _cut(tensor: Tensor, a: int, b: int, channels: int) -> Tensor:
    """Channels [a, b) of a constant that has as many along one axis: the first of a filter and of a bias, the last of
    depthwise filters."""
    assert tensor.data is not None
    axis = 0 if tensor.shape[0] == channels else len(tensor.shape) - 1
    data = np.ascontiguousarray(np.take(tensor.data, range(a, b), axis))
    quantization = tensor.quantization
    if quantization is not None and not quantization.per_tensor:
        quantization = replace(quantization, scale=quantization.scale[a:b], zero_point=quantization.zero_point[a:b])
    return replace(tensor, shape=data.shape, data=data, quantization=quantization)
