# SPDX-License-Identifier: Apache-2.0
"""Maximum pooling, int8 (attributes: pool.py)."""

from __future__ import annotations

from groat.graph.ir import Array
from groat.ops.pool import Pool, import_pool


class MaxPool2D(Pool):
    tflite = {"MAX_POOL_2D": lambda source: import_pool(source, "max_pool_2d")}

    def reduce(self, window: Array) -> Array:
        largest: Array = window.max(axis=(1, 2))
        return largest


OP = MaxPool2D()
