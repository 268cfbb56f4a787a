# SPDX-License-Identifier: Apache-2.0
"""Gradients of the weights and the bias of a depthwise convolution of float32.

inputs: x float32 [n, h, w, c]; dy float32 [n, out_h, out_w, out_c].
outputs: dw float32 [1, kernel_h, kernel_w, out_c]; db float32 [out_c]; step float32 [4]; as attrs say.
attrs: kernel, stride, dilation, padding, as of depthwise_conv_2d_float32; those of
groat.ops.gradients.WeightGradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, Shape
from groat.ops.call import Padding, Pair, array, window
from groat.ops.conv_2d_weight_grad_float32 import window_of
from groat.ops.floats import float_array
from groat.ops.gradients import WeightGradient, filter_gradient, gradients_or_step, require_output


class DepthwiseConv2DWeightGradFloat32(WeightGradient):
    def weights_shape(self, op: Op, inputs: Sequence[Tensor]) -> Shape:
        return (1, *op.attrs["kernel"], inputs[1].shape[3])

    def weight_gradient(self, op: Op, x: Array, dy: Array) -> Array:
        return np.moveaxis(filter_gradient(op, x, dy, x.shape[3]), 0, 3)[..., 0, :][np.newaxis]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {
            "window": window_of(op, inputs),
            "out_c": inputs[-1].shape[3],
            "update": self.update_fields(op),
        }


OP = DepthwiseConv2DWeightGradFloat32()


def depthwise_conv2d_weight_grad_float(
    x: ArrayLike,
    dy: ArrayLike,
    *,
    kernel: Pair,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    weights: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    lr: float | None = None,
    decay: float = 0.0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """Gradients of the weights and the bias of depthwise_conv2d_float, or a step of gradient descent on them.

    Args:
        x: what the convolution read, float32 or float16 [n, h, w, c].
        dy: the gradient of its output, of the type of x, [n, out_h, out_w, out_c]; out_c is a multiple of c.
        kernel: (height, width) of the filters, or one for both.
        stride, dilation, padding: as conv2d_float.
        weights, bias, lr, decay: for a step of gradient descent: the parameters (the bias float32 [out_c], or none),
            the learning rate, and what of the weights is added to their gradient.
        on, isa: as conv2d.

    Returns (dw, db): dw of the type of x, [1, kernel_h, kernel_w, out_c]; db float32 [out_c].  With lr, it returns
    (weights, bias, step), without the bias if none is given: the new parameters, and a float32 [4] whose first value is
    lr, or 0 if x or dy was not finite; then the parameters are what they were.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    image, suffix = float_array(x, "x", 4)
    gradient = array(dy, "dy", str(image.dtype), 4)
    if image.shape[3] == 0 or gradient.shape[3] % image.shape[3] != 0:
        raise InputError(
            f"depthwise_conv2d_weight_grad_float: dy has {gradient.shape[3]} channels; expected a multiple of "
            f"{image.shape[3]}"
        )
    attrs = window(image, kernel, stride, dilation, padding)
    require_output("depthwise_conv2d_weight_grad_float", attrs, image.shape, gradient)
    kind = "depthwise_conv_2d_weight_grad" + suffix
    return gradients_or_step(kind, image, gradient, attrs, weights, bias, lr, decay, on, isa)
