# SPDX-License-Identifier: Apache-2.0
"""Group normalisation of int8; group_norm_int16 is for int16.  Layer normalisation over the last dimension is one group
of [rows, depth].

inputs: x int8 [n, ..., c].
attrs: groups; epsilon, epsilon_shift: an integer and a shift to the left; channels: int32 [c, 2], gamma and beta of
each in steps of 2**-shift of the output's; shift; output_zero_point; act_min, act_max.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import activation_range, require_activations
from groat.ops.base import Constants, ImportedOp, OpDef, Shape, Unsupported
from groat.ops.call import activations, arguments_of, call, clamp, scale, zero_points

ELEMENTS_MAX = 1 << 15  # of a group
FRACTION = 23
AFFINE_BITS = 24
SHIFT_MAX = EPSILON_SHIFT_MAX = 30
FIELDS = ("epsilon", "epsilon_shift", "shift", "output_zero_point", "act_min", "act_max")


class GroupNorm(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, attrs = inputs[0], op.attrs
        groups = attrs["groups"]
        parts = x.astype(np.int64).reshape(x.shape[0], -1, groups, x.shape[-1] // groups)
        count = parts.shape[1] * parts.shape[3]
        sums, squares = (values.sum(axis=(1, 3)) for values in (parts, parts * parts))
        factor, shift = np.zeros_like(sums), np.zeros_like(sums)
        for index in np.ndindex(*sums.shape):
            spread = count * int(squares[index]) - int(sums[index]) ** 2
            spread = max(spread + (attrs["epsilon"] << attrs["epsilon_shift"]), 1)
            half = (64 - spread.bit_length()) // 2
            factor[index] = (1 << 62) // math.isqrt(spread << (2 * half))
            shift[index] = 62 - FRACTION - half
        apart = parts * count - sums[:, np.newaxis, :, np.newaxis]
        places = shift[:, np.newaxis, :, np.newaxis]
        normal = (apart * factor[:, np.newaxis, :, np.newaxis] + (np.int64(1) << (places - 1))) >> places
        gamma, beta = attrs["channels"].astype(np.int64).T
        end = FRACTION + attrs["shift"]
        y = (normal.reshape(*x.shape[:1], -1, x.shape[-1]) * gamma + (beta << FRACTION) + (1 << (end - 1))) >> end
        y = np.clip(y + attrs["output_zero_point"], attrs["act_min"], attrs["act_max"])
        return [y.reshape(x.shape).astype(x.dtype)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        n, c = inputs[0].shape[0], inputs[0].shape[-1]
        sizes = {"batches": n, "pixels": inputs[0].elements // (n * c), "channels": c, "groups": op.attrs["groups"]}
        affine = constants.add(op.attrs["channels"].astype("<i4").tobytes())
        return {"norm": {"sizes": sizes, "channels": affine, **{name: op.attrs[name] for name in FIELDS}}}


def norm_attrs(
    shape: Shape, groups: int, epsilon: float, gamma: Array, beta: Array, input_scale: float, output_scale: float
) -> dict[str, Any]:
    """Attributes groups, epsilon, epsilon_shift, channels and shift; Unsupported for what integers cannot hold."""
    count = math.prod(shape[1:]) // groups if len(shape) > 1 else 0
    if count == 0 or shape[-1] % groups != 0 or count > ELEMENTS_MAX:
        raise Unsupported(f"it has {groups} groups in {list(shape)}; expected at most {ELEMENTS_MAX} elements in each")
    wanted = round(count * count * epsilon / input_scale**2)
    places = max(wanted.bit_length() - 32, 0)
    if places > EPSILON_SHIFT_MAX:
        raise Unsupported(f"its epsilon {epsilon} is too large for an input scale of {input_scale}")
    affine = np.stack([gamma, beta], axis=1).astype(np.float64) / output_scale
    largest = float(np.abs(affine).max())
    if not largest < 1 << AFFINE_BITS:
        raise Unsupported(f"its factors and offsets are up to {largest} steps of its output; expected less than 2**24")
    room = AFFINE_BITS - math.frexp(largest)[1]  # 2**(room + exponent) is what the largest may be
    shift = min(SHIFT_MAX, room)
    return {
        "groups": groups,
        "epsilon": wanted >> places,
        "epsilon_shift": places,
        "channels": np.rint(affine * 2.0**shift).astype(np.int32),
        "shift": shift,
    }


def import_group_norm(source: ImportedOp, groups: int, epsilon: float, activation: Any) -> Op:
    """(x, gamma, beta), of which the last two are constants of floats."""
    x, y = source.input(0), source.output(0)
    suffix = require_activations((x, "input"), (y, "output"))
    gamma, beta = source.constant(1), source.constant(2)
    low, high = activation_range(activation, y)
    attrs = norm_attrs(x.shape, groups, epsilon, gamma, beta, x.scale, y.scale)
    limits = {"output_zero_point": y.zero_point, "act_min": int(low), "act_max": int(high)}
    return source.op("group_norm" + suffix, source.inputs[:1], {**attrs, **limits})


OP = GroupNorm()


def group_norm(
    x: ArrayLike,
    gamma: ArrayLike,
    beta: ArrayLike,
    groups: int,
    *,
    input_scale: float,
    output_scale: float,
    output_zero_point: int = 0,
    epsilon: float = 1e-5,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Group normalisation of integers.

    Args:
        x: int8 or int16 [n, ..., c]; its zero point does not matter.
        gamma, beta: [c], the factor and the offset of each channel, real numbers.
        groups: a divisor of c; 1 of [rows, depth] is layer normalisation.
        input_scale, output_scale: real = scale * (stored - zero_point).
        output_zero_point: 0 for int16.
        epsilon: added to the variance; not negative.
        act_min, act_max, on, isa: as conv2d.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = activations(x, "x")
    rows = [np.asarray(row, np.float64) for row in (gamma, beta)]
    if values.ndim < 2 or groups < 1 or not (0 <= epsilon < np.inf) or any(r.shape != values.shape[-1:] for r in rows):
        raise InputError(
            f"x has shape {values.shape}, gamma and beta {rows[0].shape} and {rows[1].shape}, groups is {groups}, "
            f"epsilon {epsilon}; expected 2 dimensions or more, a value for each channel, at least 1, nothing negative"
        )
    scales = scale(input_scale, "input_scale"), scale(output_scale, "output_scale")
    with arguments_of("group_norm"):
        attrs = norm_attrs(values.shape, groups, epsilon, rows[0], rows[1], *scales)
    points = zero_points(values.dtype, output=output_zero_point)
    limits = clamp(values.dtype, act_min, act_max)
    return call("group_norm" + suffix, [values], {**attrs, **points, **limits}, str(values.dtype), on, isa)
