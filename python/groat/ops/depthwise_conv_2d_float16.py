# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolution of float16, computed in float32 and rounded once.

inputs and attrs: as of depthwise_conv_2d_float32, with float16 for float32; the bias is float32, or float16.
"""

from __future__ import annotations

from groat.ops.depthwise_conv_2d_float32 import DepthwiseConv2DFloat32
from groat.ops.floats import StoredAsFloat16


class DepthwiseConv2DFloat16(StoredAsFloat16, DepthwiseConv2DFloat32):
    kernel = "depthwise_f16"


OP = DepthwiseConv2DFloat16()
