# SPDX-License-Identifier: Apache-2.0
"""Dense layer of float16, computed in float32 and rounded once.

inputs and attrs: as of fully_connected_float32, with float16 for float32; the bias is float32, or float16.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.fully_connected_float32 import FullyConnectedFloat32


class FullyConnectedFloat16(StoredAsFloat16, FullyConnectedFloat32):
    kernel = "conv_f16"


OP = FullyConnectedFloat16()
