# SPDX-License-Identifier: Apache-2.0
"""Softmax of float16, computed in float32 and rounded once.

inputs and attrs: as of softmax_float32, with float16 for float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groat.graph.ir import Op, Tensor
from groat.ops.base import Constants
from groat.ops.softmax_float32 import SoftmaxFloat32


class SoftmaxFloat16(SoftmaxFloat32):
    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"f32": super().params(op, inputs, outputs, constants)}


OP = SoftmaxFloat16()
