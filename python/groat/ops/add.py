# SPDX-License-Identifier: Apache-2.0
"""Sum of two int8 tensors, with broadcasting; add_int16 is for int16.

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
from groat.ops.arithmetic import bounds_of, clamp_int8, factor, requantize, wrap32
from groat.ops.base import Constants, ImportedOp, Operator, Tape, Unsupported
from groat.ops.broadcast import Elementwise, call_attrs, import_elementwise, operands
from groat.ops.call import arguments_of, call, scale
from groat.ops.sum_to_float32 import gradient_of_operand

LEFT_SHIFTS = {"": 20, "_int16": 15}  # bits of headroom, by the ending of the op's name
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

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("ADD", {"FusedActivationFunction": bounds_of(op.attrs)})

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {**self.common_fields(op, inputs, outputs), **{name: op.attrs[name] for name in FACTORS}}

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        dz = tape.through_clamp(dy)
        shapes = [tape.tensor(number).shape for number in op.inputs]
        return {i: gradient_of_operand(dz, shapes[i], tape) for i in range(2) if tape.wanted(i)}


def add_factors(a_scale: float, b_scale: float, output_scale: float, left_shift: int) -> dict[str, int]:
    """Both operands are brought to twice the larger scale, with `left_shift` more bits, before they are added."""
    common = 2.0 * max(a_scale, b_scale)
    factors = {
        "a": a_scale / common,
        "b": b_scale / common,
        "output": common / ((1 << left_shift) * output_scale),
    }
    attrs = {"left_shift": left_shift}
    for name, real in factors.items():
        attrs[f"{name}_multiplier"], attrs[f"{name}_shift"] = factor(real)
    return attrs


def _import(source: ImportedOp) -> Op:
    suffix, attrs = import_elementwise(source)
    if suffix == "_float32":
        return source.op("add_float32", source.inputs[:2], attrs)
    return import_sum(source, "add", suffix, attrs)


def import_sum(source: ImportedOp, name: str, suffix: str, attrs: dict[str, Any]) -> Op:
    """ADD or SUB of integers, from what import_elementwise returns; `name` is the op's without the suffix."""
    factors = add_factors(source.input(0).scale, source.input(1).scale, source.output(0).scale, LEFT_SHIFTS[suffix])
    if factors["output_shift"] > 0:
        raise Unsupported(f"its output scale {source.output(0).scale} is too small for its inputs' scales")
    return source.op(name + suffix, source.inputs[:2], {**attrs, **factors})


def call_sum(
    name: str,
    operands_of: tuple[ArrayLike, ArrayLike],
    scales: tuple[float, float, float],
    zero_points: tuple[int, int, int],
    bounds: tuple[int | None, int | None],
    on: str,
    isa: str | None,
) -> Array:
    """Calls the op `name` or its sibling of int16; scales and zero points are those of a, b and the output."""
    suffix, inputs = operands(*operands_of)
    dtype = str(inputs[0].dtype)
    a, b, output = (scale(value, f"{which}_scale") for value, which in zip(scales, ("a", "b", "output"), strict=True))
    with arguments_of(name):
        factors = add_factors(a, b, output, LEFT_SHIFTS[suffix])
    attrs = {**factors, **call_attrs(dtype, *zero_points, *bounds)}
    return call(name + suffix, inputs, attrs, dtype, on, isa)


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
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Sum with broadcasting.

    Args:
        a, b: int8 or int16, of one type and of shapes that broadcast to one of them.
        a_scale, b_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        a_zero_point, b_zero_point, output_zero_point: 0 for int16.
        act_min, act_max, on, isa: as conv2d.

    Returns an array of their type and the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    scales, zero_points = (a_scale, b_scale, output_scale), (a_zero_point, b_zero_point, output_zero_point)
    return call_sum("add", (a, b), scales, zero_points, (act_min, act_max), on, isa)
