# SPDX-License-Identifier: Apache-2.0
"""float32 to float16, rounded to the nearest, or back.

inputs: x float32 or float16.
attrs: dtype, of the output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape, Tape
from groat.ops.call import array, call
from groat.ops.floats import DTYPES


class Cast(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        with np.errstate(all="ignore"):
            return [inputs[0].astype(op.attrs["dtype"])]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements}

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        if not tape.wanted(0):
            return {}
        return {0: tape.as_type(dy, tape.tensor(op.inputs[0]).dtype)}


OP = Cast()


def cast(x: ArrayLike, dtype: str, on: str = "host", isa: str | None = None) -> Array:
    """Another type of floats.

    Args:
        x: float32 or float16.
        dtype: the other of the two; numbers are rounded to the nearest, ties to even.
        on, isa: as conv2d.

    Returns an array of that type and x's shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values = array(x, "x", DTYPES)
    if dtype not in DTYPES or dtype == str(values.dtype):
        raise InputError(f"cast: dtype is {dtype!r} for x of {values.dtype}; expected the other of {', '.join(DTYPES)}")
    return call("cast", [values], {"dtype": dtype}, dtype, on, isa)
