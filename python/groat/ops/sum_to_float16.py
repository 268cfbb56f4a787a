# SPDX-License-Identifier: Apache-2.0
"""The sum of float16 over axes along which an operand was repeated, in float32 and rounded once.

inputs and attrs: as of sum_to_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.sum_to_float32 import SumToFloat32


class SumToFloat16(StoredAsFloat16, SumToFloat32):
    pass


OP = SumToFloat16()
