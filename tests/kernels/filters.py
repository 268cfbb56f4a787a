# SPDX-License-Identifier: Apache-2.0
"""Cases of kernels with weights: what their calls have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tests.kernels.casefile import DOUBTFUL, NEEDS, RUN, SCRATCH, Answer, Case, Memory
from tests.kernels.draw import INT32_MIN, Draw

from groat.graph.ir import Array
from groat.ops.arithmetic import Int64, clamp_int8, requantize, wrap32
from groat.pack import layouts
from groat.pack.layouts import Filters, Packed

UNKNOWN_LAYOUT = 1 << 16


@dataclass(frozen=True)
class Shape:
    """What a filter's kernel is called for.  Steps of None: neighbours, as in a dense image."""

    pixels: int
    channels_out: int
    rows: int
    taps: int
    run: int = 1
    tap_stride: int | None = None
    pixel_stride: int | None = None
    multiplier: int = 0  # of a depthwise filter: outputs to each input channel
    tap: int | None = None  # None: the run

    @property
    def tap_step(self) -> int:
        return self.run if self.tap_stride is None else self.tap_stride

    @property
    def pixel_step(self) -> int:
        return self.tap_step if self.pixel_stride is None else self.pixel_stride

    @property
    def tap_bytes(self) -> int:
        return self.run if self.tap is None else self.tap

    @property
    def row_length(self) -> int:
        """From the first tap of the first pixel to the last of the last."""
        return (self.pixels - 1) * self.pixel_step + (self.taps - 1) * self.tap_step + self.run

    @property
    def fits_strips(self) -> bool:
        """Whether neighbouring windows may be one pixel apart in every direction."""
        return self.rows > 1 and self.taps == 1 and self.pixel_step == self.tap_bytes and self.run > self.tap_bytes

    @property
    def macs(self) -> int:
        return self.pixels * self.channels_out * self.rows * self.taps * (1 if self.multiplier else self.run)

    def windows(self, rows: Array) -> Int64:
        """What each pixel sees of rows [rows, row_length] of integers: [pixels, rows, taps, run]."""
        return self.seen(rows).astype(np.int64)

    def seen(self, rows: Array) -> Array:
        """The same of any type."""
        pixel = np.arange(self.pixels)[:, None, None] * self.pixel_step
        index = pixel + np.arange(self.taps)[:, None] * self.tap_step + np.arange(self.run)
        return rows[:, index].transpose(1, 0, 2, 3)


def rescaled(acc: Int64, f: Filters) -> Array:
    """int8 outputs of accumulators [pixels, channels]."""
    y = requantize(wrap32(acc + f.bias), f.multiplier, f.shift) + f.output_zero_point
    return clamp_int8(wrap32(y), f.act_min, f.act_max)


def candidates(draw: Draw, kernel: str, filters: Filters) -> list[Packed]:
    """Every way in which the packer may lay out these filters."""
    given = [filters] if kernel.startswith("conv") else filters
    return [candidate.packed[0] for candidate in layouts.candidates(draw.packing, kernel, given)]


def out_of_range(draw: Draw, filters: Filters) -> Filters:
    """The same with one channel that no kernel needs to compute with."""
    multiplier, shift = filters.multiplier.copy(), filters.shift.copy()
    channel = draw.between(0, len(shift) - 1)
    if draw.one_in(3):
        multiplier[channel] = draw.pick(-1, INT32_MIN)
    else:
        shift[channel] = draw.pick(31, -32)
    return replace(filters, multiplier=multiplier, shift=shift)


def doubtful(draw: Draw, packed: Packed) -> Packed:
    """Constants with a few bytes changed: what a damaged file may hold."""

    def damage(data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(draw.between(1, 4)):
            if changed:
                changed[draw.between(0, len(changed) - 1)] = int(
                    draw.pick(0, 1, 0x7F, 0x80, 0xFF, draw.between(0, 255))
                )
        return bytes(changed)

    if draw.one_in(3):
        return replace(packed, weights=damage(packed.weights))
    if draw.one_in(3):
        return replace(packed, layout=draw.between(0, 20))
    return replace(packed, channels=damage(packed.channels))


def filter_case(
    draw: Draw,
    kernel: str,
    shape: Shape,
    filters: Filters,
    acc: Callable[[Array], Int64],
    fields: dict[str, Any],
    finish: Callable[[Int64, Filters], Array] = rescaled,
    dtype: str = "int8",
) -> Case:
    """A call of a kernel with weights; `acc` makes accumulators [pixels, channels] of rows [rows, row_length], `finish`
    outputs of them.  Each output row of a strip begins one row later."""
    purpose = DOUBTFUL if draw.one_in(6) else RUN
    if purpose == DOUBTFUL and draw.one_in(3):
        packed = draw.pick(*candidates(draw, kernel, out_of_range(draw, filters)))
    else:
        offered = candidates(draw, kernel, filters)
        strips = [each for each in offered if each.more_rows > 0]  # seldom offered, so more often taken
        packed = offered[0] if draw.ordinary else draw.pick(*offered, *strips, *strips, *strips)
        packed = doubtful(draw, packed) if purpose == DOUBTFUL else packed
    rows, values = draw.rows(shape.rows + packed.more_rows, shape.row_length, dtype)
    strip = [acc(values[first : first + shape.rows]) for first in range(1 + packed.more_rows)]
    expected = finish(np.concatenate(strip), filters)
    out = draw.output(expected, fields.get("out_stride"))
    if purpose == DOUBTFUL:
        out = Memory(out.before, None, out.residue)
    k = {
        "weights": Memory(packed.weights, packed.weights),
        "channels": Memory(packed.channels, packed.channels),
        "layout": packed.layout,
        "rows": shape.rows,
        "taps": shape.taps,
        "tap_stride": shape.tap_step,
        "pixel_stride": shape.pixel_step,
        **({"output_zero_point": filters.output_zero_point} if dtype == "int8" else {}),
        "act_min": filters.act_min,
        "act_max": filters.act_max,
        "scratch": SCRATCH,
        **fields,
    }
    arguments = {"k": k, "rows": rows, "out": out, "pixels": shape.pixels}
    if packed.more_rows > 0:
        k["out_row_stride"] = shape.pixels * fields["out_stride"]
    label = f"{shape}, layout {packed.layout}"
    return Case(kernel, arguments, len(strip) * shape.macs, purpose, label=label, more_rows=packed.more_rows)


def needs_case(draw: Draw, kernel: str, fields: dict[str, int], weights: int) -> Case:
    """Whatever the size, `needs` must refuse or ask for at least half a byte for each of `weights` weights: a product
    that overflows asks for less.  No set has layouts of large numbers: they must be refused."""

    def judge(answer: Answer) -> str | None:
        if answer.known and layout >= UNKNOWN_LAYOUT:
            return "needs knows a layout that there cannot be"
        if answer.known and answer.weights_bytes < weights // 2:
            return f"needs answers {answer.weights_bytes:,} bytes for {weights:,} weights"
        return None

    layout = 0 if draw.one_in(2) else draw.pick(draw.between(0, 20), draw.between(UNKNOWN_LAYOUT, (1 << 32) - 1))
    k = {**fields, "layout": layout}
    return Case(kernel, {"k": k}, 1, NEEDS, judge, label=f"needs of {k}")


def drawn_filters(draw: Draw, weights: Array, channels: int, terms: int, **others: Any) -> Filters:
    bias, multiplier, shift = draw.scaling(channels, terms)
    low, high = draw.activation()
    return Filters(weights, bias, multiplier, shift, draw.zero_point(), low, high, **others)
