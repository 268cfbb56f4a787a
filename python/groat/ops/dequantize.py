# SPDX-License-Identifier: Apache-2.0
"""int8 to float32.

inputs: x int8.
attrs: scale (float32), zero_point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import require_int8
from groat.ops.base import Constants, ImportedOp, OpDef, Shape, Unsupported
from groat.ops.call import array, call


class Dequantize(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        difference = inputs[0].astype(np.int32) - op.attrs["zero_point"]
        return [np.float32(op.attrs["scale"]) * difference.astype(np.float32)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements, **op.attrs}


def _import(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    require_int8(x, "input")
    if y.dtype != "float32":
        raise Unsupported(f"its output is {y.dtype}; expected float32")
    return source.op("dequantize", source.inputs[:1], {"scale": x.scale, "zero_point": x.zero_point})


Dequantize.tflite = {"DEQUANTIZE": _import}
OP = Dequantize()


def dequantize(x: ArrayLike, *, scale: float, zero_point: int = 0, on: str = "host", isa: str | None = None) -> Array:
    """scale * (x - zero_point).

    Args:
        x: int8.
        scale: greater than zero; read as float32.
        on, isa: as conv2d.

    Returns float32 of the same shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    attrs = {"scale": float(np.float32(scale)), "zero_point": zero_point}
    return call("dequantize", [array(x, "x", "int8")], attrs, "float32", on, isa)
