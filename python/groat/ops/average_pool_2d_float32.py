# SPDX-License-Identifier: Apache-2.0
"""Average pooling of float32 (attributes: pool.py).  Padding does not count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op
from groat.ops.average_pool_2d import AveragePool2D
from groat.ops.base import Tape
from groat.ops.call import Padding, Pair
from groat.ops.floats import call_pool, clamped
from groat.ops.pool_grad import gradient_attrs
from groat.ops.window import spatial_shape, windows


class AveragePool2DFloat32(AveragePool2D):
    tflite = {}

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x = inputs[0].astype(np.float32)
        shape = (x.shape[0], *spatial_shape(op.attrs, *x.shape[1:3]), x.shape[3])
        y = np.empty(shape, np.float32)
        with np.errstate(all="ignore"):
            for row, column, rows, columns in windows(op, x.shape, shape):
                total = np.zeros((x.shape[0], x.shape[3]), np.float32)
                for _, tap_row in rows:
                    for _, tap_column in columns:
                        total += x[:, tap_row, tap_column, :]
                y[:, row, column, :] = total / np.float32(len(rows) * len(columns))
        return [clamped(y, op.attrs, inputs[0].dtype)]

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        if not tape.wanted(0):
            return {}
        shape = tape.tensor(op.inputs[0]).shape
        kind = op.kind.replace("_2d_", "_2d_grad_")
        return {0: tape.op(kind, (tape.through_clamp(dy),), shape, gradient_attrs(op.attrs, shape))}


OP = AveragePool2DFloat32()


def average_pool2d_float(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Average pooling of floats; padding does not count.

    Args:
        x: float32 or float16 [n, h, w, c].
        kernel, stride: (height, width) or one for both; the stride is the kernel's size unless given.
        padding, act_min, act_max, on, isa: as conv2d_float.

    Returns an array [n, out_h, out_w, c] of the type of x.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    return call_pool("average_pool_2d", x, kernel, stride, padding, act_min, act_max, on, isa)
