# SPDX-License-Identifier: Apache-2.0
"""Requantisation in two or three instructions for the DSP extension: one multiplication, one shift.

As a function of its accumulator an output is a staircase: it never falls, and has at most 255 steps.  The exact one
rounds twice, and the short one,

    saturate(((accumulator * 2**scale + bias) * multiplier / 2**32 + offset) >> bits),

rounds once.  They are the same function if they step at the same places.  Where TFLite's rounding away from zero
matters on both sides of zero there is seldom such a staircase; where a clamp hides one side (ReLU) there nearly always
is, if bias and offset are chosen well.  Each step is compared, so nothing here has to be believed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from groat.graph.ir import Array
from groat.ops.arithmetic import Int64, requantize

_STEPS = np.arange(-127, 128, dtype=np.int64)[:, np.newaxis]
_OFFSETS = np.arange(-40, 41, dtype=np.int64)[:, np.newaxis]  # tried around the plain one
_INT32 = 1 << 31


@dataclass(frozen=True)
class Exact:
    """The function that is asked for, channel by channel.

    Attributes: sums without their bias lie in `least` to `greatest`, and fit 30 bits with it; the others are the
    arguments of groat_requantize, whose shift goes right, and what follows it.
    """

    least: Int64
    greatest: Int64
    bias: Int64
    multiplier: Int64
    right: Int64
    zero_point: int
    act_min: int
    act_max: int

    def __call__(self, sums: Int64) -> Int64:
        y = requantize(sums + self.bias, self.multiplier, -self.right) + self.zero_point
        return np.asarray(np.clip(y, self.act_min, self.act_max), np.int64)

    def steps(self) -> Int64:
        """[255, channels]: the least sum whose output is -127, -126, …; `greatest` + 1 if there is none."""
        away = (_STEPS - self.zero_point - 0.5) * 2.0**self.right
        guess = (away - np.sign(away) * 0.5) * 2.0**31 / np.maximum(self.multiplier, 1) - self.bias
        low = np.clip(np.nan_to_num(guess) - 4, self.least, self.greatest + 1).astype(np.int64)
        high = np.clip(low + 8, self.least, self.greatest + 1)
        inside = np.clip(low - 1, self.least, self.greatest)
        low = np.where((low > self.least) & (self(inside) >= _STEPS), self.least, low)
        inside = np.minimum(high, self.greatest)
        high = np.where((high <= self.greatest) & (self(inside) < _STEPS), self.greatest + 1, high)
        while (low < high).any():
            middle = (low + high) >> 1
            enough = self(np.minimum(middle, self.greatest)) >= _STEPS
            low, high = np.where(enough | (low == high), low, middle + 1), np.where(enough, middle, high)
        return np.asarray(low, np.int64)


def find(exact: Exact, scale: Int64, bits: int) -> tuple[Array, Int64]:
    """Constants of the short requantisation: (bool [channels], whether they give the same outputs for all sums;
    int64 [channels, 3], bias, multiplier, offset).  `scale` is below 24, `bits` below 24."""
    steps, plus = exact.steps(), np.int64(1) << scale
    shifted = exact.multiplier * 2.0 ** (bits + 1 - exact.right - scale)
    nearest = np.floor(shifted + 0.5)
    sums = np.maximum(np.abs(exact.least), np.abs(exact.greatest)) + 1
    possible = (nearest > 1) & (nearest < _INT32 - 1) & (sums * plus < _INT32)
    found = np.zeros(len(scale), bool)
    result = np.zeros((len(scale), 3), np.int64)
    for turn in (0, -1, 1):
        multiplier = np.where(possible, nearest + turn, 1).astype(np.int64)
        each = np.where(possible, plus, 0) * multiplier  # what a sum goes up by, in 2**-32 of the unit before the shift
        at = _STEPS << (bits + 32)
        # bias * multiplier + offset * 2**32 must be at least `low`, and below `high`.
        low = np.where(steps <= exact.greatest, at - steps * each, -(1 << 62)).max(axis=0)
        high = np.where(steps > exact.least, at - (steps - 1) * each, 1 << 62).min(axis=0)
        offset = (exact.zero_point << bits) + (1 << (bits - 1)) + _OFFSETS
        bias = -((offset * (1 << 32) - low) // multiplier)
        good = (bias * multiplier + offset * (1 << 32) < high) & possible & (np.abs(bias) + sums * plus < _INT32)
        first = good.argmax(axis=0)
        new = good.any(axis=0) & ~found
        columns = np.arange(len(scale))
        values = np.stack([bias[first, columns], multiplier, offset[first, 0]], axis=1)
        result[new] = values[new]
        found |= new
    return found, result
