# SPDX-License-Identifier: Apache-2.0
"""Softmax and cross-entropy of float16 logits, computed in float32; the gradient is rounded once.

inputs and attrs: as of softmax_cross_entropy_float32; logits and gradient are float16.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.softmax_cross_entropy_float32 import SoftmaxCrossEntropyFloat32


class SoftmaxCrossEntropyFloat16(StoredAsFloat16, SoftmaxCrossEntropyFloat32):
    pass


OP = SoftmaxCrossEntropyFloat16()
