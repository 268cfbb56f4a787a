# SPDX-License-Identifier: Apache-2.0
"""Two-dimensional convolution, int8, per channel, grouped or not; conv_2d_int16 has int16 activations.

inputs: x int8 [n, h, w, c]; weights int8 [out_c, kernel_h, kernel_w, c / groups]; bias int32 [out_c] (optional).
attrs: kernel, stride, dilation (height, width); padding ((top, bottom), (left, right)); groups; input_zero_point,
output_zero_point; multiplier, shift (int32 arrays, one for each output channel); act_min, act_max.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import (
    activation_range,
    bounds_of,
    channel_multipliers,
    channel_scales,
    clamp_int8,
    folded_bias,
    requantize,
    require_activations,
    require_wide_shifts,
    wrap32,
)
from groat.ops.base import Constants, ImportedOp, NotDifferentiable, OpDef, Operator, Rows, Shape, Tape, Unsupported
from groat.ops.call import Padding, Pair, activations, array, call, channels, clamp, window, zero_points
from groat.ops.floats import import_filters
from groat.ops.window import import_window, pad_image, spatial_shape, window_fields, window_options, window_rows
from groat.pack.layouts import Filters, Packed

if TYPE_CHECKING:
    from groat.pack.layouts import Layouts

ALIGN = 16  # of constants in a packed model
ZERO_POINTS_AND_CLAMP = ("input_zero_point", "output_zero_point", "act_min", "act_max")


def import_bias(source: ImportedOp, channels: int, dtypes: Sequence[str]) -> tuple[list[int], str]:
    """(the inputs of an op with weights, the type of its bias or "none"); Unsupported for a bias of other types."""
    if len(source.inputs) < 3 or source.inputs[2] < 0:
        return list(source.inputs[:2]), "none"
    bias = source.constant(2)
    dtype = str(bias.dtype)
    if dtype not in dtypes or bias.shape != (channels,):
        expected = " or ".join(f"{name}[{channels}]" for name in dtypes)
        raise Unsupported(f"its bias is {dtype}{list(bias.shape)}; expected {expected}")
    return list(source.inputs[:3]), dtype


def import_convolution(source: ImportedOp, channel_axis: int) -> tuple[list[int], dict[str, Any]]:
    """What CONV_2D and DEPTHWISE_CONV_2D share: (inputs, attrs)."""
    x, weights, y = source.input(0), source.input(1), source.output(0)
    suffix = require_activations((x, "input"), (y, "output"))
    shape = source.constant(1).shape
    if len(shape) != 4:
        raise Unsupported(f"its weights have shape {list(shape)}; expected 4 dimensions")
    if suffix == "_float32":
        low, high = activation_range(source.options["FusedActivationFunction"], y)
        window = import_window(source, (shape[1], shape[2]))
        return import_filters(source, channel_axis), {**window, "act_min": low, "act_max": high}
    scales = channel_scales(weights, shape[channel_axis], channel_axis)
    assert weights.quantization is not None
    if any(weights.quantization.zero_point):
        raise Unsupported("its weights have a zero point that is not 0")
    low, high = activation_range(source.options["FusedActivationFunction"], y)
    # TFLM's depthwise kernel reads whatever bias an int16 layer has as int64.
    wide = ("int64",) if channel_axis == 3 else ("int32", "int64")
    inputs, bias = import_bias(source, shape[channel_axis], wide if suffix else ("int32",))
    attrs = {
        **import_window(source, (shape[1], shape[2])),
        **channel_multipliers(x.scale, scales, y.scale),
        "input_zero_point": x.zero_point,
        "output_zero_point": y.zero_point,
        "act_min": low,
        "act_max": high,
    }
    return inputs, {**attrs, **(accumulators(bias, attrs["shift"]) if suffix else {})}


def accumulators(bias: str, shift: Array) -> dict[str, int]:
    """The attribute acc_bits of an op with int16 activations: 32 with an int32 bias, 64 with an int64 one or none."""
    if bias == "int32":
        return {"acc_bits": 32}
    require_wide_shifts(shift)
    return {"acc_bits": 64}


def in_units(filters: Filters, output: Tensor, pixels: int) -> Filters:
    """Filters of an op that makes so many pixels of an image at a time; 0: all of it."""
    if pixels == 0:
        return filters
    _, height, width, _ = output.shape
    return replace(filters, pixels=pixels, calls=height * -(-width // pixels), image=None)


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
    acc_bits = attrs.get("acc_bits", 32)
    folded = folded_bias(bias, weights_sum, attrs["input_zero_point"]) if acc_bits == 32 else bias.astype(np.int64)
    return Filters(
        weights=np.ascontiguousarray(weights),
        bias=folded,
        multiplier=attrs["multiplier"],
        shift=attrs["shift"],
        output_zero_point=attrs["output_zero_point"],
        act_min=attrs["act_min"],
        act_max=attrs["act_max"],
        pixels=pixels,
        tap=tap,
        multiplier_depth=multiplier_depth,
        acc_bits=acc_bits,
    )


def convolution_fields(
    op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], attributes: Sequence[str] = ZERO_POINTS_AND_CLAMP
) -> dict[str, Any]:
    """The fields that CONV_2D and DEPTHWISE_CONV_2D share, but for the constants."""
    return {
        "window": window_fields(op, inputs[0].shape, outputs[0].shape),
        "out_c": outputs[0].shape[3],
        **{name: op.attrs[name] for name in attributes},
    }


def kind_of(source: ImportedOp, kind: str) -> str:
    """The op for an operator with the input and weights of this one: `kind`, or its sibling for another type."""
    if source.input(0).dtype == "float32":
        return f"{kind}_float32"
    four_bits, wide = source.input(1).dtype == "int4", source.input(0).dtype == "int16"
    if four_bits and wide:
        raise Unsupported("its input is int16 and its weights are int4; expected int8 for one of them")
    return f"{kind}_s4" if four_bits else f"{kind}_int16" if wide else kind


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


def with_scales(op: Op, inputs: Sequence[Tensor], channel_axis: int) -> dict[str, Any]:
    """The attributes of a layer that learns: its own, and the scales that its gradients need."""
    scales = channel_scales(inputs[1], inputs[1].shape[channel_axis], channel_axis)
    return {**op.attrs, "weights_scales": tuple(scales), "input_scale": inputs[0].scale}


def gradients_of_frozen(definition: OpDef, op: Op, dy: int, tape: Tape) -> dict[int, int]:
    """Those of an int8 layer whose weights stay: as if they did not."""
    from groat.ops import op_def

    inputs = [tape.tensor(number) for number in op.inputs]
    types = [tensor.dtype for tensor in inputs[:2]]
    if types != ["int8", "int8"]:
        raise NotDifferentiable(f"its input is {types[0]} and its weights are {types[1]}; expected int8")
    learning = definition.trained(op, inputs)
    return op_def(learning.kind).gradients(learning, dy, tape)


class Conv2D(OpDef):
    trainable = (1, 2)
    attributes: ClassVar[tuple[str, ...]] = ZERO_POINTS_AND_CLAMP

    def finish(self, op: Op, acc: Array) -> Array:
        """From accumulators [..., out_c] to outputs."""
        return rescale(op, acc)

    def packed(self, layouts: Layouts, groups: Sequence[Filters]) -> list[Packed]:
        """The constants as the kernel wants them."""
        return layouts.conv_s8(groups)

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
        return [self.finish(op, flat + inputs[2] if len(inputs) > 2 else flat)]

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
        unit = op.attrs["stride"] == op.attrs["dilation"] == (1, 1)
        filters = replace(
            filters,
            calls=outputs[0].elements // out_c // pixels,
            image=(outputs[0].shape[1], outputs[0].shape[2]) if unit and groups == 1 else None,
        )
        return [_group(filters, group, groups) for group in range(groups)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        groups = [in_units(group, outputs[0], constants.pixels) for group in self.groups(op, inputs, outputs)]
        packed = self.packed(constants.layouts, groups)
        return {
            **convolution_fields(op, inputs, outputs, self.attributes),
            **packed_fields(packed, constants),
            "groups": op.attrs["groups"],
        }

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("CONV_2D", {**window_options(op.attrs), "FusedActivationFunction": bounds_of(op.attrs)})

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return outputs[0].elements * inputs[1].elements // inputs[1].shape[0]

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows:
        return window_rows(op, op.attrs["input_zero_point"])

    def trained(self, op: Op, inputs: Sequence[Tensor]) -> Op:
        return replace(op, kind="conv_2d_trained", attrs=with_scales(op, inputs, 0))

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        return gradients_of_frozen(self, op, dy, tape)


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
    image, suffix = activations(x, "x", 4)
    inputs = [image, array(weights, "weights", "int8", 4)]
    count = inputs[1].shape[channel_axis]
    wide = ("int64",) if channel_axis == 3 else ("int32", "int64")
    return inputs + bias_of(bias, count, wide if suffix else ("int32",)), count


def bias_of(bias: ArrayLike | None, count: int, dtypes: tuple[str, ...]) -> list[Array]:
    """The bias as an input: a value for each channel, or none."""
    if bias is None:
        return []
    values = array(bias, "bias", dtypes)
    return [channels(values, "bias", count, str(values.dtype))]


def scaling(inputs: Sequence[Array], multiplier: ArrayLike, shift: ArrayLike, count: int) -> dict[str, Any]:
    """Attributes multiplier and shift of an op with weights, and acc_bits of one with int16 activations."""
    attrs: dict[str, Any] = {
        "multiplier": channels(multiplier, "multiplier", count),
        "shift": channels(shift, "shift", count),
    }
    if inputs[0].dtype == np.int16:
        attrs["acc_bits"] = 32 if len(inputs) > 2 and inputs[2].dtype == np.int32 else 64
    return attrs


def rescaling(x: Array, values: tuple[int, int, int | None, int | None]) -> dict[str, int]:
    """Attributes from input_zero_point, output_zero_point, act_min and act_max."""
    return {**zero_points(x.dtype, input=values[0], output=values[1]), **clamp(x.dtype, values[2], values[3])}


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
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Two-dimensional convolution, grouped where the filters are shallower than x.

    Args:
        x: int8 or int16 [n, h, w, c].
        weights: int8 [out_c, kernel_h, kernel_w, c / groups].
        bias: int32 [out_c], or int64 with int16 activations, whose accumulators then have 64 bits; none means zeros.
        multiplier, shift: Q31 factor and power of two that turn an accumulator into an output, for each output channel
            or one for all (groat.ops.arithmetic.quantize_multiplier makes them).
        padding: "same", "valid" or ((top, bottom), (left, right)); padding holds input_zero_point.
        input_zero_point, output_zero_point: 0 for int16.
        act_min, act_max: the clamp of the output; none means its type's range.
        on: "host" or a device such as "qemu:cortex-m4".
        isa: the kernel set: "ref", "dsp", "mve", "rvv" or "scalar"; default: the one of `on`, "ref" on the host.

    Returns an array [n, out_h, out_w, out_c] of the type of x.
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """
    zero_points_and_clamp = (input_zero_point, output_zero_point, act_min, act_max)
    inputs, attrs = conv2d_arguments(
        x, weights, bias, multiplier, shift, stride, dilation, padding, zero_points_and_clamp
    )
    dtype = str(inputs[0].dtype)
    return call("conv_2d_int16" if dtype == "int16" else "conv_2d", inputs, attrs, dtype, on, isa)


def conv2d_arguments(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None,
    multiplier: ArrayLike,
    shift: ArrayLike,
    stride: Pair,
    dilation: Pair,
    padding: Padding,
    zero_points_and_clamp: tuple[int, int, int | None, int | None],
) -> tuple[list[Array], dict[str, Any]]:
    """(inputs, attrs) from the arguments of conv2d."""
    inputs, count = convolution_inputs(x, weights, bias, 0)
    in_c, depth = inputs[0].shape[3], inputs[1].shape[3]
    if depth == 0 or in_c % depth != 0 or count % (in_c // depth) != 0:
        raise InputError(f"conv2d: {in_c} input channels do not divide into groups of {depth} for {count} filters")
    attrs = {
        **window(inputs[0], inputs[1].shape[1:3], stride, dilation, padding),
        "groups": in_c // depth,
        **scaling(inputs, multiplier, shift, count),
        **rescaling(inputs[0], zero_points_and_clamp),
    }
    return inputs, attrs
