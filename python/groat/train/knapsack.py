# SPDX-License-Identifier: Apache-2.0
"""Which layers to train under two budgets: a knapsack whose weights depend on the earliest layer that is in it.

To train a layer, gradients must come back from the loss to it, through all that lies behind, whether that is trained
or not; beside that, each layer that is trained costs its own gradient.  So instructions are a sum once the earliest
layer is known.  Memory is not: what it takes, only a plan says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """A layer that may be trained.

    Attributes:
        gain: what training it alone is worth; layers that are not worth anything are never chosen.
        own: instructions of its own gradient, with the update.
        path: instructions of a step in which it is the earliest one that is trained, without any `own`.
    """

    gain: float
    own: float
    path: float


@dataclass(frozen=True)
class Choice:
    """The best set that was found.

    Attributes:
        chosen: positions of layers, ascending; empty if no set is worth anything within the budgets.
        gain: the sum of theirs.
        instructions: of a step.
        best: there is no better one; else the search was cut short.
    """

    chosen: tuple[int, ...]
    gain: float
    instructions: float
    best: bool


def choose(
    layers: Sequence[Layer],
    instructions: float,
    fits: Callable[[tuple[int, ...]], bool],
    tries: int = 1000,
) -> Choice:
    """The set of layers with the largest sum of gains within the budgets.

    Branch and bound: for each earliest layer the sets are gone through from the most promising on, and left as soon as
    the knapsack that may be filled with parts of layers (Dantzig, 1957) is worth no more than what is known.

    Args:
        layers: in the order in which they run.
        instructions: the most that a step may take.
        fits: whether the memory is enough for a set; a set that fits still does so without one of its layers.
        tries: how often `fits` may be asked.
    """
    search = _Search(layers, instructions, fits, tries)
    # The sets that could be worth most first.
    order = sorted(range(len(layers)), key=lambda first: -sum(max(0.0, layer.gain) for layer in layers[first:]))
    for first in order:
        search.from_layer(first)
    return Choice(search.chosen, search.gain, search.cost, not search.cut)


class _Search:
    def __init__(
        self, layers: Sequence[Layer], budget: float, fits: Callable[[tuple[int, ...]], bool], tries: int
    ) -> None:
        self.layers, self.budget, self.fits, self.left = layers, budget, fits, tries
        self.chosen: tuple[int, ...] = ()
        self.cut = False
        self.gain = self.cost = 0.0

    def from_layer(self, first: int) -> None:
        """All sets whose earliest layer is this one."""
        layer = self.layers[first]
        if layer.gain <= 0:
            return
        later = [i for i in range(first + 1, len(self.layers)) if self.layers[i].gain > 0]
        later.sort(key=lambda i: -self.layers[i].gain / max(self.layers[i].own, 1e-9))
        self._extend((first,), layer.gain, layer.path + layer.own, later)

    def _extend(self, chosen: tuple[int, ...], gain: float, cost: float, rest: list[int]) -> None:
        if cost > self.budget or self._bound(gain, cost, rest) <= self.gain:
            return
        if self.left == 0:
            self.cut = True
            return
        self.left -= 1
        if not self.fits(tuple(sorted(chosen))):
            return
        if gain > self.gain:
            self.chosen, self.gain, self.cost = tuple(sorted(chosen)), gain, cost
        for index, i in enumerate(rest):
            layer = self.layers[i]
            if self._bound(gain, cost, rest[index:]) <= self.gain:
                return
            self._extend((*chosen, i), gain + layer.gain, cost + layer.own, rest[index + 1 :])

    def _bound(self, gain: float, cost: float, rest: list[int]) -> float:
        """What could be added at most, if layers could be taken in parts."""
        room = self.budget - cost
        for i in rest:
            layer = self.layers[i]
            if layer.own > room:
                return gain + layer.gain * room / layer.own
            gain, room = gain + layer.gain, room - layer.own
        return gain
