# SPDX-License-Identifier: Apache-2.0
"""Difference of two int8 tensors, with broadcasting; sub_int16 is for int16.

inputs: a, b int8.
attrs: as of add.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.add import FACTORS, call_sum, import_sum
from groat.ops.arithmetic import bounds_of, clamp_int8, requantize, wrap32
from groat.ops.base import Constants, ImportedOp, Operator
from groat.ops.broadcast import Elementwise


class Sub(Elementwise):
    def apart(self, op: Op, inputs: Sequence[Array]) -> Array:
        """The difference in steps of the output."""
        attrs = op.attrs
        a, b = (
            requantize(
                (x.astype(np.int64) - attrs.get(f"{name}_zero_point", 0)) << attrs["left_shift"],
                attrs[f"{name}_multiplier"],
                attrs[f"{name}_shift"],
            )
            for name, x in zip("ab", inputs, strict=True)
        )
        return requantize(wrap32(a - b), attrs["output_multiplier"], attrs["output_shift"])

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs = op.attrs
        y = wrap32(self.apart(op, inputs) + attrs["output_zero_point"])
        return [clamp_int8(y, attrs["act_min"], attrs["act_max"])]

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("SUB", {"FusedActivationFunction": bounds_of(op.attrs)})

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        factors = {name: op.attrs[name] for name in FACTORS}
        return {"add": {**self.common_fields(op, inputs, outputs), **factors}}


def import_sub(source: ImportedOp, suffix: str, attrs: dict[str, Any]) -> Op:
    """SUB of int8 or int16, from what import_elementwise returns."""
    return import_sum(source, "sub", suffix, attrs)


OP = Sub()


def sub(
    a: ArrayLike,
    b: ArrayLike,
    *,
    a_scale: float,
    b_scale: float,
    output_scale: float,
    a_zero_point: int = 0,
    b_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Difference with broadcasting.

    Args:
        a, b: int8 or int16, of one type and of shapes that broadcast to one of them.
        a_scale, b_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        a_zero_point, b_zero_point, output_zero_point: 0 for int16.
        act_min, act_max, on, isa: as conv2d.

    Returns an array of their type and the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    scales, zero_points = (a_scale, b_scale, output_scale), (a_zero_point, b_zero_point, output_zero_point)
    return call_sum("sub", (a, b), scales, zero_points, (act_min, act_max), on, isa)
