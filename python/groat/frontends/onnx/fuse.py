# SPDX-License-Identifier: Apache-2.0
"""Nodes that our ops do at once, joined: BatchNormalization goes into the weights before it, Add of a vector behind a
MatMul is its bias, Relu and Clip are the clamp of the node before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from groat.frontends.onnx.qdq import Quantized
from groat.frontends.onnx.reader import Node, OnnxModel
from groat.graph.ir import Array

CLAMPED = {"Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "BatchNormalization"}
ALIASES = {"Identity", "Dropout"}


def without_aliases(model: OnnxModel) -> OnnxModel:
    """The model without nodes that hand on their input."""
    names: dict[str, str] = {}
    kept = []
    for node in model.nodes:
        node = replace(node, inputs=tuple(names.get(name, name) for name in node.inputs))
        x, y = node.input(0), node.outputs[0]
        same = node.op == "Cast" and model.dtypes.get(x, "?") == model.dtypes.get(y)
        training = node.op == "Dropout" and bool(model.constants.get(node.input(2), np.array(False)).any())
        if (node.op in ALIASES or same) and not training and (len(node.outputs) == 1 or node.outputs[1] == ""):
            names[y] = x
        else:
            kept.append(node)
    return model.with_nodes(kept, outputs=tuple(names.get(name, name) for name in model.outputs))


def clip_bounds(node: Node, constants: Mapping[str, Array]) -> tuple[float | None, float | None] | None:
    """What a node clamps to, None for no bound; None if it does not clamp to constants."""
    if node.op == "Relu":
        return 0.0, None
    if node.op != "Clip" or any(name and name not in constants for name in node.inputs[1:]):
        return None
    low, high = (float(constants[name].item()) if name else None for name in (node.input(1), node.input(2)))
    if low is not None and high is not None and low > high:
        low = high
    return low, high


def fused(quantized: Quantized) -> Quantized:
    """The model with joined nodes."""
    for join in (_join_batch_normalization, _join_bias, _join_clamp):
        quantized = _joined(quantized, join)
    return quantized


Join = Callable[[Quantized, Node, Node, dict[str, Array]], Node | None]


def _joined(quantized: Quantized, join: Join) -> Quantized:
    """Each node with the one behind it, if that is its only reader and nothing is rounded in between."""
    model = quantized.model
    constants = dict(model.constants)
    readers: dict[str, int] = dict.fromkeys(model.outputs, 1)
    for node in model.nodes:
        for name in node.inputs:
            readers[name] = readers.get(name, 0) + 1
    kept: list[Node] = []
    for node in model.nodes:
        names = [name for name in node.inputs if name and name not in constants]
        before = next((other for other in reversed(kept) if names and names[0] in other.outputs), None)
        if before is not None and len(names) == 1 and readers[names[0]] == 1 and len(before.outputs) == 1:
            one = join(quantized, before, node, constants) if names[0] not in quantized.quantizations else None
            if one is not None:
                kept[kept.index(before)] = replace(one, outputs=node.outputs)
                continue
        kept.append(node)
    return replace(quantized, model=model.with_nodes(kept, constants=constants))


def _with_constants(node: Node, constants: dict[str, Array], arrays: Mapping[int, Array]) -> Node:
    """The node with new constants as inputs."""
    inputs = [*node.inputs] + [""] * (max(arrays) + 1 - len(node.inputs))
    for index, array in arrays.items():
        inputs[index] = f"{node.outputs[0]}.input{index}"
        constants[inputs[index]] = array
    return replace(node, inputs=tuple(inputs))


def batch_normalization(node: Node, constants: Mapping[str, Array]) -> tuple[Array, Array] | None:
    """(factor, offset) of each channel; None if they are no constants."""
    if len(node.inputs) != 5 or any(name not in constants for name in node.inputs[1:]):
        return None
    gamma, beta, mean, variance = (constants[name].astype(np.float64) for name in node.inputs[1:])
    factor = gamma / np.sqrt(variance + node.attrs.get("epsilon", 1e-5))
    return factor, beta - mean * factor


def _join_batch_normalization(
    quantized: Quantized, before: Node, node: Node, constants: dict[str, Array]
) -> Node | None:
    if node.op != "BatchNormalization" or before.op not in ("Conv", "ConvTranspose") or "clamp" in before.attrs:
        return None
    rows = batch_normalization(node, constants)
    names = [name for name in before.inputs[1:] if name]
    if rows is None or any(name not in constants or name in quantized.quantizations for name in names):
        return None
    factor, offset = rows
    weights = constants[before.inputs[1]]
    bias = constants[before.input(2)].astype(np.float64) if before.input(2) else np.zeros(len(factor))
    if before.op == "Conv":
        scaled = weights * factor.reshape(-1, *[1] * (weights.ndim - 1))
    else:  # [c, out_c / groups, …]
        groups = before.attrs.get("group", 1)
        by_group = weights.reshape(groups, -1, *weights.shape[1:])
        scaled = by_group * factor.reshape(groups, 1, -1, *[1] * (weights.ndim - 2))
    arrays = {1: scaled.reshape(weights.shape).astype(np.float32), 2: (bias * factor + offset).astype(np.float32)}
    return _with_constants(before, constants, arrays)


def _join_bias(quantized: Quantized, before: Node, node: Node, constants: dict[str, Array]) -> Node | None:
    if node.op != "Add" or before.op != "MatMul" or len(before.inputs) != 2 or before.inputs[1] not in constants:
        return None
    name = next((name for name in node.inputs if name in constants), "")
    weights = constants[before.inputs[1]]
    if not name or weights.ndim != 2 or constants[name].size != weights.shape[1]:
        return None
    if constants[name].shape[-1:] != weights.shape[1:]:
        return None
    return replace(before, inputs=(*before.inputs, name))


def _join_clamp(quantized: Quantized, before: Node, node: Node, constants: dict[str, Array]) -> Node | None:
    bounds = clip_bounds(node, constants)
    products = before.op == "MatMul" and before.inputs[1] not in constants
    if bounds is None or before.op not in CLAMPED or "clamp" in before.attrs or products:
        return None
    attrs: dict[str, Any] = {**before.attrs, "clamp": bounds}
    return replace(before, attrs=attrs)
