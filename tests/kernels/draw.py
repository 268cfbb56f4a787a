# SPDX-License-Identifier: Apache-2.0
"""Random material for checkkernel's cases: hostile by default, or such as a trained network has.

Hostile is what a kernel may meet and its author may not think of: arrays at odd addresses, values at the ends of their
range, rows that are one and the same, multipliers and shifts of any size, lengths that fill no vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.kernels.casefile import Memory

from groat.graph.ir import Array
from groat.ops.arithmetic import Int64
from groat.pack.layouts import Layouts, layouts_of

INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1


class Draw:
    """One case's random choices for one kernel set; the same seed gives the same ones.

    Attributes:
        rng: for what the methods here do not do.
        layouts: how the kernel set wants its weights.
        packing: its name.
        ordinary: values such as a trained network has, arrays where a planner would put them.
    """

    def __init__(self, seed: tuple[int, ...], packing: str, ordinary: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.packing = packing
        self.layouts: Layouts = layouts_of(packing)
        self.ordinary = ordinary

    def one_in(self, n: int) -> bool:
        """True 1 in n times; never if ordinary."""
        return not self.ordinary and int(self.rng.integers(n)) == 0

    def between(self, low: int, high: int) -> int:
        """Both ends included."""
        return int(self.rng.integers(low, high + 1))

    def up_to(self, limit: int) -> int:
        """1 to `limit`, and 1 more often than the rest."""
        return 1 if self.one_in(5) else self.between(1, limit)

    def pick(self, *choices: Any) -> Any:
        return choices[self.between(0, len(choices) - 1)]

    # ---- Arrays ------------------------------------------------------------------------------------------

    def integers(self, shape: int | tuple[int, ...], low: int = -128, high: int = 127) -> Array:
        """Over the whole range, at its two ends, all alike, or small."""
        kind = 9 if self.ordinary else self.between(0, 5)
        if kind == 0:
            return self.rng.choice(np.array([low, high]), shape)
        if kind == 1:
            return np.full(shape, self.pick(low, high, 0))
        if kind == 2:
            return self.rng.integers(max(low, -3), min(high, 3) + 1, shape)
        if kind == 3:
            return np.where(self.rng.random(shape) < 0.5, self.pick(low, high), self.rng.integers(low, high + 1, shape))
        return self.rng.integers(low, high + 1, shape)

    def int8(self, shape: int | tuple[int, ...]) -> Array:
        return self.integers(shape).astype(np.int8)

    def weights(self, shape: tuple[int, ...], low: int = -128, high: int = 127) -> Array:
        """int8 weights: each channel has some of its own kind, so that a condition holds for some and not for others.
        The first axis is the channels'."""
        if self.ordinary:
            return np.clip(np.rint(self.rng.normal(0, 28, shape)), -127, 127).astype(np.int8)
        if self.one_in(2):
            return self.integers(shape, low, high).astype(np.int8)
        limit = int(self.rng.choice([high, 40, 8, 1]))
        rows = [self.integers(shape[1:], max(low, -limit), limit) for _ in range(shape[0])]
        weights = np.stack(rows).astype(np.int8)
        if self.one_in(3):
            weights[self.rng.random(shape) < 0.02] = low
        return weights

    def floats(self, shape: int | tuple[int, ...], reach: float = 20.0) -> Array:
        """float32 of one size, of many sizes, or such that sums are exact or cancel; sums and products are finite and
        no subnormal numbers, which not every core computes with."""
        x = self.rng.normal(0, 1, shape)
        kind = 9 if self.ordinary else self.between(0, 5)
        if kind == 0:
            x = np.sign(x) * np.exp2(self.rng.uniform(-reach, reach, shape))
        if kind == 1:
            x = self.rng.integers(-3, 4, shape).astype(np.float64)
        if kind == 2:
            x = np.where(self.rng.random(shape) < 0.3, self.pick(0.0, -0.0, 1.0), x)
        if kind == 3:
            x = np.full(shape, self.pick(1.0, -1.5, float(np.float32(0.1))))
        return np.asarray(x, np.float32)

    def limits(self) -> tuple[float, float]:
        """(act_min, act_max) of floats: none, a rectifier's, or any; of ordinary ones a rectifier's."""
        if self.ordinary:
            return 0.0, float("inf")
        low, high = self.pick((-np.inf, np.inf), (0.0, np.inf), (0.0, 6.0), tuple(sorted(self.rng.normal(0, 1, 2))))
        return float(np.float32(low)), float(np.float32(high))

    def memory(self, array: Array, align: int = 1, after: Array | None = None) -> Memory:
        """An array at any address that is a multiple of `align`; its contents change to `after`, if given."""
        before = np.ascontiguousarray(array).tobytes()
        residue = 0 if self.ordinary else align * self.between(0, 16 // align - 1)
        return Memory(before, before if after is None else np.ascontiguousarray(after).tobytes(), residue)

    def output(self, expected: Array, stride: int | None = None) -> Memory:
        """What the rows of an array [pixels, channels] must become, `stride` elements from one to the next; between
        them nothing may change."""
        size = expected.dtype.itemsize
        pixels, channels = expected.shape
        step = channels if stride is None else stride
        before = self.rng.integers(0, 256, ((pixels - 1) * step + channels) * size).astype(np.uint8)
        after = before.copy()
        for pixel, row in enumerate(expected):
            start = pixel * step * size
            after[start : start + channels * size] = np.ascontiguousarray(row).view(np.uint8)
        return self.memory(before, align=size, after=after)

    def rows(self, count: int, length: int, dtype: str = "int8") -> tuple[list[Memory], Array]:
        """(row pointers, their contents [count, length]); now and then two are the same row, like rows of padding."""
        rows: list[Memory] = []
        values: list[Array] = []
        for _ in range(count):
            if rows and self.one_in(5):
                rows.append(rows[-1])
                values.append(values[-1])
                continue
            values.append(self.of(dtype, length))
            rows.append(self.memory(values[-1], align=values[-1].itemsize))
        return rows, np.stack(values)

    def of(self, dtype: str, shape: int | tuple[int, ...]) -> Array:
        """An array of a type."""
        if np.dtype(dtype).kind == "f":
            return self.floats(shape, 20.0 if dtype == "float32" else 10.0).astype(dtype)
        info = np.iinfo(dtype)
        return self.integers(shape, int(info.min), int(info.max)).astype(dtype)

    # ---- Constants ---------------------------------------------------------------------------------------

    def activation(self, low: int = -128, high: int = 127) -> tuple[int, int]:
        """(act_min, act_max): none, a rectifier's, or any."""
        ends = sorted(self.between(low, high) if self.one_in(3) else end for end in (low, high))
        return ends[0], ends[1]

    def zero_point(self) -> int:
        return int(self.pick(-128, 127, 0)) if self.one_in(2) else self.between(-128, 127)

    def scaling(self, channels: int, terms: int) -> tuple[Int64, Int64, Int64]:
        """(bias, multiplier, shift) of channels that add up `terms` products: mostly such that outputs differ; now
        and then anything that the format allows, for some of the channels or for all."""
        spread = 6000 * int(np.sqrt(terms)) + 1
        bias = self.rng.integers(-spread // 4, spread // 4 + 1, channels)
        multiplier = self.rng.integers(1 << 30, 1 << 31, channels)
        right = max(1, int(np.log2(spread)) - 7)
        shift = -self.rng.integers(right, right + 3, channels)
        wild = (
            np.full(channels, True) if self.one_in(6) else self.rng.random(channels) < (0.15 if self.one_in(2) else 0)
        )
        extremes = np.array([0, 1, (1 << 30) + 1, 1 << 30, INT32_MAX - 1, INT32_MAX])
        multiplier = np.where(wild & (self.rng.random(channels) < 0.6), self.rng.choice(extremes, channels), multiplier)
        shift = np.where(wild & (self.rng.random(channels) < 0.6), self.rng.integers(-31, 31, channels), shift)
        ends = np.array([INT32_MIN, INT32_MAX, -(1 << 29), 1 << 29, (1 << 29) - 1, 1 << 30])
        bias = np.where(wild & (self.rng.random(channels) < 0.4), self.rng.choice(ends, channels), bias)
        return bias.astype(np.int64), multiplier.astype(np.int32), shift.astype(np.int32)
