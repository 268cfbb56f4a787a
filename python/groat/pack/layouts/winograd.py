# SPDX-License-Identifier: Apache-2.0
"""Filters of 3x3 transformed for Winograd's F(4x4, 3x3) in whole numbers (Lavin and Gray, "Fast Algorithms for
Convolutional Neural Networks", with points 0, 1, -1, 2, -2 and infinity, freed of their denominators).

The kernel divides by 9 modulo 2^32 and shifts, so its results are exact while sums stay below LIMIT
(runtime/kernels/dsp/winograd_s8.c).
"""

from __future__ import annotations

import numpy as np

from groat.graph.ir import Array
from groat.ops.arithmetic import Int64

PLACES = 36
LIMIT = 1 << 25  # of a sum: six bits for the halvings, one for the sign
INPUT_OFFSET = 128  # added to every input by the kernel
_G = np.array([[6, 0, 0], [1, 1, 1], [1, -1, 1], [1, 2, 4], [1, -2, 4], [0, 0, 6]], np.int64)


def transform(weights: Array) -> Int64 | None:
    """[channels, 36, depth] of filters [channels, 3, 3, depth]; None if results could be wrong for some input."""
    sums = np.abs(weights.astype(np.int64)).sum(axis=(1, 2, 3)) * 255  # inputs are 0 to 255 with their offset
    places = np.einsum("ir,jc,orcd->oijd", _G, _G, weights.astype(np.int64))
    if sums.max() >= LIMIT or np.abs(places).max() >= 1 << 15:
        return None
    return places.reshape(len(weights), PLACES, -1)
