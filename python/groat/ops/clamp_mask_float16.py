# SPDX-License-Identifier: Apache-2.0
"""Where the gradient of a clamp of float16 passes: one bit for each element.

inputs and attrs: as of clamp_mask_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.clamp_mask_float32 import ClampMaskFloat32
from groat.ops.floats import StoredAsFloat16


class ClampMaskFloat16(StoredAsFloat16, ClampMaskFloat32):
    pass


OP = ClampMaskFloat16()
