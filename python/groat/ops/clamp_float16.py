# SPDX-License-Identifier: Apache-2.0
"""A clamp of float16, computed in float32 and rounded once.

inputs and attrs: as of clamp_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.clamp_float32 import ClampFloat32
from groat.ops.floats import StoredAsFloat16


class ClampFloat16(StoredAsFloat16, ClampFloat32):
    pass


OP = ClampFloat16()
