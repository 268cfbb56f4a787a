# SPDX-License-Identifier: Apache-2.0
"""The functions of binary_float32 of two float16 tensors, computed in float32 and rounded once.

inputs and attrs: as of binary_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.binary_float32 import BinaryFloat32
from groat.ops.floats import StoredAsFloat16


class BinaryFloat16(StoredAsFloat16, BinaryFloat32):
    tflite = {}


OP = BinaryFloat16()
