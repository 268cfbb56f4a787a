# SPDX-License-Identifier: Apache-2.0
"""Two-dimensional convolution, int8, per channel, grouped or not.

inputs: x int8 [n, h, w, c]; weights int8 [out_c, kernel_h, kernel_w, c / groups]; bias int32 [out_c] (optional).
attrs: kernel, stride, dilation (height, width); padding ((top, bottom), (left, right)); groups; input_zero_point,
output_zero_point; multiplier, shift (int32 arrays, one for each output channel); act_min, act_max.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import (
    activation_range,
    channel_multipliers,
    channel_scales,
    clamp_int8,
    folded_bias,
    requantize,
    require_int8,
    wrap32,
)
from groat.ops.base import Constants, ImportedOp, OpDef, Shape, Unsupported
from groat.ops.call import Padding, Pair, array, call, channels, window
from groat.ops.window import import_window, pad_image, spatial_shape, window_fields
from groat.pack.layouts import Filters, Packed

ALIGN = 16  # of constants in a packed model
ZERO_POINTS_AND_CLAMP = ("input_zero_point", "output_zero_point", "act_min", "act_max")


def import_convolution(source: ImportedOp, channel_axis: int) -> tuple[list[int], dict[str, Any]]:
    """What CONV_2D and DEPTHWISE_CONV_2D share: (inputs, attrs)."""
    x, weights, y = source.input(0), source.input(1), source.output(0)
    require_int8(x, "input")
    require_int8(y, "output")
    shape = source.constant(1).shape
    if len(shape) != 4:
        raise Unsupported(f"its weights have shape {list(shape)}; expected 4 dimensions")
    scales = channel_scales(weights, shape[channel_axis], channel_axis)
    assert weights.quantization is not None
    if any(weights.quantization.zero_point):
        raise Unsupported("its weights have a zero point that is not 0")
    low, high = activation_range(source.options["FusedActivationFunction"], y)
    inputs = list(source.inputs[:2])
    if len(source.inputs) > 2 and source.inputs[2] >= 0:
        bias = source.constant(2)
        if bias.dtype != np.int32 or bias.shape != (shape[channel_axis],):
            raise Unsupported(f"its bias is {bias.dtype}{list(bias.shape)}; expected int32[{shape[channel_axis]}]")
        inputs.append(source.inputs[2])
    attrs = {
        **import_window(source, (shape[1], shape[2])),
        **channel_multipliers(x.scale, scales, y.scale),
        "input_zero_point": x.zero_point,
        "output_zero_point": y.zero_point,
        "act_min": low,
        "act_max": high,
    }
    return inputs, attrs


def filters_of(
    op: Op,
    inputs: Sequence[Tensor],
    weights: Array,
    weights_sum: Array,
    pixels: int,
    *,
    tap: int = 1,
    multiplier_depth: int = 1,
) -> Filters:
    """What the layouts need to know of an op with weights; `weights` in the order that its kernel is called with."""
    bias = inputs[2].data if len(inputs) > 2 else np.zeros(weights_sum.shape, np.int32)
    assert bias is not None
    attrs = op.attrs
    return Filters(
        weights=np.ascontiguousarray(weights),
        bias=folded_bias(bias, weights_sum, attrs["input_zero_point"]),
        multiplier=attrs["multiplier"],
        shift=attrs["shift"],
        output_zero_point=attrs["output_zero_point"],
        act_min=attrs["act_min"],
        act_max=attrs["act_max"],
        pixels=pixels,
        tap=tap,
        multiplier_depth=multiplier_depth,
    )


def convolution_fields(op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> dict[str, Any]:
    """The fields that CONV_2D and DEPTHWISE_CONV_2D share, but for the constants."""
    return {
        "window": window_fields(op, inputs[0].shape, outputs[0].shape),
        "out_c": outputs[0].shape[3],
        **{name: op.attrs[name] for name in ZERO_POINTS_AND_CLAMP},
    }


def kind_of(source: ImportedOp, kind: str) -> str:
    """The op for an operator with the weights of this one: `kind`, or its sibling for int4."""
    return f"{kind}_s4" if source.input(1).dtype == "int4" else kind


def _group(filters: Filters, group: int, groups: int) -> Filters:
    """The filters of one group."""
    size = filters.weights.shape[0] // groups
    part = slice(group * size, (group + 1) * size)
    return replace(
        filters,
        weights=filters.weights[part],
        bias=filters.bias[part],
        multiplier=filters.multiplier[part],
        shift=filters.shift[part],
    )


def packed_fields(packed: Sequence[Packed], constants: Constants) -> dict[str, Any]:
    """The fields of constants that come in parts, groups or blocks: stored one behind the other."""
    return {
        "weights": constants.add(_aligned([part.weights for part in packed])),
        "channels": constants.add(_aligned([part.channels for part in packed])),
        "layout": packed[0].layout,
    }


def _aligned(parts: Sequence[bytes]) -> bytes:
    """One behind the other, each at an aligned place."""
    return b"".join(part + b"\0" * (-len(part) % ALIGN) for part in parts[:-1]) + parts[-1]


def rescale(op: Op, acc: Array) -> Array:
    """From accumulators [..., out_c] to int8."""
    y = requantize(wrap32(acc), op.attrs["multiplier"], op.attrs["shift"]) + op.attrs["output_zero_point"]
    return clamp_int8(wrap32(y), op.attrs["act_min"], op.attrs["act_max"])


def strided_tap(x: Array, op: Op, tap: tuple[int, int], out: tuple[int, int]) -> Array:
    """What one tap of the kernel sees, for every output pixel: [n, out_h, out_w, c] of a padded image."""
    start = [tap[i] * op.attrs["dilation"][i] for i in range(2)]
    stop = [start[i] + (out[i] - 1) * op.attrs["stride"][i] + 1 for i in range(2)]
    rows, columns = (slice(start[i], stop[i], op.attrs["stride"][i]) for i in range(2))
    return x[:, rows, columns, :]


class Conv2D(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        n, h, w, _ = inputs[0].shape
        return [(n, *spatial_shape(op.attrs, h, w), inputs[1].shape[0])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, weights = inputs[0].astype(np.int64), inputs[1].astype(np.int64)
        groups = op.attrs["groups"]
        out = spatial_shape(op.attrs, *x.shape[1:3])
        padded = pad_image(x, op, op.attrs["input_zero_point"]) - op.attrs["input_zero_point"]
        acc = np.zeros((x.shape[0], *out, groups, weights.shape[0] // groups), np.int64)
        for ky in range(weights.shape[1]):
            for kx in range(weights.shape[2]):
                taps = strided_tap(padded, op, (ky, kx), out)
                taps = taps.reshape(*taps.shape[:3], groups, -1)
                kernel = weights[:, ky, kx, :].reshape(groups, -1, weights.shape[3])
                acc += np.einsum("nyxgi,goi->nyxgo", taps, kernel)
        flat = acc.reshape(*acc.shape[:3], -1)
        return [rescale(op, flat + inputs[2] if len(inputs) > 2 else flat)]

    def groups(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[Filters]:
        """What the layouts need to know of each group."""
        weights, groups = inputs[1].data, op.attrs["groups"]
        assert weights is not None
        out_c, rows, taps, depth = weights.shape
        if groups == 1 and op.attrs["dilation"][1] == 1:
            weights = weights.reshape(out_c, rows, 1, taps * depth)
        height, width = outputs[0].shape[1:3]
        whole = rows == taps == 1 and inputs[0].shape[1:3] == (height, width)  # the image is one row
        pixels = height * width if whole else width
        filters = filters_of(op, inputs, weights, weights.sum(axis=(1, 2, 3), dtype=np.int64), pixels, tap=depth)
        return [_group(filters, group, groups) for group in range(groups)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        packed = constants.layouts.conv_s8(self.groups(op, inputs, outputs))
        return {
            **convolution_fields(op, inputs, outputs),
            **packed_fields(packed, constants),
            "groups": op.attrs["groups"],
        }

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return outputs[0].elements * inputs[1].elements // inputs[1].shape[0]


def _import(source: ImportedOp) -> Op:
    inputs, attrs = import_convolution(source, 0)
    filters, depth, in_c = source.input(1).shape[0], source.input(1).shape[3], source.input(0).shape[3]
    if depth == 0 or in_c % depth != 0 or filters % (in_c // depth) != 0:
        raise Unsupported(f"{in_c} input channels do not divide into groups of {depth} for {filters} filters")
    return source.op(kind_of(source, "conv_2d"), inputs, {**attrs, "groups": in_c // depth})


Conv2D.tflite = {"CONV_2D": _import}
OP = Conv2D()


def convolution_inputs(
    x: ArrayLike, weights: ArrayLike, bias: ArrayLike | None, channel_axis: int
) -> tuple[list[Array], int]:
    """(inputs of a convolution as arrays, its number of output channels)."""
    inputs = [array(x, "x", "int8", 4), array(weights, "weights", "int8", 4)]
    count = inputs[1].shape[channel_axis]
    if bias is not None:
        inputs.append(channels(array(bias, "bias", "int32"), "bias", count))
    return inputs, count


def conv2d(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    multiplier: ArrayLike,
    shift: ArrayLike,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int = -128,
    act_max: int = 127,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Two-dimensional convolution, grouped where the filters are shallower than x.

    Args:
        x: int8 [n, h, w, c].
        weights: int8 [out_c, kernel_h, kernel_w, c / groups].
        bias: int32 [out_c]; none means zeros.
        multiplier, shift: Q31 factor and power of two that turn an accumulator into an output, for each output channel
            or one for all (groat.ops.arithmetic.quantize_multiplier makes them).
        padding: "same", "valid" or ((top, bottom), (left, right)); padding holds input_zero_point.
        on: "host" or a device such as "qemu:cortex-m4".
        isa: the kernel set: "ref", "dsp", "mve", "rvv" or "scalar"; default: the one of `on`, "ref" on the host.

    Returns int8 [n, out_h, out_w, out_c].
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """
    zero_points_and_clamp = (input_zero_point, output_zero_point, act_min, act_max)
    inputs, attrs = conv2d_arguments(
        x, weights, bias, multiplier, shift, stride, dilation, padding, zero_points_and_clamp
    )
    return call("conv_2d", inputs, attrs, "int8", on, isa)


def conv2d_arguments(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None,
    multiplier: ArrayLike,
    shift: ArrayLike,
    stride: Pair,
    dilation: Pair,
    padding: Padding,
    zero_points_and_clamp: tuple[int, int, int, int],
) -> tuple[list[Array], dict[str, Any]]:
    """(inputs, attrs) from the arguments of conv2d."""
    inputs, count = convolution_inputs(x, weights, bias, 0)
    in_c, depth = inputs[0].shape[3], inputs[1].shape[3]
    if depth == 0 or in_c % depth != 0 or count % (in_c // depth) != 0:
        raise InputError(f"conv2d: {in_c} input channels do not divide into groups of {depth} for {count} filters")
    attrs = {
        **window(inputs[0], inputs[1].shape[1:3], stride, dilation, padding),
        "groups": in_c // depth,
        "multiplier": channels(multiplier, "multiplier", count),
        "shift": channels(shift, "shift", count),
        **dict(zip(ZERO_POINTS_AND_CLAMP, zero_points_and_clamp, strict=True)),
    }
    return inputs, attrs
