# SPDX-License-Identifier: Apache-2.0
"""Block floating point to float32, by the bits.

inputs: x int16; its exponent int32 [1].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, Shape
from groat.ops.bfp import Bfp, bfp_input, exponent_of, values_of
from groat.ops.call import call


class DequantizeBfp16(Bfp):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["float32"]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [values_of(inputs[0], exponent_of(inputs[1]))]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": inputs[0].elements}


OP = DequantizeBfp16()


def dequantize_bfp16(x: ArrayLike, exponent: int, *, on: str = "host", isa: str | None = None) -> Array:
    """Block floating point as float32.

    Args:
        x: int16.
        exponent: of x; what is not -512 to 512 makes results that are no numbers.
        on, isa: as conv2d.

    Returns x * 2^exponent, float32; 0 where that is subnormal.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    return call("dequantize_bfp16", list(bfp_input(x, exponent, "x")), {}, "float32", on, isa)
