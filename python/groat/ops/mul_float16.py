# SPDX-License-Identifier: Apache-2.0
"""Product of float16, computed in float32 and rounded once.

inputs and attrs: as of mul_float32, with float16 for float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groat.graph.ir import Op, Tensor
from groat.ops.base import Constants
from groat.ops.mul_float32 import MulFloat32


class MulFloat16(MulFloat32):
    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"f32": super().params(op, inputs, outputs, constants)}


OP = MulFloat16()
