# SPDX-License-Identifier: Apache-2.0
"""Gradients of the weights and the bias of a convolution of float16, summed in float32.

inputs, outputs and attrs: as of conv_2d_weight_grad_float32, with float16 for float32, but for db and step.
"""

from __future__ import annotations

from groat.ops.conv_2d_weight_grad_float32 import Conv2DWeightGradFloat32
from groat.ops.floats import StoredAsFloat16


class Conv2DWeightGradFloat16(StoredAsFloat16, Conv2DWeightGradFloat32):
    pass


OP = Conv2DWeightGradFloat16()
