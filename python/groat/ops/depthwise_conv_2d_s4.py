# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolution, int8 with int4 weights: all else as depthwise_conv_2d.

The weights are packed two to a byte and unpacked all at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants
from groat.ops.call import Padding, Pair, call, four_bits
from groat.ops.conv_2d import convolution_fields, packed_fields
from groat.ops.depthwise_conv_2d import DepthwiseConv2D, depthwise_conv2d_arguments


class DepthwiseConv2DS4(DepthwiseConv2D):
    tflite = {}
    int4_inputs = (1,)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        packed = constants.layouts.depthwise_s4(self.filters(op, inputs, outputs))
        return {"s8": {**convolution_fields(op, inputs, outputs), **packed_fields([packed], constants)}}


OP = DepthwiseConv2DS4()


def depthwise_conv2d_s4(
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
    act_min: int = -128,
    act_max: int = 127,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Depthwise convolution with weights of four bits.

    Args:
        weights: int8 [1, kernel_h, kernel_w, out_c] in [-8, 7]; out_c is a multiple of c.
        x, bias, multiplier, shift, stride, dilation, padding, on, isa: as depthwise_conv2d.

    Returns int8 [n, out_h, out_w, out_c].
    Raises InputError if a weight does not fit four bits, and as depthwise_conv2d.
    """
    zero_points_and_clamp = (input_zero_point, output_zero_point, act_min, act_max)
    inputs, attrs = depthwise_conv2d_arguments(
        x, four_bits(weights, "weights"), bias, multiplier, shift, stride, dilation, padding, zero_points_and_clamp
    )
    return call("depthwise_conv_2d_s4", inputs, attrs, "int8", on, isa)
