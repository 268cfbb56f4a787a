# SPDX-License-Identifier: Apache-2.0
"""Weights for Helium: four channels side by side in blocks of sixteen bytes, biases before them.

Layouts: 0 takes any shift, 1 those that are not above zero, 2 those below zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.graph.ir import Array
from groat.pack.layouts import Filters, Packed

_GENERAL, _NEVER_UP, _DOWN = 0, 1, 2
_QUAD, _WORD, _BLOCK = 4, 4, 16


def _padded(array: Array, length: int, fill: int = 0) -> Array:
    """`array` with its first axis filled up to `length`."""
    rest = np.full((length - array.shape[0], *array.shape[1:]), fill, array.dtype)
    return np.concatenate([array, rest])


def _round_up(count: int, step: int) -> int:
    return -(-count // step) * step


def _layout(groups: Sequence[Filters]) -> int:
    highest = max(int(filters.shift.max(initial=-1)) for filters in groups)
    return _DOWN if highest < 0 else _NEVER_UP if highest == 0 else _GENERAL


def _quads(filters: Filters) -> bytes:
    """For each four channels their multipliers, then their shifts; what is filled up suits every layout."""
    count = _round_up(len(filters.shift), _QUAD)
    multiplier = _padded(np.asarray(filters.multiplier), count).reshape(-1, _QUAD)
    shift = _padded(np.asarray(filters.shift), count, -1).reshape(-1, _QUAD)
    return np.concatenate([multiplier, shift], axis=1).astype("<i4").tobytes()


def _with_bias(filters: Filters, weights: Array) -> bytes:
    """For each four channels their biases, then their part of `weights`, which is [quads, ...]."""
    count = weights.shape[0] * _QUAD
    bias = _padded(np.asarray(filters.bias, np.int64), count).astype("<i4").view(np.int8)
    return np.concatenate([bias.reshape(-1, 4 * _QUAD), weights.reshape(weights.shape[0], -1)], axis=1).tobytes()


def conv_s8(groups: Sequence[Filters]) -> list[Packed]:
    layout = _layout(groups)
    return [Packed(_dot_products(filters, filters.weights), _quads(filters), layout) for filters in groups]


def depthwise_s8(filters: Filters) -> Packed:
    """One input channel makes a convolution.  Otherwise words of four rows, the words of a window column by column."""
    rows, taps, channels = filters.weights.shape
    if channels == filters.multiplier_depth:
        weights = _dot_products(filters, filters.weights.transpose(2, 0, 1))
    else:
        words = _padded(filters.weights, _round_up(rows, _WORD)).reshape(-1, _WORD, taps, channels)
        weights = _dot_products(filters, words.transpose(3, 2, 0, 1))
    return Packed(weights, _quads(filters), _layout([filters]))


def _dot_products(filters: Filters, weights: Array) -> bytes:
    """Weights of each channel, [channels, ...], in blocks of sixteen for four channels in turn."""
    channels = _round_up(weights.shape[0], _QUAD)
    rows = _padded(weights.reshape(weights.shape[0], -1), channels)
    rows = _padded(rows.T, _round_up(rows.shape[1], _BLOCK)).T
    return _with_bias(filters, rows.reshape(channels // _QUAD, _QUAD, -1, _BLOCK).transpose(0, 2, 1, 3))
