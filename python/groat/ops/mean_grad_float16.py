# SPDX-License-Identifier: Apache-2.0
"""The gradient of a mean of float16 over some axes.

inputs and attrs: as of mean_grad_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.mean_grad_float32 import MeanGradFloat32


class MeanGradFloat16(StoredAsFloat16, MeanGradFloat32):
    pass


OP = MeanGradFloat16()
