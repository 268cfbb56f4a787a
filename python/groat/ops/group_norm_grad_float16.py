# SPDX-License-Identifier: Apache-2.0
"""The gradient of group normalisation of float16 by its input, computed in float32 and rounded once.

inputs and attrs: as of group_norm_grad_float32; x, dy and dx are float16.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.group_norm_grad_float32 import GroupNormGradFloat32


class GroupNormGradFloat16(StoredAsFloat16, GroupNormGradFloat32):
    pass


OP = GroupNormGradFloat16()
