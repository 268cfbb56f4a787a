# SPDX-License-Identifier: Apache-2.0
"""Softmax of int16 over the last dimension: exponential and reciprocal by tables of 513 entries.

inputs: x int16.
attrs: multiplier, shift: of the difference to the row's maximum, to steps of 10 / 65535.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groat.graph.ir import Array, Op, Quantization, Tensor
from groat.ops.arithmetic import Int64, clamp_int16, factor, requantize
from groat.ops.base import Constants, ImportedOp, OpDef, Operator, Rows, Shape, Unsupported, rows_alike

DEPTH_MAX = 65535
STEPS = 512
OUTPUT_SCALE = 1 / 32768
RANGE = 10.0  # exp(-10) and less are one value

Floats = NDArray[np.float32]


def _rounded(x: Floats) -> Floats:
    """To the nearest integer, ties away from zero."""
    wide = x.astype(np.float64)
    return (np.sign(wide) * np.floor(np.abs(wide) + 0.5)).astype(np.float32)


def _table(function: Callable[[Floats], Floats], scale: np.float32, zero_point: int) -> Array:
    """513 values of a function of [-1, 1] in Q15 over the range of an int16 times `scale`, all in float32: each is
    moved by half of what linear interpolation misses in the middle of its step."""
    low, high = (scale * np.float32(end - zero_point) for end in (-32768, 32767))
    output_scale = np.float32(2.0) / np.float32(65535)
    per_one = np.float32(65536) / (output_scale * np.float32(32767) - output_scale * np.float32(-32768))
    step = (high - low) / np.float32(STEPS)
    at = low + np.arange(STEPS + 1, dtype=np.float32) * step
    samples = _rounded(function(at[:-1]) * per_one)
    between = _rounded((function(at[1:]) * per_one + samples) / np.float32(2))
    middle = _rounded(function(at[:-1] + step / np.float32(2)) * per_one)
    inner = samples - _rounded((between - middle) / np.float32(2))
    last = _rounded(function(np.array([high], np.float32)) * per_one)
    return clamp_int16(np.concatenate([inner, last]))


@functools.cache
def exp_table() -> Array:
    """exp from -10 to 0, Q15."""
    return _table(
        lambda x: np.exp(x.astype(np.float64)).astype(np.float32), np.float32(RANGE) / np.float32(65535), 32767
    )


@functools.cache
def reciprocal_table() -> Array:
    """1 / (1 + x) from 0 to 1, Q15."""
    one = np.float32(1)
    return _table(lambda x: one / (one + x), one / np.float32(65535), -32768)


def interpolate(table: Array, x: Int64) -> Int64:
    """A table over all int16 values, at some of them."""
    entries, index = table.astype(np.int64), 256 + (x >> 7)
    base = entries[index]
    result: Int64 = base + (((entries[index + 1] - base) * (x & 127) + 64) >> 7)
    return result


def softmax_operator(op: Op) -> Operator:
    """A softmax of any type in TFLite."""
    scales = {"int8": Quantization((1 / 256,), (-128,)), "int16": Quantization((1 / 32768,), (0,))}
    return Operator("SOFTMAX", {"Beta": op.attrs["beta"]}, scale=scales)


class SoftmaxInt16(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x = inputs[0].astype(np.int64)
        difference = requantize(x - x.max(axis=-1, keepdims=True), op.attrs["multiplier"], op.attrs["shift"])
        exp = interpolate(exp_table(), np.clip(difference + 32767, -32768, 32767))
        total = exp.sum(axis=-1, keepdims=True)
        headroom = 31 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
        mantissa = ((total << headroom) + (1 << 13)) >> 14
        reciprocal = interpolate(reciprocal_table(), np.clip(mantissa - (1 << 16) - (1 << 15), -32768, 32767))
        shift = 30 - headroom
        return [clamp_int16((exp * reciprocal + (np.int64(1) << (shift - 1))) >> shift, 0)]

    def operator(self, op: Op, dtype: str) -> Operator:
        return softmax_operator(op)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        depth = inputs[0].shape[-1] if inputs[0].shape else 1
        return {
            "rows": inputs[0].elements // depth,
            "depth": depth,
            "exp_table": constants.add(exp_table().astype("<i2").tobytes()),
            "reciprocal_table": constants.add(reciprocal_table().astype("<i2").tobytes()),
            "multiplier": op.attrs["multiplier"],
            "shift": op.attrs["shift"],
        }

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return rows_alike(inputs, outputs) if len(inputs[0].shape) == 4 else None


def attributes(scale: float, beta: float) -> dict[str, Any]:
    """Those of the op, for logits of a scale."""
    multiplier, shift = factor(scale * beta / (RANGE / 65535.0))
    return {"multiplier": multiplier, "shift": shift, "beta": beta}


def import_softmax_int16(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    if abs(y.scale - OUTPUT_SCALE) > 0.001 * OUTPUT_SCALE:
        raise Unsupported(f"its output has scale {y.scale}; expected 1/32768")
    if not x.shape or x.shape[-1] > DEPTH_MAX:
        raise Unsupported(f"its input has shape {list(x.shape)}; expected at most {DEPTH_MAX} in the last dimension")
    beta = float(np.float32(source.options.get("Beta", 1.0)))
    return source.op("softmax_int16", source.inputs[:1], attributes(x.scale, beta))


OP = SoftmaxInt16()
