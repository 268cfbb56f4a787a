# SPDX-License-Identifier: Apache-2.0
"""Filters of 3x3 transformed for Winograd's F(4x4, 3x3) and F(2x2, 3x3) in whole numbers (Lavin and Gray, "Fast
Algorithms for Convolutional Neural Networks", with points 0, 1, -1, 2, -2 and infinity, or the first three of them and
infinity, freed of their denominators).

Kernels compute multiples of the outputs modulo 2^32, and their results are exact while sums stay below a limit
(runtime/kernels/dsp/winograd_s8.c).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from groat.graph.ir import Array
from groat.ops.arithmetic import Int64


@dataclass(frozen=True)
class Tiling:
    """One way to filter.

    Attributes:
        side: a tile of outputs is side x side.
        limit: of a sum, so that its multiple fits 32 bits.
        input_offset: added to every input by the kernel.
        matrix: G, of the transformation G g G' of a filter g.
    """

    side: int
    limit: int
    input_offset: int
    matrix: Int64

    @property
    def places(self) -> int:
        return len(self.matrix) ** 2

    def transform(self, weights: Array) -> Int64 | None:
        """[channels, places, depth] of filters [channels, 3, 3, depth]; None if results could be wrong for some
        input."""
        most = max(128, 127 + self.input_offset)  # of an input's magnitude, with its offset
        sums = np.abs(weights.astype(np.int64)).sum(axis=(1, 2, 3)) * most
        places = np.einsum("ir,jc,orcd->oijd", self.matrix, self.matrix, weights.astype(np.int64))
        if sums.max() >= self.limit or np.abs(places).max() >= 1 << 15:
            return None
        return places.reshape(len(weights), self.places, -1)


# Division by 9 and up to six halvings: six bits for these, one for the sign.
F4 = Tiling(4, 1 << 25, 128, np.array([[6, 0, 0], [1, 1, 1], [1, -1, 1], [1, 2, 4], [1, -2, 4], [0, 0, 6]], np.int64))
# Four times the sum.
F2 = Tiling(2, 1 << 29, 0, np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]], np.int64))
