# SPDX-License-Identifier: Apache-2.0
"""Transposed convolution with int16 activations and int8 weights.

inputs: x int16 [n, h, w, c]; weights int8 [out_c, kernel_h, kernel_w, c]; bias int64 [out_c] (optional).
attrs: as of transpose_conv; zero points are 0, acc_bits is 64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from groat.graph.ir import Array, Op
from groat.ops.conv_2d_int16 import rescale_int16
from groat.ops.transpose_conv import TransposeConv
from groat.pack.layouts import Filters, Packed

if TYPE_CHECKING:
    from groat.pack.layouts import Layouts


class TransposeConvInt16(TransposeConv):
    tflite = {}
    attributes = ("act_min", "act_max")

    def finish(self, op: Op, acc: Array) -> Array:
        return rescale_int16(op, acc)

    def packed(self, layouts: Layouts, groups: Sequence[Filters]) -> list[Packed]:
        return layouts.conv_s16(groups)


OP = TransposeConvInt16()
