# SPDX-License-Identifier: Apache-2.0
"""float32 to int16.

inputs: x float32.
attrs: scale (float32).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import clamp_int16
from groat.ops.base import Constants, OpDef, Operator, Rows, Shape, rows_alike


class QuantizeInt16(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        with np.errstate(over="ignore", invalid="ignore"):
            q = inputs[0] / np.float32(op.attrs["scale"])
        # Not-a-number becomes the lowest value.
        bounded = np.clip(np.where(np.isnan(q), np.float32(-40_000), q), -40_000, 40_000).astype(np.float64)
        return [clamp_int16(np.sign(bounded) * np.floor(np.abs(bounded) + 0.5))]

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("QUANTIZE")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements, **op.attrs}

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return rows_alike(inputs[:1], outputs)


OP = QuantizeInt16()
