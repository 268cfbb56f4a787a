# SPDX-License-Identifier: Apache-2.0
"""The gradient of maximum pooling of float16, summed in float32 and rounded once.

inputs and attrs: as of max_pool_2d_grad_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.max_pool_2d_grad_float32 import MaxPool2DGradFloat32


class MaxPool2DGradFloat16(StoredAsFloat16, MaxPool2DGradFloat32):
    pass


OP = MaxPool2DGradFloat16()
