# SPDX-License-Identifier: Apache-2.0
"""Weights for the RISC-V vector kernels: runtime/kernels/rvv/tile.h says how they lie and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from groat.graph.ir import Array
from groat.ops.arithmetic import Int64
from groat.pack.layouts import Filters, Packed, nibbles, ref
from groat.pack.layouts.rvv_float import conv_f16 as conv_f16
from groat.pack.layouts.rvv_float import conv_f32 as conv_f32
from groat.pack.layouts.rvv_float import depthwise_f16 as depthwise_f16
from groat.pack.layouts.rvv_float import depthwise_f32 as depthwise_f32
from groat.pack.layouts.rvv_s16 import conv_s16 as conv_s16
from groat.pack.layouts.rvv_s16 import depthwise_s16 as depthwise_s16

BLOCK = 4
_LANES = 64
_SEGMENT = 256
_PIXEL, _PIXELS, _PLANES = 1, 2, 3  # layouts: scratch for one window, for several, for planes
_LONG_RUN = 64
_ROUND = 4  # pairs
_MOST_EXTRA = 63  # pairs of products of a lane behind a segment: what fits above these in a byte
_PLANE_INPUTS = 36
_NIBBLES = 64  # bytes that hold twice as many weights, first halves first
_CHUNKS = (1, 2, 4, 8)  # pairs of inputs summed in 16 bits
_SPLIT_CHUNKS = (1, 2, 4)

# Instructions, for comparing ways to pack: of a pair, of the end of a sum, of two products behind a segment, around it.
_PAIR, _END, _EXTRA, _SEGMENT_COST = 6, 4, 9, 12
_WIDE_PIXEL, _SPLIT_PIXEL = 40, 50


def _groups(channels: int) -> int:
    groups = 1
    while 2 * groups * channels <= _LANES:
        groups *= 2
    return groups


def _excess(weights: Int64) -> Int64:
    """How far sums of weights * inputs over the last axis may leave int16."""
    high = np.where(weights < 0, weights * -128, weights * 127).sum(axis=-1) - 32767
    low = np.where(weights > 0, weights * 128, weights * -127).sum(axis=-1) - 32768
    return np.maximum(high, low)


def _fits_16_bits(weights: Array) -> bool:
    """Whether sums of weights * inputs over the last axis stay within int16 for all int8 inputs."""
    return bool((_excess(weights.astype(np.int64)) <= 0).all())


def _plain_shifts(multiplier: Int64, shift: Int64) -> Int64:
    """Shifts to the right; channels without any scale get one that needs no special case."""
    return np.where(multiplier == 0, 1, -shift)


def _scales(filters: Filters, channels: slice, period: int) -> tuple[bytes, bool]:
    """Multipliers and shifts, repeated to the period, and whether a shift is not to the right."""
    multiplier = np.asarray(filters.multiplier[channels], np.int64)
    shift = _plain_shifts(multiplier, np.asarray(filters.shift[channels], np.int64))
    data = np.resize(multiplier, period).astype("<i4").tobytes() + np.resize(shift, period).astype("<i2").tobytes()
    return data + bytes(-len(data) % 4), bool(shift.min() < 1)


# ---- Channels in the lanes ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Segment:
    """Weights of a segment [lane, pair, 2], and what they were made smaller by to fit their sums."""

    weights: Int64
    lanes: Int64  # of what is left
    places: Int64  # of their inputs: 2 * pair + 0 or 1
    values: Int64

    @property
    def extra(self) -> int:
        """Pairs of products of a lane that it takes."""
        most = int(np.bincount(self.lanes).max()) if self.lanes.size > 0 else 0
        return -(-most // 2)


def _fit(weights: Int64, chunk: int) -> _Segment:
    """Weights [lane, pair, 2] of a segment with sums of `chunk` pairs."""
    count, pairs, _ = weights.shape
    singles = pairs % max(chunk, _ROUND)
    fitted = weights.reshape(count, 2 * pairs).copy()
    found: list[tuple[Int64, Int64, Int64]] = []
    for start, stop, size in ((0, 2 * singles, 2), (2 * singles, 2 * pairs, 2 * chunk)):
        if start == stop:
            continue
        sums = fitted[:, start:stop].reshape(count, -1, size)
        while True:
            excess = _excess(sums)
            lane, index = np.nonzero(excess > 0)
            if lane.size == 0:
                break
            at = np.abs(sums[lane, index]).argmax(axis=-1)
            largest = sums[lane, index, at]
            taken = np.minimum(np.minimum(-(-excess[lane, index] // 127), np.abs(largest)), 127) * np.sign(largest)
            sums[lane, index, at] -= taken
            found.append((lane, start + index * size + at, taken))
        fitted[:, start:stop] = sums.reshape(count, -1)
    lanes, places, values = (np.concatenate(parts) for parts in zip(*found, strict=True)) if found else (_NONE,) * 3
    return _Segment(fitted.reshape(count, pairs, 2), lanes, places, values)


_NONE: Int64 = np.zeros(0, np.int64)


@dataclass(frozen=True)
class _Tile:
    """Some output channels of a convolution, not packed yet."""

    filters: Filters
    first: int
    count: int
    groups: int
    segments: tuple[Int64, ...]  # weights [lane, pair, 2] of each
    full: bool  # the upper half of the lanes fills registers of its own

    @classmethod
    def of(cls, filters: Filters, first: int) -> _Tile:
        count = min(_LANES, len(filters.weights) - first)
        groups = _groups(count)
        rows, taps, run = filters.weights.shape[1:]
        own = filters.weights[first : first + count].astype(np.int64)
        direct = taps == 1 and run % (2 * groups) == 0 and (rows == 1 or run >= _LONG_RUN)
        if direct:
            runs = own.reshape(count, rows, run)
        elif taps == 1 and rows > 1 and filters.tap < run and run % filters.tap == 0:  # columns
            runs = own.reshape(count, rows, -1, filters.tap).transpose(0, 2, 1, 3).reshape(count, 1, -1)
        else:
            runs = own.reshape(count, 1, -1)
        runs = np.pad(runs, ((0, 0), (0, 0), (0, -runs.shape[2] % (2 * groups))))
        segments = []
        for r in range(runs.shape[1]):
            for start in range(0, runs.shape[2], _SEGMENT):
                pairs = runs[:, r, start : start + _SEGMENT].reshape(count, -1, groups, 2)
                segments.append(pairs.transpose(2, 0, 1, 3).reshape(groups * count, -1, 2))
        return cls(filters, first, count, groups, tuple(segments), groups * count == _LANES)

    def cost(self, chunk: int, extra: int) -> int:
        """About the instructions of one pixel."""
        end = _END if self.groups == 1 or self.full else _END + 2
        total = _WIDE_PIXEL if self.groups == 1 else _SPLIT_PIXEL
        for weights in self.segments:
            pairs = weights.shape[1]
            singles = pairs % max(chunk, _ROUND)
            rounds = (pairs - singles) // max(chunk, _ROUND)
            total += pairs * _PAIR + singles * (end + 2) + (pairs - singles) // chunk * end + rounds * 2
            total += _SEGMENT_COST + extra * (_EXTRA + end)
        return total

    def fits(self) -> dict[int, list[_Segment]]:
        chunks = _CHUNKS if self.groups == 1 else _SPLIT_CHUNKS
        return {chunk: [_fit(weights, chunk) for weights in self.segments] for chunk in chunks}

    def pack(self, chunk: int, segments: list[_Segment], extra: int) -> tuple[bytes, bytes]:
        """Weights and channels' record."""
        filters, count, channels = self.filters, self.count, slice(self.first, self.first + self.count)
        weights = b"".join(self._segment(segment, extra) for segment in segments)
        start = np.zeros(max(count, count * self.groups // 2), "<i4")
        start[:count] = np.asarray(filters.bias[channels]).astype(np.int64).astype("<i4")
        scales, general = _scales(filters, channels, count)
        return weights, np.array([chunk, general], "<u4").tobytes() + start.tobytes() + scales

    def _segment(self, segment: _Segment, extra: int) -> bytes:
        lanes = self.count * self.groups
        products = np.zeros((2 * extra, lanes, 2), np.int64)
        products[:, :, 0] = _SEGMENT - 1
        order = np.argsort(segment.lanes, kind="stable")
        lane, place = segment.lanes[order], segment.places[order]
        number = np.arange(len(lane)) - np.searchsorted(lane, lane)  # which one of its lane
        first = _SEGMENT - segment.weights.shape[1] * 2 * self.groups
        products[number, lane, 0] = first + (place // 2 * self.groups + lane // self.count) * 2 + place % 2
        products[number, lane, 1] = segment.values[order]
        products[:, :, 0] -= 256 * (products[:, :, 0] > 127)  # unsigned, written as signed
        return segment.weights.transpose(1, 0, 2).astype(np.int8).tobytes() + products.astype(np.int8).tobytes()


def _conv_tiles(groups: Sequence[Filters]) -> list[Packed] | None:
    """All groups with one number of products behind segments, the one that costs least; None if there is none."""
    tiles = [[_Tile.of(filters, first) for first in range(0, len(filters.weights), _LANES)] for filters in groups]
    fits = [[tile.fits() for tile in own] for own in tiles]
    needed = [[{c: max(s.extra for s in found) for c, found in fit.items()} for fit in own] for own in fits]

    def best(tile: _Tile, need: dict[int, int], extra: int) -> tuple[int, int] | None:
        return min(((tile.cost(c, extra), c) for c, n in need.items() if n <= extra), default=None)

    found: tuple[int, int] | None = None
    for extra in sorted({n for own in needed for need in own for n in need.values() if n <= _MOST_EXTRA}):
        choices = [
            best(t, n, extra) for own, needs in zip(tiles, needed, strict=True) for t, n in zip(own, needs, strict=True)
        ]
        costs = [choice[0] for choice in choices if choice is not None]
        if len(costs) == len(choices) and (found is None or sum(costs) < found[0]):
            found = sum(costs), extra
    if found is None:
        return None
    extra = found[1]
    packed = []
    for own, needs, own_fits in zip(tiles, needed, fits, strict=True):
        parts = []
        for tile, need, fit in zip(own, needs, own_fits, strict=True):
            choice = best(tile, need, extra)
            assert choice is not None
            parts.append(tile.pack(choice[1], fit[choice[1]], extra))
        kind = _PIXELS if own[0].filters.pixels > 1 else _PIXEL
        packed.append(Packed(b"".join(p[0] for p in parts), b"".join(p[1] for p in parts), kind + 4 * extra))
    return packed


# ---- Pixels in the lanes ------------------------------------------------------------------------------------


def _plane_cost(filters: Filters, four: Array) -> int:
    """About the instructions of one call."""
    count, inputs = len(filters.weights), filters.weights[0].size
    steps = -(-inputs // 4)
    blocks = -(-filters.pixels // _LANES)
    return blocks * (count * (30 + 22 * steps) - 4 * steps * int(four.sum()) + 9 * inputs + 60)


def _conv_planes(filters: Filters, instead_of: int) -> Packed | None:
    """None if that is not possible, or costs more than another way."""
    count, inputs = len(filters.weights), filters.weights[0].size
    multiplier = np.asarray(filters.multiplier, np.int64)
    shift = _plain_shifts(multiplier, np.asarray(filters.shift, np.int64))
    weights = np.pad(filters.weights.reshape(count, -1), ((0, 0), (0, -inputs % 4)))
    wide = weights.astype(np.int64)
    if inputs > _PLANE_INPUTS or filters.acc_offset or shift.min() < 1 or not _fits_16_bits(wide.reshape(count, -1, 2)):
        return None
    four = np.all(_excess(wide.reshape(count, -1, 4)) <= 0, axis=1)
    if _plane_cost(filters, four) >= instead_of:
        return None
    channels = np.stack([np.asarray(filters.bias).astype(np.int64), multiplier, shift, four], axis=1)
    return Packed(weights.tobytes(), channels.astype("<i4").tobytes(), _PLANES)


def conv_s8(groups: Sequence[Filters]) -> list[Packed]:
    filters = groups[0]
    tiled = sum(_Tile.of(filters, o).cost(2, 1) for o in range(0, len(filters.weights), _LANES)) * filters.pixels
    planes = [_conv_planes(own, tiled) for own in groups]
    packed = [own for own in planes if own is not None]
    if len(packed) == len(groups):
        return packed
    tiles = _conv_tiles(groups)
    return ref.conv_s8(groups) if tiles is None else tiles


# ---- Depthwise ----------------------------------------------------------------------------------------------


def depthwise_s8(filters: Filters) -> Packed:
    channels = filters.weights.shape[-1]
    taps = filters.weights.reshape(-1, channels)
    even = np.pad(taps, ((0, len(taps) % 2), (0, 0)))
    if not _fits_16_bits(even.reshape(-1, 2, channels).transpose(0, 2, 1)):
        return ref.depthwise_s8(filters)
    common = channels & -channels
    period = channels if channels >= 4 * _LANES or common >= _LANES else channels + _LANES - common
    weights = np.resize(taps.T, (period, len(taps))).T.copy()
    if filters.weights.shape[:2] == (3, 3):  # the first four in pairs
        weights[:4] = weights[:4].reshape(2, 2, period).transpose(0, 2, 1).reshape(4, period)
    bias = np.resize(np.asarray(filters.bias).astype(np.int64), period).astype("<i4").tobytes()
    scales, general = _scales(filters, slice(None), period)
    size = 10 * period  # without the padding that a tile of a convolution ends with
    return Packed(weights.tobytes(), np.array([general], "<u4").tobytes() + (bias + scales)[:size], layout=1)


def conv_s4(blocks: Sequence[Filters]) -> list[Packed]:
    return [_nibbles(part) for part in conv_s8(blocks)]  # of one layout, without products behind segments


def depthwise_s4(filters: Filters) -> Packed:
    return _nibbles(depthwise_s8(filters))


def _nibbles(packed: Packed) -> Packed:
    return replace(packed, weights=nibbles.halves(np.frombuffer(packed.weights, np.int8), _NIBBLES))


def dense_s4(filters: Filters) -> Packed:
    """Tiles of channels: a byte for each two inputs and channel."""
    count = len(filters.weights)
    rows = filters.weights.reshape(count, -1)
    rows = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2))) & 15
    pairs = (rows[:, 0::2] | rows[:, 1::2] << 4).astype(np.uint8)
    weights, channels = b"", b""
    for first in range(0, count, _LANES):
        tile = slice(first, min(first + _LANES, count))
        bias = np.asarray(filters.bias[tile]).astype(np.int64).astype("<i4")
        scales, general = _scales(filters, tile, len(bias))
        weights += pairs[tile].T.tobytes()
        channels += np.array([general], "<u4").tobytes() + bias.tobytes() + scales
    return Packed(weights, channels)
