# SPDX-License-Identifier: Apache-2.0
"""Convolution or dense layer of int8 that learns: weights and biases are tensors, in the order of the model.

inputs: x int8; weights int8 [out_c, kernel_h, kernel_w, c / groups], or [out_c, depth] of a dense layer; bias int32
    [out_c] (optional).
attrs: as of conv_2d; a dense layer has out_shape, too.  weights_scales, input_scale: what its gradients need
    (int8_training.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, Shape
from groat.ops.call import Padding, Pair, call
from groat.ops.conv_2d import Conv2D, conv2d_arguments, convolution_fields
from groat.ops.int8_training import Int8Trained, factors_of_channels


def _image(x: Tensor, depth: int) -> Tensor:
    """A dense layer's activation: a pixel of one row for each batch."""
    return replace(x, shape=(1, 1, x.elements // depth, depth))


class Conv2DTrained(Int8Trained, Conv2D):
    tflite = {}

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [tuple(op.attrs["out_shape"])] if "out_shape" in op.attrs else super().shapes(op, inputs)

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        if "out_shape" not in op.attrs:
            return super().reference(op, inputs)
        x, weights, *bias = inputs
        out_c, depth = weights.shape
        (y,) = super().reference(op, [x.reshape(1, 1, -1, depth), weights.reshape(out_c, 1, 1, depth), *bias])
        return [y.reshape(op.attrs["out_shape"])]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        x, y, weights = inputs[0], outputs[0], inputs[1]
        if "out_shape" in op.attrs:
            x, y = _image(x, weights.shape[1]), _image(y, weights.shape[0])
        fields = convolution_fields(op, [x], [y])
        channels = factors_of_channels(op, constants)
        return {"conv": {**fields, "weights": 0, "channels": channels, "layout": 0, "groups": op.attrs["groups"]}}


OP = Conv2DTrained()


def conv2d_trained(
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
    """conv2d of int8 with weights and bias that are tensors, as in a model that trains: the same result.

    Args:
        x: int8 [n, h, w, c].
        weights: int8 [out_c, kernel_h, kernel_w, c / groups].
        bias: int32 [out_c]; none means zeros.
        multiplier, shift, stride, dilation, padding, input_zero_point, output_zero_point, act_min, act_max, on, isa: as
            conv2d.

    Returns an array int8 [n, out_h, out_w, out_c].
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """
    zero_points_and_clamp = (input_zero_point, output_zero_point, act_min, act_max)
    inputs, attrs = conv2d_arguments(
        x, weights, bias, multiplier, shift, stride, dilation, padding, zero_points_and_clamp
    )
    return call("conv_2d_trained", inputs, attrs, "int8", on, isa)
