# SPDX-License-Identifier: Apache-2.0
"""Products of int8 matrices that are both computed; matmul_int16 is for int16.

inputs: a, b int8, of any shape: strides say where their elements are.
attrs: of matrices.Matrices; multiplier, shift; a_zero_point, b_zero_point, output_zero_point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import clamp_int8, factor, requantize, require_activations, require_wide_shifts, wrap32
from groat.ops.base import Constants, ImportedOp
from groat.ops.broadcast import operands
from groat.ops.call import arguments_of, call, scale, zero_points
from groat.ops.matrices import Matrices, import_matrices, matrices_of, single

ZERO_POINTS = ("a_zero_point", "b_zero_point", "output_zero_point")


class Matmul(Matrices):
    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs = op.attrs
        a, b = (x.astype(np.int64) for x in self.operands(op, inputs))
        sums = wrap32((a - attrs["a_zero_point"]) @ (b - attrs["b_zero_point"]))
        y = requantize(sums, attrs["multiplier"], attrs["shift"]) + attrs["output_zero_point"]
        return [clamp_int8(wrap32(y)).reshape(attrs["out_shape"])]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {**self.matrix_fields(op), **{name: op.attrs[name] for name in ("multiplier", "shift", *ZERO_POINTS)}}


def _factor(a_scale: float, b_scale: float, output_scale: float, suffix: str) -> dict[str, int]:
    """Attributes `multiplier` and `shift`."""
    multiplier, shift = factor(a_scale * b_scale / output_scale)
    if suffix:
        require_wide_shifts(shift)
    return {"multiplier": multiplier, "shift": shift}


def _import(source: ImportedOp) -> Op:
    a, b, y = source.input(0), source.input(1), source.output(0)
    suffix = require_activations((a, "first input"), (b, "second input"), (y, "output"))
    attrs = import_matrices(source)
    if suffix == "_float32":
        return source.op("matmul_float32", source.inputs[:2], single(attrs))
    points = {"a_zero_point": a.zero_point, "b_zero_point": b.zero_point, "output_zero_point": y.zero_point}
    return source.op(
        "matmul" + suffix, source.inputs[:2], {**attrs, **points, **_factor(a.scale, b.scale, y.scale, suffix)}
    )


Matmul.tflite = {"BATCH_MATMUL": _import}
OP = Matmul()


def matmul(
    a: ArrayLike,
    b: ArrayLike,
    *,
    a_scale: float,
    b_scale: float,
    output_scale: float,
    a_zero_point: int = 0,
    b_zero_point: int = 0,
    output_zero_point: int = 0,
    adj_a: bool = False,
    adj_b: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Products of matrices, as numpy.matmul.

    Args:
        a: int8 or int16 [..., rows, depth]; with adj_a, [..., depth, rows].
        b: of its type [..., depth, columns]; with adj_b, [..., columns, depth].  The dimensions before broadcast.
        a_scale, b_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        a_zero_point, b_zero_point, output_zero_point: 0 for int16.
        on, isa: as conv2d.

    Returns an array of their type [..., rows, columns].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    suffix, inputs = operands(a, b)
    dtype = str(inputs[0].dtype)
    scales = [scale(a_scale, "a_scale"), scale(b_scale, "b_scale"), scale(output_scale, "output_scale")]
    points = zero_points(dtype, a=a_zero_point, b=b_zero_point, output=output_zero_point)
    with arguments_of("matmul"):
        attrs = matrices_of(inputs[0].shape, inputs[1].shape, adj_a, adj_b)
        factors = _factor(scales[0], scales[1], scales[2], suffix)
    return call("matmul" + suffix, inputs, {**attrs, **points, **factors}, dtype, on, isa)
