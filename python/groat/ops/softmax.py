# SPDX-License-Identifier: Apache-2.0
"""Softmax over the last dimension, int8; softmax_int16 is for int16.

inputs: x int8.
attrs: table: int32 [1 to 256], exp(-i * scale * beta) in Q0.31 for the difference i to the row's maximum; larger
differences count as nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import clamp_int8, mul_high, quantize_multiplier, require_activations, round_shift, wrap32
from groat.ops.base import Constants, ImportedOp, OpDef, Operator, Rows, Shape, Unsupported, rows_alike
from groat.ops.call import activations, arguments_of, call, scale
from groat.ops.fixed_point import exp_on_negative_values, input_radius, reciprocal_one_plus
from groat.ops.softmax_float32 import import_softmax_float32
from groat.ops.softmax_int16 import attributes as attributes_int16
from groat.ops.softmax_int16 import import_softmax_int16, softmax_operator

DEPTH_MAX = 4095
INTEGER_BITS = 5


def exp_table(scale: float, beta: float) -> Array:
    """The table of the attribute, for logits of a scale."""
    real = min(beta * scale * (1 << (31 - INTEGER_BITS)), 2.0**31 - 1)
    if real <= 1.0:
        raise Unsupported(f"input scale {scale} times beta {beta} is too small for its fixed-point exponential")
    multiplier, shift = quantize_multiplier(real)
    count = min(input_radius(INTEGER_BITS, shift) + 1, 256)
    difference = -np.arange(count, dtype=np.int64)
    scaled = mul_high(wrap32(difference << shift), multiplier)
    return exp_on_negative_values(scaled, INTEGER_BITS).astype(np.int32)


class Softmax(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x = inputs[0].astype(np.int64)
        table = op.attrs["table"].astype(np.int64)
        difference = x.max(axis=-1, keepdims=True) - x
        near = difference < len(table)
        exp = np.where(near, table[np.minimum(difference, len(table) - 1)], 0)
        total = np.where(near, round_shift(exp, 12), 0).sum(axis=-1, keepdims=True)
        headroom = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
        scale = reciprocal_one_plus((total << headroom) - (1 << 31))
        shift = np.broadcast_to(12 - headroom + 31 - 8, exp.shape)
        # From 512 near-equal elements on, each is less than half a step.
        rounded = np.where(shift > 31, 0, round_shift(mul_high(scale, exp), np.minimum(shift, 31)))
        y = clamp_int8(rounded - 128)
        return [np.where(near, y, np.int8(-128))]

    def operator(self, op: Op, dtype: str) -> Operator:
        return softmax_operator(op)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        depth = inputs[0].shape[-1] if inputs[0].shape else 1
        table = op.attrs["table"]
        return {
            "rows": inputs[0].elements // depth,
            "depth": depth,
            "table": constants.add(table.astype("<i4").tobytes()),
            "table_count": len(table),
        }

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return rows_alike(inputs, outputs) if len(inputs[0].shape) == 4 else None


def _import(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    suffix = require_activations((x, "input"), (y, "output"))
    if suffix:
        return import_softmax_int16(source) if suffix == "_int16" else import_softmax_float32(source)
    if y.scale != 1 / 256 or y.zero_point != -128:
        raise Unsupported(f"its output has scale {y.scale}, zero point {y.zero_point}; expected 1/256 and -128")
    if not x.shape or x.shape[-1] > DEPTH_MAX:
        raise Unsupported(f"its input has shape {list(x.shape)}; expected at most {DEPTH_MAX} in the last dimension")
    beta = float(np.float32(source.options.get("Beta", 1.0)))
    return source.op("softmax", source.inputs[:1], {"table": exp_table(x.scale, beta), "beta": beta})


Softmax.tflite = {"SOFTMAX": _import}
OP = Softmax()


def softmax(x: ArrayLike, *, input_scale: float, beta: float = 1.0, on: str = "host", isa: str | None = None) -> Array:
    """Softmax over the last dimension.

    Args:
        x: int8 or int16 logits, at most 4,095 or 65,535 in the last dimension.
        input_scale: real logit = input_scale * stored, up to a constant; read as float32.
        on, isa: as conv2d.

    Returns an array of its type and shape: probability = (stored + 128) / 256 for int8, stored / 32768 for int16.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = activations(x, "x")
    factors = scale(input_scale, "input_scale"), scale(beta, "beta")
    with arguments_of("softmax"):
        attrs = attributes_int16(*factors) if suffix else {"table": exp_table(*factors), "beta": factors[1]}
    return call("softmax" + suffix, [values], attrs, str(values.dtype), on, isa)
