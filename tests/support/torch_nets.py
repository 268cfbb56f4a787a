# SPDX-License-Identifier: Apache-2.0
"""Graphs of floats in PyTorch: what a step of training must do, by another implementation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from groat.graph import Graph


def parameters_of(graph: Graph, names: list[str]) -> dict[str, torch.Tensor]:
    """The constants of these names, ready to be trained."""
    by_name = {tensor.name: tensor.data for tensor in graph.tensors.values() if tensor.data is not None}
    return {name: torch.tensor(by_name[name].astype(np.float32), requires_grad=True) for name in names}


def forward(graph: Graph, image: Any, parameters: Mapping[str, torch.Tensor], logits: bool = True) -> torch.Tensor:
    """The output of a graph of floats, or what its last softmax reads."""
    return values_of(graph, image, parameters, logits)[graph.outputs[0]]


def values_of(
    graph: Graph, image: Any, parameters: Mapping[str, torch.Tensor], logits: bool = False
) -> dict[int, torch.Tensor]:
    """All tensors of a graph of floats; with `logits`, that of a softmax is what it reads."""
    values: dict[int, torch.Tensor] = {graph.inputs[0]: torch.as_tensor(image)}

    def value(number: int) -> torch.Tensor:
        tensor = graph.tensors[number]
        if number in graph.views:
            return value(graph.views[number]).reshape(tensor.shape)
        if number not in values:
            assert tensor.data is not None
            values[number] = parameters.get(tensor.name, torch.tensor(tensor.data.astype(np.float32)))
        return values[number]

    for op in graph.ops:
        inputs = [value(number) for number in op.inputs]
        kind = op.kind.removesuffix("_float32")
        if kind == "softmax" and logits:
            result = inputs[0]
        else:
            result = torch.clamp(apply_op(kind, inputs, op.attrs), *_limits(op.attrs))
        values[op.outputs[0]] = result.reshape(graph.tensors[op.outputs[0]].shape)
    return values | {number: value(number) for number in graph.views}


def _limits(attrs: Mapping[str, Any]) -> tuple[float, float]:
    return attrs.get("act_min", -np.inf), attrs.get("act_max", np.inf)


def _padded(x: torch.Tensor, attrs: Mapping[str, Any], value: float = 0.0) -> torch.Tensor:
    (top, bottom), (left, right) = attrs["padding"]
    return functional.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom), value=value)


def apply_op(kind: str, inputs: list[torch.Tensor], attrs: Mapping[str, Any]) -> torch.Tensor:
    """What an op computes from real numbers, but for its clamp."""
    x = inputs[0]
    bias = inputs[2] if len(inputs) > 2 else None
    if kind in ("conv_2d", "depthwise_conv_2d"):
        channels = x.shape[3]
        depthwise = kind == "depthwise_conv_2d"
        weights = inputs[1].permute(3, 0, 1, 2) if depthwise else inputs[1].permute(0, 3, 1, 2)
        groups = channels if depthwise else attrs["groups"]
        y = functional.conv2d(
            _padded(x, attrs), weights, bias, stride=attrs["stride"], dilation=attrs["dilation"], groups=groups
        )
        return y.permute(0, 2, 3, 1)
    if kind == "fully_connected":
        return functional.linear(x.reshape(-1, inputs[1].shape[1]), inputs[1], bias)
    if kind == "max_pool_2d":
        y = functional.max_pool2d(_padded(x, attrs, -np.inf), attrs["kernel"], attrs["stride"])
        return y.permute(0, 2, 3, 1)
    if kind == "average_pool_2d":
        sums = functional.avg_pool2d(_padded(x, attrs), attrs["kernel"], attrs["stride"])
        count = functional.avg_pool2d(_padded(torch.ones_like(x), attrs), attrs["kernel"], attrs["stride"])
        return (sums / count).permute(0, 2, 3, 1)
    if kind == "mean":
        return x.mean(dim=attrs["axes"])
    if kind == "add":
        return x + inputs[1]
    if kind == "mul":
        return x * inputs[1]
    if kind in ("clamp", "reshape"):
        return x
    if kind == "softmax":
        return torch.softmax(x * attrs["beta"], dim=-1)
    raise ValueError(f"no counterpart in PyTorch is known for op {kind!r}; add it here")
