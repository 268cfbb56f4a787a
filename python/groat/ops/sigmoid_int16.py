# SPDX-License-Identifier: Apache-2.0
"""The logistic function and tanh of int16, by one table of 256 entries.

inputs: x int16.
attrs: multiplier, shift: x * multiplier / 2**shift is in steps of 1 / (3 * 4096); tanh: 0 or 1.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import Int64, require_activations
from groat.ops.base import Constants, ImportedOp, OpDef, Operator, Rows, Shape, Unsupported, rows_alike
from groat.ops.call import arguments_of, array, call
from groat.ops.call import scale as checked_scale
from groat.ops.functions_int8 import import_tanh
from groat.ops.sigmoid_float32 import import_sigmoid_float32

ENTRIES = 256
MULTIPLIER_MAX = 32767
# Entries of TFLM's table that are one more than the rounded function; read off its outputs, for all arguments.
ONE_MORE = (
    *(4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39, 40, 41, 43, 44, 45, 46),
    *(49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135),
)


@functools.cache
def table() -> Array:
    """The logistic function of i / 24, Q16."""
    exact = 65536.0 / (1.0 + np.exp(np.arange(ENTRIES) / -24.0))
    entries = np.minimum(np.floor(exact + 0.5), 65535).astype(np.uint16)
    entries[list(ONE_MORE)] += 1
    entries[-1] = 65535
    return entries


def _interpolate(x: Int64, bits: int, limit: int) -> Int64:
    """Entry x / 2**bits of the table, times 2**bits; beyond its end, `limit`."""
    entries = table().astype(np.int64)
    index = np.minimum(x >> bits, ENTRIES - 2)
    rest = x & ((1 << bits) - 1)
    inside = (entries[index] << bits) + rest * (entries[index + 1] - entries[index])
    return np.where(x >> bits >= ENTRIES - 1, limit << bits, inside)


def argument(x: ArrayLike, multiplier: int, shift: int) -> Int64:
    """x * multiplier / 2**shift, in steps of 1 / (3 * 4096), which `logistic` and `tanh` take."""
    half = 1 << (shift - 1) if shift > 0 else 0
    return (np.asarray(x, np.int64) * multiplier + half) >> shift


def logistic(x: Int64) -> Int64:
    """Q15."""
    y = _interpolate(np.abs(x), 9, 0xFFFE)
    return np.where(x < 0, (1 << 25) - y + (1 << 9) - 1, y + (1 << 9)) >> 10


def tanh(x: Int64) -> Int64:
    """Q15."""
    y = _interpolate(np.abs(x), 8, 0xFFFF) - (1 << 23)
    return np.where(x < 0, (1 << 7) - 1 - y, y + (1 << 7)) >> 8


class SigmoidInt16(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x = argument(inputs[0], op.attrs["multiplier"], op.attrs["shift"])
        return [(tanh(x) if op.attrs["tanh"] else logistic(x)).astype(np.int16)]

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("TANH" if op.attrs["tanh"] else "LOGISTIC")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements, "table": constants.add(table().astype("<u2").tobytes()), **op.attrs}

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return rows_alike(inputs[:1], outputs)


def scaling(scale: float) -> dict[str, int]:
    """Attributes multiplier and shift for an input scale."""
    exponent = round(math.log2(scale))
    if exponent == -12 and abs(math.log2(scale) - exponent) < 1e-3:
        return {"multiplier": 3, "shift": 0}  # of exactly 1 / 4096
    multiplier, shift = scale * 4096 * 3, 0
    while multiplier <= MULTIPLIER_MAX / 2 and shift <= 30:
        multiplier *= 2
        shift += 1
    if multiplier > MULTIPLIER_MAX:
        raise Unsupported(f"its input scale {scale} is too large; expected less than {MULTIPLIER_MAX / (3 * 4096):.4f}")
    return {"multiplier": int(multiplier), "shift": shift}


def import_sigmoid_int16(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    suffix = require_activations((x, "input"), (y, "output"))
    if suffix == "_float32":
        return import_sigmoid_float32(source)
    if suffix != "_int16":
        return import_tanh(source)  # LOGISTIC of int8 is not imported here
    if abs(math.log2(y.scale) + 15) >= 1e-3:
        raise Unsupported(f"its output has scale {y.scale}; expected 1/32768")
    attrs = {**scaling(x.scale), "tanh": int(source.name == "TANH")}
    return source.op("sigmoid_int16", source.inputs[:1], attrs)


SigmoidInt16.tflite = {"TANH": import_sigmoid_int16}
OP = SigmoidInt16()


def sigmoid(x: ArrayLike, *, input_scale: float, tanh: bool = False, on: str = "host", isa: str | None = None) -> Array:
    """The logistic function or tanh.

    Args:
        x: int16.
        input_scale: real = input_scale * stored; read as float32.
        tanh: tanh instead of the logistic function.
        on, isa: as conv2d.

    Returns int16 of the same shape: result = stored / 32768.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values = array(x, "x", "int16")
    with arguments_of("sigmoid"):
        factors = scaling(checked_scale(input_scale, "input_scale"))
    return call("sigmoid_int16", [values], {**factors, "tanh": int(tanh)}, "int16", on, isa)
