# SPDX-License-Identifier: Apache-2.0
"""Average pooling, int8 (attributes: pool.py).  Padding does not count; halves round away from zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Operator, Rows, Tape
from groat.ops.call import Padding, Pair
from groat.ops.pool import Pool, call_pool, gradient_of_clamp, import_pool, pool_operator
from groat.ops.pool_grad import gradient_attrs


class AveragePool2D(Pool):
    tflite = {"AVERAGE_POOL_2D": lambda source: import_pool(source, "average_pool_2d")}

    def reduce(self, window: Array) -> Array:
        count = window.shape[1] * window.shape[2]
        total = window.sum(axis=(1, 2))
        magnitude: Array = (np.abs(total) + count // 2) // count
        return np.sign(total) * magnitude

    def operator(self, op: Op, dtype: str) -> Operator:
        return pool_operator("AVERAGE_POOL_2D", op)

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows:
        # One window that is the whole image adds up its rows as they come.
        if tuple(op.attrs["kernel"]) == inputs[0].shape[1:3] and outputs[0].shape[1:3] == (1, 1):
            return Rows(adds_up=True)
        return super().rows(op, inputs, outputs)

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        if not tape.wanted(0):
            return {}
        shape, dz = tape.tensor(op.inputs[0]).shape, gradient_of_clamp(op, dy, tape)
        kind = f"average_pool_2d_grad_{tape.tensor(dz).dtype}"
        return {0: tape.op(kind, (dz,), shape, gradient_attrs(op.attrs, shape))}


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
