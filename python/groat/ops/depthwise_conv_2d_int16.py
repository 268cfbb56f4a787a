# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolution with int16 activations and int8 weights.

inputs: x int16 [n, h, w, c]; weights int8 [1, kernel_h, kernel_w, out_c]; bias int64 [out_c] (optional).
attrs: as of conv_2d_int16, without groups; acc_bits is 64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from groat.graph.ir import Array, Op
from groat.ops.conv_2d_int16 import rescale_int16
from groat.ops.depthwise_conv_2d import DepthwiseConv2D
from groat.pack.layouts import Filters, Packed

if TYPE_CHECKING:
    from groat.pack.layouts import Layouts


class DepthwiseConv2DInt16(DepthwiseConv2D):
    tflite = {}
    attributes = ("act_min", "act_max")

    def finish(self, op: Op, acc: Array) -> Array:
        return rescale_int16(op, acc)

    def packed(self, layouts: Layouts, filters: Filters) -> Packed:
        return layouts.depthwise_s16(filters)


OP = DepthwiseConv2DInt16()
