# SPDX-License-Identifier: Apache-2.0
"""Hostile arguments for the kernels of cores without SIMD, from a seed: what their shortcuts must not get wrong.

Weights near and far beyond what three packed pixels bear, channels that are dead, saturated or wrap, shifts from one
end to the other, odd shapes, and pixel counts around the six, three and one that the kernels take at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import groat.kernels
from groat.graph.ir import Array


@dataclass(frozen=True)
class Case:
    """A call of a function of groat.kernels, but for where it runs."""

    function: Callable[..., Array]
    arrays: tuple[Array, ...]
    options: dict[str, Any]

    def run(self, **where: str) -> Array:
        return self.function(*self.arrays, **self.options, **where)


def case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    make = (_convolution, _convolution, _depthwise, _depthwise, _dense, _add)[seed % 6]
    return make(rng)


def long_case(seed: int) -> Case:
    """A convolution as networks have them, of more products or channels than go into one pass or block."""
    rng = np.random.default_rng(seed)
    kernel, depth = ((3, 3), int(rng.integers(8, 60))) if seed % 2 else ((1, 1), int(rng.integers(20, 400)))
    out_c = int(rng.choice([3, 16, 35, 70]))
    products = kernel[0] * kernel[1] * depth
    weights = np.clip(np.round(rng.laplace(0, rng.choice([4, 20, 40]), (out_c, *kernel, depth))), -127, 127)
    weights[rng.random(out_c) < 0.2] = rng.choice([0, 127, -128])
    spread = 40 * np.sqrt(products) * rng.uniform(1, 60, out_c)  # of the sums; a few outputs saturate, or hardly move
    bias = rng.normal(0, 1, out_c) * spread * rng.choice([0.3, 3], out_c)
    width = int(rng.choice([1, 2, 3, 4, 5, 6, 7, 9, 10, 14]))
    options = {
        "padding": str(rng.choice(["same", "valid"])),
        "multiplier": rng.integers(1 << 30, 1 << 31, out_c).astype(np.int32),
        "shift": -np.clip(np.log2(spread / 40).astype(np.int32), 0, 20),
        "input_zero_point": int(rng.integers(-128, 128)),
        "output_zero_point": (zero := int(rng.choice([-128, -20, 0, 127]))),
        "act_min": int(rng.choice([-128, zero])),
    }
    arrays = (
        _values(rng, (1, kernel[0], width + kernel[1] - 1, depth)),
        weights.astype(np.int8),
        np.clip(bias, -(2**31), 2**31 - 1).astype(np.int32),
    )
    return Case(groat.kernels.conv2d, arrays, options)


def _values(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    style = rng.integers(6)
    if style == 0:
        values = np.full(shape, rng.choice([-128, 127, 0, -1]))
    elif style == 1:
        values = rng.choice([-128, 127], shape)
    elif style == 2:
        values = rng.integers(-4, 5, shape)
    elif style == 3:
        values = np.clip(np.round(rng.laplace(0, 30, shape)), -128, 127)
    else:
        values = rng.integers(-128, 128, shape)
    return np.asarray(values, np.int8)


def _weights(rng: np.random.Generator, shape: tuple[int, ...], axis: int) -> Array:
    """Of another style in each channel every now and then; some channels are all zero."""
    weights = _values(rng, shape)
    if rng.random() < 0.5:
        for channel in range(shape[axis]):
            part = [slice(None)] * len(shape)
            part[axis] = slice(channel, channel + 1)
            values = _values(rng, weights[tuple(part)].shape)
            weights[tuple(part)] = 0 if rng.random() < 0.2 else values
    return weights


def _scaling(rng: np.random.Generator, channels: int, depth: int) -> dict[str, Any]:
    shift = rng.integers(-14, 1, channels)
    if rng.random() < 0.3:
        shift = rng.integers(-31, 31, channels)
    multiplier = rng.integers(1 << 30, 1 << 31, channels)
    if rng.random() < 0.2:
        multiplier = rng.choice([0, 1, 1 << 30, 2**31 - 1], channels)
    low = int(rng.choice([-128, -128, -20, 0]))
    return {
        "multiplier": multiplier.astype(np.int32),
        "shift": shift.astype(np.int32),
        "input_zero_point": int(rng.integers(-128, 128)),
        "output_zero_point": int(rng.integers(-128, 128)),
        "act_min": low,
        "act_max": int(rng.choice([127, 127, 30, low])) if low <= 30 else 127,
    }


def _bias(rng: np.random.Generator, channels: int) -> Array:
    size = int(rng.choice([1, 10_000, 2**29, 2**30, 2**31 - 1]))
    return rng.integers(-size, size + 1, channels).astype(np.int32)


def _window(rng: np.random.Generator, kernel: tuple[int, int]) -> tuple[int, int, dict[str, Any]]:
    """Height and width of an image that the kernel fits into, and how it moves over it."""
    stride = tuple(int(n) for n in rng.choice([1, 1, 1, 2, 3], 2))
    dilation = tuple(int(n) for n in rng.choice([1, 1, 1, 2], 2))
    height, width = (int((kernel[i] - 1) * dilation[i] + rng.integers(1, 14)) for i in range(2))
    return height, width, {"stride": stride, "dilation": dilation, "padding": str(rng.choice(["same", "valid"]))}


def _kernel(rng: np.random.Generator) -> tuple[int, int]:
    sizes = [(1, 1), (3, 3), (3, 3), (5, 5), (7, 7), (1, 4), (4, 2), (2, 5), (1, 9), (6, 1)]
    return sizes[rng.integers(len(sizes))]


def _convolution(rng: np.random.Generator) -> Case:
    kernel = _kernel(rng)
    height, width, window = _window(rng, kernel)
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    depth, out_c = int(rng.integers(1, 20)), groups * int(rng.integers(1, 20))
    arrays = (
        _values(rng, (int(rng.integers(1, 3)), height, width, groups * depth)),
        _weights(rng, (out_c, *kernel, depth), 0),
        _bias(rng, out_c),
    )
    return Case(groat.kernels.conv2d, arrays, {**window, **_scaling(rng, out_c, depth)})


def _depthwise(rng: np.random.Generator) -> Case:
    kernel = _kernel(rng)
    height, width, window = _window(rng, kernel)
    in_c, multiplier = ((int(rng.integers(1, 14)), 1), (1, int(rng.integers(1, 12))), (3, 4), (2, 3))[rng.integers(4)]
    out_c = in_c * multiplier
    arrays = (
        _values(rng, (1, height, width, in_c)),
        _weights(rng, (1, *kernel, out_c), 3),
        _bias(rng, out_c),
    )
    return Case(groat.kernels.depthwise_conv2d, arrays, {**window, **_scaling(rng, out_c, 1)})


def _dense(rng: np.random.Generator) -> Case:
    batches, depth, out_c = (int(n) for n in rng.integers(1, (8, 70, 40)))
    arrays = (_values(rng, (batches, depth)), _weights(rng, (out_c, depth), 0), _bias(rng, out_c))
    options = _scaling(rng, out_c, depth)
    options["weights_zero_point"] = int(rng.choice([0, 0, 5, -128, 127]))
    return Case(groat.kernels.fully_connected, arrays, options)


def _add(rng: np.random.Generator) -> Case:
    shape = tuple(int(n) for n in rng.integers(1, (3, 5, 40)))
    other = (*shape[:-1], 1) if rng.random() < 0.2 else shape
    scales = 2.0 ** rng.uniform(-12, 0, 2)
    if rng.random() < 0.2:
        scales[1] = scales[0]
    options = {
        "a_scale": float(scales[0]),
        "b_scale": float(scales[1]),
        "output_scale": float(max(scales) * 2.0 ** rng.uniform(-10, 3)),
        **{name: int(rng.integers(-128, 128)) for name in ("a_zero_point", "b_zero_point", "output_zero_point")},
        "act_min": int(rng.choice([-128, -7])),
        "act_max": int(rng.choice([127, 9])),
    }
    arrays = (_values(rng, shape), _values(rng, other))
    return Case(groat.kernels.add, arrays if rng.random() < 0.5 else arrays[::-1], options)
