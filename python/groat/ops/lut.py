# SPDX-License-Identifier: Apache-2.0
"""Any elementwise function of one 8-bit value, as a table: LOGISTIC, RELU, RELU6, change of scale.

inputs: x int8 or uint8.
attrs: table: uint8 [256], indexed by the stored byte read as unsigned, holding the output's stored byte.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import (
    Int64,
    factor,
    requantize,
    require_int8,
    round_half_away,
    round_shift,
    steps,
    wrap32,
)
from groat.ops.base import TABLE, Constants, ImportedOp, OpDef, Operator, Rows, Shape, Unsupported, rows_alike
from groat.ops.call import array, call
from groat.ops.clamp_float32 import import_clamp
from groat.ops.fixed_point import input_radius, logistic
from groat.ops.lut_int16 import ENTRIES
from groat.ops.rescale import import_relu6_int16, import_relu_int16
from groat.ops.sigmoid_float32 import import_sigmoid_float32
from groat.ops.sigmoid_int16 import import_sigmoid_int16
from groat.ops.tabulate import tabulate


class Lut(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [op.attrs["table"][inputs[0].view(np.uint8)].view(op.attrs["dtype"])]

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator(TABLE)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements, "table": constants.add(op.attrs["table"].tobytes())}

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return rows_alike(inputs[:1], outputs)


def rescale(source: ImportedOp) -> Op:
    """A change of scale, zero point or signedness between 8-bit types."""
    x, y = source.input(0), source.output(0)
    multiplier, shift = factor(x.scale / y.scale)
    return tabulate(source, lambda value: requantize(value - x.zero_point, multiplier, shift) + y.zero_point)


def _relu(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    if x.dtype == "float32":
        return import_clamp(source, "RELU")
    if x.dtype == "int16":
        return import_relu_int16(source)
    require_int8(x, "input")
    require_int8(y, "output")
    multiplier, shift = factor(x.scale / y.scale)

    def relu(value: Int64) -> Int64:
        return np.maximum(requantize(value - x.zero_point, multiplier, shift) + y.zero_point, y.zero_point)

    return tabulate(source, relu)


def _relu6(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    if x.dtype == "float32":
        return import_clamp(source, "RELU6")
    if x.dtype == "int16":
        return import_relu6_int16(source)
    require_int8(x, "input")
    require_int8(y, "output")
    if x.quantization != y.quantization:
        raise Unsupported("its input and output differ in scale or zero point; RELU6 does not rescale")
    six = round_half_away(float(np.float32(x.zero_point) + np.float32(steps(6.0, x.scale))))
    return tabulate(source, lambda value: np.clip(value, x.zero_point, max(min(six, 127), x.zero_point)))


def _logistic(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    if x.dtype == "float32":
        return import_sigmoid_float32(source)
    if x.dtype == "int16":
        return import_sigmoid_int16(source)
    require_int8(x, "input")
    require_int8(y, "output")
    if y.scale != 1 / 256 or y.zero_point != -128:
        raise Unsupported(f"its output has scale {y.scale}, zero point {y.zero_point}; expected 1/256 and -128")
    fraction, shift = math.frexp(x.scale * (1 << 27))
    multiplier = int(wrap32(round_half_away(fraction * (1 << 31))))
    radius = input_radius(4, shift)

    def function(value: Int64) -> Int64:
        difference = value - x.zero_point
        # From a shift of 31 on the radius is 0: there is nothing between the two ends.
        middle = round_shift(logistic(requantize(difference, multiplier, max(min(shift, 30), -31))), 23) - 128
        return np.where(difference <= -radius, -128, np.where(difference >= radius, 127, middle))

    return tabulate(source, function)


Lut.tflite = {"LOGISTIC": _logistic, "RELU": _relu, "RELU6": _relu6}
OP = Lut()


def lut(x: ArrayLike, table: ArrayLike, on: str = "host", isa: str | None = None) -> Array:
    """Any function of one value, as a table.

    Args:
        x: int8, uint8 or int16.
        table: int8 or uint8 [256]: the result for each byte, indexed by the byte read as unsigned; of int16, int16
            [513]: the result for -32768, -32640, … 32768, and between two of these in proportion.
        on, isa: as conv2d.

    Returns an array of x's shape and the table's dtype.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values = array(x, "x", ("int8", "uint8", "int16"))
    wide = values.dtype == np.int16
    results = array(table, "table", "int16" if wide else ("int8", "uint8"), 1)
    entries = ENTRIES if wide else 256
    if results.size != entries:
        raise InputError(f"table has {results.size} entries; expected {entries}")
    if wide:
        return call("lut_int16", [values], {"table": np.ascontiguousarray(results)}, "int16", on, isa)
    attrs = {"table": np.ascontiguousarray(results).view(np.uint8), "dtype": str(results.dtype)}
    return call("lut", [values], attrs, str(results.dtype), on, isa)
