# SPDX-License-Identifier: Apache-2.0
"""Difference of two int16 tensors, with broadcasting.

inputs: a, b int16.
attrs: as of add; zero points are 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from groat.graph.ir import Array, Op
from groat.ops.arithmetic import clamp_int16
from groat.ops.sub import Sub


class SubInt16(Sub):
    fields = ("act_min", "act_max")

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [clamp_int16(self.apart(op, inputs), op.attrs["act_min"], op.attrs["act_max"])]


OP = SubInt16()
