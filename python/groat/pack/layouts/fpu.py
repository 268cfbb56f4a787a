# SPDX-License-Identifier: Apache-2.0
"""Weights of floats for cores with a floating-point unit: four output channels side by side
(runtime/kernels/fpu_conv_tmpl.h, fpu_depthwise_tmpl.h)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from groat.graph.ir import Array
from groat.pack.layouts import FloatFilters, Packed
from groat.pack.layouts.plain_float import stored

_FOUR = 4
_PLAIN, _FOURS, _DENSE = 0, 1, 2


def _blocks(weights: Array) -> Array:
    """[channels, terms] as [block, terms, four], the channels a multiple of four."""
    return np.ascontiguousarray(weights.reshape(-1, _FOUR, weights.shape[1]).transpose(0, 2, 1))


def conv_f32(groups: Sequence[FloatFilters]) -> list[Packed]:
    packed = []
    for filters in groups:
        flat = filters.weights.reshape(filters.weights.shape[0], -1)
        missing = -len(flat) % _FOUR
        weights, bias = np.pad(flat, ((0, missing), (0, 0))), np.pad(filters.bias, (0, missing))
        packed.append(Packed(stored(_blocks(weights)), stored(bias), _FOURS))
    return packed


def depthwise_f32(filters: FloatFilters) -> Packed:
    """Channels beyond the last four lie one behind the other."""
    if filters.multiplier_depth == filters.weights.shape[2] > 1:  # one input channel: a convolution
        dense = np.moveaxis(filters.weights, 2, 0)[..., np.newaxis]
        (packed,) = conv_f32([replace(filters, weights=dense)])
        return replace(packed, layout=_DENSE)
    if filters.multiplier_depth > 1:
        return Packed(stored(filters.weights), stored(filters.bias), _PLAIN)
    flat = filters.weights.reshape(-1, filters.weights.shape[2]).T
    fours = len(flat) // _FOUR * _FOUR
    weights = stored(_blocks(flat[:fours])) + stored(np.ascontiguousarray(flat[fours:]))
    return Packed(weights, stored(filters.bias), _FOURS)
