# SPDX-License-Identifier: Apache-2.0
"""A convolutional autoencoder of handwritten digits: 784 pixels in 32 numbers, and back.

G. Hinton and R. Salakhutdinov, *Reducing the Dimensionality of Data with Neural Networks*, 2006; with convolutions, and
transposed ones on the way back.
"""

from __future__ import annotations

from torch import nn

from groat.zoo.entries import IMAGE, Entry, Recipe
from groat.zoo.pictures import read_unlabelled

CODE = 32


def network(classes: int) -> nn.Module:
    """Of images [n, 1, 28, 28]; it has no classes."""
    encoder = (
        *(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(16 * 7 * 7, CODE)),
    )
    decoder = (
        *(nn.Linear(CODE, 16 * 7 * 7), nn.ReLU(), nn.Unflatten(1, (16, 7, 7))),
        *(nn.ConvTranspose2d(16, 8, 3, 2, 1, 1), nn.ReLU(), nn.ConvTranspose2d(8, 1, 3, 2, 1, 1), nn.Sigmoid()),
    )
    return nn.Sequential(*encoder, *decoder)


ENTRY = Entry(
    name="autoencoder",
    task="compression of handwritten digits",
    source="Hinton and Salakhutdinov 2006, with convolutions",
    shape=(28, 28, 1),
    order=IMAGE,
    classes=0,
    module=network,
    read=read_unlabelled,
    recipe=Recipe(epochs=4, batch=128, weight_decay=0.0),
)
