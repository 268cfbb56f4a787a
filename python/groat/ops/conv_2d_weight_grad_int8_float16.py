# SPDX-License-Identifier: Apache-2.0
"""The same as conv_2d_weight_grad_int8_float32 from a gradient of float16, summed in float32."""

from __future__ import annotations

from groat.ops.conv_2d_weight_grad_int8_float32 import Conv2DWeightGradInt8Float32
from groat.ops.floats import StoredAsFloat16


class Conv2DWeightGradInt8Float16(StoredAsFloat16, Conv2DWeightGradInt8Float32):
    pass


OP = Conv2DWeightGradInt8Float16()
