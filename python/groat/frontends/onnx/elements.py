# SPDX-License-Identifier: Apache-2.0
"""Importers of nodes that compute element by element, along an axis, or with a matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from groat.frontends.onnx.emitter import Emitter, placed
from groat.frontends.onnx.fuse import clip_bounds
from groat.frontends.onnx.images import bias_constant, clamp_of, constant_weights, integer_weights
from groat.frontends.onnx.layout import Order, groups_of, is_sorted, natural
from groat.frontends.onnx.reader import Node
from groat.graph import Quantization
from groat.graph.ir import Array
from groat.ops.base import Unsupported

SOFTMAX_INT8 = Quantization((1 / 256,), (-128,))

# ---- Functions of one value ------------------------------------------------------------------------------

Function = Callable[[Array], Array]


def tabulated(to: Emitter, x: int, name: str, function: Function) -> int:
    """A table of a function for each of the 256 values of an int8 tensor, rounded as QuantizeLinear does."""
    source, target = to.tensors[x].quantization, to.quantizations[name]
    assert source is not None
    steps = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.float64)
    with np.errstate(all="ignore"):
        values = function((steps - source.zero_point[0]) * np.float32(source.scale[0]))
        stored = np.rint(np.float32(values) / np.float32(target.scale[0])) + target.zero_point[0]
    table = np.clip(np.nan_to_num(stored), -128, 127).astype(np.int8).view(np.uint8)
    y = to.add_tensor(name, to.tensors[x].shape, target)
    return to.op("lut", [x], y, {"table": table, "dtype": "int8"})


def function_of(to: Emitter, node: Node, function: Function, kind: str, attrs: dict[str, Any]) -> None:
    """y = function(x): a table of int8, or an op of floats."""
    value = to.value(node.inputs[0])
    name = node.outputs[0]
    if to.integers:
        y = tabulated(to, value.number, name, function)
    else:
        y = to.op(kind, [value.number], to.add_tensor(name, to.tensors[value.number].shape, None), attrs)
    to.keep(name, replace(value, number=y))


def clamp(to: Emitter, node: Node) -> None:
    """Relu and Clip."""
    bounds = clip_bounds(node, to.model.constants)
    if bounds is None:
        raise Unsupported("its bounds are computed at run time; expected constants")
    low = -math.inf if bounds[0] is None else bounds[0]
    high = math.inf if bounds[1] is None else bounds[1]
    attrs = {"act_min": float(np.float32(low)), "act_max": float(np.float32(high))}
    function_of(to, node, lambda x: np.clip(x, low, high), "clamp_float32", attrs)


def sigmoid(to: Emitter, node: Node) -> None:
    function_of(to, node, lambda x: 1 / (1 + np.exp(-x)), "sigmoid_float32", {"tanh": 0})


def tanh(to: Emitter, node: Node) -> None:
    function_of(to, node, np.tanh, "sigmoid_float32", {"tanh": 1})


# ---- Two operands ----------------------------------------------------------------------------------------


def broadcast_order(to: Emitter, names: Sequence[str], rank: int) -> Order:
    """The order of dimensions in which most of the operands can be read without moving them."""
    computed = [name for name in names if name not in to.model.constants and len(to.shape(name)) == rank]
    if not computed:
        return natural(rank)
    return to.order(max(computed, key=lambda name: math.prod(to.shape(name))))


def read_operand(to: Emitter, name: str, order: Order) -> int:
    """An operand with its dimensions in an order of more dimensions, those that it lacks being 1."""
    shape = to.shape(name)
    missing = len(order) - len(shape)
    padded = (1,) * missing + shape
    own = tuple(axis - missing for axis in order if axis >= missing)
    return to.read(name, own, tuple(padded[axis] for axis in order))


def require_rounded_constants(to: Emitter, node: Node) -> None:
    """Turns to floats if a constant operand is not rounded as a whole."""
    for name in node.inputs:
        quantization = to.quantizations.get(name)
        if name in to.model.constants and (quantization is None or not quantization.per_tensor):
            to.integers = False


def elementwise(operator: str) -> Callable[[Emitter, Node], None]:
    """The importer of a node of two operands that TFLite has too."""

    def importer(to: Emitter, node: Node) -> None:
        require_rounded_constants(to, node)
        name = node.outputs[0]
        shape = to.shape(name)
        order = broadcast_order(to, node.inputs, len(shape))
        inputs = [read_operand(to, operand, order) for operand in node.inputs]
        out = tuple(shape[axis] for axis in order)
        y = to.add_tensor(name, out, to.quantization(name))
        to.operator(operator, inputs, y, {"FusedActivationFunction": clamp_of(node)})
        to.write(name, y, order)

    return importer


# ---- Along axes ------------------------------------------------------------------------------------------


def axes_of(to: Emitter, node: Node, rank: int) -> tuple[int, ...]:
    """The axes of a reduction: an attribute, or an input in newer opsets."""
    axes = node.attrs.get("axes")
    if axes is None and node.input(1):
        value = to.constant(node.inputs[1])
        if value is None:
            raise Unsupported("its axes are computed at run time; expected a constant")
        axes = value.ravel().tolist()
    if not axes:
        return () if node.attrs.get("noop_with_empty_axes", 0) else natural(rank)
    return tuple(sorted({int(axis) % rank for axis in axes}))


def mean(to: Emitter, node: Node) -> None:
    """ReduceMean and GlobalAveragePool."""
    name, shape = node.inputs[0], to.shape(node.inputs[0])
    rank = len(shape)
    whole = node.op == "GlobalAveragePool"
    axes = tuple(range(2, rank)) if whole else axes_of(to, node, rank)
    keep = whole or bool(node.attrs.get("keepdims", 1))
    order = to.order(name)
    if not axes:
        to.keep(node.outputs[0], to.value(name))
        return
    x = to.read(name, order)
    left = [axis for axis in order if axis not in axes]
    out = [1 if axis in axes else shape[axis] for axis in order if keep or axis not in axes]
    where = to.add_constant(np.array(placed(axes, order), np.int32), "axes")
    y = to.add_tensor(node.outputs[0], out, to.quantization(node.outputs[0]))
    to.operator("MEAN", [x, where], y, {"KeepDims": keep})
    ranks = {axis: i for i, axis in enumerate(sorted(left))}
    to.write(node.outputs[0], y, order if keep else tuple(ranks[axis] for axis in left))


def softmax(to: Emitter, node: Node) -> None:
    name, rank = node.inputs[0], len(to.shape(node.inputs[0]))
    axis = node.attrs.get("axis", -1) % rank
    order = to.order(name)
    if order[-1] != axis:
        order = (*(other for other in order if other != axis), axis)
    x = to.read(name, order)
    y = to.add_tensor(node.outputs[0], to.tensors[x].shape, SOFTMAX_INT8 if to.integers else None)
    to.write(node.outputs[0], to.operator("SOFTMAX", [x], y, {"Beta": 1.0}), order)


# ---- Matrices --------------------------------------------------------------------------------------------


def dense(to: Emitter, node: Node, transpose_a: bool, weights: Array, bias: str) -> None:
    """y [rows, out_c] = x [rows, depth] times weights [out_c, depth], as the node computes with them.

    Where x is an image that was flattened, its channels last, the columns of the weights are reordered instead of x.
    """
    name, out_c, depth = node.inputs[0], *weights.shape
    value = to.value(name)
    rows = math.prod(value.shape) // depth
    groups = groups_of(value.factors, (rows, depth))
    quantization = to.quantization(node.inputs[1])
    if quantization is not None:
        quantization = replace(quantization, axis=0)
    if transpose_a:
        x = to.read(name, (1, 0), (rows, depth))
    elif groups is not None and not is_sorted(groups[1]) and is_sorted(groups[0]) and _before(groups):
        sizes = [size for size, _ in groups[1]]
        in_memory = sorted(range(len(sizes)), key=lambda i: groups[1][i][1])
        weights = weights.reshape(out_c, *sizes).transpose(0, *(1 + i for i in in_memory)).reshape(out_c, depth)
        x = to.reshaped(value.number, (rows, depth))
    else:
        x = to.read(name, None, (rows, depth))
    inputs = [x, to.add_constant(weights, node.inputs[1], quantization)]
    inputs += bias_constant(to, bias, x, quantization, out_c)
    y = to.add_tensor(node.outputs[0], (rows, out_c), to.quantization(node.outputs[0]))
    to.write(node.outputs[0], to.operator("FULLY_CONNECTED", inputs, y, {"FusedActivationFunction": clamp_of(node)}))


def _before(groups: list[list[tuple[int, float]]]) -> bool:
    """Whether rows are slower in memory than what they hold."""
    return not groups[0] or max(place for _, place in groups[0]) < min(place for _, place in groups[1])


def gemm(to: Emitter, node: Node) -> None:
    attrs = node.attrs
    alpha, beta = attrs.get("alpha", 1.0), attrs.get("beta", 1.0)
    transposed = bool(attrs.get("transB", 0))
    if to.constant(node.inputs[1]) is None:
        raise Unsupported("its second matrix is computed at run time; expected a constant")
    bias, addend = node.input(2), to.floats(node.input(2))
    vector = bias == "" or (addend is not None and addend.size in (1, addend.shape[-1] if addend.ndim else 1))
    to.integers = (
        to.integers and alpha == beta == 1 and vector and integer_weights(to, node.inputs[1], 0 if transposed else 1)
    )
    weights = constant_weights(to, node.inputs[1])
    weights = weights if transposed else weights.T
    if not to.integers and alpha != 1:
        weights = weights * np.float32(alpha)
    if not bias or (vector and beta == 1):
        dense(to, node, bool(attrs.get("transA", 0)), weights, bias)
        return
    # The rest is a product, and a sum with whatever broadcasts to it.
    without = replace(node, attrs={name: value for name, value in attrs.items() if name != "clamp"})
    quantization = to.quantizations.get(node.outputs[0])
    dense(to, without, bool(attrs.get("transA", 0)), weights, "")
    product = to.values[node.outputs[0]].number
    if quantization is not None:
        raise Unsupported("its sum is rounded, but its third matrix is no vector of constants")
    factor = np.float32(beta)
    other = to.read(bias) if addend is None else to.add_constant(addend * factor, bias)
    if addend is None and beta != 1:
        scale = to.add_constant(factor.reshape(1), "beta")
        other = to.operator("MUL", [other, scale], to.like(other, "scaled"))
    options = {"FusedActivationFunction": clamp_of(node)}
    to.write(node.outputs[0], to.operator("ADD", [product, other], to.like(product, "sum"), options))


def matmul(to: Emitter, node: Node) -> None:
    weights = to.constant(node.inputs[1])
    if weights is None:
        raise Unsupported("its second matrix is computed at run time; expected a constant")
    if weights.ndim != 2:
        raise Unsupported(f"its second matrix has shape {list(weights.shape)}; expected 2 dimensions")
    to.integers = to.integers and integer_weights(to, node.inputs[1], 1)
    dense(to, node, False, constant_weights(to, node.inputs[1]).T, node.input(2))
