# SPDX-License-Identifier: Apache-2.0
"""Random problems for the packer, some with blocks that may lie over others, and their solution by trying all."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from groat.planner.packing import ALIGN, Block


def random_blocks(seed: int, most: int = 60, steps: int = 40, units: int = 200) -> list[Block]:
    """Blocks that live briefly, long, or either, of at most `units` units."""
    rng = np.random.default_rng(seed)
    steps = int(rng.integers(3, steps))
    lives = (4, steps, 2)[seed % 3]
    blocks = []
    for _ in range(int(rng.integers(3, most))):
        first = int(rng.integers(steps))
        length = int(rng.integers(steps if rng.random() < 0.2 else lives))
        size = int(rng.integers(1, units)) if rng.random() < 0.6 else int(rng.integers(1, units // 8 + 2))
        blocks.append(Block(size * ALIGN, first, min(first + length, steps - 1)))
    return blocks


def with_overlap(blocks: Sequence[Block], seed: int, share: float = 0.5) -> list[Block]:
    """The same, and some may lie over one that ends as they begin, from some distance on."""
    rng = np.random.default_rng(seed)
    result = list(blocks)
    for index, block in enumerate(blocks):
        dying = [i for i, b in enumerate(blocks) if i != index and b.first < block.first == b.last < block.last]
        if dying and rng.random() < share:
            below = int(rng.integers(-3, max(block.nbytes // ALIGN, 2))) * ALIGN
            result[index] = replace(block, over=int(rng.choice(dying)), below=below)
    return result


def collisions(blocks: Sequence[Block], offsets: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs that lie where they must not, found step by step and unit by unit."""
    units = [set(range(o // ALIGN, (o + b.nbytes) // ALIGN)) for o, b in zip(offsets, blocks, strict=True)]
    lives = [set(range(b.first, b.last + 1)) for b in blocks]
    return [
        (i, j)
        for i, j in itertools.combinations(range(len(blocks)), 2)
        if not lives[i].isdisjoint(lives[j])
        and not units[i].isdisjoint(units[j])
        and not _may(blocks, offsets, i, j)
        and not _may(blocks, offsets, j, i)
    ]


def _may(blocks: Sequence[Block], offsets: Sequence[int], upper: int, lower: int) -> bool:
    block = blocks[upper]
    return block.over == lower and offsets[upper] <= offsets[lower] - block.below


def smallest(blocks: Sequence[Block], at_most: int) -> int:
    """The least height of any packing, by trying all offsets; `at_most` is one that is known."""
    for height in range(0, at_most, ALIGN):
        places = [range(0, height - block.nbytes + 1, ALIGN) for block in blocks]
        if any(not collisions(blocks, offsets) for offsets in itertools.product(*places)):
            return height
    return at_most
