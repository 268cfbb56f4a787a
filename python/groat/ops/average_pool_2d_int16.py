# SPDX-License-Identifier: Apache-2.0
"""Average pooling of int16 (attributes: pool.py)."""

from __future__ import annotations

from groat.ops.average_pool_2d import AveragePool2D


class AveragePool2DInt16(AveragePool2D):
    tflite = {}


OP = AveragePool2DInt16()
