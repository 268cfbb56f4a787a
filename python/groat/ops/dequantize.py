# SPDX-License-Identifier: Apache-2.0
"""int8 to float32; dequantize_int16 is for int16.

inputs: x int8.
attrs: scale (float32), zero_point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import require_activations
from groat.ops.base import Constants, ImportedOp, OpDef, Operator, Rows, Shape, Tape, Unsupported, rows_alike
from groat.ops.call import activations, call, zero_points


class Dequantize(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        difference = inputs[0].astype(np.int32) - op.attrs["zero_point"]
        return [np.float32(op.attrs["scale"]) * difference.astype(np.float32)]

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("DEQUANTIZE")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements, **op.attrs}

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        # Gradients of int8 tensors are those of the real numbers they stand for.
        return {0: tape.as_type(dy, tape.floats)} if tape.wanted(0) else {}

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return rows_alike(inputs[:1], outputs)


def _import(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    suffix = require_activations((x, "input"))
    if y.dtype != "float32":
        raise Unsupported(f"its output is {y.dtype}; expected float32")
    attrs = {"scale": x.scale} if suffix else {"scale": x.scale, "zero_point": x.zero_point}
    return source.op("dequantize" + suffix, source.inputs[:1], attrs)


Dequantize.tflite = {"DEQUANTIZE": _import}
OP = Dequantize()


def dequantize(x: ArrayLike, *, scale: float, zero_point: int = 0, on: str = "host", isa: str | None = None) -> Array:
    """scale * (x - zero_point).

    Args:
        x: int8 or int16.
        scale: greater than zero; read as float32.
        zero_point: 0 for int16.
        on, isa: as conv2d.

    Returns float32 of the same shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = activations(x, "x")
    zero_points(values.dtype, x=zero_point)
    attrs: dict[str, Any] = {"scale": float(np.float32(scale))}
    if not suffix:
        attrs["zero_point"] = zero_point
    return call("dequantize" + suffix, [values], attrs, "float32", on, isa)
