# SPDX-License-Identifier: Apache-2.0
"""Dense layer with int16 activations and int8 weights.

inputs: x int16, any shape of batches * depth elements; weights int8 [out_c, depth]; bias int64 or int32 [out_c]
(optional).
attrs: as of fully_connected; zero points are 0 but for that of the weights; acc_bits as of conv_2d_int16.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from groat.graph.ir import Array, Op
from groat.ops.conv_2d_int16 import rescale_int16
from groat.ops.fully_connected import FullyConnected
from groat.pack.layouts import Filters, Packed

if TYPE_CHECKING:
    from groat.pack.layouts import Layouts


class FullyConnectedInt16(FullyConnected):
    tflite = {}
    attributes = ("weights_zero_point", "act_min", "act_max", "acc_bits")

    def finish(self, op: Op, acc: Array) -> Array:
        return rescale_int16(op, acc)

    def packed(self, layouts: Layouts, groups: Sequence[Filters]) -> list[Packed]:
        return layouts.conv_s16(groups)


OP = FullyConnectedInt16()
