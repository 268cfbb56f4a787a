# SPDX-License-Identifier: Apache-2.0
"""Maximum pooling of int8 that remembers where its maxima were (attributes: pool.py); what training has for it.

inputs: x int8 [n, h, w, c].
outputs: y; index uint8 of its shape: the place of the first maximum in its window, row * kernel_w + column.  A window
    has 256 places at most.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import clamp_int8
from groat.ops.base import Shape, Tape
from groat.ops.call import Padding, Pair, array, call_all, clamp, pair
from groat.ops.call import window as window_attrs
from groat.ops.max_pool_2d import PLACES, MaxPool2D
from groat.ops.max_pool_2d_index_float32 import first_maxima
from groat.ops.pool import gradient_of_clamp
from groat.ops.pool_grad import gradient_attrs


class MaxPool2DIndexInt8(MaxPool2D):
    tflite = {}

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return super().shapes(op, inputs) * 2

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return [inputs[0].dtype, "uint8"]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x = inputs[0].astype(np.float32)
        y, index = first_maxima(op, x, self.shapes(op, [Tensor("x", x.shape, "int8")])[0])
        return [clamp_int8(y.astype(np.int64), op.attrs["act_min"], op.attrs["act_max"]), index]

    def for_training(self, op: Op) -> Op:
        return op

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        if not tape.wanted(0):
            return {}
        shape = tape.tensor(op.inputs[0]).shape
        dz = gradient_of_clamp(op, dy, tape)
        kind = f"max_pool_2d_grad_{tape.tensor(dz).dtype}"
        return {0: tape.op(kind, (dz, op.outputs[1]), shape, gradient_attrs(op.attrs, shape))}


OP = MaxPool2DIndexInt8()


def max_pool2d_index_int8(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array]:
    """Maximum pooling, and where its maxima were.

    Args:
        x: int8 [n, h, w, c].
        kernel, stride, padding, act_min, act_max, on, isa: as max_pool2d; a window has 256 places at most.

    Returns (y, index), both [n, out_h, out_w, c]: index is uint8, the place of the first maximum in its window.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    image = array(x, "x", "int8", 4)
    size = pair(kernel)
    if size[0] * size[1] > PLACES:
        raise InputError(f"the kernel has {size[0]} x {size[1]} places; expected at most {PLACES}")
    window = window_attrs(image, kernel, kernel if stride is None else stride, 1, padding)
    y, index = call_all("max_pool_2d_index_int8", [image], {**window, **clamp("int8", act_min, act_max)}, on, isa)
    return y, index
