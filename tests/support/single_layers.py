# SPDX-License-Identifier: Apache-2.0
"""Models of one layer with weights, of the shapes that kernel sets have ways of their own for."""

from __future__ import annotations

import numpy as np
from tools.tflite_builder import Builder, Quant

LAYERS = ("conv", "wide", "heavy", "deep", "planes", "dense", "units", "depthwise", "large", "multiplied", "single")


def model(layer: str) -> bytes:
    """The model of one of LAYERS, the same every time."""
    rng = np.random.default_rng(sum(map(ord, layer)))
    b = Builder()
    fine, coarse = Quant(0.02, 0), Quant(0.7, 4)

    def image(height: int, width: int, channels: int) -> int:
        return b.input((1, height, width, channels), quant=Quant(0.05, -3), name="x")

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-40, 41, shape).astype(np.int8)

    def bias(count: int) -> np.ndarray:
        return rng.integers(-999, 1000, count).astype(np.int32)

    def vector(batches: int, depth: int) -> int:
        return b.input((batches, depth), quant=Quant(0.05, -3), name="x")

    if layer == "conv":
        y = b.conv_2d(image(5, 6, 8), weights(6, 3, 3, 8), bias(6), fine, coarse)
    elif layer == "wide":
        y = b.conv_2d(image(3, 5, 16), weights(70, 1, 1, 16), bias(70), fine, coarse)
    elif layer == "heavy":
        y = b.conv_2d(image(3, 5, 64), 2 * weights(66, 1, 1, 64), bias(66), fine, coarse)
    elif layer == "deep":
        y = b.conv_2d(image(5, 5, 32), 2 * weights(16, 3, 3, 32), bias(16), fine, coarse)
    elif layer == "planes":
        y = b.conv_2d(image(4, 33, 3), weights(8, 3, 3, 3), bias(8), fine, coarse)
    elif layer == "dense":
        y = b.fully_connected(vector(1, 64), weights(10, 64), bias(10), fine, coarse)
    elif layer == "units":
        y = b.fully_connected(vector(3, 24), weights(66, 24), bias(66), fine, coarse)
    elif layer == "depthwise":
        y = b.depthwise_conv_2d(image(5, 9, 12), weights(1, 3, 3, 12), bias(12), fine, coarse)
    elif layer == "large":
        y = b.depthwise_conv_2d(image(9, 9, 20), weights(1, 5, 5, 20), bias(20), fine, coarse, stride=(2, 2))
    elif layer == "multiplied":
        y = b.depthwise_conv_2d(image(4, 6, 3), weights(1, 3, 3, 12), bias(12), fine, coarse)
    else:
        y = b.depthwise_conv_2d(image(6, 20, 1), weights(1, 3, 3, 8), bias(8), fine, coarse)
    return b.build([y])
