# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolution of float32, any depth multiplier.

inputs: x float32 [n, h, w, c]; weights float32 [1, kernel_h, kernel_w, out_c]; bias float32 [out_c] (optional).
attrs: as of conv_2d_float32, without groups.  Output channel o reads input channel o // (out_c / c).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, Shape
from groat.ops.call import Padding, Pair, call, window
from groat.ops.conv_2d import convolution_fields, packed_fields, strided_tap
from groat.ops.depthwise_conv_2d import DepthwiseConv2D
from groat.ops.floats import Trainable, filter_inputs, filters_of, float_array, limits, with_bias
from groat.ops.window import pad_image, spatial_shape


class DepthwiseConv2DFloat32(Trainable, DepthwiseConv2D):
    tflite = {}
    weights_axis = 3
    attributes = ("act_min", "act_max")
    kernel: ClassVar[str] = "depthwise_f32"

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, weights = (array.astype(np.float32) for array in inputs[:2])
        out = spatial_shape(op.attrs, *x.shape[1:3])
        repeated = np.repeat(pad_image(x, op, 0), weights.shape[3] // x.shape[3], axis=3)
        acc = np.zeros((x.shape[0], *out, weights.shape[3]), np.float32)
        with np.errstate(all="ignore"):
            for ky, kx in np.ndindex(*weights.shape[1:3]):
                acc += strided_tap(repeated, op, (ky, kx), out) * weights[0, ky, kx]
        return [with_bias(op, acc, inputs)]

    def columns(self, op: Op, x: Array, weights_shape: Shape) -> Array:
        out, padded = spatial_shape(op.attrs, *x.shape[1:3]), pad_image(x, op, 0)
        kernel = weights_shape[1:3]
        taps = [strided_tap(padded, op, tap, out).reshape(-1, x.shape[3]) for tap in np.ndindex(*kernel)]
        return np.stack(taps, axis=2).transpose(1, 0, 2)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        if op.attrs.get("trained"):
            return {
                **convolution_fields(op, inputs, outputs, self.attributes),
                **self.constant_fields(op, inputs, constants, inputs[1].shape[3]),
            }
        assert inputs[1].data is not None
        weights = inputs[1].data[0]
        filters = filters_of(inputs, weights, outputs[0].shape[2], weights.shape[2] // inputs[0].shape[3])
        packed = getattr(constants.layouts, self.kernel)(filters)
        return {**convolution_fields(op, inputs, outputs, self.attributes), **packed_fields([packed], constants)}


OP = DepthwiseConv2DFloat32()


def depthwise_conv2d_float(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    act_min: float | None = None,
    act_max: float | None = None,
    trained: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Depthwise convolution of floats; output channel o reads input channel o // (out_c / c).

    Args:
        x: float32 or float16 [n, h, w, c].
        weights: of the type of x, [1, kernel_h, kernel_w, out_c]; out_c is a multiple of c.
        bias: of the type of x or float32, [out_c]; none means zeros.
        padding, act_min, act_max, trained, on, isa: as conv2d_float.

    Returns an array [n, out_h, out_w, out_c] of the type of x.
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """
    image, suffix = float_array(x, "x", 4)
    inputs = filter_inputs(image, weights, bias, 4, 3)
    shape = inputs[1].shape
    if shape[0] != 1 or shape[3] % image.shape[3] != 0:
        raise InputError(
            f"depthwise_conv2d_float: weights {shape} do not fit {image.shape[3]} input channels; "
            "expected (1, h, w, a multiple)"
        )
    attrs = {
        **window(image, (shape[1], shape[2]), stride, dilation, padding),
        **limits(act_min, act_max),
        "trained": trained,
    }
    return call("depthwise_conv_2d" + suffix, inputs, attrs, str(image.dtype), on, isa)
