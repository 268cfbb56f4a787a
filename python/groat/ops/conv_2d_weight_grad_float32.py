# SPDX-License-Identifier: Apache-2.0
"""Gradients of the weights and the bias of a convolution of float32, grouped or not.

inputs: x float32 [n, h, w, c]; dy float32 [n, out_h, out_w, out_c].
outputs: dw float32 [out_c, kernel_h, kernel_w, c / groups]; db float32 [out_c]; step float32 [4]; as attrs say.
attrs: kernel, stride, dilation, padding, groups, as of conv_2d_float32; those of groat.ops.gradients.WeightGradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, Shape
from groat.ops.call import Padding, Pair, array, window
from groat.ops.floats import float_array
from groat.ops.gradients import WeightGradient, filter_gradient, gradients_or_step, require_output
from groat.ops.window import window_fields

_PIXEL = {"kernel": (1, 1), "stride": (1, 1), "dilation": (1, 1), "padding": ((0, 0), (0, 0))}


def window_of(op: Op, inputs: Sequence[Tensor]) -> dict[str, int]:
    """The fields of groat_window; where there is no x, those of a window of one pixel and channel over dy."""
    x, dy = inputs[0].shape, inputs[-1].shape
    return window_fields(op, x, dy) if len(inputs) > 1 else window_fields(Op("", (), (), _PIXEL), (*dy[:3], 1), dy)


class Conv2DWeightGradFloat32(WeightGradient):
    def weights_shape(self, op: Op, inputs: Sequence[Tensor]) -> Shape:
        x, dy = inputs
        return (dy.shape[3], *op.attrs["kernel"], x.shape[3] // op.attrs["groups"])

    def weight_gradient(self, op: Op, x: Array, dy: Array) -> Array:
        return filter_gradient(op, x, dy, op.attrs["groups"])

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {
            "window": window_of(op, inputs),
            "out_c": inputs[-1].shape[3],
            "groups": op.attrs["groups"] if len(inputs) > 1 else 1,
            "update": self.update_fields(op),
        }


OP = Conv2DWeightGradFloat32()


def conv2d_weight_grad_float(
    x: ArrayLike,
    dy: ArrayLike,
    *,
    kernel: Pair,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    groups: int = 1,
    weights: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    lr: float | None = None,
    decay: float = 0.0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """Gradients of the weights and the bias of conv2d_float, or a step of gradient descent on them.

    Args:
        x: what the convolution read, float32 or float16 [n, h, w, c].
        dy: the gradient of its output, of the type of x, [n, out_h, out_w, out_c].
        kernel: (height, width) of the filters, or one for both.
        stride, dilation, padding: as conv2d_float.
        groups: of the convolution.
        weights, bias, lr, decay: for a step of gradient descent: the parameters (the bias float32 [out_c], or none),
            the learning rate, and what of the weights is added to their gradient.
        on, isa: as conv2d.

    Returns (dw, db): dw of the type of x, [out_c, kernel_h, kernel_w, c / groups]; db float32 [out_c].  With lr,
    (weights, bias, step), without the bias if none is given: the new parameters, and a float32 [4] whose first value
    is lr, or 0 if x or dy was not finite; then the parameters are what they were.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    image, suffix = float_array(x, "x", 4)
    gradient = array(dy, "dy", str(image.dtype), 4)
    if groups < 1 or image.shape[3] % groups != 0 or gradient.shape[3] % groups != 0:
        raise InputError(
            f"conv2d_weight_grad_float: {image.shape[3]} input and {gradient.shape[3]} output channels do not divide "
            f"into {groups} groups"
        )
    attrs = {**window(image, kernel, stride, dilation, padding), "groups": groups}
    require_output("conv2d_weight_grad_float", attrs, image.shape, gradient)
    return gradients_or_step("conv_2d_weight_grad" + suffix, image, gradient, attrs, weights, bias, lr, decay, on, isa)
