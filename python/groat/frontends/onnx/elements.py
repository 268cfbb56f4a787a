# SPDX-License-Identifier: Apache-2.0
"""Importers of nodes that compute element by element, along an axis, or with a matrix."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from groat.frontends.onnx.emitter import Emitter, placed
from groat.frontends.onnx.fuse import clip_bounds
from groat.frontends.onnx.images import bias_constant, clamp_of, constant_weights, integer_weights
from groat.frontends.onnx.layout import Order, Value, groups_of, is_sorted, natural
from groat.frontends.onnx.reader import Node
from groat.graph import Quantization
from groat.graph.ir import Array
from groat.ops.base import Shape, Unsupported
from groat.ops.matrices import several
from groat.ops.unary_float32 import apply, function_attrs

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


def unary(function: str) -> Callable[[Emitter, Node], None]:
    """The importer of a node that is a function of groat.ops.unary_float32."""

    def importer(to: Emitter, node: Node) -> None:
        name = "gelu_tanh" if function == "gelu" and node.attrs.get("approximate", "none") == "tanh" else function
        attrs = function_attrs(name, node.attrs.get("alpha"), node.attrs.get("beta"))
        function_of(to, node, lambda x: apply(attrs, x.astype(np.float32)), "unary_float32", attrs)

    return importer


def prelu(to: Emitter, node: Node) -> None:
    """max(x, 0) + slope * min(x, 0); one slope for all is a LeakyRelu."""
    slope = to.floats(node.inputs[1])
    if slope is None:
        raise Unsupported("its slope is computed at run time; expected a constant")
    if slope.size == 1:
        unary("leaky_relu")(to, replace(node, inputs=node.inputs[:1], attrs={"alpha": float(slope.ravel()[0])}))
        return
    to.integers = False
    order = broadcast_order(to, node.inputs, len(to.shape(node.outputs[0])))
    x = to.read(node.inputs[0], order)
    limits = {"act_min": 0.0, "act_max": math.inf}, {"act_min": -math.inf, "act_max": 0.0}
    above, below = (to.op("clamp_float32", [x], to.like(x, "clamped"), bounds) for bounds in limits)
    scaled = to.operator("MUL", [below, read_operand(to, node.inputs[1], order)], to.like(x, "scaled"))
    to.write(node.outputs[0], to.operator("ADD", [above, scaled], to.like(x, "sum")), order)


def power(to: Emitter, node: Node) -> None:
    """With an exponent that takes a function or two products."""
    exponent = to.floats(node.inputs[1]) if to.constant(node.inputs[1]) is not None else None
    if exponent is None or exponent.size != 1 or float(exponent.ravel()[0]) not in (-1.0, -0.5, 0.5, 1.0, 2.0, 3.0):
        raise Unsupported("its exponent is not the constant -1, -0.5, 0.5, 1, 2 or 3")
    to.integers = False
    value, wanted = to.value(node.inputs[0]), float(exponent.ravel()[0])
    x = y = value.number
    for _ in range(int(wanted) - 1):
        y = to.operator("MUL", [y, x], to.like(x, "power"))
    for function in {-1.0: ("reciprocal",), 0.5: ("sqrt",), -0.5: ("sqrt", "reciprocal")}.get(wanted, ()):
        y = to.op("unary_float32", [y], to.like(x, function), function_attrs(function))
    to.keep(node.outputs[0], replace(value, number=y))


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


def of_many(operator: str) -> Callable[[Emitter, Node], None]:
    """The importer of a node of any number of operands, such as Max."""

    def importer(to: Emitter, node: Node) -> None:
        # Integers compare where all have one scale.
        one = len({to.quantizations.get(name) for name in (*node.inputs, node.outputs[0])}) == 1
        to.integers = to.integers and one
        rank = len(to.shape(node.outputs[0]))
        order = broadcast_order(to, node.inputs, rank)
        y = read_operand(to, node.inputs[0], order)
        for name in node.inputs[1:]:
            other = read_operand(to, name, order)
            out = np.broadcast_shapes(to.tensors[y].shape, to.tensors[other].shape)
            y = to.operator(operator, [y, other], to.like(y, "of_many", out))
        to.write(node.outputs[0], y, order)

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


def total(to: Emitter, x: int, axes: Sequence[int]) -> int:
    """The sum of a tensor over axes, which stay with size 1."""
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(to.tensors[x].shape))
    return to.op("sum_to_float32", [x], to.like(x, "sum", shape), {"shape": shape})


def largest(to: Emitter, x: int, axes: Sequence[int]) -> int:
    """The maximum of a tensor over neighbouring axes, which stay with size 1: a pool whose window is all of them."""
    shape = to.tensors[x].shape
    first, last = min(axes), max(axes)
    if len(axes) != last - first + 1:
        raise Unsupported(f"axes {list(axes)} of {list(shape)} are no neighbours in memory")
    sizes = [math.prod(part) for part in (shape[:first], shape[first : last + 1], shape[last + 1 :])]
    image = to.reshaped(x, (sizes[0], sizes[1], 1, sizes[2]))
    options = {"StrideH": 1, "StrideW": 1, "FilterHeight": sizes[1], "FilterWidth": 1}
    y = to.operator("MAX_POOL_2D", [image], to.like(image, "largest", (sizes[0], 1, 1, sizes[2])), options)
    return to.reshaped(y, [1 if axis in axes else size for axis, size in enumerate(shape)])


def reduction(
    reduce: Callable[[Emitter, int, Sequence[int]], int], square: bool = False, root: bool = False
) -> Callable[[Emitter, Node], None]:
    """The importer of a node that reduces axes."""

    def importer(to: Emitter, node: Node) -> None:
        to.integers = False
        shape = to.shape(node.inputs[0])
        axes = axes_of(to, node, len(shape))
        order = to.order(node.inputs[0])
        where = sorted(placed(axes, order))
        if axes and reduce is largest and where[-1] - where[0] >= len(where):
            order = (*(axis for axis in order if axis not in axes), *(axis for axis in order if axis in axes))
        x = to.read(node.inputs[0], order)
        if square:
            x = to.operator("MUL", [x, x], to.like(x, "square"))
        y = reduce(to, x, placed(axes, order)) if axes else x
        if root:
            y = to.op("unary_float32", [y], to.like(y, "root"), function_attrs("sqrt"))
        kept = [axis for axis in order if axis not in axes]
        ranks = {axis: i for i, axis in enumerate(sorted(kept))}
        to.write(node.outputs[0], y, order if node.attrs.get("keepdims", 1) else tuple(ranks[axis] for axis in kept))

    return importer


def log_softmax(to: Emitter, node: Node) -> None:
    """x - m - log(sum of exp(x - m)), m the largest."""
    to.integers = False
    name, rank = node.inputs[0], len(to.shape(node.inputs[0]))
    axis = node.attrs.get("axis", -1) % rank
    order = to.order(name)
    x, where = to.read(name, order), placed([axis], order)
    apart = to.operator("SUB", [x, largest(to, x, where)], to.like(x, "apart"))
    exponential = to.op("unary_float32", [apart], to.like(x, "exp"), function_attrs("exp"))
    sums = total(to, exponential, where)
    log = to.op("unary_float32", [sums], to.like(sums, "log"), function_attrs("log"))
    to.write(node.outputs[0], to.operator("SUB", [apart, log], to.like(x, "log_softmax")), order)


def rms_norm(to: Emitter, node: Node) -> None:
    """x / sqrt(mean of x * x + epsilon) * scale, over the last dimensions."""
    to.integers = False
    name, shape = node.inputs[0], to.shape(node.inputs[0])
    axes = natural(len(shape))[node.attrs.get("axis", -1) % len(shape) :]
    order = to.order(name)
    x, where = to.read(name, order), placed(axes, order)
    square = to.operator("MUL", [x, x], to.like(x, "square"))
    sizes = [1 if at in where else size for at, size in enumerate(to.tensors[x].shape)]
    places = to.add_constant(np.array(where, np.int32), "axes")
    average = to.operator("MEAN", [square, places], to.like(x, "mean", sizes), {"KeepDims": True})
    epsilon = to.add_constant(np.array([node.attrs.get("epsilon", 1e-5)], np.float32), "epsilon")
    average = to.operator("ADD", [average, epsilon], to.like(average, "epsilon"))
    root = to.op("unary_float32", [average], to.like(average, "root"), function_attrs("sqrt"))
    y = to.operator("DIV", [x, root], to.like(x, "normalized"))
    scaled = [y, read_operand(to, node.inputs[1], order)]
    to.write(node.outputs[0], to.operator("MUL", scaled, to.like(x, "scaled")), order)


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


def strided(to: Emitter, value: Value, dims: Shape) -> tuple[int, tuple[int, int, int]]:
    """(a tensor, the strides in it) of a value as three dimensions; it is moved only if it has none."""
    groups = groups_of(value.factors, dims)
    if groups is not None:
        # A factor's stride is all that comes behind it in memory.
        flat = sorted((factor for group in groups for factor in group), key=lambda factor: factor[1])
        strides, step = {}, 1
        for size, place in reversed(flat):
            strides[place] = step
            step *= size
        found = []
        for group in groups:
            steps = [(size, strides[place]) for size, place in group]
            even = all(a[1] == b[0] * b[1] for a, b in itertools.pairwise(steps))
            found.append(steps[-1][1] if steps and even else 0 if not steps else -1)
        if min(found) >= 0:
            return value.number, (found[0], found[1], found[2])
    number = to.read_value(value, natural(len(value.shape)))
    return number, (dims[1] * dims[2] if dims[0] > 1 else 0, dims[2], 1)


def product(to: Emitter, a: Value, b: Value, name: str) -> int:
    """The product of two values, of matrices in their last two dimensions; a vector is a row, or a column."""
    left = a.shape if len(a.shape) > 1 else (1, *a.shape)
    right = b.shape if len(b.shape) > 1 else (*b.shape, 1)
    counts = [math.prod(shape[:-2]) for shape in (left, right)]
    batches = math.prod(np.broadcast_shapes(left[:-2], right[:-2]))
    if any(count not in (1, batches) for count in counts):
        raise Unsupported(f"matrices {list(left)} and {list(right)} repeat in some dimensions; expected all, or none")
    rows, depth, columns = left[-2], left[-1], right[-1]
    x, a_strides = strided(to, a, (counts[0], rows, depth))
    y, b_strides = strided(to, b, (counts[1], depth, columns))
    out = (batches, rows, columns)
    attrs = {"batches": batches, "rows": rows, "depth": depth, "columns": columns, "out_shape": out}
    attrs |= {"a_strides": a_strides, "b_strides": b_strides}
    result = to.add_tensor(name, out, to.quantization(name))
    return to.operator("BATCH_MATMUL", [x, y], result, {"Matrices": several(attrs)})


def gemm_computed(to: Emitter, node: Node) -> None:
    """alpha A B + beta C of matrices that are computed."""
    to.integers = False
    attrs = node.attrs
    values = [to.value(name) for name in node.inputs[:2]]
    a, b = (
        to.permuted(value, (1, 0)) if attrs.get(flag, 0) else value
        for value, flag in zip(values, ("transA", "transB"), strict=True)
    )
    y = product(to, a, b, node.outputs[0])
    y = to.reshaped(y, to.tensors[y].shape[1:])
    for factor, name in ((attrs.get("alpha", 1.0), ""), (attrs.get("beta", 1.0), node.input(2))):
        other = to.read(name) if name else y
        if (name or factor != 1) and factor != 1:
            scale = to.add_constant(np.array([factor], np.float32), "factor")
            other = to.operator("MUL", [other, scale], to.like(other, "scaled"))
        y = to.operator("ADD", [y, other], to.like(y, "sum")) if name else other
    if "clamp" in attrs:
        low, high = attrs["clamp"]
        bounds = {"act_min": -math.inf if low is None else low, "act_max": math.inf if high is None else high}
        y = to.op("clamp_float32", [y], to.like(y, "clamped"), bounds)
    to.write(node.outputs[0], y)


def gemm(to: Emitter, node: Node) -> None:
    attrs = node.attrs
    alpha, beta = attrs.get("alpha", 1.0), attrs.get("beta", 1.0)
    transposed = bool(attrs.get("transB", 0))
    if to.constant(node.inputs[1]) is None:
        gemm_computed(to, node)
        return
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
    if weights is None or weights.ndim != 2:
        require_rounded_constants(to, node)
        y = product(to, to.value(node.inputs[0]), to.value(node.inputs[1]), node.outputs[0])
        if "clamp" in node.attrs or node.input(2):
            raise Unsupported("its bias or clamp is fused, but both matrices are computed")
        to.write(node.outputs[0], y)
        return
    to.integers = to.integers and integer_weights(to, node.inputs[1], 1)
    dense(to, node, False, constant_weights(to, node.inputs[1]).T, node.input(2))
