# SPDX-License-Identifier: Apache-2.0
"""ResNet8, for images of 32 × 32: the image classification of MLPerf Tiny.

C. Banbury and others, *MLPerf Tiny Benchmark*, 2021, after K. He and others, *Deep Residual Learning for Image
Recognition*, 2015.
"""

from __future__ import annotations

from torch import Tensor, nn

from groat.zoo.entries import IMAGE, Entry, Recipe
from groat.zoo.layers import conv, head
from groat.zoo.pictures import read

STACKS = ((16, 1), (32, 2), (64, 2))
"""Channels, stride."""


class Block(nn.Module):
    """Two convolutions beside nothing, or beside one of 1 × 1 where the shape changes."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(channels, out, 3, stride, nn.ReLU), conv(out, out, 3))
        same = channels == out and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels, out, 1, stride)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """x [n, c, h, w]."""
        return self.act(self.body(x) + self.shortcut(x))


def network(classes: int) -> nn.Module:
    """Of images [n, 3, h, w]."""
    channels = STACKS[0][0]
    layers: list[nn.Module] = [conv(3, channels, 3, 1, nn.ReLU)]
    for out, stride in STACKS:
        layers.append(Block(channels, out, stride))
        channels = out
    return nn.Sequential(*layers, *head(channels, classes, 0.0))


ENTRY = Entry(
    name="resnet8",
    task="image classification",
    source="MLPerf Tiny (Banbury and others 2021)",
    shape=(32, 32, 3),
    order=IMAGE,
    classes=10,
    module=network,
    read=read,
    recipe=Recipe(epochs=60),
)
