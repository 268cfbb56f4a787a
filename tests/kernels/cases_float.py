# SPDX-License-Identifier: Apache-2.0
"""What checkkernel calls the kernels of float32 and float16 with; see cases.py.

Results have one right value, to the bit: docs/NUMERICS.md has the order of every sum.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from tests.kernels.casefile import SCRATCH, Case, Memory
from tests.kernels.cases import IMAGE_MAX, ROWS_MAX, operands
from tests.kernels.draw import Draw
from tests.kernels.filters import Shape, candidates, needs_case
from tests.support.fma import fma
from tests.support.half_sums import CHUNKS, across_lanes, chunked

from groat.graph.ir import Array, Op
from groat.ops.floats import finite as stored
from groat.ops.softmax_float32 import OP as SOFTMAX
from groat.pack.layouts import FloatFilters, plain_float

CONSTANTS_MAX = 500  # floats


FUSED = {(packing, "float32") for packing in ("dsp", "mve", "rvv")}
"""Kernel sets and types whose filters sum with fused multiply-adds."""


def dtype_of(kernel: str) -> str:
    return "float16" if kernel.endswith("_f16") else "float32"


def multiply_add(draw: Draw, dtype: str, a: Array, b: Array, c: Array) -> Array:
    """a * b + c, as the filters of this set round it."""
    return fma(a, b, c) if (draw.packing, dtype) in FUSED else np.asarray(a * b + c, np.float32)


def clamped(y: Array, limits: tuple[float, float], dtype: str) -> Array:
    low, high = np.float32(limits[0]), np.float32(limits[1])
    with np.errstate(over="ignore"):
        return np.where(y < low, low, np.where(y > high, high, y)).astype(dtype)


# ---- Filters --------------------------------------------------------------------------------------------


def filter_case(
    draw: Draw,
    kernel: str,
    shape: Shape,
    weights: Array,
    terms: Array,
    filters: Array,
    fields: dict[str, Any],
    trained: bool = False,
) -> Case:
    """A call of a kernel with weights.

    Args:
        weights: as the layouts take them.
        terms: index of the element of the rows, for each term of a sum and each output: [terms, pixels, channels].
        filters: the weight of each term: [terms, channels].
        trained: whether ordinary weights lie in the order of the model.
    """
    count, dtype = filters.shape[1], dtype_of(kernel)
    bias = draw.floats(count)
    packed_filters = FloatFilters(np.ascontiguousarray(weights), bias, shape.pixels, max(1, shape.multiplier))
    offered = [*candidates(draw, kernel, packed_filters), plain_float.depthwise_f32(packed_filters)]
    packed = offered[-1 if trained else 0] if draw.ordinary else draw.pick(*offered)
    rows, values = draw.rows(shape.rows, shape.row_length, dtype)
    acc = sums(draw, kernel, shape, packed.layout, values.ravel()[terms], filters, bias)
    limits = draw.limits()
    out = draw.output(clamped(acc, limits, dtype), fields.get("out_stride"))
    k = {
        "weights": Memory(packed.weights, packed.weights),
        "channels": Memory(packed.channels, packed.channels),
        "layout": packed.layout,
        "rows": shape.rows,
        "taps": shape.taps,
        "tap_stride": shape.tap_step,
        "pixel_stride": shape.pixel_step,
        "act_min": limits[0],
        "act_max": limits[1],
        "scratch": SCRATCH,
        **fields,
    }
    arguments = {"k": k, "rows": rows, "out": out, "pixels": shape.pixels}
    return Case(kernel, arguments, shape.macs, label=f"{shape}, layout {packed.layout}")


def sums(draw: Draw, kernel: str, shape: Shape, layout: int, x: Array, w: Array, bias: Array) -> Array:
    """Of the products of x [terms, pixels, channels] and w [terms, channels], and biases, in the order of this set."""
    dtype = dtype_of(kernel)
    acc = np.zeros(x.shape[1:], np.float32)
    most = CHUNKS.get((draw.packing, kernel.rpartition("_")[0]), 0) if dtype == "float16" else 0
    if most > 0:
        if draw.packing == "mve" and kernel.startswith("conv") and layout == 0 and shape.pixels == 1:
            return across_lanes(x, w[:, np.newaxis], shape.run) + bias
        return chunked(acc + bias, x, w, most) if draw.packing == "mve" else chunked(acc, x, w, most) + bias
    for a, b in zip(x.astype(np.float32), w.astype(np.float32), strict=True):
        acc = multiply_add(draw, dtype, a, b, acc)
    return acc + bias


def conv_of(draw: Draw, shape: Shape, kernel: str, trained: bool = False) -> Case:
    weights = draw.of(dtype_of(kernel), (shape.channels_out, shape.rows, shape.taps, shape.run))
    index = np.arange(shape.rows * shape.row_length).reshape(shape.rows, -1)
    seen = shape.seen(index).reshape(shape.pixels, -1)
    terms = np.broadcast_to(seen.T[:, :, np.newaxis], (seen.shape[1], shape.pixels, shape.channels_out))
    fields = {
        "channels_out": shape.channels_out,
        "run": shape.run,
        "pixels_most": draw.pick(0, shape.pixels),
        "out_stride": shape.channels_out + (draw.up_to(5) if draw.one_in(2) else 0),
    }
    return filter_case(draw, kernel, shape, weights, terms, weights.reshape(shape.channels_out, -1).T, fields, trained)


def conv(draw: Draw, kernel: str) -> Case:
    if draw.one_in(20):
        size = {
            "channels_out": draw.up_to(65535),
            "rows": draw.up_to(65535),
            "taps": draw.up_to(draw.pick(1, 300)),
            "run": draw.up_to(draw.pick(300, 1 << 24)),
        }
        return needs_case(draw, kernel, size, int(np.prod([int(n) for n in size.values()], dtype=object)))
    while True:
        run = draw.up_to(100 if draw.one_in(4) else 20)
        shape = Shape(
            pixels=draw.up_to(draw.pick(4, 9)),
            channels_out=draw.up_to(draw.pick(9, 9, 18)),
            rows=draw.up_to(ROWS_MAX),
            taps=draw.up_to(4),
            run=run,
            tap_stride=run + draw.up_to(9) if draw.one_in(2) else None,
            pixel_stride=draw.up_to(30) if draw.one_in(2) else None,
        )
        if shape.macs // shape.pixels <= CONSTANTS_MAX and shape.rows * shape.row_length <= IMAGE_MAX // 4:
            return conv_of(draw, shape, kernel)


def conv_shapes(draw: Draw, kernel: str) -> Iterator[tuple[str, Case]]:
    for label, shape in {
        "3x3 16->32, row of 16": Shape(16, 32, 3, 1, 48, pixel_stride=16),
        "3x3 16->16, row of 32": Shape(32, 16, 3, 1, 48, pixel_stride=16),
        "3x3 64->64, row of 8": Shape(8, 64, 3, 1, 192, pixel_stride=64),
        "1x1 64->64, 125 pixels": Shape(125, 64, 1, 1, 64),
        "dense 256->10": Shape(1, 10, 1, 1, 256),
    }.items():
        yield label, conv_of(draw, shape, kernel)
        yield f"{label}, trained", conv_of(draw, shape, kernel, trained=True)


def depthwise_of(draw: Draw, shape: Shape, channels_in: int, kernel: str, trained: bool = False) -> Case:
    weights = draw.of(dtype_of(kernel), (shape.rows, shape.taps, shape.channels_out))
    index = np.arange(shape.rows * shape.row_length).reshape(shape.rows, -1)
    seen = np.repeat(shape.seen(index), shape.multiplier, axis=3)
    terms = seen.transpose(1, 2, 0, 3).reshape(-1, shape.pixels, shape.channels_out)
    fields = {"channels_in": channels_in, "multiplier": shape.multiplier}
    return filter_case(draw, kernel, shape, weights, terms, weights.reshape(-1, shape.channels_out), fields, trained)


def depthwise(draw: Draw, kernel: str) -> Case:
    if draw.one_in(20):
        size = {name: draw.up_to(draw.pick(100, 65535)) for name in ("channels_in", "multiplier", "rows", "taps")}
        return needs_case(draw, kernel, size, int(np.prod(list(size.values()), dtype=object)))
    while True:
        channels_in = draw.up_to(draw.pick(5, 9, 18, 40))
        multiplier = draw.up_to(5) if draw.one_in(4) else 1
        if draw.one_in(8):
            channels_in, multiplier = 1, draw.up_to(20)
        shape = Shape(
            pixels=draw.up_to(draw.pick(4, 9)),
            channels_out=channels_in * multiplier,
            rows=3 if draw.one_in(2) else draw.up_to(ROWS_MAX),
            taps=3 if draw.one_in(2) else draw.up_to(8),
            run=channels_in,
            tap_stride=channels_in + draw.up_to(9) if draw.one_in(3) else None,
            pixel_stride=draw.up_to(60) if draw.one_in(2) else None,
            multiplier=multiplier,
        )
        constants = shape.rows * shape.taps * shape.channels_out
        if constants <= CONSTANTS_MAX and shape.rows * shape.row_length <= IMAGE_MAX // 4:
            return depthwise_of(draw, shape, channels_in, kernel)


def depthwise_shapes(draw: Draw, kernel: str) -> Iterator[tuple[str, Case]]:
    for channels, pixels in ((16, 48), (64, 5)):
        shape = Shape(pixels, channels, 3, 3, channels, multiplier=1)
        yield f"3x3 C{channels}, row of {pixels}", depthwise_of(draw, shape, channels, kernel)
        yield (
            f"3x3 C{channels}, row of {pixels}, trained",
            depthwise_of(draw, shape, channels, kernel, trained=True),
        )
    first = Shape(5, 64, 10, 4, 1, pixel_stride=2, multiplier=64)
    yield "10x4 C1 x 64, row of 5, trained", depthwise_of(draw, first, 1, kernel, trained=True)


# ---- Pools ----------------------------------------------------------------------------------------------


def pool_of(draw: Draw, kernel: str, shape: Shape) -> Case:
    dtype, most = dtype_of(kernel), kernel.startswith("max")
    rows, values = draw.rows(shape.rows, shape.row_length, dtype)
    taps = shape.seen(values.astype(np.float32)).reshape(shape.pixels, -1, shape.run)
    y = np.full(taps[:, 0].shape, -np.inf if most else 0, np.float32)
    for i in range(taps.shape[1]):
        tap = taps[:, i]
        y = np.where(y < tap, tap, y) if most else y + tap
    if not most:
        y = y / np.float32(taps.shape[1])
    limits = draw.limits()
    k = {
        "channels": shape.run,
        "rows": shape.rows,
        "taps": shape.taps,
        "pixel_stride": shape.pixel_step,
        "act_min": limits[0],
        "act_max": limits[1],
    }
    arguments = {"k": k, "rows": rows, "out": draw.output(clamped(y, limits, dtype)), "pixels": shape.pixels}
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
        if shape.rows * shape.row_length <= IMAGE_MAX // 4:
            return pool_of(draw, kernel, shape)


def pool_shapes(draw: Draw, kernel: str) -> Iterator[tuple[str, Case]]:
    yield "2x2 C16, row of 16", pool_of(draw, kernel, Shape(16, 16, 2, 2, 16, pixel_stride=32))


# ---- Elementwise ----------------------------------------------------------------------------------------


def elementwise_of(draw: Draw, kernel: str, count: int) -> Case:
    limits = draw.limits()

    def compute(a: Array, b: Array) -> Array:
        x, y = a.astype(np.float32), b.astype(np.float32)
        return clamped(x + y if kernel.startswith("add") else x * y, limits, dtype_of(kernel))

    k = {"act_min": limits[0], "act_max": limits[1]}
    arguments = {"k": k, **operands(draw, count, compute, dtype_of(kernel))}
    return Case(kernel, arguments, count, label=f"{count} elements")


def elementwise(draw: Draw, kernel: str) -> Case:
    return elementwise_of(draw, kernel, draw.up_to(300 if draw.one_in(3) else 40))


def elementwise_shapes(draw: Draw, kernel: str) -> Iterator[tuple[str, Case]]:
    yield "1,024 elements", elementwise_of(draw, kernel, 1024)


def softmax_of(draw: Draw, count: int, kernel: str) -> Case:
    x = draw.of(dtype_of(kernel), count)
    beta = float(draw.pick(1.0, 0.75, 8.0))
    expected = SOFTMAX.reference(Op("softmax_float32", (0,), (1,), {"beta": beta}), [x])[0]
    inplace = draw.one_in(3)
    source = draw.memory(x, align=x.itemsize, after=expected if inplace else None)
    out = source if inplace else draw.output(expected.reshape(count, 1))
    arguments = {"k": {"beta": beta}, "in": source, "out": out, "count": count}
    return Case(kernel, arguments, count, label=f"{count} elements")


def softmax(draw: Draw, kernel: str) -> Case:
    return softmax_of(draw, draw.up_to(300 if draw.one_in(6) else 40), kernel)


def softmax_shapes(draw: Draw, kernel: str) -> Iterator[tuple[str, Case]]:
    yield "10 elements", softmax_of(draw, 10, kernel)


# ---- For training -----------------------------------------------------------------------------------------


def finite_of(draw: Draw, kernel: str, count: int) -> Case:
    x = draw.of(dtype_of(kernel), count)
    if draw.one_in(2):
        x[draw.between(0, count - 1)] = draw.pick(np.inf, -np.inf, np.nan)
    elif draw.one_in(3):
        x[draw.between(0, count - 1)] = draw.pick(1, -1) * np.finfo(x.dtype).max
    found = draw.output(np.array([[np.isfinite(x).all()]], np.uint32))
    arguments = {"x": draw.memory(x, align=x.itemsize), "count": count, "finite": found}
    return Case(kernel, arguments, count, label=f"{count} elements")


def finite(draw: Draw, kernel: str) -> Case:
    return finite_of(draw, kernel, draw.up_to(300 if draw.one_in(3) else 40))


def finite_shapes(draw: Draw, kernel: str) -> Iterator[tuple[str, Case]]:
    yield "1,024 elements", finite_of(draw, kernel, 1024)


def clamp_grad_of(draw: Draw, kernel: str, count: int) -> Case:
    dtype = dtype_of(kernel)
    y, between, limits = passing(draw, dtype, count)
    dy = draw.of(dtype, count)
    expected = np.where(between, dy, 0).astype(dtype)
    inplace = draw.one_in(3)
    gradient = draw.memory(dy, align=dy.itemsize, after=expected if inplace else None)
    arguments = {
        "k": {"act_min": limits[0], "act_max": limits[1]},
        "dy": gradient,
        "y": draw.memory(y, align=y.itemsize),
        "dx": gradient if inplace else draw.output(expected.reshape(count, 1)),
        "count": count,
    }
    return Case(kernel, arguments, count, label=f"{count} elements")


def rng_mask(draw: Draw, count: int) -> Array:
    """Which elements are something special: mostly 0, for none."""
    return draw.rng.choice([0, 0, 0, 1, 2], count)


def clamp_grad(draw: Draw, kernel: str) -> Case:
    return clamp_grad_of(draw, kernel, draw.up_to(300 if draw.one_in(3) else 40))


def clamp_grad_shapes(draw: Draw, kernel: str) -> Iterator[tuple[str, Case]]:
    yield "1,024 elements", clamp_grad_of(draw, kernel, 1024)


def passing(draw: Draw, dtype: str, count: int) -> tuple[Array, Array, tuple[float, float]]:
    """(values, some at the limits; which are between them; the limits)."""
    limits = draw.limits()
    ends = rng_mask(draw, count)
    y = np.where(ends == 1, limits[0], np.where(ends == 2, limits[1], draw.of(dtype, count))).astype(dtype)
    return y, (y > np.float32(limits[0])) & (y < np.float32(limits[1])), limits


def clamp_mask_of(draw: Draw, kernel: str, count: int) -> Case:
    y, between, limits = passing(draw, dtype_of(kernel), count)
    bits = np.packbits(between, bitorder="little")
    arguments = {
        "k": {"act_min": limits[0], "act_max": limits[1]},
        "y": draw.memory(y, align=y.itemsize),
        "mask": draw.output(bits.reshape(-1, 1)),
        "count": count,
    }
    return Case(kernel, arguments, count, label=f"{count} elements")


def clamp_mask(draw: Draw, kernel: str) -> Case:
    return clamp_mask_of(draw, kernel, draw.up_to(300 if draw.one_in(3) else 40))


def clamp_mask_shapes(draw: Draw, kernel: str) -> Iterator[tuple[str, Case]]:
    yield "1,024 elements", clamp_mask_of(draw, kernel, 1024)


def clamp_grad_mask_of(draw: Draw, kernel: str, count: int) -> Case:
    dtype = dtype_of(kernel)
    dy = draw.of(dtype, count)
    bits = draw.rng.integers(0, 256, -(-count // 8)).astype(np.uint8)  # those behind the last may be anything
    expected = np.where(np.unpackbits(bits, bitorder="little")[:count], dy, 0).astype(dtype)
    inplace = draw.one_in(3)
    gradient = draw.memory(dy, align=dy.itemsize, after=expected if inplace else None)
    arguments = {
        "dy": gradient,
        "mask": draw.memory(bits),
        "dx": gradient if inplace else draw.output(expected.reshape(count, 1)),
        "count": count,
    }
    return Case(kernel, arguments, count, label=f"{count} elements")


def clamp_grad_mask(draw: Draw, kernel: str) -> Case:
    return clamp_grad_mask_of(draw, kernel, draw.up_to(300 if draw.one_in(3) else 40))


def clamp_grad_mask_shapes(draw: Draw, kernel: str) -> Iterator[tuple[str, Case]]:
    yield "1,024 elements", clamp_grad_mask_of(draw, kernel, 1024)


def sgd_of(draw: Draw, kernel: str, count: int) -> Case:
    """A step with a velocity, or without, or with the gradient as velocity."""
    dtype, velocity = dtype_of(kernel), "none" if draw.ordinary else draw.pick("none", "own", "gradient")
    k = {"rate": draw.pick(0.125, 0.1, 1e4), "decay": draw.pick(0.0, 0.01), "momentum": draw.pick(0.5, 0.9)}
    if velocity == "gradient":
        k["momentum"] = 0.0
    rate, decay, momentum = (np.float32(k[name]) for name in ("rate", "decay", "momentum"))
    w, g, v = (draw.of(dtype, count) for _ in range(3))
    wide = w.astype(np.float32)
    d = g.astype(np.float32) + decay * wide
    if velocity != "none":
        moved = stored(momentum * v.astype(np.float32) + d if velocity == "own" else d, dtype)
        d = moved.astype(np.float32)
    size = w.itemsize
    gradient = draw.memory(g, size, after=moved if velocity == "gradient" else None)
    arguments = {
        "k": {name: float(np.float32(value)) for name, value in k.items()},
        "g": gradient,
        "velocity": {"none": None, "gradient": gradient}.get(velocity)
        if velocity != "own"
        else draw.memory(v, size, after=moved),
        "w": draw.memory(w, size, after=stored(wide - rate * d, dtype)),
        "count": count,
    }
    return Case(kernel, arguments, count, label=f"{count} elements, velocity: {velocity}")


def sgd(draw: Draw, kernel: str) -> Case:
    return sgd_of(draw, kernel, draw.up_to(300 if draw.one_in(3) else 40))


def sgd_shapes(draw: Draw, kernel: str) -> Iterator[tuple[str, Case]]:
    yield "1,024 elements", sgd_of(draw, kernel, 1024)


# ---- By name ----------------------------------------------------------------------------------------------


def functions() -> dict[str, Any]:
    """Of each kernel, and of its shapes."""
    families: dict[str, tuple[Any, Any]] = {
        "conv": (conv, conv_shapes),
        "depthwise": (depthwise, depthwise_shapes),
        "average_pool": (pool, pool_shapes),
        "max_pool": (pool, pool_shapes),
        "add": (elementwise, elementwise_shapes),
        "mul": (elementwise, elementwise_shapes),
        "softmax": (softmax, softmax_shapes),
        "finite": (finite, finite_shapes),
        "clamp_grad": (clamp_grad, clamp_grad_shapes),
        "clamp_mask": (clamp_mask, clamp_mask_shapes),
        "clamp_grad_mask": (clamp_grad_mask, clamp_grad_mask_shapes),
        "sgd": (sgd, sgd_shapes),
    }
    made = {}
    for name, (hostile, shapes) in families.items():
        for kernel in (f"{name}_f32", f"{name}_f16"):
            made[kernel] = functools.partial(hostile, kernel=kernel)
            made[f"{kernel}_shapes"] = functools.partial(shapes, kernel=kernel)
    return made
