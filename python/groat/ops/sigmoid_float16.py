# SPDX-License-Identifier: Apache-2.0
"""The logistic function and tanh of float16, computed in float32 and rounded once.

inputs and attrs: as of sigmoid_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.sigmoid_float32 import SigmoidFloat32


class SigmoidFloat16(StoredAsFloat16, SigmoidFloat32):
    pass


OP = SigmoidFloat16()
