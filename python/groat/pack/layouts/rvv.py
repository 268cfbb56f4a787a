# SPDX-License-Identifier: Apache-2.0
"""Weights for the RISC-V vector kernels: runtime/kernels/rvv/tile.h says how they lie and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from groat.graph.ir import Array
from groat.ops.arithmetic import Int64
from groat.pack.layouts import Filters, Packed, nibbles, ref

BLOCK = 4
_LANES = 64
_PIXEL, _PIXELS, _PLANES = 1, 2, 3  # layouts: scratch for one window, for several, for planes
_PLANE_INPUTS = 36
_NIBBLES = 64  # bytes that hold twice as many weights, first halves first
_CHUNKS = (4, 2, 1)  # pairs of inputs summed in 16 bits, best first


def _groups(channels: int) -> int:
    groups = 1
    while 2 * groups * channels <= _LANES:
        groups *= 2
    return groups


def _fits_16_bits(weights: Array) -> bool:
    """Whether sums of weights * inputs over the last axis stay within int16 for all int8 inputs."""
    wide = weights.astype(np.int64)
    largest = np.where(wide < 0, wide * -128, wide * 127).sum(axis=-1)
    smallest = np.where(wide > 0, wide * -128, wide * 127).sum(axis=-1)
    return bool(largest.max() <= 32767 and smallest.min() >= -32768)


def _plain_shifts(multiplier: Int64, shift: Int64) -> Int64:
    """Shifts to the right; channels without any scale get one that needs no special case."""
    return np.where(multiplier == 0, 1, -shift)


def _scales(filters: Filters, channels: slice, period: int) -> tuple[bytes, bool]:
    """Multipliers and shifts, repeated to the period, and whether a shift is not to the right."""
    multiplier = np.asarray(filters.multiplier[channels], np.int64)
    shift = _plain_shifts(multiplier, np.asarray(filters.shift[channels], np.int64))
    data = np.resize(multiplier, period).astype("<i4").tobytes() + np.resize(shift, period).astype("<i2").tobytes()
    return data + bytes(-len(data) % 4), bool(shift.min() < 1)


def _tile(filters: Filters, first: int) -> tuple[bytes, bytes] | None:
    """Weights and channels' record of one tile; None if two products may overflow 16 bits."""
    last = min(first + _LANES, len(filters.weights))
    count = last - first
    groups = _groups(count)
    weights = filters.weights[first:last].reshape(count, -1)
    padded = np.pad(weights, ((0, 0), (0, -weights.shape[1] % (2 * groups))))
    pairs = padded.reshape(count, -1, groups, 2)
    chunk = next((c for c in _CHUNKS if pairs.shape[1] % c == 0 and _fits_16_bits(_chunks(pairs, c))), None)
    if chunk is None:
        return None
    start = np.zeros(max(count, count * groups // 2), "<i4")
    start[:count] = np.asarray(filters.bias[first:last]).astype(np.int64).astype("<i4")
    scales, general = _scales(filters, slice(first, last), count)
    head = np.array([chunk, general], "<u4").tobytes()
    return pairs.transpose(1, 2, 0, 3).tobytes(), head + start.tobytes() + scales


def _chunks(pairs: Array, chunk: int) -> Array:
    """[channel, chunk, group, input of that lane] from [channel, pair, group, 2]."""
    channels, count, groups, _ = pairs.shape
    split = pairs.reshape(channels, count // chunk, chunk, groups, 2)
    return split.transpose(0, 1, 3, 2, 4).reshape(channels, count // chunk, groups, 2 * chunk)


def _conv_tiles(filters: Filters) -> Packed | None:
    tiles = [_tile(filters, first) for first in range(0, len(filters.weights), _LANES)]
    found = [tile for tile in tiles if tile is not None]
    if len(found) < len(tiles):
        return None
    inputs = filters.weights[0].size
    weights = b"".join(tile[0] for tile in found)
    planes_bytes = -(-inputs // 4) * 4 * len(filters.weights)
    planes = len(found) == 1 and filters.pixels >= 8 and inputs <= _PLANE_INPUTS and planes_bytes <= len(weights)
    layout = _PLANES if planes else _PIXELS if filters.pixels > 1 else _PIXEL
    return Packed(weights, b"".join(tile[1] for tile in found), layout)


def conv_s8(groups: Sequence[Filters]) -> list[Packed]:
    tiled = [_conv_tiles(filters) for filters in groups]
    packed = [tiles for tiles in tiled if tiles is not None]
    return packed if len(packed) == len(groups) else ref.conv_s8(groups)


def depthwise_s8(filters: Filters) -> Packed:
    channels = filters.weights.shape[-1]
    taps = filters.weights.reshape(-1, channels)
    even = np.pad(taps, ((0, len(taps) % 2), (0, 0)))
    if not _fits_16_bits(even.reshape(-1, 2, channels).transpose(0, 2, 1)):
        return ref.depthwise_s8(filters)
    common = channels & -channels
    period = channels if channels >= 4 * _LANES or common >= _LANES else channels + _LANES - common
    weights = np.resize(taps.T, (period, len(taps))).T
    bias = np.resize(np.asarray(filters.bias).astype(np.int64), period).astype("<i4").tobytes()
    scales, general = _scales(filters, slice(None), period)
    size = 10 * period  # without the padding that a tile of a convolution ends with
    return Packed(weights.tobytes(), np.array([general], "<u4").tobytes() + (bias + scales)[:size], layout=1)


def conv_s4(blocks: Sequence[Filters]) -> list[Packed]:
    packed = conv_s8(blocks)
    # Layouts differ in the scratch they may use: what all have is right for each.
    layout = min(part.layout for part in packed)
    return [replace(_nibbles(part), layout=layout) for part in packed]


def depthwise_s4(filters: Filters) -> Packed:
    return _nibbles(depthwise_s8(filters))


def _nibbles(packed: Packed) -> Packed:
    return replace(packed, weights=nibbles.halves(np.frombuffer(packed.weights, np.int8), _NIBBLES))
