# SPDX-License-Identifier: Apache-2.0
"""Gradient of the input of a depthwise convolution of float16, summed in float32.

inputs, outputs and attrs: as of depthwise_conv_2d_input_grad_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.depthwise_conv_2d_input_grad_float32 import DepthwiseConv2DInputGradFloat32
from groat.ops.floats import StoredAsFloat16


class DepthwiseConv2DInputGradFloat16(StoredAsFloat16, DepthwiseConv2DInputGradFloat32):
    pass


OP = DepthwiseConv2DInputGradFloat16()
