# SPDX-License-Identifier: Apache-2.0
"""Average pooling, int8 (attributes: pool.py).  Padding does not count; halves round away from zero."""

from __future__ import annotations

import numpy as np

from groat.graph.ir import Array
from groat.ops.pool import Pool, import_pool


class AveragePool2D(Pool):
    tflite = {"AVERAGE_POOL_2D": lambda source: import_pool(source, "average_pool_2d")}

    def reduce(self, window: Array) -> Array:
        count = window.shape[1] * window.shape[2]
        total = window.sum(axis=(1, 2))
        magnitude: Array = (np.abs(total) + count // 2) // count
        return np.sign(total) * magnitude


OP = AveragePool2D()
