# SPDX-License-Identifier: Apache-2.0
"""Importers of nodes that slide windows over images, or normalise their channels.

A signal [n, c, w] is an image of height 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from groat.frontends.onnx.emitter import Emitter, require_places
from groat.frontends.onnx.fuse import batch_normalization
from groat.frontends.onnx.layout import Value, channels_last, groups_of, is_sorted, natural
from groat.frontends.onnx.reader import Node
from groat.graph import Quantization
from groat.graph.ir import Array
from groat.ops.arithmetic import LIMITS
from groat.ops.base import Shape, Unsupported
from groat.ops.window import extent, same_padding

Pairs = tuple[tuple[int, int], tuple[int, int]]


def as_image(shape: Shape) -> Shape:
    """[n, c, h, w] or [n, c, w] as [n, h, w, c]."""
    n, c, *sides = shape
    return (n, *[1] * (2 - len(sides)), *sides, c)


def read_image(to: Emitter, name: str) -> int:
    """A tensor [n, h, w, c]."""
    shape = to.shape(name)
    if len(shape) not in (3, 4):
        raise Unsupported(f"its input has {len(shape)} dimensions; expected 3 or 4, of signals and images")
    return to.read(name, channels_last(len(shape)), as_image(shape))


def image_out(to: Emitter, name: str, quantization: Quantization | None) -> int:
    """A tensor [n, h, w, c] for a value."""
    return to.add_tensor(name, as_image(to.shape(name)), quantization)


def write_image(to: Emitter, name: str, number: int) -> None:
    to.write(name, number, channels_last(len(to.shape(name))))


def clamp_of(node: Node) -> Any:
    """The fused activation, for TFLite's option."""
    return node.attrs.get("clamp", "NONE")


@dataclass(frozen=True)
class Window:
    """How a node's window goes over an image; heights first."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: Pairs

    @property
    def options(self) -> dict[str, Any]:
        """As options of TFLite."""
        names = ("StrideH", "StrideW", "DilationHFactor", "DilationWFactor", "FilterHeight", "FilterWidth")
        return {
            **dict(zip(names, (*self.stride, *self.dilation, *self.kernel), strict=True)),
            "Padding": self.padding,
        }


def window_of(node: Node, sides: Shape, kernel: Shape, transposed: Shape | None = None) -> Window:
    """The window of a node over an input with so many rows and columns; `transposed`: those of the output that it is
    the gradient of."""
    rank = len(sides)
    if rank not in (1, 2):
        raise Unsupported(f"it slides over {rank} dimensions; expected 1 or 2")
    attrs = node.attrs
    kernel = tuple(attrs.get("kernel_shape", kernel))
    stride, dilation = (tuple(attrs.get(name, [1] * rank)) for name in ("strides", "dilations"))
    pads, auto = list(attrs.get("pads", [0] * 2 * rank)), attrs.get("auto_pad", "NOTSET")
    if not len(kernel) == len(stride) == len(dilation) == len(pads) // 2 == rank:
        raise Unsupported(f"its attributes do not fit {rank} dimensions")
    borders = list(zip(pads[:rank], pads[rank:], strict=True))
    reach = [extent(kernel[i], dilation[i]) for i in range(rank)]
    if transposed is not None and (auto.startswith("SAME") or "output_shape" in attrs):
        more = attrs.get("output_padding", [0] * rank)
        totals = [stride[i] * (sides[i] - 1) + more[i] + reach[i] - transposed[i] for i in range(rank)]
        borders = [(total // 2, total - total // 2) for total in totals]
    elif auto.startswith("SAME"):
        borders = [same_padding(sides[i], kernel[i], stride[i], dilation[i]) for i in range(rank)]
    if auto == "SAME_LOWER" or (transposed is not None and "output_shape" in attrs and auto != "SAME_UPPER"):
        borders = [(after, before) for before, after in borders]
    missing = 2 - rank

    def both(values: tuple[int, ...]) -> tuple[int, int]:
        return (1, values[0]) if missing else (values[0], values[1])

    top, left = ((0, 0), borders[0]) if missing else (borders[0], borders[1])
    return Window(both(kernel), both(stride), both(dilation), (top, left))


# ---- Convolutions ----------------------------------------------------------------------------------------


def bias_constant(to: Emitter, name: str, x: int, weights: Quantization | None, channels: int) -> list[int]:
    """The bias as an input of a layer: [] if there is none; int32 in steps of the input's scale times the weights'."""
    if not name:
        return []
    values = to.floats(name)
    if values is None:
        raise Unsupported(f"its bias {name!r} is computed at run time; expected a constant")
    values = np.broadcast_to(values.reshape(-1) if values.size > 1 else values.reshape(1), (channels,))
    if weights is None:
        return [to.add_constant(values.astype(np.float32), name)]
    scales = to.tensors[x].scale * np.array(weights.scale, np.float32).astype(np.float64)
    steps = np.rint(values.astype(np.float64) / scales)
    limits = np.iinfo(np.int32)
    return [to.add_constant(np.clip(steps, limits.min, limits.max).astype(np.int32), name)]


def integer_weights(to: Emitter, name: str, axis: int) -> bool:
    """Whether a layer can compute with integers: its weights are int8, with a scale for all or for each of an axis."""
    quantization, value = to.quantization(name), to.constant(name)
    fits = quantization is not None and value is not None and value.dtype == np.int8
    if fits and quantization is not None and not quantization.per_tensor and quantization.axis != axis:
        raise Unsupported(f"its weights have scales along axis {quantization.axis}; expected {axis}")
    return fits


def constant_weights(to: Emitter, name: str) -> Array:
    """As the node computes with them: int8, or float32."""
    value = to.constant(name) if to.integers else to.floats(name)
    if value is None:
        raise Unsupported(f"its weights {name!r} are computed at run time; expected a constant")
    return value


def conv(to: Emitter, node: Node) -> None:
    name, weights_name = node.inputs[:2]
    shape = to.shape(name)
    to.integers = to.integers and integer_weights(to, weights_name, 0)
    weights = constant_weights(to, weights_name)
    quantization = to.quantization(weights_name)
    window = window_of(node, shape[2:], weights.shape[2:])
    x = read_image(to, name)
    weights = weights.reshape(*weights.shape[:2], *window.kernel)
    depthwise = weights.shape[1] == 1 and node.attrs.get("group", 1) == shape[1] > 1
    weights = weights.transpose((1, 2, 3, 0) if depthwise else (0, 2, 3, 1))
    if quantization is not None:
        quantization = replace(quantization, axis=3 if depthwise else 0)
    inputs = [x, to.add_constant(weights, weights_name, quantization)]
    inputs += bias_constant(to, node.input(2), x, quantization, weights.shape[3 if depthwise else 0])
    y = image_out(to, node.outputs[0], to.quantization(node.outputs[0]))
    options = {**window.options, "FusedActivationFunction": clamp_of(node)}
    to.operator("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", inputs, y, options)
    write_image(to, node.outputs[0], y)


def conv_transpose(to: Emitter, node: Node) -> None:
    """It is the gradient of a convolution's input."""
    groups = node.attrs.get("group", 1)
    to.integers = to.integers and groups == 1 and integer_weights(to, node.inputs[1], 1)
    shape, out = to.shape(node.inputs[0]), as_image(to.shape(node.outputs[0]))
    weights = constant_weights(to, node.inputs[1])
    window = window_of(node, shape[2:], weights.shape[2:], to.shape(node.outputs[0])[2:])
    if window.dilation != (1, 1) and to.integers:
        to.integers = False
        weights = constant_weights(to, node.inputs[1])
    if min(min(pair) for pair in window.padding) < 0:
        raise Unsupported(f"its padding is {window.padding}; expected at least 0")
    x = read_image(to, node.inputs[0])
    weights = weights.reshape(*weights.shape[:2], *window.kernel).transpose(0, 2, 3, 1)
    if groups == 1 and window.dilation == (1, 1):
        quantization = to.quantization(node.inputs[1])
        if quantization is not None:
            quantization = replace(quantization, axis=0)
        layer = [x, to.add_constant(weights.transpose(3, 1, 2, 0), node.inputs[1], quantization)]
        layer += bias_constant(to, node.input(2), x, quantization, out[3])
        names = ("kernel", "stride", "dilation", "padding")
        how = {"Window": {name: getattr(window, name) for name in names}, "FusedActivationFunction": clamp_of(node)}
        y = image_out(to, node.outputs[0], to.quantization(node.outputs[0]))
        write_image(to, node.outputs[0], to.operator("TRANSPOSE_CONV", layer, y, how))
        return
    # Rows of the output that no window reaches: there the padding after it is less than nothing.
    attrs = {
        "kernel": window.kernel,
        "stride": window.stride,
        "dilation": window.dilation,
        "padding": window.padding,
        "groups": groups,
        "in_shape": out,
    }
    y = image_out(to, node.outputs[0], None)
    inputs = [to.add_constant(weights.astype(np.float32), node.inputs[1]), x]
    to.op("conv_2d_input_grad_float32", inputs, y, attrs)
    bias = bias_constant(to, node.input(2), x, None, out[3])
    if bias:
        y = to.operator("ADD", [y, *bias], to.like(y, "biased"), {"FusedActivationFunction": clamp_of(node)})
    elif "clamp" in node.attrs:
        low, high = node.attrs["clamp"]
        bounds = {"act_min": -math.inf if low is None else low, "act_max": math.inf if high is None else high}
        y = to.op("clamp_float32", [y], to.like(y, "clamped"), bounds)
    write_image(to, node.outputs[0], y)


# ---- Pools -----------------------------------------------------------------------------------------------


def pool(to: Emitter, node: Node) -> None:
    """MaxPool and AveragePool.  Rounded up, the output has windows that begin inside and end beyond the padding.

    Of a window with dilation the places are laid side by side first."""
    name = node.inputs[0]
    shape, out = to.shape(name), to.shape(node.outputs[0])
    average = node.op == "AveragePool"
    window = window_of(node, shape[2:], shape[2:])
    dilated = window.dilation != (1, 1)
    x = read_image(to, name)
    padding = window.padding
    if average and node.attrs.get("count_include_pad", 0) and any(any(pair) for pair in padding):
        x = _padded(to, x, padding)
        padding = ((0, 0), (0, 0))
    if node.attrs.get("ceil_mode", 0):
        reach = [extent(window.kernel[i], window.dilation[i]) for i in range(2)]
        padding = tuple(  # type: ignore[assignment]
            (before, max(0, (as_image(out)[1 + i] - 1) * window.stride[i] + reach[i] - before - size))
            for i, ((before, _), size) in enumerate(zip(padding, to.tensors[x].shape[1:3], strict=True))
        )
    if dilated:
        if any(map(any, padding)):
            if average:
                raise Unsupported(f"its window has dilation {window.dilation}, and a border that does not count")
            x = _padded(to, x, padding, lowest=True)
        x = _side_by_side(to, x, window, as_image(out)[1:3])
        window, padding = replace(window, stride=window.kernel, dilation=(1, 1)), ((0, 0), (0, 0))
    options = {**replace(window, padding=padding).options, "FusedActivationFunction": clamp_of(node)}
    y = image_out(to, node.outputs[0], to.tensors[x].quantization)
    to.operator("AVERAGE_POOL_2D" if average else "MAX_POOL_2D", [x], y, options)
    write_image(to, node.outputs[0], y)


def _padded(to: Emitter, x: int, padding: Pairs, lowest: bool = False) -> int:
    """An image with a border of zeros, or of the lowest value that there is."""
    tensor = to.tensors[x]
    n, h, w, c = tensor.shape
    pairs = to.add_constant(np.array([(0, 0), *padding, (0, 0)], np.int32), "padding")
    y = to.like(x, "padded", (n, h + sum(padding[0]), w + sum(padding[1]), c))
    if not lowest:
        return to.operator("PAD", [x, pairs], y)
    value = np.array([-math.inf if tensor.dtype == "float32" else LIMITS[tensor.dtype][0]], tensor.dtype)
    return to.operator("PADV2", [x, pairs, to.add_constant(value, "border")], y)


def _side_by_side(to: Emitter, x: int, window: Window, out: Shape) -> int:
    """An image that has the places of each window beside each other, so that it needs neither dilation nor overlap."""
    for axis in range(2):
        taps = np.arange(window.kernel[axis]) * window.dilation[axis]
        places = (np.arange(out[axis])[:, None] * window.stride[axis] + taps).ravel()
        shape = list(to.tensors[x].shape)
        if places.tolist() == list(range(shape[1 + axis])):
            continue
        require_places(len(places), to.tensors[x].name)
        shape[1 + axis] = len(places)
        x = to.op("gather", [x], to.like(x, "taps", shape), {"axis": 1 + axis, "indices": tuple(places.tolist())})
    return x


def global_max_pool(to: Emitter, node: Node) -> None:
    x = read_image(to, node.inputs[0])
    options = {"StrideH": 1, "StrideW": 1}
    options |= dict(zip(("FilterHeight", "FilterWidth"), to.tensors[x].shape[1:3], strict=True))
    y = image_out(to, node.outputs[0], to.tensors[x].quantization)
    write_image(to, node.outputs[0], to.operator("MAX_POOL_2D", [x], y, options))


# ---- Normalisation ---------------------------------------------------------------------------------------


def batch_norm(to: Emitter, node: Node) -> None:
    """One that no convolution took up: a factor and an offset for each channel are a depthwise convolution."""
    rows = batch_normalization(node, to.model.constants)
    if rows is None or node.attrs.get("training_mode", 0) or len([name for name in node.outputs if name]) > 1:
        raise Unsupported("its mean and variance are computed at run time; expected constants, of a trained model")
    to.integers = False
    name, shape = node.inputs[0], to.shape(node.inputs[0])
    n, c, *sides = shape
    image = (n, 1, math.prod(sides), c)
    x = to.read(name, channels_last(len(shape)), image)
    factor, offset = (row.astype(np.float32) for row in rows)
    inputs = [
        x,
        to.add_constant(factor.reshape(1, 1, 1, c), f"{name}.factor"),
        to.add_constant(offset, f"{name}.offset"),
    ]
    y = to.add_tensor(node.outputs[0], image, None)
    options = {"StrideH": 1, "StrideW": 1, "FusedActivationFunction": clamp_of(node)}
    to.write(node.outputs[0], to.operator("DEPTHWISE_CONV_2D", inputs, y, options), channels_last(len(shape)))


def _normalized(to: Emitter, node: Node, x: int, groups: int, gamma: Array, beta: Array | None) -> int:
    """The tensor x [n, …, c] with each group of its channels normalised.  Further outputs of the node are mean and
    1 / deviation of each group."""
    offset = np.zeros_like(gamma) if beta is None else beta
    inputs = [x, *(to.add_constant(np.float32(v).reshape(-1), f"{node.outputs[0]}.scale") for v in (gamma, offset))]
    epsilon = float(np.float32(node.attrs.get("epsilon", 1e-5)))
    if not epsilon > 0:
        raise Unsupported(f"its epsilon is {epsilon}; expected a positive number")
    limits = {"act_min": -math.inf, "act_max": math.inf}
    statistics = [name for name in node.outputs[1:] if name in to.used]
    how = {"groups": groups, "epsilon": epsilon, "stats": bool(statistics), **limits}
    y = to.like(x, "normalized")
    count = (to.tensors[x].shape[0] * groups,)
    more = [to.add_tensor(f"{node.outputs[0]}.{what}", count, None) for what in ("mean", "rstd") if statistics]
    to.op("group_norm_float32", inputs, y, how, more)
    for name, number in zip(node.outputs[1:], more, strict=False):
        if name in statistics:
            to.write(name, number)
    return y


def _constants(to: Emitter, node: Node) -> tuple[Array, Array | None]:
    gamma, beta = (to.floats(node.input(index)) for index in (1, 2))
    if gamma is None or (node.input(2) and beta is None):
        raise Unsupported("its scale or bias is computed at run time; expected constants")
    return gamma, beta


def channels_of_groups(value: Value) -> int | None:
    """Of a value [n, groups, …]: how many channels each group has, if memory holds [n, pixels, groups, channels]; None
    if it holds something else, or [n, pixels, groups] as usual."""
    groups = groups_of(value.factors, value.shape)
    if groups is None or len(groups[1]) != 1:
        return None
    images, [group], rest = groups[0], groups[1], [factor for axis in groups[2:] for factor in axis]
    channels = [factor for factor in rest if factor[1] > group[1]]
    pixels = rest[len(channels) :]
    if not channels or rest[: len(channels)] != channels or not is_sorted([*images, *pixels, group, *channels]):
        return None
    return math.prod(size for size, _ in channels)


def group_norm(to: Emitter, node: Node) -> None:
    """InstanceNormalization and GroupNormalization."""
    to.integers = False
    name, shape = node.inputs[0], to.shape(node.inputs[0])
    gamma, beta = _constants(to, node)
    groups = shape[1] if node.op == "InstanceNormalization" else int(node.attrs["num_groups"])
    if gamma.size != shape[1]:  # before opset 21 there is one for each group
        gamma = np.repeat(gamma, shape[1] // groups)
        beta = None if beta is None else np.repeat(beta, shape[1] // groups)
    value = to.value(name)
    split = channels_of_groups(value)
    if split is not None:
        # Groups of channels that a reshape made: they normalise where they are, channels last.
        image = (shape[0], math.prod(shape[2:]) // split, shape[1] * split)
        more = [None if row is None else np.repeat(row, split) for row in (gamma, beta)]
        assert more[0] is not None
        x = to.reshaped(value.number, image)
        y = _normalized(to, node, x, groups, more[0], more[1])
        to.keep(node.outputs[0], replace(value, number=y))
        return
    order = channels_last(len(shape))
    x = to.read(name, order, (shape[0], math.prod(shape[2:]), shape[1]))
    to.write(node.outputs[0], _normalized(to, node, x, groups, gamma, beta), order)


def layer_norm(to: Emitter, node: Node) -> None:
    """Over the last dimensions: each is one group of [rows, depth]."""
    to.integers = False
    name, shape = node.inputs[0], to.shape(node.inputs[0])
    rank = len(shape)
    first = node.attrs.get("axis", -1) % rank
    gamma, beta = (None if v is None else np.broadcast_to(v, shape[first:]) for v in _constants(to, node))
    assert gamma is not None
    order = to.order(name)
    if order[first:] != natural(rank)[first:] or any(output in to.used for output in node.outputs[1:]):
        order = natural(rank)
    depth = math.prod(shape[first:])
    x = to.read(name, order, (math.prod(shape[:first]), depth))
    to.write(node.outputs[0], _normalized(to, node, x, 1, gamma, beta), order)
