# SPDX-License-Identifier: Apache-2.0
"""Networks of floats with random weights, as TFLite models."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.tflite_builder import Builder


def digit_network(
    size: int, channels: tuple[int, ...], strides: tuple[int, ...], hidden: tuple[int, ...] = (), seed: int = 0
) -> bytes:
    """Convolutions 3x3 and dense layers with ReLU, from images [size, size, 1] to ten classes."""
    draw = np.random.default_rng(seed)

    def weights(*shape: int) -> Any:
        """He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015."""
        return draw.normal(0, math.sqrt(2 / math.prod(shape[1:])), shape).astype(np.float32)

    def bias(count: int) -> Any:
        return np.zeros(count, np.float32)

    m = Builder()
    x = m.input((1, size, size, 1), "float32")
    for out_c, stride in zip(channels, strides, strict=True):
        filters = weights(out_c, 3, 3, x.shape[3])
        x = m.conv_2d(x, filters, bias(out_c), None, None, stride=(stride, stride), activation="RELU")
    x = m.reshape(x, (1, math.prod(x.shape)))
    for count in hidden:
        x = m.fully_connected(x, weights(count, x.shape[1]), bias(count), None, None, activation="RELU")
    return m.build([m.fully_connected(x, weights(10, x.shape[1]), bias(10), None, None)])
