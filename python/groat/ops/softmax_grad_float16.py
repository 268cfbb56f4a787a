# SPDX-License-Identifier: Apache-2.0
"""The gradient of softmax of float16, computed in float32 and rounded once.

inputs and attrs: as of softmax_grad_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.softmax_grad_float32 import SoftmaxGradFloat32


class SoftmaxGradFloat16(StoredAsFloat16, SoftmaxGradFloat32):
    pass


OP = SoftmaxGradFloat16()
