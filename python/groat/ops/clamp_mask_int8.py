# SPDX-License-Identifier: Apache-2.0
"""Where the gradient of an int8 op's clamp passes: one bit for each element, where its output takes a byte.

inputs: y int8, the op's output.
outputs: mask uint8 [(elements + 7) / 8]: bit i % 8 of byte i / 8 belongs to element i.
attrs: act_min, act_max.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import array, call, clamp
from groat.ops.clamp_grad_int8_float32 import passes
from groat.ops.clamp_mask_float32 import mask_shape


class ClampMaskInt8(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [mask_shape(inputs[0].elements)]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["uint8"]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [np.packbits(passes(inputs[0], op).ravel(), bitorder="little")]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": inputs[0].elements, "act_min": op.attrs["act_min"], "act_max": op.attrs["act_max"]}


OP = ClampMaskInt8()


def clamp_mask_int8(
    y: ArrayLike, *, act_min: int | None = None, act_max: int | None = None, on: str = "host", isa: str | None = None
) -> Array:
    """Where act_min < y < act_max, so that the gradient of a clamp passes, as bits.

    Args:
        y: int8, what an op with this clamp made.
        act_min, act_max, on, isa: as conv2d.

    Returns a uint8 array of an eighth as many bytes as y has elements, rounded up: np.packbits, bitorder "little".
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    return call("clamp_mask_int8", [array(y, "y", "int8")], clamp("int8", act_min, act_max), "uint8", on, isa)
