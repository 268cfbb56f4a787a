# SPDX-License-Identifier: Apache-2.0
"""Maximum pooling of float32 (attributes: pool.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op
from groat.ops.base import NotDifferentiable
from groat.ops.call import Padding, Pair
from groat.ops.floats import call_pool, clamped
from groat.ops.max_pool_2d import PLACES, MaxPool2D
from groat.ops.window import spatial_shape, windows


class MaxPool2DFloat32(MaxPool2D):
    tflite = {}

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x = inputs[0].astype(np.float32)
        shape = (x.shape[0], *spatial_shape(op.attrs, *x.shape[1:3]), x.shape[3])
        y = np.full(shape, -np.inf, np.float32)
        for row, column, rows, columns in windows(op, x.shape, shape):
            most = y[:, row, column, :]
            for _, tap_row in rows:
                for _, tap_column in columns:
                    taps = x[:, tap_row, tap_column, :]
                    most[...] = np.where(most < taps, taps, most)
        return [clamped(y, op.attrs, inputs[0].dtype)]

    def for_training(self, op: Op) -> Op:
        places = op.attrs["kernel"][0] * op.attrs["kernel"][1]
        if places > PLACES:
            raise NotDifferentiable(f"its window has {places} places; at most {PLACES} have a number of one byte")
        return replace(op, kind=op.kind.replace("_2d_", "_2d_index_"))


OP = MaxPool2DFloat32()


def max_pool2d_float(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Maximum pooling of floats; padding never wins, nor does what is not a number.

    Args:
        x: float32 or float16 [n, h, w, c].
        kernel, stride: (height, width) or one for both; the stride is the kernel's size unless given.
        padding, act_min, act_max, on, isa: as conv2d_float.

    Returns an array [n, out_h, out_w, c] of the type of x.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    return call_pool("max_pool_2d", x, kernel, stride, padding, act_min, act_max, on, isa)
