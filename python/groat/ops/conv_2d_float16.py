# SPDX-License-Identifier: Apache-2.0
"""Two-dimensional convolution of float16, computed in float32 and rounded once.

inputs and attrs: as of conv_2d_float32, with float16 for float32; the bias is float32, or float16.
"""

from __future__ import annotations

from groat.ops.conv_2d_float32 import Conv2DFloat32
from groat.ops.floats import StoredAsFloat16


class Conv2DFloat16(StoredAsFloat16, Conv2DFloat32):
    kernel = "conv_f16"


OP = Conv2DFloat16()
