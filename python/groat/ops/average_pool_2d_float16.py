# SPDX-License-Identifier: Apache-2.0
"""Average pooling of float16, computed in float32 and rounded once.

inputs and attrs: as of average_pool_2d_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.average_pool_2d_float32 import AveragePool2DFloat32
from groat.ops.floats import StoredAsFloat16


class AveragePool2DFloat16(StoredAsFloat16, AveragePool2DFloat32):
    pass


OP = AveragePool2DFloat16()
