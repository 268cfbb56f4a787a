# SPDX-License-Identifier: Apache-2.0
"""Average pooling, int8 (attributes: pool.py).  Padding does not count; halves round away from zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array
from groat.ops.call import Padding, Pair
from groat.ops.pool import Pool, call_pool, import_pool


class AveragePool2D(Pool):
    tflite = {"AVERAGE_POOL_2D": lambda source: import_pool(source, "average_pool_2d")}

    def reduce(self, window: Array) -> Array:
        count = window.shape[1] * window.shape[2]
        total = window.sum(axis=(1, 2))
        magnitude: Array = (np.abs(total) + count // 2) // count
        return np.sign(total) * magnitude


OP = AveragePool2D()


def average_pool2d(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Average pooling; padding does not count, halves round away from zero.

    Args:
        x: int8 or int16 [n, h, w, c].
        kernel, stride: (height, width) or one for both; the stride is the kernel's size unless given.
        padding, act_min, act_max, on, isa: as conv2d.

    Returns an array [n, out_h, out_w, c] of the type of x, in its scale.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    return call_pool("average_pool_2d", x, kernel, stride, padding, act_min, act_max, on, isa)
