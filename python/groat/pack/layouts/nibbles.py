# SPDX-License-Identifier: Apache-2.0
"""Weights of four bits: how output channels are cut into blocks, and how nibbles lie in bytes.

Each set packs int4 weights as it packs int8 ones, and then stores the nibbles; its kernels unpack a block of output
channels at a time into scratch (runtime/kernels/nibbles.h).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from groat.graph.ir import Array
from groat.pack.layouts import Filters

LOW, HIGH = -8, 7
_BLOCK_BYTES, _MOST_BYTES = 2560, 10240  # of unpacked weights: always, and where the layer's tensors are as large
_MOST = 65535  # what the field of a block holds


def words(weights: Array, offset: int = 8) -> bytes:
    """int8 in [-8, 7] as nibbles of the value plus `offset`, in words of eight: four low halves, then four high ones.

    What the last word lacks is filled up with zeros.
    """
    flat = np.asarray(weights, np.int64).ravel()
    eights = np.pad(flat, (0, -len(flat) % 8)).reshape(-1, 2, 4) + offset & 15
    return (eights[:, 0] | eights[:, 1] << 4).astype(np.uint8).tobytes()


def halves(weights: Array, unit: int) -> bytes:
    """int8 in [-8, 7] as signed nibbles: of every 2 * unit weights the first ones in the low halves of `unit` bytes,
    the others in the high ones; at the end, half as many bytes as there are weights left."""
    flat = np.asarray(weights, np.int64).ravel()
    flat = np.pad(flat, (0, len(flat) % 2)) & 15
    parts = [flat[first : first + 2 * unit].reshape(2, -1) for first in range(0, len(flat), 2 * unit)]
    return b"".join((part[0] | part[1] << 4).astype(np.uint8).tobytes() for part in parts)


def block_channels(channels: int, inputs: int, multiple: int, tensors_bytes: int) -> int:
    """Output channels of a block: all, or half as many until their weights fit; a multiple of `multiple` unless all.

    The image is read again for each block, so fewer and larger ones are faster; but scratch that is larger than what
    the layer reads and writes may cost the arena something.
    """
    block = channels
    room = max(_BLOCK_BYTES, min(_MOST_BYTES, tensors_bytes))
    while block > multiple and (block * inputs > room or block > _MOST):
        block = -(-block // (2 * multiple)) * multiple
    return block


def blocks(filters: Filters, block: int) -> Sequence[Filters]:
    """The filters in blocks of output channels; the last may be smaller."""
    count = len(filters.weights)
    return [
        replace(
            filters,
            weights=filters.weights[first : first + block],
            bias=filters.bias[first : first + block],
            multiplier=filters.multiplier[first : first + block],
            shift=filters.shift[first : first + block],
        )
        for first in range(0, count, block)
    ]
