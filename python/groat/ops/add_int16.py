# SPDX-License-Identifier: Apache-2.0
"""Sum of two int16 tensors, with broadcasting.

inputs: a, b int16.
attrs: as of add; zero points are 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.graph.ir import Array, Op
from groat.ops.add import Add
from groat.ops.arithmetic import clamp_int16, requantize, wrap32


class AddInt16(Add):
    tflite = {}
    fields = ("act_min", "act_max")

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs = op.attrs
        terms = [
            requantize(x.astype(np.int64) << attrs["left_shift"], attrs[f"{name}_multiplier"], attrs[f"{name}_shift"])
            for name, x in zip("ab", inputs, strict=True)
        ]
        y = requantize(wrap32(terms[0] + terms[1]), attrs["output_multiplier"], attrs["output_shift"])
        return [clamp_int16(y, attrs["act_min"], attrs["act_max"])]


OP = AddInt16()
