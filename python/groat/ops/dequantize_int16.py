# SPDX-License-Identifier: Apache-2.0
"""int16 to float32.

inputs: x int16.
attrs: scale (float32).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Operator, Rows, Shape, rows_alike


class DequantizeInt16(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [np.float32(op.attrs["scale"]) * inputs[0].astype(np.float32)]

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("DEQUANTIZE")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements, **op.attrs}

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return rows_alike(inputs[:1], outputs)


OP = DequantizeInt16()
