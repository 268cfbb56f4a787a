# SPDX-License-Identifier: Apache-2.0
"""Maximum pooling of int16 (attributes: pool.py)."""

from __future__ import annotations

from dataclasses import replace

from groat.graph.ir import Op
from groat.ops.max_pool_2d import MaxPool2D


class MaxPool2DInt16(MaxPool2D):
    """With the attribute `trained` its elements are mantissas, and what is before it may be trained."""

    tflite = {}

    def for_training(self, op: Op) -> Op:
        return replace(op, kind="max_pool_2d_index_bfp16") if op.attrs.get("trained") else op


OP = MaxPool2DInt16()
