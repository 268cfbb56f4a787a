# SPDX-License-Identifier: Apache-2.0
"""Gradients of the weights and the bias of a dense layer of float16, summed in float32.

inputs, outputs and attrs: as of fully_connected_weight_grad_float32, with float16 for float32, but for db and step.
"""

from __future__ import annotations

from groat.ops.floats import StoredAsFloat16
from groat.ops.fully_connected_weight_grad_float32 import FullyConnectedWeightGradFloat32


class FullyConnectedWeightGradFloat16(StoredAsFloat16, FullyConnectedWeightGradFloat32):
    pass


OP = FullyConnectedWeightGradFloat16()
