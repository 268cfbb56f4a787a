# SPDX-License-Identifier: Apache-2.0
"""Product of float16, computed in float32 and rounded once.

inputs and attrs: as of mul_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.mul_float32 import MulFloat32


class MulFloat16(StoredAsFloat16, MulFloat32):
    pass


OP = MulFloat16()
