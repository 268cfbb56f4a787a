# SPDX-License-Identifier: Apache-2.0
"""Products of int16 matrices that are both computed; sums have 64 bits, zero points are 0.

inputs: a, b int16.
attrs: as of matmul.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import clamp_int16, reduced_multiplier, requantize_wide
from groat.ops.base import Constants
from groat.ops.matrices import Matrices


class MatmulInt16(Matrices):
    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs = op.attrs
        a, b = (x.astype(np.int64) for x in self.operands(op, inputs))
        y = clamp_int16(requantize_wide(a @ b, attrs["multiplier"], attrs["shift"]))
        return [y.reshape(attrs["out_shape"])]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        multiplier = int(reduced_multiplier(op.attrs["multiplier"]))
        return {**self.matrix_fields(op), "multiplier": multiplier, "shift": op.attrs["shift"]}


OP = MatmulInt16()
