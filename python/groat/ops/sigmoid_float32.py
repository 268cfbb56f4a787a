# SPDX-License-Identifier: Apache-2.0
"""The logistic function and tanh of float32.

inputs: x float32.
attrs: tanh: 0 or 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Quantization, Tensor
from groat.ops.base import TABLE, Constants, ImportedOp, OpDef, Operator, Shape, Tape
from groat.ops.call import call
from groat.ops.exp import logistic, tanh
from groat.ops.floats import float_array, require_floats


class SigmoidFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        function = tanh if op.attrs["tanh"] else logistic
        return [function(inputs[0].astype(np.float32)).astype(inputs[0].dtype)]

    def operator(self, op: Op, dtype: str) -> Operator:
        wide = {"int16": Quantization((1 / 32768,), (0,))}
        if not op.attrs["tanh"]:
            return Operator("LOGISTIC", scale={**wide, "int8": Quantization((1 / 256,), (-128,))})
        name = TABLE if dtype == "int8" else "TANH"
        return Operator(name, scale={**wide, "int8": Quantization((1 / 128,), (0,))})

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements, "tanh": op.attrs["tanh"]}

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        if not tape.wanted(0):
            return {}
        kind = op.kind.replace("sigmoid", "sigmoid_grad")
        return {0: tape.op(kind, (dy, op.outputs[0]), tape.tensor(dy).shape, {"tanh": op.attrs["tanh"]})}


def import_sigmoid_float32(source: ImportedOp) -> Op:
    """LOGISTIC or TANH."""
    require_floats(source)
    return source.op("sigmoid_float32", source.inputs[:1], {"tanh": int(source.name == "TANH")})


OP = SigmoidFloat32()


def sigmoid_float(x: ArrayLike, *, tanh: bool = False, on: str = "host", isa: str | None = None) -> Array:
    """The logistic function or tanh of floats.

    Args:
        x: float32 or float16.
        tanh: tanh instead of the logistic function.
        on, isa: as conv2d.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = float_array(x, "x")
    return call("sigmoid" + suffix, [values], {"tanh": int(tanh)}, str(values.dtype), on, isa)
