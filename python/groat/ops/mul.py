# SPDX-License-Identifier: Apache-2.0
"""Product of two int8 tensors, with broadcasting; mul_int16 is for int16.

inputs: a, b int8.
attrs: of broadcast.Elementwise; multiplier, shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import bounds_of, clamp_int8, factor, requantize, wrap32
from groat.ops.base import Constants, ImportedOp, Operator, Tape
from groat.ops.broadcast import Elementwise, call_attrs, import_elementwise, operands
from groat.ops.call import arguments_of, call, scale
from groat.ops.floats import limits
from groat.ops.sum_to_float32 import gradient_of_operand


class Mul(Elementwise):
    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs = op.attrs
        a, b = (x.astype(np.int64) - attrs[f"{name}_zero_point"] for name, x in zip("ab", inputs, strict=True))
        y = requantize(a * b, attrs["multiplier"], attrs["shift"]) + attrs["output_zero_point"]
        return [clamp_int8(wrap32(y), attrs["act_min"], attrs["act_max"])]

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("MUL", {"FusedActivationFunction": bounds_of(op.attrs)})

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        common = self.common_fields(op, inputs, outputs)
        return {**common, "multiplier": op.attrs["multiplier"], "shift": op.attrs["shift"]}

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        dz, result = tape.through_clamp(dy), {}
        for i in range(2):
            if tape.wanted(i):
                number, zero_point = op.inputs[1 - i], op.attrs["ba"[i] + "_zero_point"]
                other = tape.tensor(number)
                attrs = {"scale": other.scale, "zero_point": zero_point}
                real = tape.as_type(tape.op("dequantize", (number,), other.shape, attrs, "float32"), tape.floats)
                kind = f"mul_{tape.floats}"
                product = tape.op(kind, (dz, real), tape.tensor(dz).shape, limits(None, None))
                result[i] = gradient_of_operand(product, tape.tensor(op.inputs[i]).shape, tape)
        return result


def product_factor(a_scale: float, b_scale: float, output_scale: float) -> dict[str, int]:
    """Attributes `multiplier` and `shift`."""
    multiplier, shift = factor(a_scale * b_scale / output_scale)
    return {"multiplier": multiplier, "shift": shift}


def _import(source: ImportedOp) -> Op:
    suffix, attrs = import_elementwise(source)
    if suffix == "_float32":
        return source.op("mul_float32", source.inputs[:2], attrs)
    scales = product_factor(source.input(0).scale, source.input(1).scale, source.output(0).scale)
    return source.op("mul" + suffix, source.inputs[:2], {**attrs, **scales})


Mul.tflite = {"MUL": _import}
OP = Mul()


def mul(
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
    """Product with broadcasting.

    Args:
        a, b: int8 or int16, of one type and of shapes that broadcast to one of them.
        a_scale, b_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        a_zero_point, b_zero_point, output_zero_point: 0 for int16.
        act_min, act_max, on, isa: as conv2d.

    Returns an array of their type and the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    suffix, inputs = operands(a, b)
    dtype = str(inputs[0].dtype)
    scales = [scale(a_scale, "a_scale"), scale(b_scale, "b_scale"), scale(output_scale, "output_scale")]
    with arguments_of("mul"):
        factors = product_factor(*scales)
    attrs = {
        **factors,
        **call_attrs(dtype, a_zero_point, b_zero_point, output_zero_point, act_min, act_max),
    }
    return call("mul" + suffix, inputs, attrs, dtype, on, isa)
