# SPDX-License-Identifier: Apache-2.0
"""Group normalisation of float16, computed in float32 and rounded once.

inputs and attrs: as of group_norm_float32; x and y are float16.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.group_norm_float32 import GroupNormFloat32


class GroupNormFloat16(StoredAsFloat16, GroupNormFloat32):
    pass


OP = GroupNormFloat16()
