# SPDX-License-Identifier: Apache-2.0
"""Mean of int16 over some axes.

inputs: x int16 of any rank.
attrs: as of mean; zero points are 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groat.graph.ir import Op, Tensor
from groat.ops.base import Constants
from groat.ops.mean import Mean


class MeanInt16(Mean):
    tflite = {}

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        fields = super().params(op, inputs, outputs, constants)
        return {name: value for name, value in fields.items() if name not in ("offset", "output_zero_point")}


OP = MeanInt16()
