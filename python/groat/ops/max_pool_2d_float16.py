# SPDX-License-Identifier: Apache-2.0
"""Maximum pooling of float16, computed in float32 and rounded once.

inputs and attrs: as of max_pool_2d_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.max_pool_2d_float32 import MaxPool2DFloat32


class MaxPool2DFloat16(StoredAsFloat16, MaxPool2DFloat32):
    pass


OP = MaxPool2DFloat16()
