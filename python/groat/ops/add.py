# SPDX-License-Identifier: Apache-2.0
"""Sum of two int8 tensors, with broadcasting.

inputs: a, b int8.
attrs: of broadcast.Elementwise; a_multiplier, a_shift, b_multiplier, b_shift, output_multiplier, output_shift;
left_shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import clamp_int8, factor, requantize, wrap32
from groat.ops.base import Constants, ImportedOp, Unsupported
from groat.ops.broadcast import Elementwise, import_elementwise
from groat.ops.call import arguments_of, array, call, scale

LEFT_SHIFT = 20
FACTORS = (
    "a_multiplier",
    "a_shift",
    "b_multiplier",
    "b_shift",
    "output_multiplier",
    "output_shift",
    "left_shift",
)


class Add(Elementwise):
    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs = op.attrs
        terms = [
            requantize(
                (x.astype(np.int64) - attrs[f"{name}_zero_point"]) << attrs["left_shift"],
                attrs[f"{name}_multiplier"],
                attrs[f"{name}_shift"],
            )
            for name, x in zip("ab", inputs, strict=True)
        ]
        y = requantize(wrap32(terms[0] + terms[1]), attrs["output_multiplier"], attrs["output_shift"])
        return [clamp_int8(wrap32(y + attrs["output_zero_point"]), attrs["act_min"], attrs["act_max"])]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {**self.common_fields(op, inputs, outputs), **{name: op.attrs[name] for name in FACTORS}}


def add_factors(a_scale: float, b_scale: float, output_scale: float) -> dict[str, int]:
    """Both operands are brought to twice the larger scale, with 20 more bits, before they are added."""
    common = 2.0 * max(a_scale, b_scale)
    factors = {
        "a": a_scale / common,
        "b": b_scale / common,
        "output": common / ((1 << LEFT_SHIFT) * output_scale),
    }
    attrs = {"left_shift": LEFT_SHIFT}
    for name, real in factors.items():
        attrs[f"{name}_multiplier"], attrs[f"{name}_shift"] = factor(real)
    return attrs


def _import(source: ImportedOp) -> Op:
    attrs = import_elementwise(source)
    factors = add_factors(source.input(0).scale, source.input(1).scale, source.output(0).scale)
    if factors["output_shift"] > 0:
        raise Unsupported(f"its output scale {source.output(0).scale} is too small for its inputs' scales")
    return source.op("add", source.inputs[:2], {**attrs, **factors})


Add.tflite = {"ADD": _import}
OP = Add()


def add(
    a: ArrayLike,
    b: ArrayLike,
    *,
    a_scale: float,
    b_scale: float,
    output_scale: float,
    a_zero_point: int = 0,
    b_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int = -128,
    act_max: int = 127,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Sum with broadcasting.

    Args:
        a, b: int8, of shapes that broadcast to one of them.
        a_scale, b_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        on, isa: as conv2d.

    Returns int8 of the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    scales = [scale(a_scale, "a_scale"), scale(b_scale, "b_scale"), scale(output_scale, "output_scale")]
    with arguments_of("add"):
        factors = add_factors(*scales)
    attrs = {
        **factors,
        "a_zero_point": a_zero_point,
        "b_zero_point": b_zero_point,
        "output_zero_point": output_zero_point,
        "act_min": act_min,
        "act_max": act_max,
    }
    return call("add", [array(a, "a", "int8"), array(b, "b", "int8")], attrs, "int8", on, isa)
