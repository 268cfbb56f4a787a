# SPDX-License-Identifier: Apache-2.0
"""Two-dimensional convolution with int16 activations and int8 weights.

inputs: x int16 [n, h, w, c]; weights int8 [out_c, kernel_h, kernel_w, c / groups]; bias int64 or int32 [out_c]
(optional).
attrs: as of conv_2d; zero points are 0.  acc_bits: 64, where a sum is rounded once, or 32 (with an int32 bias).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from groat.graph.ir import Array, Op
from groat.ops.arithmetic import clamp_int16, requantize, requantize_wide, wrap32
from groat.ops.conv_2d import Conv2D
from groat.pack.layouts import Filters, Packed

if TYPE_CHECKING:
    from groat.pack.layouts import Layouts


def rescale_int16(op: Op, acc: Array) -> Array:
    """From accumulators [..., out_c] to int16."""
    multiplier, shift = op.attrs["multiplier"], op.attrs["shift"]
    if op.attrs["acc_bits"] == 64:
        y = requantize_wide(acc, multiplier, shift)
    else:
        y = requantize(wrap32(acc), multiplier, shift)
    return clamp_int16(y, op.attrs["act_min"], op.attrs["act_max"])


class Conv2DInt16(Conv2D):
    tflite = {}
    attributes = ("act_min", "act_max", "acc_bits")

    def finish(self, op: Op, acc: Array) -> Array:
        return rescale_int16(op, acc)

    def packed(self, layouts: Layouts, groups: Sequence[Filters]) -> list[Packed]:
        return layouts.conv_s16(groups)


OP = Conv2DInt16()
