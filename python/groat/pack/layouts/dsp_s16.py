# SPDX-License-Identifier: Apache-2.0
"""Filters of int16 activations for the DSP extension: two output channels side by side, four taps to a word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.pack.layouts import Filters, Packed, narrow_s16, ref

CHANNELS, TAPS = 2, 4
ORDER = (0, 2, 1, 3)  # of the taps in a word: SXTB16 takes bytes 0 and 2, and after a rotation 1 and 3
NARROW = 1


def conv_s16(groups: Sequence[Filters]) -> list[Packed]:
    if not all(narrow_s16.is_narrow(filters, (1, 2, 3)) for filters in groups):
        return ref.conv_s16(groups)
    return [_narrow(filters) for filters in groups]


def _narrow(filters: Filters) -> Packed:
    count, rows, taps, run = filters.weights.shape
    padded = np.zeros((count + -count % CHANNELS, rows, taps, run + -run % TAPS), np.int8)
    padded[:count, :, :, :run] = filters.weights
    words = padded.reshape(-1, CHANNELS, rows, taps, padded.shape[3] // TAPS, TAPS)[..., ORDER]
    stream = words.transpose(0, 2, 3, 4, 1, 5)
    return Packed(stream.tobytes(), narrow_s16.channels(filters, len(padded)).astype("<i4").tobytes(), NARROW)


def depthwise_s16(filters: Filters) -> Packed:
    """Four channels of a tap to a word, four channels after the other."""
    if not narrow_s16.is_narrow_depthwise(filters):
        return ref.depthwise_s16(filters)
    rows, taps, count = filters.weights.shape
    padded = np.zeros((rows, taps, count + -count % TAPS), np.int8)
    padded[:, :, :count] = filters.weights
    stream = padded.reshape(rows, taps, -1, TAPS).transpose(2, 0, 1, 3)
    records = narrow_s16.channels(filters, padded.shape[2]).astype("<i4")
    return Packed(stream.tobytes(), records.tobytes(), NARROW)
