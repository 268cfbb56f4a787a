# SPDX-License-Identifier: Apache-2.0
"""Gradient of the input of an int8 convolution or dense layer, from a gradient of float32.

inputs: weights int8 [out_c, kernel_h, kernel_w, c / groups], or [out_c, depth]; dy float32 [..., out_c].
attrs: int8_training.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.call import Padding, Pair, array, call, window
from groat.ops.conv_2d_weight_grad_int8_float32 import conv_fields
from groat.ops.gradients import image_gradient, require_output
from groat.ops.int8_training import Int8InputGradient, float_gradient, scale_attrs


class Conv2DInputGradInt8Float32(Int8InputGradient):
    def input_gradient(self, op: Op, weights: Array, dy: Array) -> Array:
        if weights.ndim == 2:
            return dy.reshape(-1, dy.shape[-1]).astype(np.float64) @ weights.astype(np.float64)
        return image_gradient(op, weights, dy, op.attrs["groups"])

    def real_weights(self, op: Op, weights: Array) -> Array:
        scales = np.asarray(op.attrs["weights_scales"], np.float32)
        return scales.reshape(-1, *[1] * (weights.ndim - 1)) * weights.astype(np.float32)

    def layer_fields(self, op: Op, dy: Tensor) -> dict[str, Any]:
        return conv_fields(op, dy)


OP = Conv2DInputGradInt8Float32()


def conv2d_input_grad_int8_float(
    weights: ArrayLike,
    dy: ArrayLike,
    *,
    in_shape: Sequence[int],
    weights_scales: ArrayLike,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Gradient of the input of conv2d, as a real number.

    Args:
        weights: of the convolution, int8 [out_c, kernel_h, kernel_w, c / groups].
        dy: the gradient of its output as a real number, float32 or float16 [n, out_h, out_w, out_c].
        in_shape: (n, h, w, c) of its input.
        weights_scales: of the weights, one for each output channel or one for all.
        stride, dilation, padding, on, isa: as conv2d.

    Returns an array of in_shape and the type of dy.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    filters = array(weights, "weights", "int8", 4)
    gradient, suffix = float_gradient(dy, 4)
    (count, height, width, depth), shape = filters.shape, tuple(int(size) for size in in_shape)
    if len(shape) != 4:
        raise InputError(f"in_shape is {shape}; expected 4 dimensions")
    groups = shape[3] // depth if depth > 0 else 0
    if groups < 1 or groups * depth != shape[3] or count % groups != 0 or gradient.shape[3] != count:
        raise InputError(
            f"conv2d_input_grad_int8_float: weights {filters.shape} do not fit an input of {shape[3]} channels and a "
            f"dy of {gradient.shape[3]}"
        )
    attrs: dict[str, Any] = {
        **window(np.empty(shape, np.int8), (height, width), stride, dilation, padding),
        **scale_attrs(weights_scales, count),
        "groups": groups,
        "in_shape": shape,
        "weights_shape": filters.shape,
    }
    require_output("conv2d_input_grad_int8_float", attrs, shape, gradient)
    kind = "conv_2d_input_grad_int8" + suffix
    return call(kind, [filters, gradient], attrs, str(gradient.dtype), on, isa)
