# SPDX-License-Identifier: Apache-2.0
"""float32 to block floating point, by the bits.

inputs: x float32.
outputs: y int16; its exponent int32 [1], which is not finite if some of x is not.
attrs: bits, of the magnitude of a mantissa.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, Shape
from groat.ops.bfp import EXPONENT, Bfp, bits_of, exponent_tensor, not_finite, quantized
from groat.ops.call import array, call_all


class QuantizeBfp16(Bfp):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape, EXPONENT]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["int16", "int32"]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        if not np.isfinite(inputs[0]).all():
            return not_finite(inputs[0].shape)
        y, exponent = quantized(inputs[0], op.attrs["bits"])
        return [y, exponent_tensor(exponent)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": inputs[0].elements, "bits": op.attrs["bits"]}


OP = QuantizeBfp16()


def quantize_bfp16(x: ArrayLike, *, bits: int = 15, on: str = "host", isa: str | None = None) -> tuple[Array, int]:
    """float32 as block floating point.

    Args:
        x: float32.
        bits: of the magnitude of a mantissa, 4 to 15.
        on, isa: as conv2d.

    Returns (y, exponent): y int16 of the shape of x, x = y * 2^exponent.  The exponent is 2^31 - 1 if some of x is not
    finite.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    y, exponent = call_all("quantize_bfp16", [array(x, "x", "float32")], {"bits": bits_of(bits)}, on, isa)
    return y, int(exponent[0])
