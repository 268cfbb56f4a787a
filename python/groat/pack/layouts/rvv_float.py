# SPDX-License-Identifier: Apache-2.0
"""Weights of floats for RISC-V vectors: blocks of output channels, as many as are lanes, [term][channel]
(runtime/kernels/rvv/conv_float_tmpl.h, conv_f16.c)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.pack.layouts import FloatFilters, Packed
from groat.pack.layouts.plain_float import conv_f32 as plain
from groat.pack.layouts.plain_float import depthwise_f32 as depthwise_f32
from groat.pack.layouts.plain_float import stored

_LANES = {"float32": 32, "float16": 64}
_LAYOUT = 1


def conv_f32(groups: Sequence[FloatFilters]) -> list[Packed]:
    packed = []
    for filters in groups:
        flat = filters.weights.reshape(filters.weights.shape[0], -1)
        lanes = _LANES[str(flat.dtype)]
        blocks = [np.ascontiguousarray(flat[start : start + lanes].T) for start in range(0, len(flat), lanes)]
        packed.append(Packed(b"".join(map(stored, blocks)), stored(filters.bias), _LAYOUT))
    return packed


def conv_f16(groups: Sequence[FloatFilters]) -> list[Packed]:
    """Where channels would leave half of the lanes empty, pixels are the lanes, and weights stay in their order."""
    channels, pixels = len(groups[0].weights), groups[0].pixels
    return plain(groups) if channels <= min(pixels, _LANES["float16"]) // 2 else conv_f32(groups)


depthwise_f16 = depthwise_f32
