# SPDX-License-Identifier: Apache-2.0
"""What checkkernel calls the kernels of int16 activations with; see cases.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from tests.kernels.casefile import Case, Memory
from tests.kernels.cases import IMAGE_MAX, ROWS_MAX, operands
from tests.kernels.draw import INT32_MAX, INT32_MIN, Draw
from tests.kernels.filters import Shape, filter_case, needs_case

from groat.graph.ir import Array, Op
from groat.ops.arithmetic import Int64, clamp_int16, requantize, requantize_wide, wrap32
from groat.ops.softmax_int16 import OP as SOFTMAX
from groat.ops.softmax_int16 import exp_table, reciprocal_table
from groat.pack.layouts import Filters

LOW, HIGH = -32768, 32767


# ---- Filters --------------------------------------------------------------------------------------------


def rescaled(acc: Int64, f: Filters) -> Array:
    """int16 outputs of accumulators [pixels, channels]."""
    if f.acc_bits == 64:
        return clamp_int16(requantize_wide(acc + f.bias, f.multiplier, f.shift), f.act_min, f.act_max)
    return clamp_int16(requantize(wrap32(acc + f.bias), f.multiplier, f.shift), f.act_min, f.act_max)


def drawn_filters(draw: Draw, weights: Array, channels: int, terms: int, acc_bits: int, **others: Any) -> Filters:
    bias, multiplier, shift = draw.scaling(channels, terms)
    bias = bias << (8 if draw.one_in(2) else 0)
    if draw.one_in(5):  # sums about where 32 bits end
        bias += (1 << 31) * draw.rng.integers(-2, 3, channels)
    if draw.one_in(10):
        bias = bias << draw.between(0, 25)
    bias = bias if acc_bits == 64 else wrap32(bias)
    shift = np.minimum(shift, 14 if acc_bits == 64 else 30)
    low, high = draw.activation(LOW, HIGH)
    return Filters(weights, bias, multiplier, shift, 0, low, high, acc_bits=acc_bits, **others)


def conv_of(draw: Draw, shape: Shape) -> Case:
    terms = shape.rows * shape.taps * shape.run
    weights = draw.weights((shape.channels_out, shape.rows, shape.taps, shape.run))
    acc_offset = draw.between(0, INT32_MAX) if draw.one_in(4) else 0
    acc_bits = 32 if draw.one_in(3) else 64
    pixels = shape.pixels + (draw.between(0, 3) if draw.one_in(2) else 0)
    channels = shape.channels_out
    filters = drawn_filters(draw, weights, channels, terms, acc_bits, pixels=pixels, acc_offset=acc_offset != 0)

    def acc(rows: Array) -> Int64:
        products = np.einsum("prti,orti->po", shape.windows(rows), weights.astype(np.int64))
        return np.asarray(products, np.int64) + acc_offset

    fields = {
        "channels_out": channels,
        "run": shape.run,
        "acc_bits": acc_bits,
        "out_stride": channels + (draw.up_to(5) if draw.one_in(2) else 0),
        "acc_offset": acc_offset,
    }
    return filter_case(draw, "conv_s16", shape, filters, acc, fields, rescaled, "int16")


def conv_s16(draw: Draw) -> Case:
    if draw.one_in(20):
        size = {
            "channels_out": draw.up_to(65535),
            "rows": draw.up_to(65535),
            "taps": draw.up_to(draw.pick(1, 300)),
            "run": draw.up_to(draw.pick(300, 1 << 24)),
        }
        return needs_case(draw, "conv_s16", size, int(np.prod([int(n) for n in size.values()], dtype=object)))
    while True:
        run = draw.up_to(150 if draw.one_in(4) else 20)
        shape = Shape(
            pixels=draw.up_to(draw.pick(4, 9)),
            channels_out=draw.up_to(draw.pick(9, 9, 18)),
            rows=draw.up_to(ROWS_MAX),
            taps=draw.up_to(4),
            run=run,
            tap_stride=run + draw.up_to(9) if draw.one_in(2) else None,
            pixel_stride=draw.up_to(30) if draw.one_in(2) else None,
        )
        if shape.macs // shape.pixels <= 1000 and shape.rows * shape.row_length <= IMAGE_MAX // 2:
            return conv_of(draw, shape)


def conv_s16_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    for label, shape in {
        "3x3 16->16, row of 32": Shape(32, 16, 3, 1, 48, pixel_stride=16),
        "3x3 64->64, row of 8": Shape(8, 64, 3, 1, 192, pixel_stride=64),
        "1x1 64->64, 125 pixels": Shape(125, 64, 1, 1, 64),
        "dense 640->128": Shape(1, 128, 1, 1, 640),
    }.items():
        yield label, conv_of(draw, shape)


def depthwise_of(draw: Draw, shape: Shape, channels_in: int) -> Case:
    count, terms = channels_in * shape.multiplier, shape.rows * shape.taps
    weights = np.ascontiguousarray(draw.weights((count, shape.rows, shape.taps)).transpose(1, 2, 0))
    filters = drawn_filters(draw, weights, count, terms, 64, multiplier_depth=shape.multiplier, pixels=shape.pixels)

    def acc(rows: Array) -> Int64:
        x = np.repeat(shape.windows(rows), shape.multiplier, axis=3)
        return np.asarray(np.einsum("prto,rto->po", x, weights.astype(np.int64)), np.int64)

    fields = {"channels_in": channels_in, "multiplier": shape.multiplier}
    return filter_case(draw, "depthwise_s16", shape, filters, acc, fields, rescaled, "int16")


def depthwise_s16(draw: Draw) -> Case:
    if draw.one_in(20):
        size = {name: draw.up_to(65535) for name in ("channels_in", "multiplier", "rows", "taps")}
        return needs_case(draw, "depthwise_s16", size, int(np.prod(list(size.values()), dtype=object)))
    while True:
        channels_in = draw.up_to(draw.pick(5, 9, 18, 40))
        multiplier = draw.up_to(5) if draw.one_in(4) else 1
        shape = Shape(
            pixels=draw.up_to(draw.pick(4, 9)),
            channels_out=channels_in * multiplier,
            rows=3 if draw.one_in(3) else draw.up_to(ROWS_MAX),
            taps=3 if draw.one_in(3) else draw.up_to(8),
            run=channels_in,
            tap_stride=channels_in + draw.up_to(9) if draw.one_in(3) else None,
            pixel_stride=draw.up_to(60) if draw.one_in(2) else None,
            multiplier=multiplier,
        )
        constants = shape.rows * shape.taps * shape.channels_out
        if constants <= 1000 and shape.rows * shape.row_length <= IMAGE_MAX // 2:
            return depthwise_of(draw, shape, channels_in)


def depthwise_s16_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    for channels, pixels in ((16, 48), (64, 25)):
        yield (
            f"3x3 C{channels}, row of {pixels}",
            depthwise_of(draw, Shape(pixels, channels, 3, 3, channels, multiplier=1), channels),
        )


# ---- Pools ----------------------------------------------------------------------------------------------


def pool_of(draw: Draw, kernel: str, shape: Shape) -> Case:
    low, high = draw.activation(LOW, HIGH)
    rows, values = draw.rows(shape.rows, shape.row_length, "int16")
    windows = shape.windows(values)
    if kernel == "max_pool_s16":
        y = windows.max(axis=(1, 2))
    else:
        count, total = shape.rows * shape.taps, windows.sum(axis=(1, 2))
        y = np.sign(total) * ((np.abs(total) + count // 2) // count)
    k = {
        "channels": shape.run,
        "rows": shape.rows,
        "taps": shape.taps,
        "pixel_stride": shape.pixel_step,
        "act_min": low,
        "act_max": high,
    }
    arguments = {"k": k, "rows": rows, "out": draw.output(clamp_int16(y, low, high)), "pixels": shape.pixels}
    return Case(kernel, arguments, shape.pixels * shape.run * shape.rows * shape.taps, label=str(shape))


def pool(draw: Draw, kernel: str) -> Case:
    while True:
        channels = draw.up_to(draw.pick(5, 18, 40))
        shape = Shape(
            pixels=draw.up_to(9),
            channels_out=channels,
            rows=draw.up_to(ROWS_MAX),
            taps=draw.up_to(draw.pick(4, 7, 20)),
            run=channels,
            pixel_stride=draw.up_to(90) if draw.one_in(2) else None,
        )
        if shape.rows * shape.row_length <= IMAGE_MAX // 2:
            return pool_of(draw, kernel, shape)


def average_pool_s16(draw: Draw) -> Case:
    return pool(draw, "average_pool_s16")


def average_pool_s16_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    yield "2x2 C16, row of 16", pool_of(draw, "average_pool_s16", Shape(16, 16, 2, 2, 16, pixel_stride=32))


def max_pool_s16(draw: Draw) -> Case:
    return pool(draw, "max_pool_s16")


def max_pool_s16_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    yield "2x2 C16, row of 16", pool_of(draw, "max_pool_s16", Shape(16, 16, 2, 2, 16, pixel_stride=32))


# ---- Elementwise ----------------------------------------------------------------------------------------


def add_of(draw: Draw, count: int) -> Case:
    def multiplier() -> int:
        wild = draw.one_in(6)
        return int(draw.pick(INT32_MIN, 0, 1, 1 << 30, INT32_MAX)) if wild else draw.between(1 << 30, INT32_MAX)

    left = draw.between(0, 15) if draw.one_in(5) else 15
    names = ("a", "b", "output")
    k = {f"{name}_multiplier": multiplier() for name in names}
    k |= {f"{name}_shift": -draw.between(0, 31 if draw.one_in(5) else 3) for name in names[:2]}
    k |= {"output_shift": -draw.between(0, 31) if draw.one_in(5) else -draw.between(12, 15), "left_shift": left}
    k["act_min"], k["act_max"] = draw.activation(LOW, HIGH)

    def compute(a: Array, b: Array) -> Array:
        terms = [
            requantize(x.astype(np.int64) << left, k[f"{n}_multiplier"], k[f"{n}_shift"])
            for n, x in (("a", a), ("b", b))
        ]
        y = requantize(wrap32(terms[0] + terms[1]), k["output_multiplier"], k["output_shift"])
        return clamp_int16(y, k["act_min"], k["act_max"])

    return Case("add_s16", {"k": k, **operands(draw, count, compute, "int16")}, count, label=f"{count} elements, {k}")


def add_s16(draw: Draw) -> Case:
    return add_of(draw, draw.up_to(300 if draw.one_in(3) else 40))


def add_s16_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    yield "1,024 elements", add_of(draw, 1024)


def softmax_of(draw: Draw, count: int) -> Case:
    x = draw.integers(count, LOW, HIGH).astype(np.int16)
    attrs = {"multiplier": draw.between(1 << 30, INT32_MAX), "shift": draw.between(-12, 12 if draw.one_in(3) else 1)}
    expected = SOFTMAX.reference(Op("softmax_int16", (0,), (1,), attrs), [x])[0]
    inplace = draw.one_in(3)
    source = draw.memory(x, align=2, after=expected if inplace else None)
    out = source if inplace else draw.output(expected.reshape(count, 1))
    tables = [table().astype("<i2").tobytes() for table in (exp_table, reciprocal_table)]
    k = {
        "exp_table": Memory(tables[0], tables[0]),
        "reciprocal_table": Memory(tables[1], tables[1]),
        **attrs,
    }
    return Case("softmax_s16", {"k": k, "in": source, "out": out, "count": count}, count, label=f"{count} elements")


def softmax_s16(draw: Draw) -> Case:
    return softmax_of(draw, draw.up_to(600 if draw.one_in(6) else 40))


def softmax_s16_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    yield "1,000 elements", softmax_of(draw, 1000)
