# SPDX-License-Identifier: Apache-2.0
"""Maximum pooling of block floating point that remembers where its maxima were; y has the exponent of x.

inputs: x int16 [n, h, w, c].
outputs: y int16; index uint8 of its shape: the place of the first maximum in its window, row * kernel_w + column.
attrs: as pool.py, without act_min and act_max.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, NotDifferentiable, Shape, Tape
from groat.ops.bfp import Bfp
from groat.ops.call import Padding, Pair, array, call_all, pair
from groat.ops.call import window as window_attrs
from groat.ops.max_pool_2d import PLACES
from groat.ops.pool_grad import gradient_attrs
from groat.ops.window import spatial_shape, window_fields, windows


class MaxPool2DIndexBfp16(Bfp):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        n, h, w, c = inputs[0].shape
        return [(n, *spatial_shape(op.attrs, h, w), c)] * 2

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["int16", "uint8"]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x = inputs[0].astype(np.int64)
        shape = self.shapes(op, [Tensor("x", x.shape, "int16")])[0]
        y, index = np.full(shape, -(1 << 20)), np.zeros(shape, np.uint8)
        for row, column, rows, columns in windows(op, x.shape, shape):
            most, place = y[:, row, column, :], index[:, row, column, :]
            for tap_row, in_row in rows:
                for tap_column, in_column in columns:
                    taps = x[:, in_row, in_column, :]
                    place[...] = np.where(most < taps, tap_row * op.attrs["kernel"][1] + tap_column, place)
                    most[...] = np.maximum(most, taps)
        return [y.astype(np.int16), index]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"window": window_fields(op, inputs[0].shape, outputs[0].shape)}

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        if not tape.wanted(0):
            return {}
        if any(size > step for size, step in zip(op.attrs["kernel"], op.attrs["stride"], strict=True)):
            raise NotDifferentiable("its windows overlap, whose gradients would have to be added up")
        shape = tape.tensor(op.inputs[0]).shape
        attrs = gradient_attrs(op.attrs, shape)
        inputs = (dy, op.outputs[1])
        return {0: tape.op("max_pool_2d_grad_bfp16", inputs, shape, attrs, exponent=tape.exponent(dy))}


OP = MaxPool2DIndexBfp16()


def max_pool2d_index_bfp16(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array]:
    """Maximum pooling of mantissas, and where their maxima were.

    Args:
        x: int16 [n, h, w, c].
        kernel, stride, padding, on, isa: as max_pool2d_index_float; a window has 256 places at most.

    Returns (y, index), both [n, out_h, out_w, c]: index is uint8, the place of the first maximum in its window.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    image = array(x, "x", "int16", 4)
    size = pair(kernel)
    if size[0] * size[1] > PLACES:
        raise InputError(f"the kernel has {size[0]} x {size[1]} places; expected at most {PLACES}")
    attrs = window_attrs(image, kernel, kernel if stride is None else stride, 1, padding)
    y, index = call_all("max_pool_2d_index_bfp16", [image], attrs, on, isa)
    return y, index
