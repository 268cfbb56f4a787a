# SPDX-License-Identifier: Apache-2.0
"""Sum of float16, computed in float32 and rounded once.

inputs and attrs: as of add_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.add_float32 import AddFloat32
from groat.ops.floats import StoredAsFloat16


class AddFloat16(StoredAsFloat16, AddFloat32):
    pass


OP = AddFloat16()
