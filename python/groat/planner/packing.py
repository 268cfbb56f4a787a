# SPDX-License-Identifier: Apache-2.0
"""Blocks that live for a while, at offsets where none meets another: as low as can be.

The problem of the arena without graphs and tensors: rectangles in a strip, time on one axis and memory on the other.
It is NP-hard, and small here: a bound from below says when a packing cannot be improved.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

ALIGN = 16
WORK = 2_000_000  # of the search for better orders: pairs of blocks that it compares
PATIENCE = 100  # orders without a lower packing, until the search begins anew


def round_up(nbytes: int) -> int:
    return nbytes + -nbytes % ALIGN


@dataclass(frozen=True)
class Block:
    """Bytes that must not meet others while they live.

    Attributes:
        nbytes: any; they take the next multiple of ALIGN.
        first, last: steps, inclusive.
        over: index of a block that this one may lie over if it starts at least `below` bytes before it.
        below: a multiple of ALIGN; negative ones let it start behind.
    """

    nbytes: int
    first: int
    last: int
    over: int | None = None
    below: int = 0

    @property
    def size(self) -> int:
        """What it takes."""
        return round_up(self.nbytes)

    def meets(self, other: Block) -> bool:
        """Whether both are alive in some step."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Packing:
    """Offsets of blocks.

    Attributes:
        height: where the highest block ends.
        bound: no packing is lower; where it equals `height`, none is better.
    """

    offsets: tuple[int, ...]
    height: int
    bound: int


def gap(blocks: Sequence[Block], low: int, high: int) -> int:
    """How far block `high` must start behind block `low`, if it is not to start before it; both live at one time."""
    block = blocks[low]
    return min(block.below, block.size) if block.over == high else block.size


def faults(blocks: Sequence[Block], offsets: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of blocks that meet where they must not."""
    return [
        (i, j)
        for j in range(len(blocks))
        for i in range(j)
        if blocks[i].meets(blocks[j])
        and offsets[j] - offsets[i] < gap(blocks, i, j)
        and offsets[i] - offsets[j] < gap(blocks, j, i)
    ]


def lower_bound(blocks: Sequence[Block]) -> int:
    """The most bytes alive in a step; of blocks that may lie over each other, only what they take together."""
    # Whatever is the most, it is so where something has just begun.
    steps = {block.first for block in blocks}
    return max(
        (_alive(blocks, [i for i, b in enumerate(blocks) if b.first <= step <= b.last]) for step in steps), default=0
    )


def _alive(blocks: Sequence[Block], alive: Sequence[int]) -> int:
    """The fewest bytes that these blocks take together."""
    over: dict[int, list[int]] = {}
    for index in alive:
        under = blocks[index].over
        if under is not None and under in alive:
            over.setdefault(under, []).append(index)
    upper = {index for stack in over.values() for index in stack}

    def stack(under: int) -> tuple[int, int]:
        """Of a block and all that may lie over it: (bytes of those that may not lie over each other, the most that
        one of them and the one under it take)."""
        above = [stack(index) for index in over.get(under, [])]
        gaps = [max(gap(blocks, index, under), 0) for index in over.get(under, [])]
        apart = sum(bytes_apart for bytes_apart, _ in above) if above else blocks[under].size
        return apart, max([blocks[under].size + max(gaps, default=0), *(pair for _, pair in above)])

    return sum(max(stack(index)) for index in alive if index not in upper)


class FirstFit:
    """Places blocks in an order, each at the lowest offset that is free during its life."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._sizes = [block.size for block in blocks]
        # Of each block, others that live at one time with it: (other, how far it must keep before and behind it).
        self._others: list[list[tuple[int, int, int]]] = [
            [
                (other, gap(blocks, index, other), gap(blocks, other, index))
                for other in range(len(blocks))
                if other != index and block.meets(blocks[other])
            ]
            for index, block in enumerate(blocks)
        ]
        self.work = sum(map(len, self._others)) + len(blocks)  # of one call of `place`: pairs that it compares

    def place(self, order: Iterable[int]) -> tuple[list[int], int]:
        """(offset of each block, where the highest ends)."""
        offsets = [-1] * len(self._sizes)
        height = 0
        for index in order:
            taken = sorted(
                (offsets[other] - before, offsets[other] + behind)
                for other, before, behind in self._others[index]
                if offsets[other] >= 0
            )
            offset = 0
            for start, end in taken:
                if offset <= start:
                    break
                offset = max(offset, end)
            offsets[index] = offset
            height = max(height, offset + self._sizes[index])
        return offsets, height


# Orders to begin with; none is best for every graph.
ORDERS: tuple[Callable[[Block], tuple[int, ...]], ...] = (
    lambda b: (-b.nbytes, b.first),
    lambda b: (-b.nbytes * (b.last - b.first + 1), b.first),
    lambda b: (-(b.last - b.first), -b.nbytes, b.first),
    lambda b: (b.first, -b.nbytes),
)


def _stacked(blocks: Sequence[Block]) -> Iterator[list[int]]:
    """Orders that begin with blocks of which each may lie over the one before it: from one of them back in time, so
    that each finds the place above the next one, then the later ones; and then all others, the largest first."""
    stacks: dict[int, list[int]] = {}
    for index, block in enumerate(blocks):
        root = index
        while (under := blocks[root].over) is not None:
            root = under
        if block.over is not None:
            stacks.setdefault(root, [root]).append(index)
    for stack in stacks.values():
        stack.sort(key=lambda i: (blocks[i].first, i))
        rest = sorted(set(range(len(blocks))) - set(stack), key=lambda i: (-blocks[i].nbytes, blocks[i].first, i))
        for last in range(1, len(stack)):
            yield stack[last::-1] + stack[last + 1 :] + rest


def pack(blocks: Sequence[Block]) -> Packing:
    """A packing by first fit: of several orders, and where those do not reach the bound, of orders near to them.

    The search moves one block at a time to another place in the order, mostly one of the highest to an earlier place,
    and goes on from what is not worse.  Its work is bounded, and the same every time.
    """
    return _pack(tuple(blocks))


@functools.lru_cache(maxsize=16)  # layouts of weights with the same scratch ask for the same packing
def _pack(blocks: tuple[Block, ...]) -> Packing:
    bound = lower_bound(blocks)
    fit = FirstFit(blocks)
    starts = [sorted(range(len(blocks)), key=lambda i: (*order(blocks[i]), i)) for order in ORDERS]
    offsets, height = _search(blocks, fit, starts, bound)
    stacked = list(_stacked(blocks)) if height > bound else []
    if stacked:
        offsets, height = min((offsets, height), _search(blocks, fit, stacked, bound), key=lambda found: found[1])
    return Packing(tuple(offsets), height, bound)


def _search(
    blocks: Sequence[Block], fit: FirstFit, starts: Sequence[Sequence[int]], bound: int
) -> tuple[list[int], int]:
    """(offset of each block, where the highest ends) by first fit in one of these orders, or in one near to them."""
    indices = range(len(blocks))
    tries = sorted(((*fit.place(order), list(order)) for order in starts), key=lambda found: found[1])
    best, height, _ = tries[0]
    random_of = random.Random(0).random
    calls = WORK // fit.work if fit.work else 0
    start = 0
    while height > bound and calls > 0:
        offsets, top, order = tries[start % len(tries)]
        start += 1
        patience = PATIENCE
        while height > bound and calls > 0 and patience > 0:
            calls, patience = calls - 1, patience - 1
            highest = [i for i in indices if offsets[i] + blocks[i].size == top]
            moved = highest if random_of() < 0.7 else indices
            index = moved[int(random_of() * len(moved))]
            at = order.index(index)
            before = at + 1 if random_of() < 0.8 else len(order)
            changed = order[:at] + order[at + 1 :]
            changed.insert(int(random_of() * before), index)
            found, reached = fit.place(changed)
            if reached > top:
                continue
            patience = PATIENCE if reached < top else patience
            offsets, top, order = found, reached, changed
            if top < height:
                best, height = offsets, top
    return best, height
