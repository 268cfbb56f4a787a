# SPDX-License-Identifier: Apache-2.0
"""Filters of int16 activations for cores without SIMD: for each tap the weights of four output channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.pack.layouts import Filters, Packed, narrow_s16, ref

CHANNELS = 4
NARROW = 1


def conv_s16(groups: Sequence[Filters]) -> list[Packed]:
    if not all(narrow_s16.is_narrow(filters, (1, 2, 3)) for filters in groups):
        return ref.conv_s16(groups)
    return [_narrow(filters) for filters in groups]


def _narrow(filters: Filters) -> Packed:
    count = filters.weights.shape[0]
    padded = np.zeros((count + -count % CHANNELS, *filters.weights.shape[1:]), np.int8)
    padded[:count] = filters.weights
    stream = padded.reshape(-1, CHANNELS, *padded.shape[1:]).transpose(0, 2, 3, 4, 1)
    return Packed(stream.tobytes(), narrow_s16.channels(filters, len(padded)).astype("<i4").tobytes(), NARROW)


def depthwise_s16(filters: Filters) -> Packed:
    """The whole filter of a channel, channel after channel."""
    if not narrow_s16.is_narrow_depthwise(filters):
        return ref.depthwise_s16(filters)
    records = narrow_s16.channels(filters, len(filters.bias)).astype("<i4")
    return Packed(filters.weights.transpose(2, 0, 1).tobytes(), records.tobytes(), NARROW)
