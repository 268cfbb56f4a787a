# SPDX-License-Identifier: Apache-2.0
"""Functions of one value as TensorFlow Lite Micro computes them with int8, for tables (docs/NUMERICS.md)."""

from __future__ import annotations

import math

import numpy as np

from groat.graph.ir import Op, Tensor
from groat.ops.arithmetic import (
    LIMITS,
    Int64,
    factor,
    quantize_multiplier,
    reduced_multiplier,
    requantize,
    require_int8,
    round_half_away,
    round_shift,
    wrap32,
)
from groat.ops.base import ImportedOp, Unsupported
from groat.ops.fixed_point import input_radius, tanh
from groat.ops.leaky_relu_int16 import slopes
from groat.ops.tabulate import tabulate

FRACTION = 15  # bits of an int16 between -1 and 1


def _ends(source: ImportedOp) -> tuple[Tensor, Tensor]:
    x, y = source.input(0), source.output(0)
    require_int8(x, "input")
    require_int8(y, "output")
    return x, y


def import_leaky_relu(source: ImportedOp) -> Op:
    """LEAKY_RELU of int8 or int16."""
    x, y = source.input(0), source.output(0)
    alpha = np.float32(source.options["Alpha"])
    if not math.isfinite(alpha):
        raise Unsupported(f"its alpha is {alpha}; expected a number")
    two = slopes(x.scale / y.scale, x.scale * float(alpha) / y.scale)
    if x.dtype == "int16":
        return source.op("leaky_relu_int16", source.inputs[:1], two)

    def function(stored: Int64) -> Int64:
        value = stored - x.zero_point
        above = requantize(value, two["multiplier"], two["shift"])
        below = requantize(value, two["negative_multiplier"], two["negative_shift"])
        return wrap32(np.where(value >= 0, above, below) + y.zero_point)

    return tabulate(source, function)


def import_abs(source: ImportedOp) -> Op:
    """ABS of int8 or int16."""
    x, y = source.input(0), source.output(0)
    step = x.scale / y.scale
    if x.dtype == "int16":
        return source.op("leaky_relu_int16", source.inputs[:1], slopes(step, -step))
    multiplier, shift = factor(step)
    return tabulate(source, lambda stored: requantize(np.abs(stored - x.zero_point), multiplier, shift) + y.zero_point)


def import_elu(source: ImportedOp) -> Op:
    x, y = _ends(source)

    def function(stored: Int64) -> Int64:
        real = np.float32(x.scale) * (stored - x.zero_point).astype(np.float32)
        curve = np.where(real < 0, np.expm1(np.minimum(real, 0).astype(np.float64)).astype(np.float32), real)
        steps = (curve * (np.float32(1) / np.float32(y.scale))).astype(np.float64)
        rounded = np.sign(steps) * np.floor(np.abs(steps) + 0.5)
        return np.clip(rounded + y.zero_point, -1000, 1000).astype(np.int64)

    return tabulate(source, function)


def import_tanh(source: ImportedOp) -> Op:
    x, y = _ends(source)
    if y.scale != 1 / 128 or y.zero_point != 0:
        raise Unsupported(f"its output has scale {y.scale}, zero point {y.zero_point}; expected 1/128 and 0")
    fraction, shift = math.frexp(x.scale * (1 << 27))
    multiplier = int(wrap32(round_half_away(fraction * (1 << 31))))
    radius = input_radius(4, shift)

    def function(stored: Int64) -> Int64:
        value = stored - x.zero_point
        # From a shift of 31 on the radius is 0: there is nothing between the two ends.
        middle = round_shift(tanh(requantize(value, multiplier, max(min(shift, 30), -31))), 24)
        return np.where(value <= -radius, -128, np.where(value >= radius, 127, middle))

    return tabulate(source, function)


# ---- Hard swish --------------------------------------------------------------------------------------------


def _clip16(x: Int64) -> Int64:
    return np.clip(x, *LIMITS["int16"])


def _mul_high16(a: Int64, b: int) -> Int64:
    """round(a * b / 2**15), ties towards plus infinity, saturating."""
    return _clip16((a * b + (1 << (FRACTION - 1))) >> FRACTION)


def _factor16(real: np.float32) -> tuple[int, int]:
    """A factor as a Q15 multiplier and a shift to the left."""
    multiplier, shift = quantize_multiplier(float(real))
    return int(reduced_multiplier(multiplier)), shift


def import_hard_swish(source: ImportedOp) -> Op:
    """x * clamp(x + 3, 0, 6) / 6, in int16: the clamp as a value between -1 and 1, the product of both saturating."""
    x, y = _ends(source)
    fine = np.float32(1 / 128) * np.float32(x.scale)
    out_multiplier, out_shift = _factor16(fine / np.float32(y.scale))
    multiplier, shift = _factor16(fine / (np.float32(3) / np.float32(32768)))
    if out_shift > 0:
        raise Unsupported(f"its output scale {y.scale} is too small for its input's scale {x.scale}")

    def function(stored: Int64) -> Int64:
        value = (stored - x.zero_point) << 7
        gate = _clip16(value << min(shift - 1, 16)) if shift > 0 else value
        gate = _mul_high16(gate, multiplier)
        if shift > 0:
            gate = _clip16(gate << 1)
        if shift < 0:
            gate = round_shift(gate, min(-shift, 31))
        gate = (gate + (1 << FRACTION)) >> 1
        product = gate * _mul_high16(value, out_multiplier)
        high = np.where(product < 0, -(-product >> FRACTION), product >> FRACTION)
        return round_shift(high, min(-out_shift, 31)) + y.zero_point

    return tabulate(source, function)
