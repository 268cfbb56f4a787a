# SPDX-License-Identifier: Apache-2.0
"""The gradient of a clamp: dy where the clamp's output is between its limits, 0 elsewhere.

inputs: dy, y float32 of one shape.
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
from groat.ops.floats import float_array, limits
from groat.ops.loss import of_shape


def stored_limits(op: Op, dtype: str) -> dict[str, float]:
    """act_min and act_max as the clamp's output has them: rounded to its type."""
    with np.errstate(over="ignore"):
        return {name: float(np.float32(op.attrs[name]).astype(dtype)) for name in ("act_min", "act_max")}


def passes(y: Array, op: Op) -> Array:
    """Where the gradient of a clamp passes."""
    ends = stored_limits(op, str(y.dtype))
    return np.asarray((y > np.float32(ends["act_min"])) & (y < np.float32(ends["act_max"])))


class ClampGradFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        dy, y = inputs
        return [np.where(passes(y, op), dy, 0).astype(dy.dtype)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements, **stored_limits(op, inputs[1].dtype)}


OP = ClampGradFloat32()


def clamp_grad_float(
    dy: ArrayLike,
    y: ArrayLike,
    *,
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of a clamp such as RELU: dy where act_min < y < act_max, 0 elsewhere.

    Args:
        dy: float32 or float16, the gradient by the clamp's output.
        y: of its shape and type, the clamp's output.
        act_min, act_max: none means no limit.
        on, isa: as conv2d.

    Returns an array of their type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    gradient, suffix = float_array(dy, "dy")
    inputs = [gradient, of_shape(y, "y", gradient)]
    return call("clamp_grad" + suffix, inputs, limits(act_min, act_max), str(gradient.dtype), on, isa)
