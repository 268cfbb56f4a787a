# SPDX-License-Identifier: Apache-2.0
"""Gradient of the input of a convolution of float16, summed in float32.

inputs, outputs and attrs: as of conv_2d_input_grad_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.conv_2d_input_grad_float32 import Conv2DInputGradFloat32
from groat.ops.floats import StoredAsFloat16


class Conv2DInputGradFloat16(StoredAsFloat16, Conv2DInputGradFloat32):
    pass


OP = Conv2DInputGradFloat16()
