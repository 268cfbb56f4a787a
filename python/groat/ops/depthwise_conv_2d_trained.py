# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolution of int8 that learns: weights and biases are tensors, in the order of the model.

inputs and attrs: as of depthwise_conv_2d; weights_scales, input_scale: what its gradients need (int8_training.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants
from groat.ops.call import Padding, Pair, call
from groat.ops.conv_2d import convolution_fields
from groat.ops.depthwise_conv_2d import DepthwiseConv2D, depthwise_conv2d_arguments
from groat.ops.int8_training import Int8Trained, factors_of_channels


class DepthwiseConv2DTrained(Int8Trained, DepthwiseConv2D):
    tflite = {}

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        channels = factors_of_channels(op, constants)
        return {
            "depthwise": {**convolution_fields(op, inputs, outputs), "weights": 0, "channels": channels, "layout": 0}
        }


OP = DepthwiseConv2DTrained()


def depthwise_conv2d_trained(
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
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """depthwise_conv2d of int8 with weights and bias that are tensors, as in a model that trains: the same result.

    Args:
        x: int8 [n, h, w, c].
        weights: int8 [1, kernel_h, kernel_w, out_c]; out_c is a multiple of c.
        bias: int32 [out_c]; none means zeros.
        multiplier, shift, stride, dilation, padding, input_zero_point, output_zero_point, act_min, act_max, on, isa: as
            conv2d.

    Returns an array int8 [n, out_h, out_w, out_c].
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """
    zero_points_and_clamp = (input_zero_point, output_zero_point, act_min, act_max)
    inputs, attrs = depthwise_conv2d_arguments(
        x, weights, bias, multiplier, shift, stride, dilation, padding, zero_points_and_clamp
    )
    return call("depthwise_conv_2d_trained", inputs, attrs, "int8", on, isa)
