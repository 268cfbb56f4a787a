# SPDX-License-Identifier: Apache-2.0
"""The gradient of a clamp of float16.

inputs and attrs: as of clamp_grad_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.clamp_grad_float32 import ClampGradFloat32
from groat.ops.floats import StoredAsFloat16


class ClampGradFloat16(StoredAsFloat16, ClampGradFloat32):
    pass


OP = ClampGradFloat16()
