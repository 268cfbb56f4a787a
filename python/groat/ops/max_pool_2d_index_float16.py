# SPDX-License-Identifier: Apache-2.0
"""Maximum pooling of float16 that remembers where its maxima were.

inputs and attrs: as of max_pool_2d_index_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.max_pool_2d_index_float32 import MaxPool2DIndexFloat32


class MaxPool2DIndexFloat16(StoredAsFloat16, MaxPool2DIndexFloat32):
    pass


OP = MaxPool2DIndexFloat16()
