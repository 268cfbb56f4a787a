# SPDX-License-Identifier: Apache-2.0
"""Maximum pooling of int16 (attributes: pool.py)."""

from __future__ import annotations

from groat.ops.max_pool_2d import MaxPool2D


class MaxPool2DInt16(MaxPool2D):
    tflite = {}


OP = MaxPool2DInt16()
