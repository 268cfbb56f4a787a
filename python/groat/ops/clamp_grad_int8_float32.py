# SPDX-License-Identifier: Apache-2.0
"""The gradient of an int8 op's clamp: it passes where the output is between the limits.

inputs: dy float32; y int8, the op's output, of its shape.
attrs: act_min, act_max: what stands at a limit has been clamped, or may have been.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import array, call, clamp
from groat.ops.int8_training import float_gradient


def passes(y: Array, op: Op) -> Array:
    return np.asarray((op.attrs["act_min"] < y) & (y < op.attrs["act_max"]))


class ClampGradInt8Float32(OpDef):
    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        dy, y = inputs
        return [np.where(passes(y, op), dy, 0).astype(dy.dtype)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": inputs[0].elements, "act_min": op.attrs["act_min"], "act_max": op.attrs["act_max"]}


OP = ClampGradInt8Float32()


def clamp_grad_int8_float(
    dy: ArrayLike,
    y: ArrayLike,
    *,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """dy where act_min < y < act_max, 0 elsewhere.

    Args:
        dy: float32 or float16.
        y: int8 of its shape, what an op with this clamp made.
        act_min, act_max, on, isa: as conv2d.

    Returns an array like dy.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    gradient, suffix = float_gradient(dy)
    values = array(y, "y", "int8")
    if values.shape != gradient.shape:
        raise InputError(f"y has shape {values.shape}; expected {gradient.shape}, as dy")
    kind, limits = "clamp_grad_int8" + suffix, clamp("int8", act_min, act_max)
    return call(kind, [gradient, values], limits, str(gradient.dtype), on, isa)
