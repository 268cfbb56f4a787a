# SPDX-License-Identifier: Apache-2.0
"""Gradient of the input of a dense layer of float16, summed in float32.

inputs, outputs and attrs: as of fully_connected_input_grad_float32, with float16 for float32.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.fully_connected_input_grad_float32 import FullyConnectedInputGradFloat32


class FullyConnectedInputGradFloat16(StoredAsFloat16, FullyConnectedInputGradFloat32):
    pass


OP = FullyConnectedInputGradFloat16()
