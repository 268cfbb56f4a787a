# SPDX-License-Identifier: Apache-2.0
"""Gradients of the weights and the bias of an int8 depthwise convolution, from a gradient of float32.

inputs, outputs and attrs: int8_training.Int8WeightGradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.call import Padding, Pair, array, window
from groat.ops.gradients import filter_gradient, require_output
from groat.ops.int8_training import Int8WeightGradient, float_gradient, int8_gradients_or_step, scale_attrs
from groat.ops.window import window_fields


class DepthwiseConv2DWeightGradInt8Float32(Int8WeightGradient):
    channel_axis = 3

    def weight_gradient(self, op: Op, x: Array, dy: Array) -> Array:
        return np.moveaxis(filter_gradient(op, x, dy, x.shape[3]), 0, 3)[..., 0, :][np.newaxis]

    def layer_fields(self, op: Op, dy: Tensor) -> dict[str, Any]:
        return {"window": window_fields(op, op.attrs["in_shape"], dy.shape), "out_c": dy.shape[3]}


OP = DepthwiseConv2DWeightGradInt8Float32()


def depthwise_conv2d_weight_grad_int8_float(
    x: ArrayLike,
    dy: ArrayLike,
    *,
    kernel: Pair,
    weights_scales: ArrayLike,
    input_scale: float = 1.0,
    input_zero_point: int = 0,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    weights: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    lr: float | None = None,
    decay: float = 0.0,
    seed: int = 0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """Gradients of the weights and the bias of depthwise_conv2d, or a step of gradient descent on them.

    Args:
        x: what the convolution read, int8 [n, h, w, c].
        dy: the gradient of its output as a real number, float32 or float16 [n, out_h, out_w, out_c]; out_c is a
            multiple of c.
        kernel: (height, width) of the filters, or one for both.
        weights_scales: of the weights, one for each output channel or one for all.
        input_scale, input_zero_point: of x.
        stride, dilation, padding: as conv2d.
        weights, bias, lr, decay: for a step of gradient descent: the parameters (int8; bias int32 [out_c], or none),
            the learning rate, and what of the weights is added to their gradient.
        seed: of the generator that rounds the step.
        on, isa: as conv2d.

    Returns (dw, db), gradients of real numbers: dw of the type of dy, in the shape of the weights; db float32 [out_c].
    With lr, it returns (weights, bias, random, step), without the bias if none is given: the new parameters; the
    generator's state, int32 [1]; and a float32 [4] whose first value is lr, or 0 if dy was not finite; then the
    parameters are what they were.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    image = array(x, "x", "int8", 4)
    gradient, suffix = float_gradient(dy, 4)
    count = gradient.shape[3]
    if image.shape[3] == 0 or count % image.shape[3] != 0:
        raise InputError(
            f"depthwise_conv2d_weight_grad_int8_float: dy has {count} channels; expected a multiple of {image.shape[3]}"
        )
    attrs = window(image, kernel, stride, dilation, padding)
    attrs |= scale_attrs(weights_scales, count, input_scale, input_zero_point)
    attrs |= {"in_shape": image.shape, "weights_shape": (1, *attrs["kernel"], count)}
    require_output("depthwise_conv2d_weight_grad_int8_float", attrs, image.shape, gradient)
    kind = "depthwise_conv_2d_weight_grad_int8" + suffix
    return int8_gradients_or_step(kind, image, gradient, attrs, weights, bias, lr, decay, seed, on, isa)
