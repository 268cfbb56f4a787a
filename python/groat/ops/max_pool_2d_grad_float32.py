# SPDX-License-Identifier: Apache-2.0
"""The gradient of maximum pooling of float32 (attributes: pool_grad.py).

inputs: dy float32 [n, out_h, out_w, c]; index uint8 of its shape: which place of its window the maximum was.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op
from groat.ops.call import Padding, Pair, array, call
from groat.ops.floats import float_array
from groat.ops.pool_grad import PoolGrad, call_attrs, windows_over


class MaxPool2DGradFloat32(PoolGrad):
    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        dy, index = inputs[0].astype(np.float32), inputs[1]
        dx = np.zeros(op.attrs["in_shape"], np.float32)
        with np.errstate(all="ignore"):
            for y, x, rows, columns in windows_over(op, dy):
                for tap_row, row in rows:
                    for tap_column, column in columns:
                        place = tap_row * op.attrs["kernel"][1] + tap_column
                        dx[:, row, column] += np.where(index[:, y, x] == place, dy[:, y, x], np.float32(0))
            return [dx.astype(inputs[0].dtype)]


OP = MaxPool2DGradFloat32()


def max_pool2d_grad_float(
    dy: ArrayLike,
    index: ArrayLike,
    in_shape: Sequence[int],
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of maximum pooling by its input: that of a window goes to its maximum.

    Args:
        dy: float32 or float16 [n, out_h, out_w, c], the gradient by the pooling's output.
        index: uint8 of its shape, as max_pool2d_index_float returns it.
        in_shape: [n, h, w, c] of its input.
        kernel, stride, padding: of the pooling, as max_pool2d_float.
        on, isa: as conv2d.

    Returns an array of dy's type and of in_shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    gradient, suffix = float_array(dy, "dy", 4)
    inputs = [gradient, array(index, "index", "uint8", 4)]
    attrs = call_attrs(gradient, in_shape, kernel, stride, padding)
    return call("max_pool_2d_grad" + suffix, inputs, attrs, str(gradient.dtype), on, isa)
