# SPDX-License-Identifier: Apache-2.0
"""The gradient of maximum pooling of block floating point (attributes: pool_grad.py); dx has the exponent of dy.

inputs: dy int16 [n, out_h, out_w, c]; index uint8 of its shape: which place of its window the maximum was.
Windows do not overlap.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op
from groat.ops.call import Padding, Pair, array, call
from groat.ops.pool_grad import PoolGrad, call_attrs, windows_over


class MaxPool2DGradBfp16(PoolGrad):
    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        dy, index = inputs
        dx = np.zeros(op.attrs["in_shape"], np.int16)
        for y, x, rows, columns in windows_over(op, dy):
            for tap_row, row in rows:
                for tap_column, column in columns:
                    place = tap_row * op.attrs["kernel"][1] + tap_column
                    dx[:, row, column] = np.where(index[:, y, x] == place, dy[:, y, x], 0)
        return [dx]


OP = MaxPool2DGradBfp16()


def max_pool2d_grad_bfp16(
    dy: ArrayLike,
    index: ArrayLike,
    in_shape: Sequence[int],
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of maximum pooling of mantissas by its input: that of a window goes to its maximum.

    Args:
        dy: int16 [n, out_h, out_w, c], the gradient by the pooling's output.
        index: uint8 of its shape, as max_pool2d_index_bfp16 returns it.
        in_shape: [n, h, w, c] of its input.
        kernel, stride, padding: of the pooling, whose windows must not overlap.
        on, isa: as conv2d.

    Returns an int16 array of in_shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    gradient = array(dy, "dy", "int16", 4)
    attrs = call_attrs(gradient, in_shape, kernel, stride, padding)
    if any(size > step for size, step in zip(attrs["kernel"], attrs["stride"], strict=True)):
        raise InputError(
            f"kernel {attrs['kernel']} and stride {attrs['stride']}: windows overlap; expected none that do"
        )
    inputs = [gradient, array(index, "index", "uint8", 4)]
    return call("max_pool_2d_grad_bfp16", inputs, attrs, "int16", on, isa)
