# SPDX-License-Identifier: Apache-2.0
"""The same as clamp_grad_int8_float32 from a gradient of float16."""

from __future__ import annotations

from groat.ops.clamp_grad_int8_float32 import ClampGradInt8Float32
from groat.ops.floats import StoredAsFloat16


class ClampGradInt8Float16(StoredAsFloat16, ClampGradInt8Float32):
    pass


OP = ClampGradInt8Float16()
