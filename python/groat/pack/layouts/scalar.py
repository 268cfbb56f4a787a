# SPDX-License-Identifier: Apache-2.0
"""Weights for cores without SIMD, where two multiplications serve three pixels (runtime/kernels/scalar/conv_s8.c).

Two facts are proven here from the weights themselves, for every input there can be: that the sums of three packed
pixels do not touch, and that a channel's requantisation may take one shift instead of two roundings.  Channels without
the second proof are marked, and take the general way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from groat.graph.ir import Array
from groat.ops.arithmetic import Int64, requantize, wrap32
from groat.pack.layouts import Filters, Packed, nibbles
from groat.pack.layouts.plain_float import conv_f16 as conv_f16
from groat.pack.layouts.plain_float import conv_f32 as conv_f32
from groat.pack.layouts.plain_float import depthwise_f16 as depthwise_f16
from groat.pack.layouts.plain_float import depthwise_f32 as depthwise_f32
from groat.pack.layouts.scalar_s16 import conv_s16 as conv_s16
from groat.pack.layouts.scalar_s16 import depthwise_s16 as depthwise_s16

_LANES, _DEPTHWISE_LANES = 8, 4  # channels in a block of weights
BLOCK = _LANES
_QUAD = 4  # channels that are computed together
_GENERAL = 64  # added to the shift of a channel without a proof
_CONSTANT = 128  # added to the shift of a channel with one output
_ALL_CONSTANT = 256  # the same, where all channels behind it are such, too
_MAX_ACCUMULATOR = 2**29 - 1
_MAX_SHIFT = 21
_FOLDS = 128  # added to the layout
_MAX_FOLDED_SHIFT = 14  # in the record of a channel whose sum is scaled as it lies in its field
# Products whose inputs are packed at a time, in scratch, 16 bytes for each; windows have padded rows there, too.
_UNIT, _MAX_PASS, _MAX_WINDOW_PASS, _MAX_GROUP = 8, 128, 64, 8
_FIELD_MIN, _FIELD_MAX = -(2**20), 2**20 - 1  # what the sums of a pass may be


def conv_s8(groups: Sequence[Filters]) -> list[Packed]:
    return _convolutions(groups, _bytes)


def depthwise_s8(filters: Filters) -> Packed:
    return _depthwise(filters, _bytes)


def conv_s4(blocks: Sequence[Filters]) -> list[Packed]:
    """As conv_s8, which computes it: only the weights are stored otherwise."""
    return _convolutions(blocks, nibbles.words)


def depthwise_s4(filters: Filters) -> Packed:
    return _depthwise(filters, nibbles.words)


def _bytes(weights: Array) -> bytes:
    return weights.tobytes()


def _convolutions(groups: Sequence[Filters], store: Callable[[Array], bytes]) -> list[Packed]:
    records = [_channels(filters, (1, 2, 3)) for filters in groups]
    layout = 0
    if groups[0].pixels > 2:
        layout = _passes(groups)
        folds = [_folds(filters, own) for filters, own in zip(groups, records, strict=True)]
        proven = [own[:, 3] < _GENERAL // 2 for own in records]
        # One channel that does not would keep all from the short way; unless most do not, it takes the general one.
        if 2 * np.concatenate(folds).sum() >= np.concatenate(proven).sum():
            layout += _FOLDS
            for own, short, long in zip(records, folds, proven, strict=True):
                apart = long & ~short
                own[apart, 3] = 1 - own[apart, 3] + _GENERAL
    return [_in_order(filters, own, layout, store) for filters, own in zip(groups, records, strict=True)]


def _in_order(filters: Filters, records: Int64, layout: int, store: Callable[[Array], bytes]) -> Packed:
    """Proven channels, general ones, and last those of one output, quads of which need no products."""
    constant = (records[:, 3] >= _CONSTANT - 31) & (not filters.acc_offset)
    order = np.argsort(np.where(constant, 2, records[:, 3] >= _GENERAL // 2), kind="stable")
    records[constant, 3] += _ALL_CONSTANT - _CONSTANT
    records[:, 3] |= np.arange(len(records)) << 16
    order = np.pad(order, (0, -len(order) % _LANES), mode="edge")
    quads = order[: -(-len(records) // _QUAD) * _QUAD]
    return Packed(
        store(_blocks(filters.weights[order], _LANES)), records[quads].astype("<u4").view("<i4").tobytes(), layout
    )


def _depthwise(filters: Filters, store: Callable[[Array], bytes]) -> Packed:
    rows, taps, channels = filters.weights.shape
    if channels == filters.multiplier_depth:  # one input channel: a convolution
        weights = filters.weights.transpose(2, 0, 1).reshape(channels, rows, 1, taps)
        return _convolutions([replace(filters, weights=np.ascontiguousarray(weights), multiplier_depth=1)], store)[0]
    blocks = _blocks(filters.weights.reshape(rows * taps, channels).T, _DEPTHWISE_LANES)
    return Packed(store(blocks), _channels(filters, (0, 1)).astype("<i4").tobytes())


def _blocks(weights: Array, lanes: int) -> Array:
    """[channels, ...] as [block, tap, lanes], the last block filled up with zeros."""
    flat = weights.reshape(weights.shape[0], -1)
    flat = np.pad(flat, ((0, -len(flat) % lanes), (0, 0)))
    return np.ascontiguousarray(flat.reshape(-1, lanes, flat.shape[1]).transpose(0, 2, 1))


def _channels(filters: Filters, axes: tuple[int, ...]) -> Int64:
    """groat_scalar_channel records but for their positions; `axes` of the weights belong to one channel."""
    magnitude = 128 * np.abs(filters.weights.astype(np.int64)).sum(axis=axes) + np.abs(filters.bias)
    shift = filters.shift.astype(np.int64)
    proven = (magnitude <= _MAX_ACCUMULATOR) & (shift <= -1) & (shift >= -_MAX_SHIFT)
    right = np.where(proven, -shift, 0)
    # Half of the last place of the first rounding, half of that of the second, and the zero point above both.
    offset = 1 + (1 << right) + (filters.output_zero_point << (right + 1))
    lowest, highest = _output_range(filters, axes)
    constant = lowest == highest
    records: Int64 = np.stack(
        [
            filters.bias,
            filters.multiplier.astype(np.int64),
            np.where(constant, lowest, np.where(proven, offset, 0)),
            np.where(constant, shift + _CONSTANT, np.where(proven, right + 1, shift + _GENERAL)),
        ],
        axis=1,
    )
    return records


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


def _ends(weights: Array) -> tuple[Int64, Int64]:
    """The most and the least that each product may be, inputs being -128 to 127; [channels, products]."""
    flat = weights.reshape(weights.shape[0], -1).astype(np.int64)
    return np.maximum(127 * flat, -128 * flat), np.minimum(127 * flat, -128 * flat)


def _folds(filters: Filters, records: Int64) -> Array:
    """Proven channels whose whole sum, bias included, fits its field, and may be scaled as it lies there."""
    high, low = (ends.sum(axis=1) + filters.bias for ends in _ends(filters.weights))
    return (records[:, 3] <= _MAX_FOLDED_SHIFT) & (high <= _FIELD_MAX) & (low >= _FIELD_MIN)


def _passes(groups: Sequence[Filters]) -> int:
    """How many products are packed at a time, and for how many such passes no sum can leave its field."""
    shapes = [filters.weights.shape for filters in groups]
    depth = max(math.prod(shape[1:]) for shape in shapes)
    single = all(shape[1] * shape[2] == 1 for shape in shapes)
    most = _MAX_PASS if single and depth <= _MAX_PASS else _MAX_WINDOW_PASS
    ends = [_ends(filters.weights) for filters in groups]

    def fits(products: int) -> bool:
        for largest, smallest in ends:
            starts = np.arange(0, largest.shape[1], products)
            high, low = (np.add.reduceat(end, starts, axis=1) for end in (largest, smallest))
            if high.max() > _FIELD_MAX or low.min() < _FIELD_MIN:
                return False
        return True

    # Two units at least, so that no layout is 0.
    length = max(2 * _UNIT, min(-(-depth // -(-depth // most) // _UNIT) * _UNIT, most))
    while not fits(length):  # at most 63 products of extreme weights and inputs do
        length -= _UNIT
    group = max(passes for passes in range(1, _MAX_GROUP + 1) if fits(passes * length))
    return length // _UNIT - 1 + 16 * (group - 1)


def dense_s4(filters: Filters) -> Packed:
    """A word for each input and eight channels: even ones in its lower half, odd ones in its upper half."""
    blocks = _blocks(filters.weights, _LANES).astype(np.int64) + 8  # [block, input, channel]
    channel = np.arange(_LANES)
    words = (blocks << (4 * (channel // 2) + 16 * (channel % 2))).sum(axis=2)
    return Packed(words.astype("<u4").tobytes(), _channels(filters, (1, 2, 3)).astype("<i4").tobytes())
