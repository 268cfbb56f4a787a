# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolution, int8, per channel, any depth multiplier; depthwise_conv_2d_int16 has int16
activations.

inputs: x int8 [n, h, w, c]; weights int8 [1, kernel_h, kernel_w, out_c]; bias int32 [out_c] (optional).
attrs: as of conv_2d, without groups.  Output channel o reads input channel o // (out_c / c).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import bounds_of
from groat.ops.base import Constants, ImportedOp, OpDef, Operator, Rows, Shape, Tape, Unsupported
from groat.ops.call import Padding, Pair, call, window
from groat.ops.conv_2d import (
    ZERO_POINTS_AND_CLAMP,
    convolution_fields,
    convolution_inputs,
    filters_of,
    gradients_of_frozen,
    import_convolution,
    in_units,
    kind_of,
    packed_fields,
    rescale,
    rescaling,
    scaling,
    strided_tap,
    with_scales,
)
from groat.ops.window import pad_image, spatial_shape, window_options, window_rows
from groat.pack.layouts import Filters, Packed

if TYPE_CHECKING:
    from groat.pack.layouts import Layouts


class DepthwiseConv2D(OpDef):
    trainable = (1, 2)
    attributes: ClassVar[tuple[str, ...]] = ZERO_POINTS_AND_CLAMP

    def finish(self, op: Op, acc: Array) -> Array:
        """From accumulators [..., out_c] to outputs."""
        return rescale(op, acc)

    def packed(self, layouts: Layouts, filters: Filters) -> Packed:
        """The constants as the kernel wants them."""
        return layouts.depthwise_s8(filters)

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        n, h, w, _ = inputs[0].shape
        return [(n, *spatial_shape(op.attrs, h, w), inputs[1].shape[3])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, weights = inputs[0].astype(np.int64), inputs[1].astype(np.int64)
        out = spatial_shape(op.attrs, *x.shape[1:3])
        padded = pad_image(x, op, op.attrs["input_zero_point"]) - op.attrs["input_zero_point"]
        repeated = np.repeat(padded, weights.shape[3] // x.shape[3], axis=3)
        acc = np.zeros((x.shape[0], *out, weights.shape[3]), np.int64)
        for ky in range(weights.shape[1]):
            for kx in range(weights.shape[2]):
                acc += strided_tap(repeated, op, (ky, kx), out) * weights[0, ky, kx]
        return [self.finish(op, acc + inputs[2] if len(inputs) > 2 else acc)]

    def filters(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Filters:
        """What the layouts need to know."""
        assert inputs[1].data is not None
        weights = inputs[1].data[0]
        depth = weights.shape[2] // inputs[0].shape[3]
        weights_sum = weights.sum(axis=(0, 1), dtype=np.int64)
        filters = filters_of(op, inputs, weights, weights_sum, outputs[0].shape[2], multiplier_depth=depth)
        return replace(
            filters,
            stride=op.attrs["stride"],
            dilation=op.attrs["dilation"],
            image=(outputs[0].shape[1], outputs[0].shape[2]),
            calls=outputs[0].shape[0] * outputs[0].shape[1],
        )

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        filters = in_units(self.filters(op, inputs, outputs), outputs[0], constants.pixels)
        packed = self.packed(constants.layouts, filters)
        return {**convolution_fields(op, inputs, outputs, self.attributes), **packed_fields([packed], constants)}

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator(
            "DEPTHWISE_CONV_2D", {**window_options(op.attrs), "FusedActivationFunction": bounds_of(op.attrs)}
        )

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return outputs[0].elements * inputs[1].shape[1] * inputs[1].shape[2]

    def inplace(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[int, ...]:
        from groat.pack import structs

        const = structs.constants()
        _, *sides, channels = inputs[0].shape
        kernel = inputs[1].shape[1:3]
        small = max(kernel) <= const.GROAT_IN_PLACE_KERNEL and max(sides) * max(kernel) <= const.GROAT_IN_PLACE_SIDE
        alike = op.attrs["stride"] == (1, 1) and inputs[0].shape == outputs[0].shape and kernel[1] > 1
        return (0,) if alike and small and channels % 4 == 0 else ()

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows:
        return window_rows(op, op.attrs["input_zero_point"])

    def trained(self, op: Op, inputs: Sequence[Tensor]) -> Op:
        return replace(op, kind="depthwise_conv_2d_trained", attrs=with_scales(op, inputs, 3))

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        return gradients_of_frozen(self, op, dy, tape)


def _import(source: ImportedOp) -> Op:
    inputs, attrs = import_convolution(source, 3)
    shape, in_c = source.input(1).shape, source.input(0).shape[3]
    if shape[0] != 1 or shape[3] % in_c != 0:
        raise Unsupported(f"weights {list(shape)} do not fit {in_c} input channels: expected [1, h, w, a multiple]")
    return source.op(kind_of(source, "depthwise_conv_2d"), inputs, attrs)


DepthwiseConv2D.tflite = {"DEPTHWISE_CONV_2D": _import}
OP = DepthwiseConv2D()


def depthwise_conv2d(
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
    """Depthwise convolution; output channel o reads input channel o // (out_c / c).

    Args:
        x: int8 or int16 [n, h, w, c].
        weights: int8 [1, kernel_h, kernel_w, out_c]; out_c is a multiple of c.
        bias: int32 [out_c], int64 with int16 activations; none means zeros.
        multiplier, shift, padding, act_min, act_max, on, isa: as conv2d.

    Returns an array [n, out_h, out_w, out_c] of the type of x.
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """
    zero_points_and_clamp = (input_zero_point, output_zero_point, act_min, act_max)
    inputs, attrs = depthwise_conv2d_arguments(
        x, weights, bias, multiplier, shift, stride, dilation, padding, zero_points_and_clamp
    )
    dtype = str(inputs[0].dtype)
    return call("depthwise_conv_2d_int16" if dtype == "int16" else "depthwise_conv_2d", inputs, attrs, dtype, on, isa)


def depthwise_conv2d_arguments(
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
    """(inputs, attrs) from the arguments of depthwise_conv2d."""
    inputs, count = convolution_inputs(x, weights, bias, 3)
    if inputs[1].shape[0] != 1 or count % inputs[0].shape[3] != 0:
        raise InputError(
            f"depthwise_conv2d: weights {inputs[1].shape} do not fit {inputs[0].shape[3]} input channels; "
            "expected (1, h, w, a multiple)"
        )
    attrs = {
        **window(inputs[0], inputs[1].shape[1:3], stride, dilation, padding),
        **scaling(inputs, multiplier, shift, count),
        **rescaling(inputs[0], zero_points_and_clamp),
    }
    return inputs, attrs
