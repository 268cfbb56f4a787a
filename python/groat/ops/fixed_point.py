# SPDX-License-Identifier: Apache-2.0
"""Fixed-point transcendentals as gemmlowp defines them, in NumPy: they fill the tables of softmax and lut.

Q(i).(31 - i) numbers are int32 values in int64 arrays; i is the count of integer bits.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from groat.ops.arithmetic import Int64, mul_high, round_shift, wrap32

INT32_MAX = 2**31 - 1
# exp(-2**k) in Q0.31 for k = -2 .. 4.
EXP_OF_MINUS_POWER = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
EXP_OF_MINUS_EIGHTH = 1895147668
ONE_THIRD = 715827883


def saturating_left_shift(x: ArrayLike, bits: int) -> Int64:
    return np.clip(np.asarray(x, np.int64) << bits, -(2**31), INT32_MAX)


def exp_on_negative_values(x: ArrayLike, integer_bits: int) -> Int64:
    """exp(x) in Q0.31 for x <= 0 in Q(integer_bits), integer_bits at most 5.

    Splits x into a rest in (-1/4, 0], done by a Taylor polynomial around -1/8, and a sum of powers of two.
    """
    values = np.asarray(x, np.int64)
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    rest = (values & (quarter - 1)) - quarter
    t = saturating_left_shift(rest, integer_bits) + (1 << 28)
    t2 = mul_high(t, t)
    t3, t4 = mul_high(t2, t), mul_high(t2, t2)
    tail = round_shift(mul_high(round_shift(t4, 2) + t3, ONE_THIRD) + t2, 1)
    result = EXP_OF_MINUS_EIGHTH + mul_high(EXP_OF_MINUS_EIGHTH, t + tail)
    remainder = rest - values
    for exponent, constant in enumerate(EXP_OF_MINUS_POWER, start=-2):
        if exponent < integer_bits:
            has_power = (remainder & (1 << (fraction_bits + exponent))) != 0
            result = np.where(has_power, mul_high(result, constant), result)
    return np.where(values == 0, np.int64(INT32_MAX), result)


def _reciprocal_q29(x: ArrayLike) -> Int64:
    """2 / (1 + x) in Q2.29 for x in [0, 1) in Q0.31, by three Newton-Raphson steps."""
    half = (np.asarray(x, np.int64) + INT32_MAX + 1) >> 1
    y = wrap32(1515870810 + mul_high(half, -1010580540))
    for _ in range(3):
        error = (1 << 29) - mul_high(half, y)
        y = wrap32(y + saturating_left_shift(mul_high(y, error), 2))
    return y


def reciprocal_one_plus(x: ArrayLike) -> Int64:
    """1 / (1 + x) in Q0.31 for x in [0, 1) in Q0.31."""
    return saturating_left_shift(_reciprocal_q29(x), 1)


def tanh(x: ArrayLike) -> Int64:
    """In Q0.31 for x in Q4.27: (1 - e) / (1 + e) = 2 / (1 + e) - 1 with e = exp(-2 |x|)."""
    values = np.asarray(x, np.int64)
    e = exp_on_negative_values(-np.abs(values), 5)  # the same number with one more bit before the point is twice x
    size = saturating_left_shift(_reciprocal_q29(e) - (1 << 29), 2)
    return np.where(values == 0, np.int64(0), np.where(values < 0, -size, size))


def logistic(x: ArrayLike) -> Int64:
    """1 / (1 + exp(-x)) in Q0.31 for x in Q4.27."""
    values = np.asarray(x, np.int64)
    positive = reciprocal_one_plus(exp_on_negative_values(-np.abs(values), 4))
    result = np.where(values > 0, positive, INT32_MAX - positive)
    return np.where(values == 0, np.int64(1 << 30), result)


def input_radius(integer_bits: int, left_shift: int) -> int:
    """The largest input difference that fits Q(integer_bits) after a left shift."""
    return math.floor(((1 << integer_bits) - 1) * (1 << (31 - integer_bits)) / 2.0**left_shift)
