# SPDX-License-Identifier: Apache-2.0
"""What checkkernel calls the kernels of a convolution's gradients with; see cases.py.

The order of their sums is each set's own (docs/NUMERICS.md), so that the arrays hold small integers and the factors are
powers of two: every sum is exact in any order, and there is one right value, to the bit.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from tests.kernels.casefile import SCRATCH, Case, Memory
from tests.kernels.draw import Draw

from groat.graph.ir import Array, Op
from groat.ops.window import extent, spatial_shape, window_fields
from groat.pack.structs import build

ELEMENTS_MAX = 300  # of an image or of weights, so that most cases fit the smallest core
EXACT = 2048  # integers up to here are float16


@dataclass(frozen=True)
class Problem:
    """A convolution of one image whose gradients are asked for.

    Attributes:
        image: (height, width) of x.
        attrs: kernel, stride, dilation and padding.
        channels_in, channels_out: of the one group that a kernel sees.
        depthwise: whether channel o of dy comes from channel o // (channels_out / channels_in) of x, and from no other.
    """

    image: tuple[int, int]
    attrs: dict[str, Any]
    channels_in: int
    channels_out: int
    depthwise: bool

    @property
    def out(self) -> tuple[int, int]:
        return spatial_shape(self.attrs, *self.image)

    @property
    def weights_shape(self) -> tuple[int, ...]:
        kernel: tuple[int, int] = self.attrs["kernel"]
        return (*kernel, self.channels_out) if self.depthwise else (self.channels_out, *kernel, self.channels_in)

    @property
    def macs(self) -> int:
        return int(np.prod(self.out)) * int(np.prod(self.weights_shape))

    def padded(self, x: Array) -> Array:
        """x with zeros wherever a window reaches."""
        pads = []
        for axis in range(2):
            before, size = self.attrs["padding"][axis][0], x.shape[axis]
            reach = extent(self.attrs["kernel"][axis], self.attrs["dilation"][axis])
            last = (self.out[axis] - 1) * self.attrs["stride"][axis] + reach
            pads.append((before, max(last - before - size, 0)))
        return np.pad(x, (*pads, (0, 0)))

    def tap(self, padded: Array, ky: int, kx: int) -> Array:
        """A view of what a tap reads [out_h, out_w, channels_in]."""
        slices = []
        for axis, k in enumerate((ky, kx)):
            start, step = k * self.attrs["dilation"][axis], self.attrs["stride"][axis]
            slices.append(slice(start, start + (self.out[axis] - 1) * step + 1, step))
        return padded[slices[0], slices[1]]

    def weight_gradient(self, x: Array, dy: Array) -> Array:
        padded = self.padded(x)
        dw = np.zeros(self.weights_shape, np.int64)
        for ky, kx in np.ndindex(*self.attrs["kernel"]):
            tap = self.tap(padded, ky, kx)
            if self.depthwise:
                dw[ky, kx] = (np.repeat(tap, self.channels_out // self.channels_in, axis=2) * dy).sum(axis=(0, 1))
            else:
                dw[:, ky, kx] = np.einsum("yxo,yxi->oi", dy, tap)
        return dw

    def input_gradient(self, w: Array, dy: Array) -> Array:
        dx = self.padded(np.zeros((*self.image, self.channels_in), np.int64))
        for ky, kx in np.ndindex(*self.attrs["kernel"]):
            if self.depthwise:
                terms = (w[ky, kx] * dy).reshape(*self.out, self.channels_in, -1).sum(axis=3)
            else:
                terms = np.einsum("yxo,oi->yxi", dy, w[:, ky, kx])
            self.tap(dx, ky, kx)[...] += terms
        (top, _), (left, _) = self.attrs["padding"]
        return dx[top : top + self.image[0], left : left + self.image[1]]


def integers(draw: Draw, shape: tuple[int, ...]) -> Array:
    """Small ones, and no zeros, whose sign would tell the order of a sum."""
    x = draw.rng.integers(1, 4, shape) * draw.rng.choice(np.array([-1, 1]), shape)
    return np.asarray(x, np.int64)


def strided(draw: Draw, pixels: Array, stride: int, dtype: str) -> Memory:
    """Pixels [h, w, channels] with whatever between them."""
    flat = pixels.reshape(-1, pixels.shape[2])
    values = np.full((len(flat), stride), np.nan, dtype)
    values[:, : flat.shape[1]] = flat
    return draw.memory(values.reshape(-1)[: (len(flat) - 1) * stride + flat.shape[1]], align=values.itemsize)


def updated(draw: Draw, gradient: Array, alpha: float, beta: float, dtype: str) -> Memory:
    """An array that a gradient is added to; it may hold anything where beta is 0."""
    if beta == 0:
        return draw.output((alpha * gradient).astype(dtype).reshape(1, -1))
    before = integers(draw, gradient.shape)
    after = (beta * before + alpha * gradient).astype(dtype)
    return draw.memory(before.astype(dtype), align=after.itemsize, after=after)


def gradient_of(draw: Draw, kernel: str, problem: Problem) -> Case:
    dtype = "float16" if kernel.endswith("_f16") else "float32"
    x, dy = integers(draw, (*problem.image, problem.channels_in)), integers(draw, (*problem.out, problem.channels_out))
    near, far = (64, 256) if dtype == "float16" and draw.one_in(4) else (1, 1)  # products that no float16 holds
    scale = near * far
    in_stride, out_stride = problem.channels_in, problem.channels_out
    if not problem.depthwise and draw.one_in(3):
        in_stride, out_stride = in_stride + draw.between(0, 5), out_stride + draw.between(0, 5)
    op = Op("conv_2d", (), (), problem.attrs)
    shapes = [(1, *problem.image, in_stride), (1, *problem.out, out_stride)]
    window = build("groat_window", window_fields(op, *shapes))
    k: dict[str, Any] = {"window": draw.memory(np.frombuffer(window, np.uint8), align=4), "scratch": SCRATCH}
    if problem.depthwise:
        k |= {"channels_in": problem.channels_in, "multiplier": problem.channels_out // problem.channels_in}
    else:
        k |= {"channels_in": problem.channels_in, "channels_out": problem.channels_out}
        k |= {"in_stride": in_stride, "out_stride": out_stride}
    arguments: dict[str, Any] = {"k": k, "dy": strided(draw, far * dy, out_stride, dtype)}
    if "weight_grad" in kernel:
        alpha, beta = draw.pick((1.0, 0.0), (-0.25, 1.0), (0.5, 1.0), (2.0, 0.0), (-0.5, 0.5))
        k |= {"alpha": alpha / scale, "beta": beta}
        given = draw.pick(("dw", "db"), ("dw", "db"), ("dw",), ("db",)) if draw.one_in(2) else ("dw", "db")
        arguments["x"] = strided(draw, near * x, in_stride, dtype) if "dw" in given else None
        dw, db = problem.weight_gradient(x, dy), dy.sum(axis=(0, 1))
        assert max(abs(dw).max(), abs(db).max()) < EXACT
        arguments["dw"] = updated(draw, dw, alpha, beta, dtype) if "dw" in given else None
        arguments["db"] = updated(draw, db, alpha / near, beta, "float32") if "db" in given else None
    else:
        w = integers(draw, problem.weights_shape)
        dx = problem.input_gradient(w, dy)
        assert abs(dx).max() < EXACT
        arguments["w"] = draw.memory((near * w).astype(dtype), align=np.dtype(dtype).itemsize)
        with np.errstate(over="ignore"):
            gradient = (scale * dx).reshape(-1, problem.channels_in).astype(dtype)
        arguments["dx"] = draw.output(gradient, in_stride)
    return Case(kernel, arguments, problem.macs, label=f"{problem}")


def gradient(draw: Draw, kernel: str) -> Case:
    depthwise = kernel.startswith("depthwise")
    while True:
        size = (draw.up_to(9), draw.up_to(9)) if not draw.one_in(5) else (1, draw.up_to(12))  # a dense layer's batches
        taps = draw.pick((1, 1), (3, 3), (draw.up_to(4), draw.up_to(5)))
        attrs = {
            "kernel": taps,
            "stride": draw.pick((1, 1), (1, 1), (2, 2), (draw.up_to(3), draw.up_to(4))),
            "dilation": (draw.up_to(3), draw.up_to(2)) if draw.one_in(4) else (1, 1),
            "padding": tuple((draw.between(0, n), draw.between(0, n)) if n > 1 else (0, 0) for n in taps),
        }
        channels_in = draw.up_to(draw.pick(5, 9, 18, 40))
        channels_out = channels_in * (draw.up_to(4) if draw.one_in(4) else 1) if depthwise else draw.up_to(20)
        if depthwise and draw.one_in(8):
            channels_in, channels_out = 1, draw.up_to(20)
        problem = Problem(size, attrs, channels_in, channels_out, depthwise)
        if min(problem.out) < 1 or problem.macs > 20_000:
            continue
        arrays = (np.prod(problem.weights_shape), np.prod(size) * channels_in, np.prod(problem.out) * channels_out)
        if max(arrays) <= ELEMENTS_MAX:
            return gradient_of(draw, kernel, problem)


def gradient_shapes(draw: Draw, kernel: str) -> Iterator[tuple[str, Case]]:
    depthwise = kernel.startswith("depthwise")

    def square(image: tuple[int, int], side: int, channels_in: int, channels_out: int) -> Problem:
        attrs = {"kernel": (side, side), "stride": (1, 1), "dilation": (1, 1), "padding": ((side // 2, side // 2),) * 2}
        return Problem(image, attrs, channels_in, channels_out, depthwise)

    first = {"kernel": (10, 4), "stride": (2, 2), "dilation": (1, 1), "padding": ((4, 5), (1, 1))}
    problems = {
        "3x3 64, 25 x 5": square((25, 5), 3, 64, 64),
        "10x4 1->64, 49 x 10, stride 2": Problem((49, 10), first, 1, 64, depthwise),
    }
    if not depthwise:
        problems = {
            "3x3 16->32, 16 x 16": square((16, 16), 3, 16, 32),
            "1x1 64->64, 25 x 5": square((25, 5), 1, 64, 64),
            "dense 256->10": square((1, 1), 1, 256, 10),
        }
    for label, problem in problems.items():
        yield label, gradient_of(draw, kernel, problem)


def functions() -> dict[str, Any]:
    """Of each kernel, and of its shapes."""
    made = {}
    for name in ("conv_weight_grad", "conv_input_grad", "depthwise_weight_grad", "depthwise_input_grad"):
        for kernel in (f"{name}_f32", f"{name}_f16"):
            made[kernel] = functools.partial(gradient, kernel=kernel)
            made[f"{kernel}_shapes"] = functools.partial(gradient_shapes, kernel=kernel)
    return made
