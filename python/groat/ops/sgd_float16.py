# SPDX-License-Identifier: Apache-2.0
"""A step of gradient descent on float16 parameters, computed in float32, rounded once and never to infinity.

inputs and attrs: as of sgd_float32; all but step is float16.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.sgd_float32 import SgdFloat32


class SgdFloat16(StoredAsFloat16, SgdFloat32):
    pass


OP = SgdFloat16()
