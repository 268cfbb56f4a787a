# SPDX-License-Identifier: Apache-2.0
"""Weights of floats for RISC-V vectors: blocks of up to 32 output channels, [term][channel]
(runtime/kernels/rvv/conv_float_tmpl.h)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.pack.layouts import FloatFilters, Packed
from groat.pack.layouts.plain_float import depthwise_f32 as depthwise_f32
from groat.pack.layouts.plain_float import stored

_LANES = 32
_LAYOUT = 1


def conv_f32(groups: Sequence[FloatFilters]) -> list[Packed]:
    packed = []
    for filters in groups:
        flat = filters.weights.reshape(filters.weights.shape[0], -1)
        blocks = [np.ascontiguousarray(flat[start : start + _LANES].T) for start in range(0, len(flat), _LANES)]
        packed.append(Packed(b"".join(map(stored, blocks)), stored(filters.bias), _LAYOUT))
    return packed


conv_f16 = conv_f32
depthwise_f16 = depthwise_f32
