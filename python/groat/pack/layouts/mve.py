# SPDX-License-Identifier: Apache-2.0
"""Weights for Helium: four channels side by side in blocks of sixteen bytes, biases before them.

Layouts: 0 takes any shift, 1 those that are not above zero, 2 those below zero; 3 those of 1 with small sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from groat.graph.ir import Array
from groat.pack.layouts import Filters, Packed, nibbles
from groat.pack.layouts.fpu import conv_f32 as conv_f32
from groat.pack.layouts.fpu import depthwise_f32 as depthwise_f32
from groat.pack.layouts.mve_f16 import conv_f16 as conv_f16
from groat.pack.layouts.mve_f16 import depthwise_f16 as depthwise_f16
from groat.pack.layouts.mve_s16 import conv_s16 as conv_s16
from groat.pack.layouts.mve_s16 import depthwise_s16 as depthwise_s16

_GENERAL, _NEVER_UP, _DOWN, _SMALL = 0, 1, 2, 3
_QUAD, _WORD, _BLOCK = 4, 4, 16
BLOCK = _QUAD


def _padded(array: Array, length: int, fill: int = 0) -> Array:
    """`array` with its first axis filled up to `length`."""
    rest = np.full((length - array.shape[0], *array.shape[1:]), fill, array.dtype)
    return np.concatenate([array, rest])


def _round_up(count: int, step: int) -> int:
    return -(-count // step) * step


def _layout(groups: Sequence[Filters]) -> int:
    highest = max(int(filters.shift.max(initial=-1)) for filters in groups)
    if highest < 0:
        return _DOWN
    if highest > 0:
        return _GENERAL
    return _SMALL if all(_is_small(filters) for filters in groups) else _NEVER_UP


def _is_small(filters: Filters) -> bool:
    """No input makes a sum that could wrap together with a zero point."""
    if filters.acc_offset:
        return False
    weights = np.abs(filters.weights.astype(np.int64))
    channels = weights.shape[-1] if filters.weights.ndim == 3 else weights.shape[0]
    magnitudes = weights.reshape(-1, channels).sum(0) if weights.ndim == 3 else weights.reshape(channels, -1).sum(1)
    return bool(np.all(128 * magnitudes + np.abs(filters.bias) < (1 << 31) - 256))


def _in_quads(array: Array, fill: int = 0) -> Array:
    """[channels, ...] as [quads, 4, ...], in the order of scale.h, which gives outputs back in the channels' order."""
    whole = array.shape[0] // 16 * 16
    rest = array.shape[0] - whole
    sizes = [16] * (whole // 16)
    if rest > 12:
        sizes.append(16)
    else:
        sizes += [8] * (rest > 4) + [4] * (rest % 8 > 0 and (rest <= 4 or rest > 8))
    order, first = [], 0
    for size in sizes:
        step = size // _QUAD
        starts = [0, 2, 1, 3] if step == 4 else range(step)
        order += [first + start + step * lane for start in starts for lane in range(_QUAD)]
        first += size
    return _padded(array, first, fill)[order].reshape(-1, _QUAD, *array.shape[1:])


def _quads(filters: Filters) -> bytes:
    """For each four channels their multipliers, then their shifts; what is filled up suits every layout."""
    multiplier, shift = _in_quads(np.asarray(filters.multiplier)), _in_quads(np.asarray(filters.shift), -1)
    return np.concatenate([multiplier, shift], axis=1).astype("<i4").tobytes()


def conv_s8(groups: Sequence[Filters]) -> list[Packed]:
    """The taps of a window go column by column, each column its rows."""
    layout = _layout(groups)
    packed = []
    for filters in groups:
        weights = filters.weights
        count, rows, taps, run = weights.shape
        if taps == 1:
            weights = weights.reshape(count, rows, run // filters.tap, filters.tap)
        packed.append(Packed(_dot_products(filters, weights.transpose(0, 2, 1, 3)), _quads(filters), layout))
    return packed


def depthwise_s8(filters: Filters) -> Packed:
    """One input channel makes a convolution.  Otherwise words of four rows, the words of a window column by column."""
    rows, taps, channels = filters.weights.shape
    if channels == filters.multiplier_depth:
        weights = _dot_products(filters, filters.weights.transpose(2, 1, 0))
    else:
        words = _padded(filters.weights, _round_up(rows, _WORD)).reshape(-1, _WORD, taps, channels)
        weights = _dot_products(filters, words.transpose(3, 2, 0, 1))
    return Packed(weights, _quads(filters), _layout([filters]))


def _dot_products(filters: Filters, weights: Array) -> bytes:
    """Weights of each channel, [channels, ...], in blocks of sixteen for four channels in turn, behind their biases."""
    rows = weights.reshape(weights.shape[0], -1)
    rows = _padded(rows.T, _round_up(rows.shape[1], _BLOCK)).T
    quads = _in_quads(rows)  # [quads, 4, terms]
    blocks = quads.reshape(len(quads), _QUAD, -1, _BLOCK).transpose(0, 2, 1, 3)
    bias = _in_quads(np.asarray(filters.bias, np.int64)).astype("<i4").view(np.int8)
    return np.concatenate([bias, blocks.reshape(len(quads), -1)], axis=1).tobytes()


def conv_s4(blocks: Sequence[Filters]) -> list[Packed]:
    return [_nibbles(filters, packed) for filters, packed in zip(blocks, conv_s8(blocks), strict=True)]


def depthwise_s4(filters: Filters) -> Packed:
    return _nibbles(filters, depthwise_s8(filters))


def _nibbles(filters: Filters, packed: Packed) -> Packed:
    """The weights between the biases as nibbles: sixteen first ones in the low halves, sixteen in the high ones."""
    quads = np.frombuffer(packed.weights, np.int8).reshape(-(-len(filters.shift) // _QUAD), -1)
    rows = [quad[: 4 * _QUAD].tobytes() + nibbles.halves(quad[4 * _QUAD :], _BLOCK) for quad in quads]
    return replace(packed, weights=b"".join(rows))


def dense_s4(filters: Filters) -> Packed:
    """Sixteen bytes of each of four channels in turn, for thirty-two inputs."""
    rows = filters.weights.reshape(len(filters.weights), -1)
    rows = _padded(rows.T, _round_up(rows.shape[1], 2 * _BLOCK)).T
    quads = _in_quads(rows)
    halves = quads.reshape(len(quads), _QUAD, -1, 2, _BLOCK).transpose(0, 2, 1, 3, 4)
    bias = _in_quads(np.asarray(filters.bias, np.int64)).astype("<i4").view(np.int8)
    packed = np.frombuffer(nibbles.halves(halves, _BLOCK), np.int8).reshape(len(quads), -1)
    return Packed(np.concatenate([bias, packed], axis=1).tobytes(), _quads(filters), _layout([filters]))
