# SPDX-License-Identifier: Apache-2.0
"""Gradients of the factors and offsets of group normalisation of float16, computed in float32.

inputs and attrs: as of group_norm_weight_grad_float32; x and dy are float16.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.group_norm_weight_grad_float32 import GroupNormWeightGradFloat32


class GroupNormWeightGradFloat16(StoredAsFloat16, GroupNormWeightGradFloat32):
    pass


OP = GroupNormWeightGradFloat16()
