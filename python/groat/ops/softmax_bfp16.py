# SPDX-License-Identifier: Apache-2.0
"""Softmax of block floating point, as float32.

inputs: x int16 [rows, depth], or of more dimensions; its exponent int32 [1].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, Shape
from groat.ops.bfp import NOT_FINITE, Bfp, bfp_input, exponent_of, shares
from groat.ops.call import call

DEPTH_MOST = 32767


class SoftmaxBfp16(Bfp):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["float32"]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, exponent = inputs[0], exponent_of(inputs[1])
        if exponent == NOT_FINITE:
            return [np.full(x.shape, np.nan, np.float32)]
        rows = [shares(row, exponent) for row in x.reshape(-1, x.shape[-1])]
        return [(np.stack(rows) / 32768).astype(np.float32).reshape(x.shape)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        depth = inputs[0].shape[-1]
        return {"rows": inputs[0].elements // depth, "depth": depth}


OP = SoftmaxBfp16()


def softmax_bfp16(x: ArrayLike, exponent: int, *, on: str = "host", isa: str | None = None) -> Array:
    """Softmax of block floating point.

    Args:
        x: int16 [rows, depth], a depth of at most 32,767.
        exponent: of x; what is not -512 to 512 makes results that are no numbers.
        on, isa: as conv2d.

    Returns float32 of the shape of x, multiples of 2^-15.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    inputs = bfp_input(x, exponent, "x", 2)
    if not 1 <= inputs[0].shape[1] <= DEPTH_MOST:
        raise InputError(f"x has rows of {inputs[0].shape[1]}; expected 1 to {DEPTH_MOST:,}")
    return call("softmax_bfp16", list(inputs), {}, "float32", on, isa)
