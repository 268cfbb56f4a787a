# SPDX-License-Identifier: Apache-2.0
"""Gradient of the input of a convolution of float32, grouped or not.

inputs: weights float32 [out_c, kernel_h, kernel_w, c / groups]; dy float32 [n, out_h, out_w, out_c].
attrs: kernel, stride, dilation, padding, groups, as of conv_2d_float32; in_shape: [n, h, w, c], of the gradient.
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


class Conv2DInputGradFloat32(InputGradient):
    def input_gradient(self, op: Op, weights: Array, dy: Array) -> Array:
        return image_gradient(op, weights, dy, op.attrs["groups"])

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        dy = inputs[1].shape
        return {
            "window": window_fields(op, outputs[0].shape, dy),
            "out_c": dy[3],
            "groups": op.attrs["groups"],
        }

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return inputs[1].elements // inputs[1].shape[3] * inputs[0].elements


OP = Conv2DInputGradFloat32()


def conv2d_input_grad_float(
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
    """Gradient of the input of conv2d_float.

    Args:
        weights: of the convolution, float32 or float16 [out_c, kernel_h, kernel_w, c / groups].
        dy: the gradient of its output, of the type of the weights, [n, out_h, out_w, out_c].
        in_shape: (n, h, w, c) of its input.
        stride, dilation, padding, on, isa: as conv2d_float.

    Returns an array of in_shape and the type of the weights.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    filters, suffix = float_array(weights, "weights", 4)
    gradient = array(dy, "dy", str(filters.dtype), 4)
    (count, height, width, depth), shape = filters.shape, tuple(int(size) for size in in_shape)
    if len(shape) != 4:
        raise InputError(f"in_shape is {shape}; expected 4 dimensions")
    groups = shape[3] // depth if depth > 0 else 0
    if groups < 1 or groups * depth != shape[3] or count % groups != 0 or gradient.shape[3] != count:
        raise InputError(
            f"conv2d_input_grad_float: weights {filters.shape} do not fit an input of {shape[3]} channels and a dy of "
            f"{gradient.shape[3]}"
        )
    attrs = {
        **window(np.empty(shape, np.int8), (height, width), stride, dilation, padding),
        "groups": groups,
        "in_shape": shape,
    }
    require_output("conv2d_input_grad_float", attrs, shape, gradient)
    return call("conv_2d_input_grad" + suffix, [filters, gradient], attrs, str(filters.dtype), on, isa)
