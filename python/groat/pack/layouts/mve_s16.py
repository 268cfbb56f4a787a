# SPDX-License-Identifier: Apache-2.0
"""Filters of int16 activations for Helium: two output channels side by side, eight taps of each at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.pack.layouts import Filters, Packed, narrow_s16, ref

CHANNELS, PAIR, TAPS = 4, 2, 8
NARROW = 1


def conv_s16(groups: Sequence[Filters]) -> list[Packed]:
    if not all(narrow_s16.is_narrow(filters, (1, 2, 3)) for filters in groups):
        return ref.conv_s16(groups)
    return [_narrow(filters) for filters in groups]


def _narrow(filters: Filters) -> Packed:
    count, rows, taps, run = filters.weights.shape
    padded = np.zeros((count + -count % CHANNELS, rows, taps, run + -run % TAPS), np.int8)
    padded[:count, :, :, :run] = filters.weights
    vectors = padded.reshape(-1, PAIR, rows, taps, padded.shape[3] // TAPS, TAPS).transpose(0, 2, 3, 4, 1, 5)
    records = narrow_s16.channels(filters, len(padded)).astype(np.int64)
    columns = np.stack([records[:, 0], records[:, 1] << 16, -records[:, 3]])
    scales = columns.reshape(3, -1, CHANNELS).transpose(1, 0, 2)
    return Packed(vectors.tobytes(), scales.astype("<i4").tobytes(), NARROW)


def depthwise_s16(filters: Filters) -> Packed:
    """Eight channels of a tap side by side, eight channels after the other; scales of the even ones, then the odd."""
    if not narrow_s16.is_narrow_depthwise(filters):
        return ref.depthwise_s16(filters)
    rows, taps, count = filters.weights.shape
    padded = np.zeros((rows, taps, count + -count % TAPS), np.int8)
    padded[:, :, :count] = filters.weights
    vectors = padded.reshape(rows, taps, -1, TAPS).transpose(2, 0, 1, 3)
    records = narrow_s16.channels(filters, padded.shape[2]).astype(np.int64)
    columns = np.stack([records[:, 0], records[:, 1] << 16, -records[:, 3]])
    scales = columns.reshape(3, -1, TAPS // 2, 2).transpose(1, 0, 3, 2)
    return Packed(vectors.tobytes(), scales.astype("<i4").tobytes(), NARROW)
