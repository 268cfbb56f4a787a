# SPDX-License-Identifier: Apache-2.0
"""Maximum pooling, int8 (attributes: pool.py)."""

from __future__ import annotations

from dataclasses import replace

from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op
from groat.ops.base import Operator
from groat.ops.call import Padding, Pair
from groat.ops.pool import Pool, call_pool, import_pool, pool_operator

PLACES = 256


class MaxPool2D(Pool):
    tflite = {"MAX_POOL_2D": lambda source: import_pool(source, "max_pool_2d")}

    def reduce(self, window: Array) -> Array:
        largest: Array = window.max(axis=(1, 2))
        return largest

    def operator(self, op: Op, dtype: str) -> Operator:
        return pool_operator("MAX_POOL_2D", op)

    def for_training(self, op: Op) -> Op:
        places = op.attrs["kernel"][0] * op.attrs["kernel"][1]
        return replace(op, kind="max_pool_2d_index_int8") if op.kind == "max_pool_2d" and places <= PLACES else op


OP = MaxPool2D()


def max_pool2d(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Maximum pooling; padding never wins.

    Args:
        x: int8 or int16 [n, h, w, c].
        kernel, stride: (height, width) or one for both; the stride is the kernel's size unless given.
        padding, act_min, act_max, on, isa: as conv2d.

    Returns an array [n, out_h, out_w, c] of the type of x, in its scale.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    return call_pool("max_pool_2d", x, kernel, stride, padding, act_min, act_max, on, isa)
