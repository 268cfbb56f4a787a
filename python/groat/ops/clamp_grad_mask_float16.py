# SPDX-License-Identifier: Apache-2.0
"""The gradient of a clamp of float16, by a mask.

inputs and attrs: as of clamp_grad_mask_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.clamp_grad_mask_float32 import ClampGradMaskFloat32
from groat.ops.floats import StoredAsFloat16


class ClampGradMaskFloat16(StoredAsFloat16, ClampGradMaskFloat32):
    pass


OP = ClampGradMaskFloat16()
