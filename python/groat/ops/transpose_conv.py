# SPDX-License-Identifier: Apache-2.0
"""Transposed convolution, int8, per channel: the gradient of a convolution's input, as a layer; transpose_conv_int16
has int16 activations.

inputs: x int8 [n, h, w, c]; weights int8 [out_c, kernel_h, kernel_w, c]; bias int32 [out_c] (optional).
attrs: kernel, stride (height, width); dilation 1; padding ((top, bottom), (left, right)), of the window that goes over
the output; out_shape; input_zero_point, output_zero_point; multiplier, shift (int32 arrays, one for each output
channel); act_min, act_max.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import (
    activation_range,
    channel_multipliers,
    channel_scales,
    require_activations,
    require_wide_shifts,
)
from groat.ops.base import Constants, ImportedOp, OpDef, Shape, Unsupported
from groat.ops.call import Padding, Pair, activations, array, call, channels, clamp, pair, window, zero_points
from groat.ops.conv_2d import filters_of, packed_fields, rescale
from groat.ops.window import same_padding
from groat.pack.layouts import Filters, Packed

if TYPE_CHECKING:
    from groat.pack.layouts import Layouts

UINT16_MAX = 65535


def taps_of(op: Op, x: Array) -> Iterator[tuple[int, int, Array]]:
    """For each place of the kernel, what its weights are multiplied with: [n, out_h, out_w, c], of x without zero
    points."""
    attrs = op.attrs
    (n, out_h, out_w, _), (kernel, stride) = attrs["out_shape"], (attrs["kernel"], attrs["stride"])
    dilation = attrs["dilation"]
    reach = [(kernel[i] - 1) * dilation[i] for i in range(2)]
    # Pixels of x a stride apart, with room for every window around them.
    sizes = [
        max(out + attrs["padding"][i][0] + reach[i], (x.shape[1 + i] - 1) * stride[i] + 1 + 2 * reach[i])
        for i, out in enumerate((out_h, out_w))
    ]
    apart = np.zeros((n, *sizes, x.shape[3]), x.dtype)
    apart[
        :,
        reach[0] : reach[0] + (x.shape[1] - 1) * stride[0] + 1 : stride[0],
        reach[1] : reach[1] + (x.shape[2] - 1) * stride[1] + 1 : stride[1],
    ] = x
    for ky, kx in np.ndindex(*kernel):
        top = attrs["padding"][0][0] + reach[0] - ky * dilation[0]
        left = attrs["padding"][1][0] + reach[1] - kx * dilation[1]
        yield ky, kx, apart[:, top : top + out_h, left : left + out_w]


def transposed_window_fields(op: Op, x: Shape, y: Shape) -> dict[str, Any]:
    """The fields of groat_window from x to y."""
    attrs = op.attrs
    names = ("batches", "in_h", "in_w", "in_c", "out_h", "out_w")
    fields: dict[str, Any] = dict(zip(names, (*x, *y[1:3]), strict=True))
    for name in ("kernel", "stride", "dilation"):
        fields[f"{name}_h"], fields[f"{name}_w"] = attrs[name]
    return {**fields, "pad_top": attrs["padding"][0][0], "pad_left": attrs["padding"][1][0]}


def phases(weights: Array, stride: tuple[int, int]) -> list[Array]:
    """The filters of each phase (runtime/ops/transpose_conv_tmpl.h), row by row: every so many taps, the last first."""
    return [
        weights[:, row :: stride[0]][:, ::-1, column :: stride[1]][:, :, ::-1]
        for row in range(stride[0])
        for column in range(stride[1])
    ]


class TransposeConv(OpDef):
    attributes: ClassVar[tuple[str, ...]] = ("input_zero_point", "output_zero_point", "act_min", "act_max")

    def finish(self, op: Op, acc: Array) -> Array:
        """From accumulators [..., out_c] to outputs."""
        return rescale(op, acc)

    def packed(self, layouts: Layouts, groups: Sequence[Filters]) -> list[Packed]:
        """The constants as the kernel wants them."""
        return layouts.conv_s8(groups)

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [tuple(op.attrs["out_shape"])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x = inputs[0].astype(np.int64) - op.attrs["input_zero_point"]
        weights = inputs[1].astype(np.int64)
        acc = np.zeros(op.attrs["out_shape"], np.int64)
        for ky, kx, taps in taps_of(op, x):
            acc += taps @ weights[:, ky, kx].T
        return [self.finish(op, acc + inputs[2] if len(inputs) > 2 else acc)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        weights, (stride_h, stride_w) = inputs[1].data, op.attrs["stride"]
        assert weights is not None
        count, height, width, depth = weights.shape
        # So that no phase is without a tap.
        rest = ((0, 0), (0, max(stride_h - height, 0)), (0, max(stride_w - width, 0)), (0, 0))
        groups = []
        for part in phases(np.pad(weights, rest), (stride_h, stride_w)):
            filters = part.reshape(count, part.shape[1], 1, part.shape[2] * depth)
            sums = part.sum(axis=(1, 2, 3), dtype=np.int64)
            pixels = -(-outputs[0].shape[2] // stride_w)
            groups.append(filters_of(op, inputs, filters, sums, pixels, tap=depth))
        kernel = (max(stride_h, height), max(stride_w, width))
        fields = transposed_window_fields(op, inputs[0].shape, outputs[0].shape)
        return {
            "window": {**fields, "kernel_h": kernel[0], "kernel_w": kernel[1]},
            "out_c": count,
            **{name: op.attrs[name] for name in self.attributes},
            **packed_fields(self.packed(constants.layouts, groups), constants),
        }

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return inputs[0].elements * inputs[1].elements // inputs[1].shape[3]


def import_transposed(source: ImportedOp) -> tuple[list[int], dict[str, Any]]:
    """(x, weights[, bias], the attributes of the window) of TRANSPOSE_CONV.

    A file has the shape of the output, weights and x as inputs, in this order; what no file says: with `Window`, which
    are the attributes themselves, they are x, weights and bias.
    """
    options = source.options
    if "Window" in options:
        return list(source.inputs), {**options["Window"], "out_shape": source.output(0).shape}
    inputs = [source.inputs[2], source.inputs[1]]
    if len(source.inputs) > 3 and source.inputs[3] >= 0:
        inputs.append(source.inputs[3])
    y, weights, x = source.output(0).shape, source.input(1).shape, source.input(2).shape
    if not len(y) == len(weights) == len(x) == 4:
        raise Unsupported("its input, weights or output do not have 4 dimensions")
    kernel, stride = weights[1:3], (int(options["StrideH"]), int(options["StrideW"]))
    if min(*kernel, *stride) < 1:
        raise Unsupported(f"stride {stride}, kernel {kernel}: expected at least 1 each")
    padding: tuple[tuple[int, int], ...] = ((0, 0), (0, 0))
    if options["Padding"] == "SAME":
        padding = tuple(same_padding(y[1 + i], kernel[i], stride[i], 1) for i in range(2))
    attrs = {"kernel": kernel, "stride": stride, "dilation": (1, 1), "padding": padding}
    return inputs, {**attrs, "out_shape": y}


def require_transposed(attrs: dict[str, Any], x: Shape, weights: Shape) -> None:
    """Raises Unsupported for what there is no kernel for."""
    y, kernel, stride = attrs["out_shape"], attrs["kernel"], attrs["stride"]
    if y[0] != x[0] or y[3] != weights[0] or weights[3] != x[3]:
        raise Unsupported(f"an input {list(x)}, weights {list(weights)} and an output {list(y)} do not fit each other")
    if attrs["dilation"] != (1, 1):
        raise Unsupported(f"its dilation is {attrs['dilation']}; expected 1")
    if any(not 0 <= attrs["padding"][i][0] < kernel[i] for i in range(2)):
        raise Unsupported(f"its padding is {attrs['padding']}; expected less than its kernel {kernel}")
    if max(*kernel, *stride, *x, *y) > UINT16_MAX:
        raise Unsupported(f"a side of its kernel or images is more than {UINT16_MAX}")


def _import(source: ImportedOp) -> Op:
    inputs, attrs = import_transposed(source)
    x, weights, y = source.tensor(inputs[0]), source.tensor(inputs[1]), source.output(0)
    suffix = require_activations((x, "input"), (y, "output"))
    low, high = activation_range(source.options.get("FusedActivationFunction", "NONE"), y)
    attrs |= {"act_min": low, "act_max": high}
    constants = [source.tensor(number).data for number in inputs[1:]]
    if any(value is None for value in constants):
        raise Unsupported("its weights or bias are computed at run time; expected constants")
    bias = source.tensor(inputs[2]) if len(inputs) > 2 else None
    wanted = {"": ("int32",), "_int16": ("int64",), "_float32": ("float32",)}[suffix]
    if bias is not None and (bias.dtype not in wanted or bias.shape != (weights.shape[0],)):
        raise Unsupported(f"its bias is {bias.dtype}{list(bias.shape)}; expected {wanted[0]}[{weights.shape[0]}]")
    require_transposed(attrs, x.shape, weights.shape)
    if suffix == "_float32":
        if weights.dtype != "float32":
            raise Unsupported(f"its weights are {weights.dtype}; expected float32, as its input is")
        return source.op("transpose_conv_float32", inputs, attrs)
    scales = channel_scales(weights, weights.shape[0], 0)
    if weights.dtype != "int8" or (weights.quantization is not None and any(weights.quantization.zero_point)):
        raise Unsupported(f"its weights are {weights.dtype}, or have a zero point; expected int8, with 0")
    factors = channel_multipliers(x.scale, scales, y.scale)
    if suffix:
        require_wide_shifts(factors["shift"])
    points = {"input_zero_point": x.zero_point, "output_zero_point": y.zero_point}
    bits = {"acc_bits": 64} if suffix else {}
    return source.op("transpose_conv" + suffix, inputs, {**attrs, **factors, **points, **bits})


TransposeConv.tflite = {"TRANSPOSE_CONV": _import}
OP = TransposeConv()


def transposed_attrs(
    x: Array, weights: Array, out_size: tuple[int, int], stride: Pair, padding: Padding, name: str
) -> dict[str, Any]:
    """The attributes of the window from the arguments of a call."""
    if x.shape[3] != weights.shape[3]:
        raise InputError(f"{name}: x has {x.shape[3]} channels, weights {weights.shape[3]}; expected as many")
    y = (x.shape[0], *out_size, weights.shape[0])
    around = window(np.empty(y, np.int8), (weights.shape[1], weights.shape[2]), stride, 1, padding)
    try:
        require_transposed({**around, "out_shape": y}, x.shape, weights.shape)
    except Unsupported as error:
        raise InputError(f"{name}: {error}") from None
    return {**around, "out_shape": y}


def transpose_conv(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    multiplier: ArrayLike,
    shift: ArrayLike,
    out_size: tuple[int, int],
    stride: Pair = 1,
    padding: Padding = "valid",
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Transposed convolution: each pixel of x adds its filters to a window of the result.

    Args:
        x: int8 or int16 [n, h, w, c].
        weights: int8 [out_c, kernel_h, kernel_w, c].
        bias: int32 [out_c], or one for all; int64 for int16.
        multiplier, shift: int32, as of conv2d; for int16, shifts up to 14.
        out_size: (height, width) of the result.
        stride: from one window to the next; padding: what of them lies outside, "same", "valid" or
            ((top, bottom), (left, right)), of which only top and left count.
        input_zero_point, output_zero_point: 0 for int16.
        act_min, act_max, on, isa: as conv2d.

    Returns an array of x's type [n, height, width, out_c].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    image, suffix = activations(x, "x", 4)
    filters = array(weights, "weights", "int8", 4)
    inputs = [image, filters]
    count = filters.shape[0]
    if bias is not None:
        inputs.append(channels(bias, "bias", count, "int64" if suffix else "int32"))
    attrs = {
        **transposed_attrs(image, filters, pair(out_size), stride, padding, "transpose_conv"),
        "multiplier": channels(multiplier, "multiplier", count),
        "shift": channels(shift, "shift", count),
        **zero_points(image.dtype, input=input_zero_point, output=output_zero_point),
        **clamp(image.dtype, act_min, act_max),
        **({"acc_bits": 64} if suffix else {}),
    }
    return call("transpose_conv" + suffix, inputs, attrs, str(image.dtype), on, isa)
