# SPDX-License-Identifier: Apache-2.0
"""What a model of the zoo is, and what it learns from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from groat.errors import InputError
from groat.graph.ir import Array

if TYPE_CHECKING:
    from torch import nn

IMAGE = (0, 3, 1, 2)  # [n, h, w, c] as PyTorch has it
SIGNAL = (0, 2, 1)  # [n, w, c] likewise
SEQUENCE = (0, 1, 2)


@dataclass(frozen=True)
class Split:
    """Samples that are used for one thing.

    Attributes:
        x: float32 [n, ...], in the order that the packed model takes.
        y: labels int64 [n]; None: the model is to give its input again.
        who: whose they are, for people: "speakers theo".
        vary: draws other forms of all samples, [n, ...] as x, for one epoch of training; None: x is all there is.
    """

    x: Array
    y: Array | None
    who: str
    vary: Callable[[np.random.Generator], Array] | None = None

    def __post_init__(self) -> None:
        if not np.isfinite(self.x).all():
            raise InputError(f"{self.who}: samples have values that are infinite, or no numbers")

    def __add__(self, other: Split) -> Split:
        """Both."""
        parts = (self, other)
        y = None if self.y is None or other.y is None else np.concatenate([self.y, other.y])

        def vary(draw: np.random.Generator) -> Array:
            return np.concatenate([part.x if part.vary is None else part.vary(draw) for part in parts])

        varies = any(part.vary is not None for part in parts)
        x = np.concatenate([self.x, other.x])
        return Split(x, y, f"{self.who}; {other.who}", vary if varies else None)


@dataclass(frozen=True)
class Data:
    """Samples, divided.

    Attributes:
        train: what is learnt from while a recipe is chosen.
        validation: what the recipe is judged by.  A model of the zoo learns from both.
        test: what is never learnt from, and chooses nothing.
        classes: names.
    """

    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: AdamW, its learning rate rising and falling once (L. Smith, *Super-Convergence*, 2018).

    Attributes:
        rate: the highest learning rate.
        smoothing: of labels.
    """

    epochs: int
    batch: int = 64
    rate: float = 4e-3
    weight_decay: float = 0.01
    smoothing: float = 0.1


@dataclass(frozen=True)
class Entry:
    """A model of the zoo.

    Attributes:
        task: what it is for.
        source: where its structure comes from.
        shape: of an input, without the leading 1, as the packed model takes it.
        order: the dimensions of samples [n, *shape] as the module takes them.
        classes: of its output, if neither weights nor data say another number.
        module: number of classes -> the network.
        read: a path -> the samples that lie there.  Raises InputError.
    """

    name: str
    task: str
    source: str
    shape: tuple[int, ...]
    order: tuple[int, ...]
    classes: int
    module: Callable[[int], nn.Module]
    read: Callable[[Path], Data]
    recipe: Recipe

    def fitted(self, data: Data) -> Data:
        """The samples in this model's shape; InputError if they have others."""
        train, validation, test = (self._fitted(part) for part in (data.train, data.validation, data.test))
        return Data(train, validation, test, data.classes)

    def _fitted(self, split: Split) -> Split:
        found, vary = split.x.shape[1:], split.vary
        if tuple(size for size in found if size != 1) != tuple(size for size in self.shape if size != 1):
            raise InputError(
                f"{self.name}: samples ({split.who}) have shape {list(found)}; expected {list(self.shape)}"
            )

        def varied(draw: np.random.Generator) -> Array:
            assert vary is not None
            return vary(draw).reshape(-1, *self.shape)

        return Split(split.x.reshape(-1, *self.shape), split.y, split.who, None if vary is None else varied)
