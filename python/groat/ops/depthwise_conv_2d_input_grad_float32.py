# SPDX-License-Identifier: Apache-2.0
"""Gradient of the input of a depthwise convolution of float32.

inputs: weights float32 [1, kernel_h, kernel_w, out_c]; dy float32 [n, out_h, out_w, out_c].
attrs: kernel, stride, dilation, padding, as of depthwise_conv_2d_float32; in_shape: [n, h, w, c], of the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants
from groat.ops.call import Padding, Pair, array, call, window
from groat.ops.floats import float_array
from groat.ops.gradients import InputGradient, image_gradient, require_output
from groat.ops.window import window_fields


class DepthwiseConv2DInputGradFloat32(InputGradient):
    def input_gradient(self, op: Op, weights: Array, dy: Array) -> Array:
        filters = np.moveaxis(weights, 3, 0).reshape(weights.shape[3], *op.attrs["kernel"], 1)
        return image_gradient(op, filters, dy, op.attrs["in_shape"][3])

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        dy = inputs[1].shape
        return {"window": window_fields(op, outputs[0].shape, dy), "out_c": dy[3]}

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return inputs[1].elements // inputs[1].shape[3] * inputs[0].elements


OP = DepthwiseConv2DInputGradFloat32()


def depthwise_conv2d_input_grad_float(
    weights: ArrayLike,
    dy: ArrayLike,
    *,
    in_shape: Sequence[int],
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Gradient of the input of depthwise_conv2d_float.

    Args:
        weights: of the convolution, float32 or float16 [1, kernel_h, kernel_w, out_c].
        dy: the gradient of its output, of the type of the weights, [n, out_h, out_w, out_c].
        in_shape: (n, h, w, c) of its input; out_c is a multiple of c.
        stride, dilation, padding, on, isa: as conv2d_float.

    Returns an array of in_shape and the type of the weights.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    filters, suffix = float_array(weights, "weights", 4)
    gradient = array(dy, "dy", str(filters.dtype), 4)
    (one, height, width, count), shape = filters.shape, tuple(int(size) for size in in_shape)
    if len(shape) != 4:
        raise InputError(f"in_shape is {shape}; expected 4 dimensions")
    if one != 1 or shape[3] < 1 or count % shape[3] != 0 or gradient.shape[3] != count:
        raise InputError(
            f"depthwise_conv2d_input_grad_float: weights {filters.shape} do not fit an input of {shape[3]} channels "
            f"and a dy of {gradient.shape[3]}"
        )
    attrs = {
        **window(np.empty(shape, np.int8), (height, width), stride, dilation, padding),
        "in_shape": shape,
    }
    require_output("depthwise_conv2d_input_grad_float", attrs, shape, gradient)
    return call("depthwise_conv_2d_input_grad" + suffix, [filters, gradient], attrs, str(filters.dtype), on, isa)
