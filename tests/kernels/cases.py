# SPDX-License-Identifier: Apache-2.0
"""What checkkernel calls each kernel with: one function for each row of kernels.def, and what it must answer.

A function named like the kernel draws one hostile case; one named `<kernel>_shapes` yields the calls whose cost is
printed.  Weights are laid out by the packers themselves (groat.pack.layouts), expected outputs come from NumPy by the
formulas of docs/NUMERICS.md.  How to add a kernel: docs/TESTING.md.
"""

from __future__ import annotations

import copy
import functools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from tests.kernels.casefile import DOUBTFUL, RUN, SCRATCH, Case, Memory, main_kernels
from tests.kernels.draw import INT32_MAX, INT32_MIN, Draw
from tests.kernels.filters import Shape, candidates, drawn_filters, filter_case, needs_case, rescaled

from groat.graph.ir import Array, Op
from groat.ops.arithmetic import Int64, clamp_int8, requantize, wrap32
from groat.ops.depthwise_conv_2d import strided_tap
from groat.ops.quantize import OP as QUANTIZE
from groat.ops.softmax import OP as SOFTMAX
from groat.ops.softmax import exp_table
from groat.ops.window import pad_image, spatial_shape, window_fields
from groat.pack.layouts import layouts_of
from groat.pack.structs import build

ROWS_MAX = 5
CONSTANTS_MAX, IMAGE_MAX = 1500, 1600  # bytes, so that most cases fit the smallest core


# ---- Filters --------------------------------------------------------------------------------------------


def conv_of(draw: Draw, shape: Shape) -> Case:
    terms = shape.rows * shape.taps * shape.run
    weights = draw.weights((shape.channels_out, shape.rows, shape.taps, shape.run))
    acc_offset = draw.between(INT32_MIN, INT32_MAX) if draw.one_in(4) else 0
    filters = drawn_filters(
        draw,
        weights,
        shape.channels_out,
        terms,
        pixels=shape.pixels + (draw.between(0, 3) if draw.one_in(2) else 0),
        acc_offset=acc_offset != 0,
        tap=shape.tap_bytes,
    )
    if shape.fits_strips:
        height = draw.between(2, 9)
        filters = replace(filters, pixels=shape.pixels, calls=height, image=(height, shape.pixels))

    def acc(rows: Array) -> Int64:
        products = np.einsum("prti,orti->po", shape.windows(rows), weights.astype(np.int64))
        return np.asarray(products, np.int64) + acc_offset

    fields = {
        "channels_out": shape.channels_out,
        "run": shape.run,
        "tap": shape.tap_bytes,
        "out_stride": shape.channels_out + (draw.up_to(5) if draw.one_in(2) else 0),
        "acc_offset": acc_offset,
    }
    return filter_case(draw, "conv_s8", shape, filters, acc, fields)


def strip_shape(draw: Draw) -> Shape:
    """3x3 over pixels that lie side by side, and so many of them that a set may compute several rows at once."""
    tap = draw.pick(4, 4, 8, draw.up_to(12))
    pixels = draw.between(2, 9)
    return Shape(pixels, draw.pick(2, 4, draw.up_to(6)), 3, 1, 3 * tap, pixel_stride=tap, tap=tap)


def conv_s8(draw: Draw) -> Case:
    if draw.one_in(20):
        size = {
            "channels_out": draw.up_to(65535),
            "rows": draw.up_to(65535),
            "taps": draw.up_to(draw.pick(1, 300)),
            "run": draw.up_to(draw.pick(300, 1 << 24)),
        }
        return needs_case(draw, "conv_s8", size, int(np.prod([int(n) for n in size.values()], dtype=object)))
    if draw.one_in(4):
        return conv_of(draw, strip_shape(draw))
    while True:
        tap = draw.up_to(150 if draw.one_in(4) else 20)
        run = tap * draw.pick(1, 1, 2, 3, 4)
        shape = Shape(
            pixels=draw.up_to(draw.pick(4, 9, 17)),
            channels_out=draw.up_to(draw.pick(9, 9, 18, 70)),
            rows=draw.up_to(ROWS_MAX),
            taps=draw.up_to(4),
            run=run,
            tap_stride=run + draw.up_to(9) if draw.one_in(2) else None,
            pixel_stride=draw.pick(tap, 2 * tap, draw.up_to(30)) if draw.one_in(2) else None,
            tap=tap,
        )
        if shape.macs // shape.pixels <= CONSTANTS_MAX and shape.rows * shape.row_length <= IMAGE_MAX:
            return conv_of(draw, shape)


def conv_s8_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    for label, shape in {
        "3x3 16->16, row of 32": Shape(32, 16, 3, 1, 48, pixel_stride=16, tap=16),
        "3x3 64->64, row of 8": Shape(8, 64, 3, 1, 192, pixel_stride=64, tap=64),
        "first 3x3 3->16, row of 32": Shape(32, 16, 3, 1, 9, pixel_stride=3, tap=3),
        "1x1 64->64, 125 pixels": Shape(125, 64, 1, 1, 64),
        "1x1 16->32, 144 pixels": Shape(144, 32, 1, 1, 16),
        "dense 640->128": Shape(1, 128, 1, 1, 640),
    }.items():
        yield label, conv_of(draw, shape)


def plain_of(draw: Draw, shape: Shape) -> Case:
    """Weights and constants in the order of the model, on every set."""
    of_model = copy.copy(draw)
    of_model.packing, of_model.layouts = "ref", layouts_of("ref")
    while True:
        case = conv_of(of_model, shape)
        if case.purpose == RUN:  # constants are made by the op, so that there are no doubtful ones
            return replace(case, kernel="conv_plain_s8")


def conv_plain_s8(draw: Draw) -> Case:
    run = draw.up_to(40)
    return plain_of(
        draw,
        Shape(
            pixels=draw.up_to(draw.pick(4, 9)),
            channels_out=draw.up_to(draw.pick(9, 18)),
            rows=draw.up_to(3),
            taps=draw.up_to(3),
            run=run,
            tap_stride=run + draw.up_to(9) if draw.one_in(2) else None,
            pixel_stride=draw.up_to(30) if draw.one_in(2) else None,
        ),
    )


def conv_plain_s8_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    for label, shape in {
        "3x3 32->32, row of 16": Shape(16, 32, 3, 1, 96, pixel_stride=32, tap=32),
        "dense 64->10": Shape(1, 10, 1, 1, 64),
    }.items():
        yield label, plain_of(draw, shape)


def depthwise_of(draw: Draw, shape: Shape, channels_in: int) -> Case:
    count = channels_in * shape.multiplier
    weights = draw.weights((count, shape.rows, shape.taps)).transpose(1, 2, 0)
    filters = drawn_filters(
        draw,
        np.ascontiguousarray(weights),
        count,
        shape.rows * shape.taps,
        multiplier_depth=shape.multiplier,
        image=(20, 20) if draw.one_in(3) else None,  # the constants of whole images serve rows, too
        pixels=shape.pixels,
    )

    def acc(rows: Array) -> Int64:
        x = np.repeat(shape.windows(rows), shape.multiplier, axis=3)
        return np.asarray(np.einsum("prto,rto->po", x, weights.astype(np.int64)), np.int64)

    most = shape.pixels + (draw.between(0, 9) if draw.one_in(2) else 0)
    fields = {
        "channels_in": channels_in,
        "multiplier": shape.multiplier,
        "pixels": most,
        "sparing": int(draw.one_in(2)),
    }
    return filter_case(draw, "depthwise_s8", shape, filters, acc, fields)


def depthwise_s8(draw: Draw) -> Case:
    if draw.one_in(20):
        size = {name: draw.up_to(draw.pick(100, 65535)) for name in ("channels_in", "multiplier", "rows", "taps")}
        return needs_case(draw, "depthwise_s8", size, int(np.prod(list(size.values()), dtype=object)))
    while True:
        channels_in = draw.up_to(draw.pick(5, 9, 18, 40, 70))
        multiplier = draw.up_to(9) if draw.one_in(4) else 1
        side = draw.pick(3, 5, 7, 8, 11)
        tall, wide = draw.pick(
            (side, side), (side, side), (side, draw.up_to(8)), (draw.up_to(ROWS_MAX), draw.up_to(30))
        )
        shape = Shape(
            pixels=draw.up_to(draw.pick(4, 9, 17, 90)),
            channels_out=channels_in * multiplier,
            rows=tall,
            taps=wide,
            run=channels_in,
            tap_stride=channels_in + draw.up_to(9) if draw.one_in(3) else None,
            pixel_stride=draw.pick(2 * channels_in, draw.up_to(60)) if draw.one_in(2) else None,
            multiplier=multiplier,
        )
        constants = shape.rows * shape.taps * shape.channels_out
        if constants <= CONSTANTS_MAX and shape.rows * shape.row_length <= IMAGE_MAX:
            return depthwise_of(draw, shape, channels_in)


def depthwise_s8_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    for side in (3, 5, 7):
        for channels, pixels in ((16, 48), (64, 25)):
            shape = Shape(pixels, channels, side, side, channels, multiplier=1)
            yield f"{side}x{side} C{channels}, row of {pixels}", depthwise_of(draw, shape, channels)


def image_of(draw: Draw, x_shape: tuple[int, ...], op: Op) -> Case:
    """A depthwise convolution of all of an image; sets may have no way for it."""
    kernel, channels = op.attrs["kernel"], x_shape[3]
    weights = draw.weights((channels, *kernel)).transpose(1, 2, 0)
    filters = drawn_filters(draw, np.ascontiguousarray(weights), channels, kernel[0] * kernel[1])
    size = spatial_shape(op.attrs, *x_shape[1:3])
    filters = replace(filters, stride=op.attrs["stride"], dilation=op.attrs["dilation"], image=size)
    offered = candidates(draw, "depthwise_s8", filters)
    packed = draw.pick(*offered) if draw.one_in(8) else offered[0]  # others may have no such way
    x, padding = draw.int8(x_shape), draw.zero_point()
    padded = pad_image(x.astype(np.int64), op, padding)
    acc = np.zeros((x_shape[0], *size, channels), np.int64)
    for tap in np.ndindex(*kernel):
        acc += strided_tap(padded, op, tap, size) * weights[tap]
    outputs = acc.size // channels
    k = {
        "weights": Memory(packed.weights, packed.weights),
        "channels": Memory(packed.channels, packed.channels),
        "window": draw.memory(
            np.frombuffer(build("groat_window", window_fields(op, x_shape, acc.shape)), np.uint8), align=4
        ),
        "layout": packed.layout,
        "multiplier": 1,
        "padding": padding,
        "output_zero_point": filters.output_zero_point,
        "act_min": filters.act_min,
        "act_max": filters.act_max,
        "scratch": SCRATCH,
    }
    arguments = {"k": k, "in": draw.memory(x), "out": draw.output(rescaled(acc.reshape(outputs, channels), filters))}
    label = f"{x_shape}, {op.attrs}, layout {packed.layout}"
    return Case("depthwise_image_s8", arguments, acc.size * kernel[0] * kernel[1], DOUBTFUL, label=label)


def depthwise_image_s8(draw: Draw) -> Case:
    while True:
        side = draw.pick(3, 3, 5, 7)
        kernel = (side, side) if draw.one_in(2) else (draw.up_to(8), draw.up_to(8))
        long = draw.between(0, 2)
        x_shape = (
            draw.up_to(2),
            draw.up_to(60 if long == 0 else 9),
            draw.up_to(60 if long == 1 else 9),
            draw.up_to(3) if draw.one_in(10) else draw.between(4, 10),
        )
        op = Op(
            "depthwise_conv_2d",
            (),
            (),
            {
                "kernel": kernel,
                "stride": draw.pick((1, 1), (2, 2), (draw.up_to(2), draw.up_to(3))),
                "dilation": (1, 1),
                "padding": tuple((draw.between(0, n // 2), draw.between(0, n // 2)) for n in kernel),
            },
        )
        padded = [x_shape[1 + axis] + sum(op.attrs["padding"][axis]) for axis in range(2)]
        if all(padded[axis] >= kernel[axis] for axis in range(2)) and np.prod(x_shape) <= IMAGE_MAX:
            case = image_of(draw, x_shape, op)
            if len(case.arguments["out"].before) <= IMAGE_MAX:  # type: ignore[union-attr]
                return case


def depthwise_image_s8_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    for side, stride, (h, w, channels) in (
        (3, 1, (24, 24, 16)),
        (3, 2, (24, 24, 16)),
        (3, 1, (25, 5, 32)),
        (3, 1, (12, 12, 32)),
        (5, 1, (10, 10, 16)),
        (7, 1, (10, 10, 16)),
        (7, 2, (20, 20, 16)),
    ):
        attrs = {
            "kernel": (side, side),
            "stride": (stride, stride),
            "dilation": (1, 1),
            "padding": ((side // 2, side // 2),) * 2,
        }
        case = image_of(draw, (1, h, w, channels), Op("depthwise_conv_2d", (), (), attrs))
        yield f"{side}x{side} by {stride}, {h} x {w} x {channels}", case


# ---- Pools ----------------------------------------------------------------------------------------------


def pool_of(draw: Draw, kernel: str, shape: Shape) -> Case:
    low, high = draw.activation()
    rows, values = draw.rows(shape.rows, shape.row_length)
    windows = shape.windows(values)
    if kernel == "max_pool_s8":
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
    arguments = {"k": k, "rows": rows, "out": draw.output(clamp_int8(y, low, high)), "pixels": shape.pixels}
    return Case(kernel, arguments, shape.pixels * shape.run * shape.rows * shape.taps, label=str(shape))


def pool(draw: Draw, kernel: str) -> Case:
    while True:
        channels = draw.up_to(draw.pick(5, 18, 40, 70))
        shape = Shape(
            pixels=draw.up_to(9),
            channels_out=channels,
            rows=draw.up_to(ROWS_MAX),
            taps=draw.up_to(draw.pick(4, 7, 40)),
            run=channels,
            pixel_stride=draw.up_to(90) if draw.one_in(2) else None,
        )
        if shape.rows * shape.row_length <= IMAGE_MAX:
            return pool_of(draw, kernel, shape)


def pool_shapes(draw: Draw, kernel: str) -> Iterator[tuple[str, Case]]:
    yield "2x2 C16, row of 16", pool_of(draw, kernel, Shape(16, 16, 2, 2, 16, pixel_stride=32))
    yield "8x8 C64, one pixel", pool_of(draw, kernel, Shape(1, 64, 8, 8, 64))


def average_pool_s8(draw: Draw) -> Case:
    return pool(draw, "average_pool_s8")


def average_pool_s8_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    return pool_shapes(draw, "average_pool_s8")


def max_pool_s8(draw: Draw) -> Case:
    return pool(draw, "max_pool_s8")


def max_pool_s8_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    return pool_shapes(draw, "max_pool_s8")


# ---- Elementwise ----------------------------------------------------------------------------------------


def operands(draw: Draw, count: int, compute: Callable[[Array, Array], Array], dtype: str = "int8") -> dict[str, Any]:
    """Arguments a, a_step, b, b_step, out and count of a kernel with two operands, each an array or one element, any
    of them the same array as another or as the output."""
    steps = [0 if draw.one_in(5) else 1 for _ in range(2)]
    a, b = (draw.of(dtype, count if step else 1) for step in steps)
    same = steps[0] == steps[1] and draw.one_in(6)
    b = a if same else b
    out = np.ascontiguousarray(np.broadcast_to(compute(a, b), (count,)), dtype)
    over_a, over_b = steps[0] == 1 and draw.one_in(4), steps[1] == 1 and draw.one_in(4)
    size = out.dtype.itemsize
    a_memory = draw.memory(a, size, after=out if over_a or (same and over_b) else None)
    b_memory = a_memory if same else draw.memory(b, size, after=out if over_b and not over_a else None)
    target = a_memory if over_a else b_memory if over_b else draw.output(out.reshape(count, 1))
    return {"a": a_memory, "a_step": steps[0], "b": b_memory, "b_step": steps[1], "out": target, "count": count}


def add_of(draw: Draw, count: int) -> Case:
    def multiplier() -> int:
        wild = draw.one_in(6)
        return int(draw.pick(INT32_MIN, 0, 1, 1 << 30, INT32_MAX)) if wild else draw.between(1 << 30, INT32_MAX)

    left = draw.between(0, 20) if draw.one_in(5) else 20
    names = ("a", "b", "output")
    k = {f"{name}_multiplier": multiplier() for name in names}
    k |= {f"{name}_shift": -draw.between(0, 31 if draw.one_in(5) else 3) for name in names[:2]}
    if not draw.one_in(3):
        # As every importer makes it: the operand with the larger scale is halved, the other less than that.
        larger, smaller = draw.pick(("a", "b"), ("b", "a"))
        k |= {f"{larger}_multiplier": 1 << 30, f"{larger}_shift": 0}
        k[f"{smaller}_shift"] = min(k[f"{smaller}_shift"], -1)
    k |= {"output_shift": -draw.between(0, 31) if draw.one_in(5) else -draw.between(17, 20), "left_shift": left}
    k |= {f"{name}_zero_point": draw.zero_point() for name in names}
    k["act_min"], k["act_max"] = draw.activation()

    def compute(a: Array, b: Array) -> Array:
        terms = [
            requantize((x.astype(np.int64) - k[f"{n}_zero_point"]) << left, k[f"{n}_multiplier"], k[f"{n}_shift"])
            for n, x in (("a", a), ("b", b))
        ]
        y = requantize(wrap32(terms[0] + terms[1]), k["output_multiplier"], k["output_shift"])
        return clamp_int8(wrap32(y + k["output_zero_point"]), k["act_min"], k["act_max"])

    return Case("add_s8", {"k": k, **operands(draw, count, compute)}, count, label=f"{count} elements, {k}")


def add_s8(draw: Draw) -> Case:
    return add_of(draw, draw.up_to(300 if draw.one_in(3) else 40))


def add_s8_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    yield "1,024 elements", add_of(draw, 1024)


def quantize_of(draw: Draw, x: Array, scale: np.float32, zero_point: int) -> Case:
    attrs = {"scale": float(scale), "zero_point": zero_point}
    expected = QUANTIZE.reference(Op("quantize", (0,), (1,), attrs), [x])[0]
    k = {"scale": int(scale.view(np.uint32)), "zero_point": zero_point}
    arguments = {"k": k, "in": draw.memory(x, align=4), "out": draw.output(expected.reshape(-1, 1)), "count": x.size}
    return Case("quantize_f32_s8", arguments, x.size, label=f"{x.size} elements, {k}")


def quantize_f32_s8(draw: Draw) -> Case:
    """Quotients within the range of a byte, ties and their neighbours; or any float at all."""
    count = draw.up_to(300 if draw.one_in(3) else 40)
    scale = np.float32(2.0 ** draw.rng.uniform(-12, 4) if draw.one_in(2) else 2.0 ** draw.rng.uniform(-126, 127))
    quotients = draw.rng.uniform(-300, 300, count)
    if draw.one_in(2):
        quotients = np.floor(quotients) + 0.5
    with np.errstate(over="ignore"):
        x = (quotients * float(scale)).astype(np.float32)
    bits = x.view(np.uint32) + draw.rng.integers(-2, 3, count).astype(np.uint32)
    if draw.one_in(3):
        some = draw.rng.random(count) < 0.3
        bits = np.where(some, draw.rng.integers(0, 1 << 32, count, dtype=np.uint32), bits)
    return quantize_of(draw, bits.astype(np.uint32).view(np.float32), scale, draw.zero_point())


def quantize_f32_s8_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    x = draw.rng.uniform(-1, 1, 1024).astype(np.float32)
    yield "1,024 elements", quantize_of(draw, x, np.float32(1 / 127), 0)


def mul_of(draw: Draw, count: int) -> Case:
    wild = draw.one_in(4)
    k = {
        "multiplier": int(draw.pick(0, 1, 1 << 30, INT32_MAX)) if wild else draw.between(1 << 30, INT32_MAX),
        "shift": draw.between(-31, 30) if wild else -draw.between(1, 12),
        **{f"{name}_zero_point": draw.zero_point() for name in ("a", "b", "output")},
    }
    k["act_min"], k["act_max"] = draw.activation()

    def compute(a: Array, b: Array) -> Array:
        product = (a.astype(np.int64) - k["a_zero_point"]) * (b.astype(np.int64) - k["b_zero_point"])
        y = requantize(product, np.int64(k["multiplier"]), np.int64(k["shift"]))
        return clamp_int8(wrap32(y + k["output_zero_point"]), k["act_min"], k["act_max"])

    return Case("mul_s8", {"k": k, **operands(draw, count, compute)}, count, label=f"{count} elements, {k}")


def mul_s8(draw: Draw) -> Case:
    return mul_of(draw, draw.up_to(300 if draw.one_in(3) else 40))


def mul_s8_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    yield "1,024 elements", mul_of(draw, 1024)


def lut_of(draw: Draw, count: int) -> Case:
    table, x = draw.rng.integers(0, 256, 256).astype(np.uint8), draw.rng.integers(0, 256, count).astype(np.uint8)
    inplace = draw.one_in(3)
    source = draw.memory(x, after=table[x] if inplace else None)
    out = source if inplace else draw.output(table[x].reshape(count, 1))
    arguments = {"table": Memory(table.tobytes(), table.tobytes()), "in": source, "out": out, "count": count}
    return Case("lut_8", arguments, count, label=f"{count} elements")


def lut_8(draw: Draw) -> Case:
    return lut_of(draw, draw.up_to(600 if draw.one_in(3) else 40))


def lut_8_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    yield "1,024 elements", lut_of(draw, 1024)


def matvec_of(draw: Draw, rows: int, depth: int) -> Case:
    w, x = draw.int8(rows * depth).reshape(rows, depth), draw.int8(depth)
    sums = draw.rng.integers(-(2**31), 2**31, rows)
    expected = wrap32(w.astype(np.int64) @ x.astype(np.int64) + sums).astype(np.int32)
    arguments = {
        "w": draw.memory(w),
        "x": draw.memory(x),
        "depth": depth,
        "sums": draw.memory(sums.astype(np.int32), align=4, after=expected),
        "count": rows,
    }
    return Case("matvec_s8", arguments, rows * depth, label=f"{rows} rows of {depth}")


def matvec_s8(draw: Draw) -> Case:
    return matvec_of(draw, draw.up_to(19), draw.up_to(200 if draw.one_in(3) else 37))


def matvec_s8_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    yield "80 rows of 20", matvec_of(draw, 80, 20)
    yield "256 rows of 64", matvec_of(draw, 256, 64)


def softmax_of(draw: Draw, count: int, table: Array) -> Case:
    x = draw.rng.integers(-60, 11, count).astype(np.int8) if draw.one_in(3) else draw.int8(count)
    expected = SOFTMAX.reference(Op("softmax", (0,), (1,), {"table": table}), [x])[0]
    inplace = draw.one_in(3)
    source = draw.memory(x, after=expected if inplace else None)
    out = source if inplace else draw.output(expected.reshape(count, 1))
    stored = table.astype("<i4").tobytes()
    arguments = {"table": Memory(stored, stored), "table_count": len(table), "in": source, "out": out, "count": count}
    return Case("softmax_s8", arguments, count, label=f"{count} elements, table of {len(table)}")


def softmax_s8(draw: Draw) -> Case:
    """Tables like the host's: from one down to nothing, sometimes at once and sometimes hardly."""
    size = 256 if draw.one_in(2) else draw.up_to(256)
    decay = 1 - 2.0 ** -draw.between(1, 20)
    table = np.floor(INT32_MAX * decay ** np.arange(size)).astype(np.int32)
    return softmax_of(draw, draw.up_to(900 if draw.one_in(6) else 40), table)


def softmax_s8_shapes(draw: Draw) -> Iterator[tuple[str, Case]]:
    for count in (10, 1000):
        yield f"{count:,} elements", softmax_of(draw, count, exp_table(0.1, 1.0))


# ---- All of them ----------------------------------------------------------------------------------------


def functions() -> dict[str, Any]:
    """Those of this file and of the ones for int16, floats and gradients, by name."""
    from tests.kernels import cases_float, cases_grad, cases_s16

    return {**cases_float.functions(), **cases_grad.functions(), **vars(cases_s16), **globals()}


@functools.cache
def hostile(packing: str, kernel: str, numbers: range) -> list[Case]:
    """Cases of a kernel for a kernel set; the same numbers give the same ones."""
    made = []
    for number in numbers:
        case: Case = functions()[kernel](Draw((zlib.crc32(kernel.encode()), number), packing))
        case.label = f"case {number}: {case.label}"
        made.append(case)
    return made


def shapes(packing: str, kernel: str) -> list[tuple[str, Case]]:
    """(label, case) of the calls whose cost is printed."""
    return list(functions()[f"{kernel}_shapes"](Draw((1,), packing, ordinary=True)))


def missing() -> list[str]:
    """Kernels of kernels.def without a function here."""
    names = functions()
    return [kernel for kernel in main_kernels() if kernel not in names or f"{kernel}_shapes" not in names]
