# SPDX-License-Identifier: Apache-2.0
"""The gradient of the logistic function or tanh of float16, computed in float32 and rounded once.

inputs and attrs: as of sigmoid_grad_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.sigmoid_grad_float32 import SigmoidGradFloat32


class SigmoidGradFloat16(StoredAsFloat16, SigmoidGradFloat32):
    pass


OP = SigmoidGradFloat16()
