# SPDX-License-Identifier: Apache-2.0
"""A small vision transformer on handwritten digits: 16 patches of 7 × 7.

A. Dosovitskiy and others, *An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale*, 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from groat.zoo.entries import IMAGE, Entry, Recipe
from groat.zoo.pictures import read

SIDE, PATCH = 28, 7
WIDTH, HEADS, BLOCKS = 32, 4, 3


class Block(nn.Module):
    """Attention, and a perceptron for each patch, both normalised before."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)])
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.perceptron = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """x [n, patches, width]."""
        y = self.norms[0](x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.perceptron(self.norms[1](x))


class VisionTransformer(nn.Module):
    """Of images [n, 1, 28, 28]."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, WIDTH, PATCH, PATCH)
        self.token = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, (SIDE // PATCH) ** 2 + 1, WIDTH) * 0.02)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        """x [n, 1, 28, 28] -> [n, classes]."""
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])


ENTRY = Entry(
    name="vision_transformer",
    task="handwritten digits",
    source="Dosovitskiy and others 2020",
    shape=(SIDE, SIDE, 1),
    order=IMAGE,
    classes=10,
    module=VisionTransformer,
    read=read,
    recipe=Recipe(epochs=4, rate=3e-3),
)
