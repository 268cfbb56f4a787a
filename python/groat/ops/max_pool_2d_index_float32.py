# SPDX-License-Identifier: Apache-2.0
"""Maximum pooling of float32 that remembers where its maxima were (attributes: pool.py); what training has for it.

inputs: x float32 [n, h, w, c].
outputs: y; index uint8 of its shape: the place of the first maximum in its window, row * kernel_w + column.  A window
    has 256 places at most.  Where nothing is more than -inf, it is the first place inside the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Shape, Tape
from groat.ops.call import Padding, Pair, call_all, pair
from groat.ops.call import window as window_attrs
from groat.ops.floats import clamped, float_array, limits
from groat.ops.max_pool_2d import PLACES
from groat.ops.max_pool_2d_float32 import MaxPool2DFloat32
from groat.ops.pool_grad import gradient_attrs
from groat.ops.window import windows


def first_maxima(op: Op, x: Array, shape: Shape) -> tuple[Array, Array]:
    """(maxima of float32 [n, out_h, out_w, c], the place of the first one in its window)."""
    y, index = np.full(shape, -np.inf, np.float32), np.zeros(shape, np.uint8)
    for row, column, rows, columns in windows(op, x.shape, shape):
        most, place = y[:, row, column, :], index[:, row, column, :]
        place[...] = rows[0][0] * op.attrs["kernel"][1] + columns[0][0]
        for tap_row, in_row in rows:
            for tap_column, in_column in columns:
                taps = x[:, in_row, in_column, :]
                place[...] = np.where(most < taps, tap_row * op.attrs["kernel"][1] + tap_column, place)
                most[...] = np.where(most < taps, taps, most)
    return y, index


class MaxPool2DIndexFloat32(MaxPool2DFloat32):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return super().shapes(op, inputs) * 2

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return [inputs[0].dtype, "uint8"]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x = inputs[0].astype(np.float32)
        y, index = first_maxima(op, x, self.shapes(op, [Tensor("x", x.shape, "float32")])[0])
        return [clamped(y, op.attrs, inputs[0].dtype), index]

    def for_training(self, op: Op) -> Op:
        return op

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        if not tape.wanted(0):
            return {}
        shape = tape.tensor(op.inputs[0]).shape
        kind = op.kind.replace("_index_", "_grad_")
        inputs = (tape.through_clamp(dy), op.outputs[1])
        return {0: tape.op(kind, inputs, shape, gradient_attrs(op.attrs, shape))}


OP = MaxPool2DIndexFloat32()


def max_pool2d_index_float(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array]:
    """Maximum pooling, and where its maxima were.

    Args:
        x: float32 or float16 [n, h, w, c].
        kernel, stride, padding, act_min, act_max, on, isa: as max_pool2d_float; a window has 256 places at most.

    Returns (y, index), both [n, out_h, out_w, c]: index is uint8, the place of the first maximum in its window.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    image, suffix = float_array(x, "x", 4)
    size = pair(kernel)
    if size[0] * size[1] > PLACES:
        raise InputError(f"the kernel has {size[0]} x {size[1]} places; expected at most {PLACES}")
    window = window_attrs(image, kernel, kernel if stride is None else stride, 1, padding)
    attrs = {**window, **limits(act_min, act_max)}
    y, index = call_all("max_pool_2d_index" + suffix, [image], attrs, on, isa)
    return y, index
