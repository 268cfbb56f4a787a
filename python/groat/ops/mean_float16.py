# SPDX-License-Identifier: Apache-2.0
"""Mean of float16, computed in float32 and rounded once.

inputs and attrs: as of mean_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.mean_float32 import MeanFloat32


class MeanFloat16(StoredAsFloat16, MeanFloat32):
    pass


OP = MeanFloat16()
