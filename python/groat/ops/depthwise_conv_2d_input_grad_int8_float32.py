# SPDX-License-Identifier: Apache-2.0
"""Gradient of the input of an int8 depthwise convolution, from a gradient of float32.

inputs: weights int8 [1, kernel_h, kernel_w, out_c]; dy float32 [n, out_h, out_w, out_c].
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
from groat.ops.gradients import image_gradient, require_output
from groat.ops.int8_training import Int8InputGradient, float_gradient, scale_attrs
from groat.ops.window import window_fields


class DepthwiseConv2DInputGradInt8Float32(Int8InputGradient):
    def input_gradient(self, op: Op, weights: Array, dy: Array) -> Array:
        filters = np.moveaxis(weights, 3, 0).reshape(weights.shape[3], *op.attrs["kernel"], 1)
        return image_gradient(op, filters, dy, op.attrs["in_shape"][3])

    def real_weights(self, op: Op, weights: Array) -> Array:
        return np.asarray(op.attrs["weights_scales"], np.float32) * weights.astype(np.float32)

    def layer_fields(self, op: Op, dy: Tensor) -> dict[str, Any]:
        return {"window": window_fields(op, op.attrs["in_shape"], dy.shape), "out_c": dy.shape[3]}


OP = DepthwiseConv2DInputGradInt8Float32()


def depthwise_conv2d_input_grad_int8_float(
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
    """Gradient of the input of depthwise_conv2d, as a real number.

    Args:
        weights: of the convolution, int8 [1, kernel_h, kernel_w, out_c].
        dy: the gradient of its output as a real number, float32 or float16 [n, out_h, out_w, out_c].
        in_shape: (n, h, w, c) of its input; out_c is a multiple of c.
        weights_scales: of the weights, one for each output channel or one for all.
        stride, dilation, padding, on, isa: as conv2d.

    Returns an array of in_shape and the type of dy.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    filters = array(weights, "weights", "int8", 4)
    gradient, suffix = float_gradient(dy, 4)
    (one, height, width, count), shape = filters.shape, tuple(int(size) for size in in_shape)
    if len(shape) != 4:
        raise InputError(f"in_shape is {shape}; expected 4 dimensions")
    if one != 1 or shape[3] < 1 or count % shape[3] != 0 or gradient.shape[3] != count:
        raise InputError(
            f"depthwise_conv2d_input_grad_int8_float: weights {filters.shape} do not fit an input of {shape[3]} "
            f"channels and a dy of {gradient.shape[3]}"
        )
    attrs: dict[str, Any] = {
        **window(np.empty(shape, np.int8), (height, width), stride, dilation, padding),
        **scale_attrs(weights_scales, count),
        "in_shape": shape,
        "weights_shape": filters.shape,
    }
    require_output("depthwise_conv2d_input_grad_int8_float", attrs, shape, gradient)
    kind = "depthwise_conv_2d_input_grad_int8" + suffix
    return call(kind, [filters, gradient], attrs, str(gradient.dtype), on, isa)
