# SPDX-License-Identifier: Apache-2.0
"""Block floating point: int16 mantissas that share an exponent, an int32 tensor [1]; value = mantissa * 2^exponent.

What the ops that end in _bfp16 share (docs/NUMERICS.md has the formulas).  NumPy computes with int64 here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groat.errors import InputError
from groat.graph.ir import Array, Op
from groat.ops.base import OpDef, Shape
from groat.ops.call import array

Integers = NDArray[np.int64]

NOT_FINITE = 2**31 - 1
"""The exponent of a tensor that holds what is infinite or no number."""
EXPONENT_MAX = 512
BITS = range(4, 16)
"""Of the magnitude of a mantissa."""
SUM_BITS = 30
"""That a sum of products may have."""
EXPONENT: Shape = (1,)


class Bfp(OpDef):
    """An op all of whose inputs are tensors."""

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs


def exponent_in_range(exponent: int) -> int:
    return exponent if -EXPONENT_MAX <= exponent <= EXPONENT_MAX else NOT_FINITE


def exponent_of(x: Array) -> int:
    """What a tensor of an exponent holds; what is out of range is not finite."""
    return exponent_in_range(int(x[0]))


def exponent_tensor(exponent: int) -> Array:
    return np.array([exponent], np.int32)


def bit_length(x: Array) -> int:
    """Bits of the largest magnitude."""
    return int(np.abs(x.astype(np.int64)).max(initial=0)).bit_length()


def shifted(x: Array, shift: int) -> Integers:
    """x / 2^shift, halves away from zero."""
    wide = x.astype(np.int64)
    half = 1 << (shift - 1) if shift > 0 else 0
    return np.sign(wide) * ((np.abs(wide) + half) >> shift)


def mantissas(x: Array, shift: int, bits: int) -> Array:
    """x / 2^shift, halves away from zero, clamped to magnitudes of so many bits."""
    most = (1 << bits) - 1
    return np.clip(shifted(x, shift), -most, most).astype(np.int16)


def from_sums(sums: Array, exponent: int, bits: int) -> list[Array]:
    """(mantissas, their exponent) of sums in units of 2^exponent."""
    shift = max(bit_length(sums) - bits, 0)
    if not sums.any():
        return [sums.astype(np.int16), exponent_tensor(0)]
    found = exponent_in_range(exponent + shift)
    if found == NOT_FINITE:
        return not_finite(sums.shape)
    return [mantissas(sums, shift, bits), exponent_tensor(found)]


def not_finite(shape: Shape) -> list[Array]:
    return [np.zeros(shape, np.int16), exponent_tensor(NOT_FINITE)]


def quantized(x: ArrayLike, bits: int) -> tuple[Array, int]:
    """(mantissas of so many bits, their exponent) of finite floats, as op quantize_bfp16 makes them."""
    values = np.asarray(x, np.float32)
    most = float(np.abs(values).max(initial=0))
    if most == 0:
        return values.astype(np.int16), 0
    exponent = max(int(np.frexp(most)[1]), -125) - bits
    scaled = np.abs(np.ldexp(values.astype(np.float64), -exponent))
    magnitudes = np.minimum(np.floor(scaled + 0.5), (1 << bits) - 1)
    return (np.sign(values) * magnitudes).astype(np.int16), exponent


def values_of(mantissa: Array, exponent: int) -> Array:
    """float32 of mantissas; what is out of its range becomes 0 or infinite."""
    if exponent == NOT_FINITE:
        return np.full(mantissa.shape, np.nan, np.float32)
    wide = np.ldexp(mantissa.astype(np.float64), exponent)
    with np.errstate(over="ignore"):
        return np.where(np.abs(wide) < np.finfo(np.float32).tiny, np.copysign(0, wide), wide).astype(np.float32)


# ---- Softmax ---------------------------------------------------------------------------------------------

LOG2_E = 47274
"""Q15."""
BELOW_MOST = 1 << 30


def exp2(x: Array) -> Integers:
    """2^-x, Q16, of x >= 0, Q16: 1 - f (c1 - f (c2 - f c3)) of the fraction f, the nearest such cubic that is right at
    0 and at 1 (7.4e-5 away at most)."""
    wide = x.astype(np.int64)
    f = wide & 0xFFFF
    y = 15159 - ((f * 2597) >> 16)
    y = 45330 - ((f * y) >> 16)
    return np.where(wide >> 16 > 31, 0, (65536 - ((f * y) >> 16)) >> np.minimum(wide >> 16, 31))


def below(logits: Array, exponent: int) -> Integers:
    """log2(e) times what each logit of a row is below the largest, Q16, at most 2^30."""
    wide = logits.astype(np.int64)
    steps = (wide.max() - wide) * LOG2_E
    shift = exponent + 1
    if shift <= 0:
        return np.minimum(steps >> min(-shift, 62), BELOW_MOST)
    return np.where(steps == 0, 0, np.minimum(steps << min(shift, 30), BELOW_MOST))


def shares(logits: Array, exponent: int) -> Integers:
    """The softmax of a row, Q15."""
    powers = exp2(below(logits, exponent))
    total = int(powers.sum())
    return ((powers << 15) + total // 2) // total


# ---- Arguments of calls ----------------------------------------------------------------------------------


def bits_of(bits: int) -> int:
    """InputError unless a mantissa may have so many."""
    if bits not in BITS:
        raise InputError(f"bits is {bits}; expected {BITS.start} to {BITS.stop - 1}")
    return bits


def bfp_input(mantissa: ArrayLike, exponent: int, name: str, rank: int | None = None) -> tuple[Array, Array]:
    """(mantissas, exponent) as inputs of an op; InputError unless they are int16 and a whole number."""
    values = array(mantissa, name, "int16", rank)
    if not isinstance(exponent, (int, np.integer)) or not -(2**31) <= exponent < 2**31:
        raise InputError(f"{name}_exponent is {exponent!r}; expected a whole number of 32 bits")
    return values, exponent_tensor(int(exponent))


def as_image(shape: Sequence[int]) -> tuple[int, int, int, int]:
    """A shape as [n, h, w, c]: the rows of a dense layer are images of one pixel."""
    n, *middle, c = shape
    height, width = middle or (1, 1)
    return int(n), int(height), int(width), int(c)


def window_of(op: Op, x: Shape, y: Shape) -> dict[str, Any]:
    """The fields of groat_window."""
    from groat.ops.window import window_fields

    return window_fields(op, as_image(x), as_image(y))
