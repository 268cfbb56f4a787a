# SPDX-License-Identifier: Apache-2.0
"""MobileNetV2 (Sandler et al., 2018) with random weights, as int8 models: wide, deep, and with residual connections.

What a planner is compared by, and nobody publishes as int8 with these sizes.  Weights come from a fixed seed.  Scales
and biases come from what a random image gives in each layer, as after batch normalisation: activations are spread
over their range instead of saturating, and a wrong byte is not clamped away.  All of that is computed in integers
(float64 holds them exactly), so that every machine writes the same file.

    python -m tests.support.mobilenets mobilenetv2_0.35_144 -o model.tflite
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tools.tflite_builder import Activation, Builder, Quant, Tensor, range_quant

Array = npt.NDArray[Any]

SEED = 20180113
BLOCKS = (  # expansion, channels, repeats, stride of the first: table 2 of the paper
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def multiple_of_8(channels: float) -> int:
    """The nearest multiple of 8, not more than a tenth below: the rule of the paper's own code."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


@dataclass(frozen=True)
class Network:
    """One MobileNetV2.

    Attributes:
        size: height and width of the image, which has 3 channels.
        width: what channels are multiplied by; `rounded` makes a whole number of that.
        head: channels of the last convolution, in front of the mean over the image.
        classes: of the classifier; 0 without one.
        expand_all: the first block has an expansion, too, of as many channels as it has.
    """

    size: int
    width: float
    rounded: Callable[[float], int] = multiple_of_8
    head: int = 1280
    classes: int = 1000
    expand_all: bool = False


NETWORKS = {
    "mobilenetv2_0.35_144": Network(144, 0.35),
    "mobilenetv2_1.0_224": Network(224, 1.0),
    # As msf-CNN (2025) has it, and with the residual connections that it leaves out.
    "mobilenetv2_msf_144": Network(144, 0.35, int, head=448, classes=0, expand_all=True),
}


@functools.cache
def mobilenet(name: str) -> bytes:
    """The `.tflite` file of one of NETWORKS: int8 image [1, size, size, 3] -> int8 logits [1, classes], or the mean
    [1, head]."""
    return _Drawing(name, NETWORKS[name]).file()


@dataclass(frozen=True)
class _Value:
    """A tensor of the file, and what it holds for the random image: float64 [h, w, c] of stored values."""

    tensor: Tensor
    stored: Array

    @property
    def quant(self) -> Quant:
        assert self.tensor.quant is not None
        return self.tensor.quant

    @property
    def above_zero(self) -> Array:
        return self.stored - self.quant.zero_points[0]

    @property
    def channels(self) -> int:
        return self.tensor.shape[-1]


class _Drawing:
    def __init__(self, name: str, network: Network) -> None:
        self._network = network
        self._rng = np.random.default_rng(SEED)
        self._builder = Builder(name)

    def file(self) -> bytes:
        network = self._network

        def width(channels: int) -> int:
            return network.rounded(channels * network.width)

        image = self._rng.integers(-128, 128, (network.size, network.size, 3)).astype(np.float64)
        x = _Value(self._builder.input((1, *image.shape), quant=Quant(1 / 128, 0)), image)
        x = self._conv(x, width(32), kernel=3, stride=2)
        for expansion, channels, repeats, stride in BLOCKS:
            for index in range(repeats):
                x = self._block(x, expansion, width(channels), stride if index == 0 else 1)
        x = self._mean(self._conv(x, network.head))
        if network.classes:
            x = self._classifier(x, network.classes)
        return self._builder.build([x.tensor])

    def _block(self, x: _Value, expansion: int, channels: int, stride: int) -> _Value:
        y = x
        if expansion > 1 or self._network.expand_all:
            y = self._conv(y, x.channels * expansion)
        y = self._conv(self._depthwise(y, stride), channels, activation="NONE")
        return self._add(x, y) if stride == 1 and x.channels == channels else y

    # ---- Layers ------------------------------------------------------------------------------------------

    def _conv(
        self, x: _Value, channels: int, kernel: int = 1, stride: int = 1, activation: Activation = "RELU6"
    ) -> _Value:
        weights = self._weights((channels, kernel, kernel, x.channels))
        sums = sum(x_tap @ weights[:, i, j].T.astype(np.float64) for i, j, x_tap in _taps(x.above_zero, kernel, stride))
        weight_quant, bias, quant, stored = _spread(sums, x.quant, 0, activation)
        y = self._builder.conv_2d(
            x.tensor, weights, bias, weight_quant, quant, stride=(stride, stride), activation=activation
        )
        return _Value(y, stored)

    def _depthwise(self, x: _Value, stride: int) -> _Value:
        weights = self._weights((1, 3, 3, x.channels))
        sums = sum(x_tap * weights[0, i, j] for i, j, x_tap in _taps(x.above_zero, 3, stride))
        weight_quant, bias, quant, stored = _spread(sums, x.quant, 3, "RELU6")
        y = self._builder.depthwise_conv_2d(
            x.tensor, weights, bias, weight_quant, quant, stride=(stride, stride), activation="RELU6"
        )
        return _Value(y, stored)

    def _add(self, a: _Value, b: _Value) -> _Value:
        real = a.above_zero * a.quant.scales[0] + b.above_zero * b.quant.scales[0]
        quant = range_quant(real.min(), real.max())
        return _Value(self._builder.add(a.tensor, b.tensor, quant), _stored(real, quant))

    def _mean(self, x: _Value) -> _Value:
        return _Value(self._builder.mean(x.tensor, [1, 2], x.quant), np.rint(x.stored.mean((0, 1))))

    def _classifier(self, x: _Value, classes: int) -> _Value:
        weights = self._weights((classes, x.channels))
        sums = x.above_zero @ weights.T.astype(np.float64)
        scale = Quant(1 / (x.quant.scales[0] * np.abs(sums).max()))
        real = sums * (scale.scales[0] * x.quant.scales[0])
        quant = range_quant(2 * real.min(), 2 * real.max())  # of one image only
        y = self._builder.fully_connected(x.tensor, weights, np.zeros(classes, np.int32), scale, quant)
        return _Value(y, _stored(real, quant))

    def _weights(self, shape: tuple[int, ...]) -> Array:
        return self._rng.integers(-127, 128, shape).astype(np.int8)


# ---- Numbers -----------------------------------------------------------------------------------------------


def _taps(image: Array, kernel: int, stride: int) -> list[tuple[int, int, Array]]:
    """(row, column of the filter, the image [oh, ow, c] that is under it), padded as "SAME"."""
    size = -(-len(image) // stride)
    missing = max((size - 1) * stride + kernel - len(image), 0)
    padded = np.pad(image, [(missing // 2, missing - missing // 2)] * 2 + [(0, 0)])
    reach = (size - 1) * stride + 1
    return [
        (i, j, padded[i : i + reach : stride, j : j + reach : stride]) for i in range(kernel) for j in range(kernel)
    ]


def _spread(sums: Array, x: Quant, axis: int, activation: Activation) -> tuple[Quant, Array, Quant, Array]:
    """(scales of weights, bias, quantisation of the output, output) for sums [h, w, c] of products.

    Each channel becomes values around 0 that are 1 away from it on the average.
    """
    bias = -np.rint(sums.mean((0, 1)))
    sums = sums + bias
    distance = np.maximum(np.abs(sums).mean((0, 1)), 1)
    scales = Quant(tuple(float(scale) for scale in 1 / (distance * x.scales[0])), 0, axis)
    real = sums * (np.asarray(scales.scales) * x.scales[0])
    if activation == "RELU6":
        real = np.clip(real, 0, 6)
    quant = range_quant(real.min(), real.max())
    return scales, bias.astype(np.int32), quant, _stored(real, quant)


def _stored(real: Array, quant: Quant) -> Array:
    return np.clip(np.rint(real / quant.scales[0]) + quant.zero_points[0], -128, 127)


def main() -> None:
    """Writes a model."""
    parser = argparse.ArgumentParser(description="writes a MobileNetV2 with random weights as an int8 TFLite file")
    parser.add_argument("name", choices=NETWORKS)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.output.write_bytes(mobilenet(arguments.name))


if __name__ == "__main__":
    main()
