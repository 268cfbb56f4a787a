# SPDX-License-Identifier: Apache-2.0
"""DS-CNN on spoken digits: depthwise separable convolutions over the bands of one second.

Y. Zhang and others, *Hello Edge: Keyword Spotting on Microcontrollers*, 2017, DS-CNN-S.  Features and the split by
speaker are groat.zoo.sounds'.
"""

from __future__ import annotations

from torch import nn

from groat.zoo.entries import IMAGE, Entry, Recipe
from groat.zoo.layers import conv, head
from groat.zoo.sounds import BANDS, CLASSES, WINDOWS, read

CHANNELS, BLOCKS = 64, 4


def network(classes: int) -> nn.Module:
    """Of features [n, 1, windows, bands]."""
    blocks = [
        layer
        for _ in range(BLOCKS)
        for layer in (conv(CHANNELS, CHANNELS, 3, 1, nn.ReLU, groups=CHANNELS), conv(CHANNELS, CHANNELS, 1, 1, nn.ReLU))
    ]
    return nn.Sequential(
        *(nn.Conv2d(1, CHANNELS, (10, 4), 2, (5, 1), bias=False), nn.BatchNorm2d(CHANNELS), nn.ReLU()),
        *blocks,
        *head(CHANNELS, classes, 0.2),
    )


ENTRY = Entry(
    name="ds_cnn",
    task="spoken digits",
    source="Zhang and others 2017, DS-CNN-S",
    shape=(WINDOWS, BANDS, 1),
    order=IMAGE,
    classes=len(CLASSES),
    module=network,
    read=read,
    recipe=Recipe(epochs=40),
)
