# SPDX-License-Identifier: Apache-2.0
"""Networks of int8 made from networks of floats, and their gradients straight through the quantisers, by PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tests.support.torch_nets import apply_op, values_of
from tools import tflite_builder as tfl

from groat.graph import Graph, Op
from groat.ops import op_def

Array = npt.NDArray[Any]


def quantised(graph: Graph, images: Sequence[Array]) -> bytes:
    """An int8 TFLite model of a network of floats (tests.support.float_nets), whose padding is "same" or "valid".

    Activations have the ranges that these images make.
    """
    seen = [values_of(graph, image, {}) for image in images]
    builder = tfl.Builder(graph.name)
    known: dict[int, tfl.Tensor] = {}

    def range_of(number: int) -> tfl.Quant:
        return tfl.range_quant(
            min(float(values[number].min()) for values in seen), max(float(values[number].max()) for values in seen)
        )

    (first,) = graph.inputs
    known[first] = builder.input(graph.tensors[first].shape, quant=range_of(first), name=graph.tensors[first].name)
    for op in graph.ops:
        known[op.outputs[0]] = _layer(builder, graph, op, [known[n] for n in op.inputs if n in known], range_of)
    return builder.build([known[graph.outputs[0]]])


def _layer(builder: tfl.Builder, graph: Graph, op: Op, inputs: list[tfl.Tensor], range_of: Any) -> tfl.Tensor:
    kind, name, out = op.kind.removesuffix("_float32"), graph.tensors[op.outputs[0]].name, op.outputs[0]
    activation = {np.inf: "NONE", 6.0: "RELU6"}[op.attrs.get("act_max", np.inf)]
    if activation == "NONE" and op.attrs.get("act_min") == 0.0:
        activation = "RELU"
    options: dict[str, Any] = {"name": name}
    if "kernel" in op.attrs:
        padded = any(any(sides) for sides in op.attrs["padding"])
        options |= {"stride": op.attrs["stride"], "padding": "SAME" if padded else "VALID"}
    if kind in ("conv_2d", "depthwise_conv_2d", "fully_connected"):
        axis = {"conv_2d": 0, "depthwise_conv_2d": 3, "fully_connected": 0}[kind]
        data = [graph.tensors[number].data for number in op.inputs[1:]]
        weights, weight_quant = tfl.quantize_weights(data[0], axis)
        assert inputs[0].quant is not None
        bias = tfl.quantize_bias(data[1], inputs[0].quant, weight_quant) if len(data) > 1 else None
        if kind != "fully_connected":
            options["dilation"] = op.attrs["dilation"]
        x = inputs[0]
        if kind == "fully_connected":
            x = builder.reshape(x, (1, -1), name=f"{name}/flat")
        layer = getattr(builder, kind)
        return layer(x, weights, bias, weight_quant, range_of(out), activation=activation, **options)
    if kind in ("average_pool_2d", "max_pool_2d"):
        return getattr(builder, kind)(inputs[0], op.attrs["kernel"], **options)
    if kind in ("add", "mul"):
        return getattr(builder, kind)(*inputs, range_of(out), activation=activation, name=name)
    if kind == "mean":
        return builder.mean(inputs[0], op.attrs["axes"], range_of(out), op.attrs["keep_dims"], name=name)
    if kind == "softmax":
        return builder.softmax(inputs[0], name=name)
    raise ValueError(f"no int8 layer is known for op {op.kind!r}; add it here")


def stored_values(graph: Graph, image: Array) -> dict[int, Array]:
    """Every tensor of an int8 graph for one image, by the ops' references."""
    found: dict[int, Array] = {graph.inputs[0]: image}

    def value(number: int) -> Array:
        tensor = graph.tensors[number]
        if number in graph.views:
            return value(graph.views[number]).reshape(tensor.shape)
        if number not in found:
            assert tensor.data is not None
            found[number] = tensor.data
        return found[number]

    for op in graph.ops:
        results = op_def(op.kind).reference(op, [value(number) for number in op.inputs])
        found |= dict(zip(op.outputs, results, strict=True))
    return found | {number: value(number) for number in graph.views}


def real_parameters(graph: Graph) -> dict[str, torch.Tensor]:
    """What weights and biases of an int8 graph stand for, ready to be trained, by name."""
    found: dict[str, torch.Tensor] = {}
    for op in graph.ops:
        for index, scales in parameter_scales(graph, op).items():
            tensor = graph.tensors[op.inputs[index]]
            assert tensor.data is not None
            found[tensor.name] = torch.tensor(tensor.data * scales, requires_grad=True, dtype=torch.float64)
    return found


def parameter_scales(graph: Graph, op: Op) -> dict[int, Array]:
    """Index into op.inputs of a parameter -> its scales, float64, of a shape that goes with its own."""
    if op.kind not in ("conv_2d", "depthwise_conv_2d", "fully_connected"):
        return {}
    weights = graph.tensors[op.inputs[1]]
    assert weights.quantization is not None
    scales = np.asarray(weights.quantization.scale, np.float64)
    last = op.kind == "depthwise_conv_2d"
    shape = [1] * (len(weights.shape) - 1)
    of_weights = scales.reshape([*shape, -1] if last else [-1, *shape])
    return {1: of_weights, 2: scales * graph.tensors[op.inputs[0]].scale} if len(op.inputs) > 2 else {1: of_weights}


def straight_through(graph: Graph, image: Array, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The logits of an int8 graph as real numbers.

    Each value is what the int8 graph computes; each gradient is that of the op on real numbers, where the output is
    between the limits of its clamp, and 0 elsewhere; the logits have no limits.
    """
    stored = stored_values(graph, image)
    reals: dict[int, torch.Tensor] = {}

    def value(number: int) -> torch.Tensor:
        tensor = graph.tensors[number]
        if number in graph.views:
            return value(graph.views[number]).reshape(tensor.shape)
        if tensor.name in parameters:
            return parameters[tensor.name]
        if number not in reals:
            reals[number] = torch.tensor(_real(graph, number, stored))
        return reals[number]

    logits = graph.ops[-1].inputs[0] if graph.ops[-1].kind == "softmax" else graph.outputs[0]
    for op in graph.ops:
        if op.kind == "softmax":
            break
        y = op.outputs[0]
        real = torch.tensor(_real(graph, y, stored))
        smooth = apply_op(op.kind, [value(number) for number in op.inputs], op.attrs).reshape(real.shape)
        limits = op.attrs.get("act_min", -128), op.attrs.get("act_max", 127)
        open_ended = graph.root(logits) == y or (op.kind.endswith("pool_2d") and limits == (-128, 127))
        passes = torch.tensor(open_ended | ((limits[0] < stored[y]) & (stored[y] < limits[1])))
        reals[y] = torch.where(passes, smooth + (real - smooth).detach(), real)
    return value(logits)


def _real(graph: Graph, number: int, stored: Mapping[int, Array]) -> Array:
    tensor = graph.tensors[number]
    return tensor.scale * (stored[number].astype(np.float64) - tensor.zero_point)
