# SPDX-License-Identifier: Apache-2.0
"""Two-dimensional convolution of float16, computed in float32 and rounded once.

inputs and attrs: as of conv_2d_float32, with float16 for float32; the bias is float32, or float16.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groat.graph.ir import Op, Tensor
from groat.ops.base import Constants
from groat.ops.conv_2d_float32 import Conv2DFloat32


class Conv2DFloat16(Conv2DFloat32):
    kernel = "conv_f16"

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"f32": super().params(op, inputs, outputs, constants)}


OP = Conv2DFloat16()
