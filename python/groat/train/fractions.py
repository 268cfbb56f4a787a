# SPDX-License-Identifier: Apache-2.0
"""Layers of which only the first output channels are trained.

Such a layer becomes two, of its first channels and of the rest, whose outputs are joined.  The rest is a frozen layer
like any other: its weights stay in flash, in the fastest order that there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from groat.errors import InputError
from groat.graph import Graph, Op, Tensor
from groat.graph.ir import Quantization

Trained = dict[int, tuple[int, ...]]
"""Position of an op -> which of its inputs are trained."""


def with_fractions(
    graph: Graph, layers: Mapping[int, tuple[int, ...]], fractions: Mapping[int, float]
) -> tuple[Graph, Trained]:
    """The graph with these layers cut in two.

    Args:
        layers: of groat.train.choice.trained_inputs.
        fractions: for the position of an op among them, which part of its output channels is trained: at least one.

    Returns the graph, which computes the same, and of its ops which inputs are trained.
    Raises InputError for layers that cannot be cut.
    """
    tensors, ops, trained = dict(graph.tensors), list[Op](), Trained()

    def new(tensor: Tensor) -> int:
        number = max(tensors) + 1
        tensors[number] = tensor
        return number

    for position, op in enumerate(graph.ops):
        out = graph.tensors[op.outputs[0]]
        count = out.shape[-1]
        first = max(1, round(fractions.get(position, 1.0) * count))
        if position not in layers or first == count:
            if position in layers:
                trained[len(ops)] = layers[position]
            ops.append(op)
            continue
        _require_rows(graph, op)
        parts = []
        for channels in (slice(0, first), slice(first, count)):
            size = channels.stop - channels.start
            constants = [new(_some(graph.tensors[number], channels, count)) for number in op.inputs[1:]]
            parts.append(new(replace(out, name="", shape=(*out.shape[:-1], size))))
            if channels.start == 0:
                trained[len(ops)] = layers[position]
            attrs = {name: _of_channels(value, channels, count) for name, value in op.attrs.items()}
            if "out_shape" in attrs:
                attrs["out_shape"] = tensors[parts[-1]].shape
            ops.append(replace(op, inputs=(op.inputs[0], *constants), outputs=(parts[-1],), attrs=attrs))
        ops.append(Op("concatenation", tuple(parts), op.outputs, {"axis": len(out.shape) - 1}, op.index))
    return replace(graph, tensors=tensors, ops=tuple(ops)), trained


def _require_rows(graph: Graph, op: Op) -> None:
    """InputError unless output channels are rows of the weights, each over all of the input."""
    if op.kind.startswith("fully_connected") or op.attrs.get("groups") == 1:
        return
    name = graph.tensors[op.outputs[0]].name
    raise InputError(
        f"train: {op.kind} {name!r} cannot be trained in part: its channels read different inputs; fractions are of "
        "dense layers and of convolutions without groups; train all of it, or its bias"
    )


def _some(tensor: Tensor, channels: slice, count: int) -> Tensor:
    """Some channels of weights or a bias; the first ones keep the name."""
    assert tensor.data is not None
    data = np.ascontiguousarray(tensor.data[channels])
    quantization = tensor.quantization
    if quantization is not None and len(quantization.scale) == count and quantization.axis == 0:
        parts = quantization.scale[channels], quantization.zero_point[channels]
        quantization = Quantization(*parts, axis=0)
    name = tensor.name if channels.start == 0 else ""
    return replace(tensor, name=name, shape=data.shape, data=data, quantization=quantization)


def _of_channels(value: Any, channels: slice, count: int) -> Any:
    """An attribute: those that are arrays have a value for each channel."""
    return value[channels] if isinstance(value, np.ndarray) and value.shape == (count,) else value
