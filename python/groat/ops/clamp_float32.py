# SPDX-License-Identifier: Apache-2.0
"""A clamp of float32, such as RELU.  A pass joins most of them with the op before.

inputs: x float32.
attrs: act_min, act_max.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import activation_range, bounds_of
from groat.ops.base import CLAMP, TABLE, Constants, ImportedOp, OpDef, Operator, Shape, Tape
from groat.ops.call import call
from groat.ops.floats import clamped, float_array, limits, require_floats


class ClampFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [clamped(inputs[0].astype(np.float32), op.attrs, inputs[0].dtype)]

    def operator(self, op: Op, dtype: str) -> Operator | None:
        if dtype == "float32":
            return Operator(CLAMP, {"FusedActivationFunction": bounds_of(op.attrs)})
        if dtype == "int8":
            return Operator(TABLE)
        return Operator("QUANTIZE", {"FusedActivationFunction": bounds_of(op.attrs)})

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {
            "elements": outputs[0].elements,
            "act_min": op.attrs["act_min"],
            "act_max": op.attrs["act_max"],
        }

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        return {0: tape.through_clamp(dy)} if tape.wanted(0) else {}


def import_clamp(source: ImportedOp, activation: str) -> Op:
    """An operator that is one of the activations."""
    require_floats(source)
    low, high = activation_range(activation, source.output(0))
    return source.op("clamp_float32", source.inputs[:1], {"act_min": low, "act_max": high})


OP = ClampFloat32()


def clamp_float(
    x: ArrayLike,
    *,
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """A clamp of floats; what is not a number stays so.

    Args:
        x: float32 or float16.
        act_min, act_max: none means no limit.
        on, isa: as conv2d.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = float_array(x, "x")
    return call("clamp" + suffix, [values], limits(act_min, act_max), str(values.dtype), on, isa)
