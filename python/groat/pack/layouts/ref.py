# SPDX-License-Identifier: Apache-2.0
"""Weights as TFLite stores them, for the portable kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.pack.layouts import Filters, Packed, nibbles

BLOCK = 1


def pack_channels(filters: Filters) -> bytes:
    """groat_channel records: int32 (bias, multiplier, shift) for each channel."""
    columns = (filters.bias, filters.multiplier, filters.shift)
    return np.stack([np.asarray(column, np.int64) for column in columns], axis=1).astype("<i4").tobytes()


def conv_s8(groups: Sequence[Filters]) -> list[Packed]:
    return [Packed(filters.weights.tobytes(), pack_channels(filters)) for filters in groups]


def depthwise_s8(filters: Filters) -> Packed:
    return Packed(filters.weights.tobytes(), pack_channels(filters))


def conv_s4(blocks: Sequence[Filters]) -> list[Packed]:
    return [Packed(nibbles.words(filters.weights), pack_channels(filters)) for filters in blocks]


def depthwise_s4(filters: Filters) -> Packed:
    return Packed(nibbles.words(filters.weights), pack_channels(filters))
