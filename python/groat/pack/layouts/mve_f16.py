# SPDX-License-Identifier: Apache-2.0
"""Weights of float16 for Helium: eight output channels side by side (runtime/kernels/mve/conv_f16.c)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.pack.layouts import FloatFilters, Packed, plain_float
from groat.pack.layouts.plain_float import depthwise_f16 as depthwise_f16
from groat.pack.layouts.plain_float import stored

_EIGHT = 8
_EIGHTS = 1


def conv_f16(groups: Sequence[FloatFilters]) -> list[Packed]:
    """As they are where a single pixel meets them: then terms lie in the lanes."""
    if groups[0].pixels == 1:
        return plain_float.conv_f16(groups)
    packed = []
    for filters in groups:
        flat = filters.weights.reshape(filters.weights.shape[0], -1)
        missing = -len(flat) % _EIGHT
        weights, bias = np.pad(flat, ((0, missing), (0, 0))), np.pad(filters.bias, (0, missing))
        blocks = weights.reshape(-1, _EIGHT, weights.shape[1]).transpose(0, 2, 1)
        packed.append(Packed(stored(np.ascontiguousarray(blocks)), stored(bias), _EIGHTS))
    return packed
