# SPDX-License-Identifier: Apache-2.0
"""Sum of two float32 tensors, with broadcasting.

inputs: a, b float32.
attrs: act_min, act_max.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import bounds_of
from groat.ops.base import Constants, Operator, Tape
from groat.ops.broadcast import Elementwise
from groat.ops.call import call
from groat.ops.floats import clamped, float_operands, limits
from groat.ops.sum_to_float32 import gradient_of_operand


class AddFloat32(Elementwise):
    fields = ("act_min", "act_max")

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        a, b = (x.astype(np.float32) for x in inputs)
        with np.errstate(all="ignore"):
            return [clamped(a + b, op.attrs, inputs[0].dtype)]

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("ADD", {"FusedActivationFunction": bounds_of(op.attrs)})

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return self.common_fields(op, inputs, outputs)

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        dz = tape.through_clamp(dy)
        shapes = [tape.tensor(number).shape for number in op.inputs]
        return {i: gradient_of_operand(dz, shapes[i], tape) for i in range(2) if tape.wanted(i)}


OP = AddFloat32()


def add_float(
    a: ArrayLike,
    b: ArrayLike,
    *,
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Sum of floats with broadcasting.

    Args:
        a, b: float32 or float16, of one type and of shapes that broadcast to one of them.
        act_min, act_max, on, isa: as conv2d_float.

    Returns an array of their type and the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    inputs, suffix = float_operands(a, b)
    return call("add" + suffix, inputs, limits(act_min, act_max), str(inputs[0].dtype), on, isa)
