# SPDX-License-Identifier: Apache-2.0
"""float32 to int8; quantize_int16 is for int16.  QUANTIZE between 8-bit types becomes a lut, others a rescale.

inputs: x float32.
attrs: scale (float32), zero_point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import require_int8, require_int16
from groat.ops.base import Constants, ImportedOp, OpDef, Operator, Rows, Shape, Tape, Unsupported, rows_alike
from groat.ops.call import array, call, zero_points
from groat.ops.lut import rescale
from groat.ops.rescale import INTEGERS, import_rescale


class Quantize(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        with np.errstate(over="ignore", invalid="ignore"):
            q = inputs[0] / np.float32(op.attrs["scale"])
        # Beyond +-256 every zero point saturates; not-a-number becomes the lowest value.
        bounded = np.clip(np.where(np.isnan(q), np.float32(-256), q), -256, 256).astype(np.float64)
        rounded = np.sign(bounded) * np.floor(np.abs(bounded) + 0.5)
        return [np.clip(rounded + op.attrs["zero_point"], -128, 127).astype(np.int8)]

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("QUANTIZE")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements, **op.attrs}

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        return {0: tape.as_type(tape.through_clamp(dy), "float32")} if tape.wanted(0) else {}

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return rows_alike(inputs[:1], outputs)


def _import(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    if x.dtype == "float32" and y.dtype == "int8":
        require_int8(y, "output")
        return source.op("quantize", source.inputs[:1], {"scale": y.scale, "zero_point": y.zero_point})
    if x.dtype == "float32" and y.dtype == "int16":
        require_int16(y, "output")
        return source.op("quantize_int16", source.inputs[:1], {"scale": y.scale})
    if "int16" in (x.dtype, y.dtype) and x.dtype in INTEGERS and y.dtype in INTEGERS:
        return import_rescale(source)
    if (x.dtype, y.dtype) in (("int8", "int8"), ("int8", "uint8"), ("uint8", "int8")):
        for tensor in (x, y):
            if tensor.quantization is None or not tensor.quantization.per_tensor or not tensor.scale > 0:
                raise Unsupported(f"tensor {tensor.name!r} has no positive scale for the whole tensor")
        return rescale(source)
    raise Unsupported(
        f"from {x.dtype} to {y.dtype}: expected float32 to int8 or int16, or between int8 and uint8 or int16"
    )


Quantize.tflite = {"QUANTIZE": _import}
OP = Quantize()


def quantize(
    x: ArrayLike,
    *,
    scale: float,
    zero_point: int = 0,
    dtype: str = "int8",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """round(x / scale) + zero_point, ties away from zero, clamped.

    Args:
        x: float32.
        scale: greater than zero; read as float32.
        zero_point: 0 for int16.
        dtype: of the result: "int8" or "int16".
        on, isa: as conv2d.

    Returns an array of that type and the same shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    attrs: dict[str, Any] = {"scale": float(np.float32(scale))}
    if dtype == "int16":
        zero_points(dtype, quantize=zero_point)
        return call("quantize_int16", [array(x, "x", "float32")], attrs, dtype, on, isa)
    if dtype != "int8":
        raise InputError(f"dtype is {dtype!r}; expected int8 or int16")
    attrs["zero_point"] = zero_point
    return call("quantize", [array(x, "x", "float32")], attrs, "int8", on, isa)
