# SPDX-License-Identifier: Apache-2.0
"""Quotient of two int8 tensors, with broadcasting.

inputs: a, b int8.
attrs: of broadcast.Elementwise; multiplier, shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import bounds_of, clamp_int8, factor, mul_high, round_shift, wrap32
from groat.ops.base import Constants, ImportedOp, Operator, Unsupported
from groat.ops.broadcast import Elementwise, call_attrs
from groat.ops.call import arguments_of, array, call, scale
from groat.ops.fixed_point import reciprocal_one_plus

SHIFT_MAX = 22  # of the factor: dividends of 9 bits are shifted up to 31 before
FAR = 1 << 16  # what is divided by zero


def bit_length(x: Array) -> Array:
    """How many bits integers that are not negative take."""
    return np.frexp(x.astype(np.float64))[1].astype(np.int64)


class Div(Elementwise):
    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs = op.attrs
        a, b = (x.astype(np.int64) - attrs[f"{name}_zero_point"] for name, x in zip("ab", inputs, strict=True))
        a, b = np.broadcast_arrays(np.where(b < 0, -a, a), np.abs(b))
        divisor = np.maximum(b, 1)
        zeros = 32 - bit_length(divisor)
        headroom = 31 - bit_length(np.where(a < 0, -1 - a, a))
        whole = mul_high(a << headroom, reciprocal_one_plus((divisor << zeros) - (1 << 31)))
        right = 31 - zeros + headroom - attrs["shift"]
        y = np.where(right > 31, 0, round_shift(mul_high(whole, attrs["multiplier"]), np.minimum(right, 31)))
        y = np.where(b == 0, np.sign(a) * FAR, y)
        return [clamp_int8(wrap32(y + attrs["output_zero_point"]), attrs["act_min"], attrs["act_max"])]

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("DIV", {"FusedActivationFunction": bounds_of(op.attrs)})

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        common = self.common_fields(op, inputs, outputs)
        return {"mul": {**common, "multiplier": op.attrs["multiplier"], "shift": op.attrs["shift"]}}


def _factor(a_scale: float, b_scale: float, output_scale: float) -> dict[str, int]:
    """Attributes `multiplier` and `shift`."""
    multiplier, shift = factor(a_scale / (b_scale * output_scale))
    if shift > SHIFT_MAX:
        raise Unsupported(f"its scales make a factor of 2**{SHIFT_MAX} or more")
    return {"multiplier": multiplier, "shift": shift}


def import_div(source: ImportedOp, suffix: str, attrs: dict[str, Any]) -> Op:
    """DIV of integers, from what import_elementwise returns."""
    if suffix:
        raise Unsupported("its first input is int16; there are kernels for int8 and float32 only")
    factors = _factor(source.input(0).scale, source.input(1).scale, source.output(0).scale)
    return source.op("div", source.inputs[:2], {**attrs, **factors})


OP = Div()


def div(
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
    """Quotient with broadcasting; what is divided by zero is as far from it as the clamp allows.

    Args:
        a, b: int8, of shapes that broadcast to one of them.
        a_scale, b_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        a_zero_point, b_zero_point, output_zero_point: -128 to 127.
        act_min, act_max, on, isa: as conv2d.

    Returns an int8 array of the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    inputs = [array(a, "a", "int8"), array(b, "b", "int8")]
    scales = [scale(a_scale, "a_scale"), scale(b_scale, "b_scale"), scale(output_scale, "output_scale")]
    with arguments_of("div"):
        factors = _factor(*scales)
    attrs = {
        **factors,
        **call_attrs("int8", a_zero_point, b_zero_point, output_zero_point, act_min, act_max),
    }
    return call("div", inputs, attrs, "int8", on, isa)
