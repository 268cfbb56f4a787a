# SPDX-License-Identifier: Apache-2.0
"""Gradients of the weights and the bias of a depthwise convolution of float16, summed in float32.

inputs, outputs and attrs: as of depthwise_conv_2d_weight_grad_float32, with float16 for float32, but for db and step.
"""

from __future__ import annotations

from groat.ops.depthwise_conv_2d_weight_grad_float32 import DepthwiseConv2DWeightGradFloat32
from groat.ops.floats import StoredAsFloat16


class DepthwiseConv2DWeightGradFloat16(StoredAsFloat16, DepthwiseConv2DWeightGradFloat32):
    pass


OP = DepthwiseConv2DWeightGradFloat16()
