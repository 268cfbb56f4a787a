# SPDX-License-Identifier: Apache-2.0
"""The mean of squared differences of float16, computed in float32; the gradient is rounded once.

inputs and attrs: as of mean_squared_error_float32; y, target and gradient are float16.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.mean_squared_error_float32 import MeanSquaredErrorFloat32


class MeanSquaredErrorFloat16(StoredAsFloat16, MeanSquaredErrorFloat32):
    pass


OP = MeanSquaredErrorFloat16()
