# SPDX-License-Identifier: Apache-2.0
"""Where the gradient of a clamp passes: one bit for each element, where its output takes two or four bytes.

inputs: y float32, the clamp's output.
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
from groat.ops.call import call
from groat.ops.clamp_grad_float32 import passes, stored_limits
from groat.ops.floats import float_array, limits


def mask_shape(elements: int) -> Shape:
    return ((elements + 7) // 8,)


class ClampMaskFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [mask_shape(inputs[0].elements)]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["uint8"]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [np.packbits(passes(inputs[0], op).ravel(), bitorder="little")]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": inputs[0].elements, **stored_limits(op, inputs[0].dtype)}


OP = ClampMaskFloat32()


def clamp_mask_float(
    y: ArrayLike,
    *,
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Where act_min < y < act_max, so that the gradient of a clamp passes, as bits.

    Args:
        y: float32 or float16, the clamp's output.
        act_min, act_max: none means no limit.
        on, isa: as conv2d.

    Returns a uint8 array of an eighth as many bytes as y has elements, rounded up: np.packbits, bitorder "little".
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = float_array(y, "y")
    return call("clamp_mask" + suffix, [values], limits(act_min, act_max), "uint8", on, isa)
