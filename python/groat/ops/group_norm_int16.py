# SPDX-License-Identifier: Apache-2.0
"""Group normalisation of int16.

inputs: x int16 [n, ..., c].
attrs: as of group_norm; the zero point is 0.
"""

from __future__ import annotations

from groat.ops.group_norm import GroupNorm


class GroupNormInt16(GroupNorm):
    pass


OP = GroupNormInt16()
