# SPDX-License-Identifier: Apache-2.0
"""The gradient of average pooling of float32 (attributes: pool_grad.py).

inputs: dy float32 [n, out_h, out_w, c].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op
from groat.ops.call import Padding, Pair, call
from groat.ops.floats import float_array
from groat.ops.pool_grad import PoolGrad, call_attrs, windows_over


class AveragePool2DGradFloat32(PoolGrad):
    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        dy = inputs[0].astype(np.float32)
        dx = np.zeros(op.attrs["in_shape"], np.float32)
        with np.errstate(all="ignore"):
            for y, x, rows, columns in windows_over(op, dy):
                share = dy[:, y, x] / np.float32(len(rows) * len(columns))
                for _, row in rows:
                    for _, column in columns:
                        dx[:, row, column] += share
            return [dx.astype(inputs[0].dtype)]


OP = AveragePool2DGradFloat32()


def average_pool2d_grad_float(
    dy: ArrayLike,
    in_shape: Sequence[int],
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of average pooling by its input; padding does not count.

    Args:
        dy: float32 or float16 [n, out_h, out_w, c], the gradient by the pooling's output.
        in_shape: [n, h, w, c] of its input.
        kernel, stride, padding: of the pooling, as average_pool2d_float.
        on, isa: as conv2d.

    Returns an array of dy's type and of in_shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    gradient, suffix = float_array(dy, "dy", 4)
    attrs = call_attrs(gradient, in_shape, kernel, stride, padding)
    return call("average_pool_2d_grad" + suffix, [gradient], attrs, str(gradient.dtype), on, isa)
