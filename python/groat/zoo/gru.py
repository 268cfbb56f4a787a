# SPDX-License-Identifier: Apache-2.0
"""A GRU on spoken digits: window by window, and a dense layer of its last state.

K. Cho and others, *Learning Phrase Representations using RNN Encoder–Decoder for Statistical Machine Translation*,
2014; as in Y. Zhang and others, *Hello Edge*, 2017.  Features and the split by speaker are groat.zoo.sounds'.
"""

from __future__ import annotations

from torch import Tensor, nn

from groat.zoo.entries import SEQUENCE, Entry, Recipe
from groat.zoo.sounds import BANDS, CLASSES, WINDOWS, read

STATE = 64


class Recurrent(nn.Module):
    """Of features [n, windows, bands]."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.layer = nn.GRU(BANDS, STATE, batch_first=True)
        self.head = nn.Linear(STATE, classes)

    def forward(self, x: Tensor) -> Tensor:
        """x [n, windows, bands] -> [n, classes]."""
        return self.head(self.layer(x)[0][:, -1])


ENTRY = Entry(
    name="gru",
    task="spoken digits",
    source="Cho and others 2014",
    shape=(WINDOWS, BANDS),
    order=SEQUENCE,
    classes=len(CLASSES),
    module=Recurrent,
    read=read,
    recipe=Recipe(epochs=40),
)
