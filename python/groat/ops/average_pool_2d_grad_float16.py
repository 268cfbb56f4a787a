# SPDX-License-Identifier: Apache-2.0
"""The gradient of average pooling of float16, summed in float32 and rounded once.

inputs and attrs: as of average_pool_2d_grad_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.average_pool_2d_grad_float32 import AveragePool2DGradFloat32
from groat.ops.floats import StoredAsFloat16


class AveragePool2DGradFloat16(StoredAsFloat16, AveragePool2DGradFloat32):
    pass


OP = AveragePool2DGradFloat16()
