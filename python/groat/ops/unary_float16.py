# SPDX-License-Identifier: Apache-2.0
"""A function of each float16, computed in float32 and rounded once.

inputs and attrs: as of unary_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.unary_float32 import UnaryFloat32


class UnaryFloat16(StoredAsFloat16, UnaryFloat32):
    tflite = {}


OP = UnaryFloat16()
