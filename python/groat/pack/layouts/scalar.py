# SPDX-License-Identifier: Apache-2.0
"""Weights for cores without SIMD, where one multiplication serves two pixels (runtime/kernels/scalar/conv_s8.c).

Two facts are proven here from the weights themselves, for every input there can be: how many products of two packed
pixels add up before the sum of the lower pixel leaves 16 bits, and that a channel's requantisation may take one shift
instead of two roundings.  Channels without the second proof are marked, and take the general way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from groat.graph.ir import Array
from groat.ops.arithmetic import Int64, requantize, wrap32
from groat.pack.layouts import Filters, Packed, nibbles

_LANES, _DEPTHWISE_LANES = 8, 4  # channels in a block of weights
BLOCK = _LANES
_MAX_LENGTH = 16  # products in a chunk
_GENERAL = 64  # added to the shift of a channel without a proof
_CONSTANT = 128  # added to the shift of a channel with one output
_MAX_ACCUMULATOR = 2**29 - 1
_MAX_SHIFT = 21
_INT16_MIN, _INT16_MAX = -(2**15), 2**15 - 1


def conv_s8(groups: Sequence[Filters]) -> list[Packed]:
    blocks = [_blocks(filters.weights, _LANES) for filters in groups]
    channels = [_channels(filters, (1, 2, 3)) for filters in groups]
    if groups[0].pixels == 1:
        return [Packed(block.tobytes(), channel) for block, channel in zip(blocks, channels, strict=True)]
    lengths = [_chunk_lengths(filters.weights) for filters in groups]
    products = (groups[0].weights.shape[0] + 1) // 2 * groups[0].weights[0].size
    layout = -(-max(map(len, lengths)) * 128 // products)
    room = (products * layout + 127) // 128
    return [
        Packed(block.tobytes() + length.ljust(room, b"\0"), channel, layout)
        for block, length, channel in zip(blocks, lengths, channels, strict=True)
    ]


def depthwise_s8(filters: Filters) -> Packed:
    rows, taps, channels = filters.weights.shape
    if channels == filters.multiplier_depth:  # one input channel: a convolution
        weights = filters.weights.transpose(2, 0, 1).reshape(channels, rows, 1, taps)
        return conv_s8([replace(filters, weights=np.ascontiguousarray(weights), multiplier_depth=1)])[0]
    blocks = _blocks(filters.weights.reshape(rows * taps, channels).T, _DEPTHWISE_LANES)
    return Packed(blocks.tobytes(), _channels(filters, (0, 1)))


def conv_s4(blocks: Sequence[Filters]) -> list[Packed]:
    """Chunks are as long as can be, which needs no lengths: the kernel writes them, where the layout leaves room."""
    depth = blocks[0].weights[0].size
    chunks = (depth + _MAX_LENGTH - 1) // _MAX_LENGTH
    layout = (chunks * 128 + depth - 1) // depth if blocks[0].pixels > 1 else 0
    return [Packed(nibbles.words(_blocks(part.weights, _LANES)), _channels(part, (1, 2, 3)), layout) for part in blocks]


def depthwise_s4(filters: Filters) -> Packed:
    rows, taps, channels = filters.weights.shape
    if channels == filters.multiplier_depth:
        weights = filters.weights.transpose(2, 0, 1).reshape(channels, rows, 1, taps)
        return conv_s4([replace(filters, weights=np.ascontiguousarray(weights), multiplier_depth=1)])[0]
    blocks = _blocks(filters.weights.reshape(rows * taps, channels).T, _DEPTHWISE_LANES)
    return Packed(nibbles.words(blocks), _channels(filters, (0, 1)))


def _blocks(weights: Array, lanes: int) -> Array:
    """[channels, ...] as [block, tap, lanes], the last block filled up with zeros."""
    flat = weights.reshape(weights.shape[0], -1)
    flat = np.pad(flat, ((0, -len(flat) % lanes), (0, 0)))
    return np.ascontiguousarray(flat.reshape(-1, lanes, flat.shape[1]).transpose(0, 2, 1))


def _channels(filters: Filters, axes: tuple[int, ...]) -> bytes:
    """groat_scalar_channel records, an even number of them; `axes` of the weights belong to one channel."""
    magnitude = 128 * np.abs(filters.weights.astype(np.int64)).sum(axis=axes) + np.abs(filters.bias)
    shift = filters.shift.astype(np.int64)
    proven = (magnitude <= _MAX_ACCUMULATOR) & (shift <= -1) & (shift >= -_MAX_SHIFT)
    right = np.where(proven, -shift, 0)
    # Half of the last place of the first rounding, half of that of the second, and the zero point above both.
    offset = 1 + (1 << right) + (filters.output_zero_point << (right + 1))
    lowest, highest = _output_range(filters, axes)
    constant = lowest == highest
    records = np.stack(
        [
            filters.bias,
            filters.multiplier.astype(np.int64),
            np.where(constant, lowest, np.where(proven, offset, 0)),
            np.where(constant, shift + _CONSTANT, np.where(proven, right + 1, shift + _GENERAL)),
        ],
        axis=1,
    )
    return np.pad(records, ((0, len(records) % 2), (0, 0))).astype("<i4").tobytes()


def _output_range(filters: Filters, axes: tuple[int, ...]) -> tuple[Int64, Int64]:
    """The least and the greatest output of each channel; scaling is monotonous as long as nothing wraps."""
    weights = filters.weights.astype(np.int64)
    low = np.minimum(127 * weights, -128 * weights).sum(axis=axes) + filters.bias
    high = np.maximum(127 * weights, -128 * weights).sum(axis=axes) + filters.bias
    left = np.maximum(filters.shift, 0).astype(np.int64)
    scaled = [
        requantize(wrap32(end), filters.multiplier, filters.shift) + filters.output_zero_point for end in (low, high)
    ]
    wraps = (low << left < -(2**31)) | (high << left >= 2**31) | (scaled[0] < -(2**31)) | (scaled[1] >= 2**31)
    ends = [np.clip(value, filters.act_min, filters.act_max) for value in scaled]
    return np.where(wraps, filters.act_min - 1, ends[0]), np.where(wraps, filters.act_max + 1, ends[1])


def _chunk_lengths(weights: Array) -> bytes:
    """The lengths of each pair of channels' chunks, times 8: as long as the proof holds for both channels."""
    flat = weights.reshape(weights.shape[0], -1).astype(np.int64)
    flat = np.pad(flat, ((0, len(flat) % 2), (0, 0)))
    pairs = flat.reshape(-1, 2, flat.shape[1])
    # What one product adds to the largest and to the smallest sum: inputs are -128 to 127.
    largest = np.maximum(127 * pairs, -128 * pairs)
    smallest = np.minimum(127 * pairs, -128 * pairs)
    starts = np.zeros((len(pairs), pairs.shape[2]), np.bool_)
    high: Int64 = np.zeros(pairs.shape[:2], np.int64)
    low: Int64 = np.zeros(pairs.shape[:2], np.int64)
    length: Int64 = np.full(len(pairs), _MAX_LENGTH, np.int64)
    for tap in range(pairs.shape[2]):
        high, low = high + largest[:, :, tap], low + smallest[:, :, tap]
        full = (high > _INT16_MAX).any(axis=1) | (low < _INT16_MIN).any(axis=1) | (length == _MAX_LENGTH)
        starts[full, tap] = True
        high[full], low[full] = largest[full, :, tap], smallest[full, :, tap]
        length = np.where(full, 1, length + 1)
    lengths = [np.diff(np.append(np.flatnonzero(row), row.size)) for row in starts]
    return (8 * np.concatenate(lengths)).astype(np.uint8).tobytes()
