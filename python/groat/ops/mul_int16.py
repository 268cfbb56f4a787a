# SPDX-License-Identifier: Apache-2.0
"""Product of two int16 tensors, with broadcasting.

inputs: a, b int16.
attrs: as of mul; zero points are 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.graph.ir import Array, Op
from groat.ops.arithmetic import clamp_int16, requantize
from groat.ops.mul import Mul


class MulInt16(Mul):
    tflite = {}
    fields = ("act_min", "act_max")

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        product = inputs[0].astype(np.int64) * inputs[1]
        y = requantize(product, op.attrs["multiplier"], op.attrs["shift"])
        return [clamp_int16(y, op.attrs["act_min"], op.attrs["act_max"])]


OP = MulInt16()
