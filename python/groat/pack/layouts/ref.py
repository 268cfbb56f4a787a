# SPDX-License-Identifier: Apache-2.0
"""Weights as TFLite stores them, for the portable kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.ops.arithmetic import reduced_multiplier
from groat.pack.layouts import Filters, Packed, nibbles
from groat.pack.layouts.plain_float import conv_f16 as conv_f16
from groat.pack.layouts.plain_float import conv_f32 as conv_f32
from groat.pack.layouts.plain_float import depthwise_f16 as depthwise_f16
from groat.pack.layouts.plain_float import depthwise_f32 as depthwise_f32

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


def dense_s4(filters: Filters) -> Packed:
    weights = b"".join(nibbles.words(channel) for channel in filters.weights)
    return Packed(weights, pack_channels(filters))


def pack_channels_s16(filters: Filters) -> bytes:
    """groat_channel_s16 records; of 64-bit accumulators, the multiplier is reduced to 15 bits."""
    wide = filters.acc_bits == 64
    records = np.zeros(len(filters.bias), [("bias", "<i8"), ("multiplier", "<i4"), ("shift", "<i4")])
    records["bias"] = filters.bias
    records["multiplier"] = reduced_multiplier(filters.multiplier) if wide else filters.multiplier
    records["shift"] = filters.shift
    return records.tobytes()


def conv_s16(groups: Sequence[Filters]) -> list[Packed]:
    return [Packed(filters.weights.tobytes(), pack_channels_s16(filters)) for filters in groups]


def depthwise_s16(filters: Filters) -> Packed:
    return Packed(filters.weights.tobytes(), pack_channels_s16(filters))
