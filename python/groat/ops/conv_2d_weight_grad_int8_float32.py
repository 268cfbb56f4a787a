# SPDX-License-Identifier: Apache-2.0
"""Gradients of the weights and the bias of an int8 convolution or dense layer, from a gradient of float32.

inputs, outputs and attrs: int8_training.Int8WeightGradient.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.call import Padding, Pair, array, window
from groat.ops.gradients import filter_gradient, require_output
from groat.ops.int8_training import Int8WeightGradient, float_gradient, int8_gradients_or_step, scale_attrs
from groat.ops.window import window_fields


class Conv2DWeightGradInt8Float32(Int8WeightGradient):
    channel_axis = 0

    def weight_gradient(self, op: Op, x: Array, dy: Array) -> Array:
        groups = op.attrs["groups"]
        if len(op.attrs["weights_shape"]) == 2:
            x, dy = x.reshape(1, 1, -1, op.attrs["weights_shape"][1]), dy.reshape(1, 1, -1, dy.shape[-1])
        return filter_gradient(op, x, dy, groups)

    def layer_fields(self, op: Op, dy: Tensor) -> dict[str, Any]:
        return conv_fields(op, dy)


def conv_fields(op: Op, dy: Tensor) -> dict[str, Any]:
    """The fields of a convolution's gradients; of a dense layer, those of one over a row of batches."""
    out_c = dy.shape[-1]
    if len(op.attrs["weights_shape"]) == 4:
        shapes = op.attrs["in_shape"], dy.shape
    else:
        batches = dy.elements // out_c
        shapes = (1, 1, batches, op.attrs["weights_shape"][1]), (1, 1, batches, out_c)
    return {"window": window_fields(op, *shapes), "out_c": out_c, "groups": op.attrs["groups"]}


OP = Conv2DWeightGradInt8Float32()


def conv2d_weight_grad_int8_float(
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
    groups: int = 1,
    weights: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    lr: float | None = None,
    decay: float = 0.0,
    seed: int = 0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """Gradients of the weights and the bias of conv2d, or a step of gradient descent on them.

    Args:
        x: what the convolution read, int8 [n, h, w, c].
        dy: the gradient of its output as a real number, float32 or float16 [n, out_h, out_w, out_c].
        kernel: (height, width) of the filters, or one for both.
        weights_scales: of the weights, one for each output channel or one for all.
        input_scale, input_zero_point: of x.
        stride, dilation, padding: as conv2d.
        groups: of the convolution.
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
    if groups < 1 or image.shape[3] % groups != 0 or count % groups != 0:
        raise InputError(
            f"conv2d_weight_grad_int8_float: {image.shape[3]} input and {count} output channels do not divide into "
            f"{groups} groups"
        )
    attrs: dict[str, Any] = {**window(image, kernel, stride, dilation, padding), "groups": groups}
    attrs |= scale_attrs(weights_scales, count, input_scale, input_zero_point)
    attrs |= {"in_shape": image.shape, "weights_shape": (count, *attrs["kernel"], image.shape[3] // groups)}
    require_output("conv2d_weight_grad_int8_float", attrs, image.shape, gradient)
    kind = "conv_2d_weight_grad_int8" + suffix
    return int8_gradients_or_step(kind, image, gradient, attrs, weights, bias, lr, decay, seed, on, isa)
