# SPDX-License-Identifier: Apache-2.0
"""Recurrent networks that read MNIST's digits row by row, trained by PyTorch."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Array = npt.NDArray[Any]


class Reader(nn.Module):
    """A recurrent layer over the 28 rows of a digit, and a dense one over its last output."""

    def __init__(self, kind: str, hidden: int) -> None:
        super().__init__()
        self.layer = {"LSTM": nn.LSTM, "GRU": nn.GRU}[kind](28, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, _ = self.layer(x)
        return self.head(y[:, -1])


def digits(folder: Path, part: str) -> tuple[Array, Array]:
    """(images float32 [n, 28, 28] from 0 to 1, labels) of "train" or "t10k"."""
    images, labels = (
        np.frombuffer(gzip.decompress((folder / f"{part}-{kind}.gz").read_bytes()), np.uint8)
        for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
    )
    return (images[16:].reshape(-1, 28, 28) / np.float32(255)).astype(np.float32), labels[8:].astype(np.int64)


def train(net: nn.Module, x: Array, y: Array, epochs: int, seed: int = 0) -> None:
    """Adam, batches of 128, the rate falling to nothing."""
    torch.manual_seed(seed)
    optimizer = torch.optim.Adam(net.parameters(), 4e-3)
    order = np.random.default_rng(seed)
    steps = epochs * (len(x) // 128)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=steps)
    loss_of = nn.CrossEntropyLoss()
    for _ in range(epochs):
        shuffled = order.permutation(len(x))
        for start in range(0, len(x) - 127, 128):
            chosen = shuffled[start : start + 128]
            optimizer.zero_grad()
            loss_of(net(torch.from_numpy(x[chosen])), torch.from_numpy(y[chosen])).backward()
            optimizer.step()
            schedule.step()
