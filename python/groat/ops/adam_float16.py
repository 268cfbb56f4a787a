# SPDX-License-Identifier: Apache-2.0
"""A step of Adam on float16 parameters, computed in float32.

inputs and attrs: as of adam_float32; gradient, parameters and m are float16.
"""

from __future__ import annotations

from groat.ops.adam_float32 import AdamFloat32
from groat.ops.floats import StoredAsFloat16


class AdamFloat16(StoredAsFloat16, AdamFloat32):
    pass


OP = AdamFloat16()
