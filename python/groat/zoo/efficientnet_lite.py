# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-lite0, for images of 96 × 96.

M. Tan and Q. Le, *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks*, 2019; the lite form, by
the same authors, has no squeeze and excitation, and RELU6 in place of swish.
"""

from __future__ import annotations

from torch import nn

from groat.zoo.entries import IMAGE, Entry, Recipe
from groat.zoo.layers import Residual, conv, head
from groat.zoo.pictures import read

STEM, LAST = 32, 1280
BLOCKS = (
    (3, 1, 16, 1, 1),
    (3, 6, 24, 2, 2),
    (5, 6, 40, 2, 2),
    (3, 6, 80, 3, 2),
    (5, 6, 112, 3, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)
"""Window, expansion, channels, how often, stride of the first."""


def network(classes: int) -> nn.Module:
    """Of images [n, 3, h, w]."""
    layers: list[nn.Module] = [conv(3, STEM, 3, 2, nn.ReLU6)]
    channels = STEM
    for size, expansion, out, repeats, first_stride in BLOCKS:
        for stride in (first_stride, *[1] * (repeats - 1)):
            layers.append(_block(channels, size, channels * expansion, out, stride))
            channels = out
    return nn.Sequential(*layers, conv(channels, LAST, 1, 1, nn.ReLU6), *head(LAST, classes, 0.2))


def _block(channels: int, size: int, wide: int, out: int, stride: int) -> nn.Module:
    body = nn.Sequential(
        *(() if wide == channels else (conv(channels, wide, 1, 1, nn.ReLU6),)),
        conv(wide, wide, size, stride, nn.ReLU6, groups=wide),
        conv(wide, out, 1),
    )
    return Residual(body) if stride == 1 and channels == out else body


ENTRY = Entry(
    name="efficientnet_lite",
    task="image classification",
    source="Tan and Le 2019, lite0",
    shape=(96, 96, 3),
    order=IMAGE,
    classes=10,
    module=network,
    read=read,
    recipe=Recipe(epochs=60),
)
