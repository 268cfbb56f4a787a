# SPDX-License-Identifier: Apache-2.0
"""Random networks with branches, in orders that are seldom good: Inception-like, residual, with long connections.

All branches of a block grow side by side in the file, as an exporter that walks a graph by breadth writes them, so that
the order of ops matters.  Every model is one that TensorFlow Lite Micro runs.
"""

from __future__ import annotations

import numpy as np
from tools.tflite_builder import Builder, Quant, Tensor

SHARED = Quant(0.05, -3)  # of all activations, so that any of them can be joined


def random_branches(seed: int, blocks: int = 3) -> bytes:
    """The `.tflite` file of a network of at most so many blocks; the same seed gives the same bytes."""
    rng = np.random.default_rng(seed)
    m = Builder(f"random branches {seed}")
    size = int(rng.integers(4, 13))
    x = m.input((1, size, size, int(rng.integers(1, 6))), quant=SHARED)
    early = [x]
    for _ in range(int(rng.integers(1, blocks + 1))):
        x = _block(m, rng, x)
        if rng.random() < 0.4:
            x = _joined(m, rng, x, early[int(rng.integers(len(early)))])
        early.append(x)
        if rng.random() < 0.3 and x.shape[1] > 3:
            x = m.max_pool_2d(x, (2, 2), stride=(2, 2))
    outputs = [x]
    if rng.random() < 0.3:
        outputs.append(_conv(m, rng, early[int(rng.integers(len(early)))], 2))
    return m.build(outputs)


def _conv(m: Builder, rng: np.random.Generator, x: Tensor, depth: int) -> Tensor:
    kernel = 1 if rng.random() < 0.5 else 3
    weights = rng.integers(-127, 128, (depth, kernel, kernel, x.shape[3])).astype(np.int8)
    return m.conv_2d(x, weights, None, Quant(0.005), SHARED, padding="SAME")


def _block(m: Builder, rng: np.random.Generator, x: Tensor) -> Tensor:
    """Branches from one tensor, each of some ops, joined: concatenated, or added with the tensor itself."""
    residual = rng.random() < 0.4
    lengths = [int(rng.integers(1, 4)) for _ in range(int(rng.integers(2, 4)) - residual)]
    ends = [x] * len(lengths)
    for turn in range(max(lengths)):
        for branch, length in enumerate(lengths):
            if turn >= length:
                continue
            last = turn + 1 == length
            depth = x.shape[3] if residual and last else int(rng.integers(1, 13))
            pools = not last and rng.random() < 0.2
            end = ends[branch]
            ends[branch] = (
                m.max_pool_2d(end, (3, 3), stride=(1, 1), padding="SAME") if pools else _conv(m, rng, end, depth)
            )
    if residual:
        for end in ends:
            x = m.add(x, end, SHARED) if rng.random() < 0.5 else m.add(end, x, SHARED)
        return x
    return m.concatenation(ends, 3)


def _joined(m: Builder, rng: np.random.Generator, x: Tensor, early: Tensor) -> Tensor:
    """With a tensor from long before, made as small as this one."""
    if early is x:
        return x
    factor = early.shape[1] // x.shape[1]
    skip = m.max_pool_2d(early, (factor, factor), stride=(factor, factor), padding="VALID")
    skip = _conv(m, rng, skip, 3)
    return m.concatenation([x, skip], 3) if skip.shape[1:3] == x.shape[1:3] else x
