# SPDX-License-Identifier: Apache-2.0
"""MobileNetV2 with 0.35 times the channels, for images of 96 × 96.

M. Sandler and others, *MobileNetV2: Inverted Residuals and Linear Bottlenecks*, 2018.
"""

from __future__ import annotations

from torch import nn

from groat.zoo.entries import IMAGE, Entry, Recipe
from groat.zoo.layers import Residual, conv, head, multiple_of_8
from groat.zoo.pictures import read

WIDTH = 0.35
STEM, LAST = 32, 1280
BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, how often, stride of the first."""


def network(classes: int) -> nn.Module:
    """Of images [n, 3, h, w]."""
    channels = multiple_of_8(STEM * WIDTH)
    layers: list[nn.Module] = [conv(3, channels, 3, 2, nn.ReLU6)]
    for expansion, full, repeats, first_stride in BLOCKS:
        out = multiple_of_8(full * WIDTH)
        for stride in (first_stride, *[1] * (repeats - 1)):
            layers.append(_block(channels, channels * expansion, out, stride))
            channels = out
    last = max(LAST, multiple_of_8(LAST * WIDTH))
    return nn.Sequential(*layers, conv(channels, last, 1, 1, nn.ReLU6), *head(last, classes, 0.2))


def _block(channels: int, wide: int, out: int, stride: int) -> nn.Module:
    body = nn.Sequential(
        *(() if wide == channels else (conv(channels, wide, 1, 1, nn.ReLU6),)),
        conv(wide, wide, 3, stride, nn.ReLU6, groups=wide),
        conv(wide, out, 1),
    )
    return Residual(body) if stride == 1 and channels == out else body


ENTRY = Entry(
    name="mobilenet_v2",
    task="image classification",
    source="Sandler and others 2018, 0.35 times the channels",
    shape=(96, 96, 3),
    order=IMAGE,
    classes=10,
    module=network,
    read=read,
    recipe=Recipe(epochs=60),
)
