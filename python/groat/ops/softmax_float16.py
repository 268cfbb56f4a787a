# SPDX-License-Identifier: Apache-2.0
"""Softmax of float16, computed in float32 and rounded once.

inputs and attrs: as of softmax_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.softmax_float32 import SoftmaxFloat32


class SoftmaxFloat16(StoredAsFloat16, SoftmaxFloat32):
    pass


OP = SoftmaxFloat16()
