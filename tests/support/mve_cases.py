# SPDX-License-Identifier: Apache-2.0
"""Hostile calls of the kernels that Helium has its own of: shapes that fill no vector, no block and no pair of pixels;
data at the ends of its range; multipliers, shifts and biases of every size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from groat import kernels
from groat.graph.ir import Array

Call = Callable[..., Array]  # of (on=…, isa=…)


def _bytes(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    kind = rng.integers(4)
    if kind == 0:
        return np.full(shape, rng.choice([-128, 127]), np.int8)
    if kind == 1:
        return rng.choice(np.array([-128, -1, 0, 127], np.int8), shape)
    return rng.integers(-128, 128, shape).astype(np.int8)


def _constants(rng: np.random.Generator, count: int) -> dict[str, Any]:
    """Of a usual size, so that outputs differ, or anything that is allowed; shifts for each of the layouts."""
    usual = rng.random() < 0.6
    highest = int(rng.choice([-1, 0, 30], p=[0.5, 0.3, 0.2]))
    low, high = sorted(int(value) for value in rng.integers(-128, 128, 2))
    zero_point = int(rng.choice([-128, 127, int(rng.integers(-128, 128))]))
    activation = rng.integers(3)
    bias = rng.integers(-20000, 20000, count) if usual else rng.choice([-(1 << 31), 0, (1 << 31) - 1], count)
    return {
        "bias": bias.astype(np.int32),
        "multiplier": rng.integers(1 << 30, 1 << 31, count) if usual else rng.choice([0, 1, (1 << 31) - 1], count),
        "shift": np.minimum(rng.integers(-10, 0, count) if usual else rng.integers(-31, 31, count), highest)
        + (rng.random(count) < 0.1) * (highest == 0),
        "output_zero_point": zero_point,
        # None, a rectifier, or any.
        "act_min": [-128, zero_point, low][activation],
        "act_max": [127, 127, high][activation],
    }


def _window(rng: np.random.Generator, largest: int) -> tuple[tuple[int, int], dict[str, Any]]:
    kernel = (int(rng.integers(1, largest + 1)), int(rng.integers(1, largest + 1)))
    where: dict[str, Any] = {
        "stride": (int(rng.integers(1, 4)), int(rng.integers(1, 4))),
        "dilation": (1, 1) if rng.random() < 0.7 else (int(rng.integers(1, 3)), int(rng.integers(1, 4))),
        "padding": str(rng.choice(["same", "valid"])),
        "input_zero_point": int(rng.integers(-128, 128)),
    }
    return kernel, where


def _image(rng: np.random.Generator, kernel: tuple[int, int], where: dict[str, Any], channels: int) -> Array:
    extent = [(kernel[i] - 1) * where["dilation"][i] + 1 for i in range(2)]
    height, width = (extent[i] + int(rng.integers(0, 9 if i else 4)) for i in range(2))
    return _bytes(rng, (int(rng.integers(1, 3)), height, width, channels))


def columns(rng: np.random.Generator) -> Call:
    """Three rows, or some, of whole blocks and of less: one panel and several, blocks that have code of their own."""
    kernel = (int(rng.choice([1, 2, 3, 3, 5])), int(rng.choice([1, 3, 3, 4])))
    depth, filters = int(rng.choice([1, 3, 7, 15, 16, 24, 32, 48, 64])), int(rng.choice([4, 8, 12, 15, 16, 20, 24, 40]))
    weights = _bytes(rng, (filters, *kernel, depth))
    x = _bytes(rng, (1, kernel[0] + int(rng.integers(0, 3)), kernel[1] + int(rng.integers(0, 40)), depth))
    constants, stride = _constants(rng, filters), int(rng.integers(1, 4))
    zero_point = int(rng.integers(-128, 128))
    where: dict[str, Any] = {"stride": stride, "padding": "same", "input_zero_point": zero_point}
    return lambda **to: kernels.conv2d(x, weights, **constants, **where, **to)


def convolution(rng: np.random.Generator) -> Call:
    kernel, where = _window(rng, 4)
    groups = 1 if rng.random() < 0.8 else int(rng.integers(2, 4))
    depth, filters = int(rng.integers(1, 40)), groups * int(rng.choice([1, 3, 4, 7, 12, 14, 16, 24, 33, 70]))
    weights = _bytes(rng, (filters, *kernel, depth))
    x = _image(rng, kernel, where, groups * depth)
    constants = _constants(rng, filters)
    return lambda **to: kernels.conv2d(x, weights, **constants, **where, **to)


def pointwise(rng: np.random.Generator) -> Call:
    depth, filters = int(rng.choice([rng.integers(1, 70), 64, 144, 160])), int(rng.integers(1, 70))
    x = _bytes(rng, (1, int(rng.integers(1, 6)), int(rng.integers(1, 6)), depth))
    weights = _bytes(rng, (filters, 1, 1, depth))
    constants = _constants(rng, filters)
    return lambda **to: kernels.conv2d(x, weights, **constants, **to)


def depthwise(rng: np.random.Generator) -> Call:
    kernel, where = _window(rng, 8)
    channels, multiplier = int(rng.choice([1, 3, 8, 16, 17, 24, 48, 64, 70, 130])), 1
    if rng.random() < 0.3:
        channels, multiplier = int(rng.integers(1, 20)), int(rng.integers(1, 9))
    weights = _bytes(rng, (1, *kernel, channels * multiplier))
    x = _image(rng, kernel, where, channels)
    constants = _constants(rng, channels * multiplier)
    return lambda **to: kernels.depthwise_conv2d(x, weights, **constants, **where, **to)


def wide_depthwise(rng: np.random.Generator) -> Call:
    """Rows that the kernel takes in several parts, with all their channels or a few."""
    channels, side = int(rng.choice([8, 16, 24, 40, 64, 72, 120])), int(rng.choice([3, 5, 7]))
    weights = _bytes(rng, (1, side, side, channels))
    x = _bytes(rng, (1, side - 1, int(rng.integers(20, 60)), channels))
    constants, stride = _constants(rng, channels), int(rng.integers(1, 3))
    return lambda **to: kernels.depthwise_conv2d(x, weights, **constants, stride=stride, padding="same", **to)


def dense(rng: np.random.Generator) -> Call:
    batches, depth, units = int(rng.integers(1, 6)), int(rng.integers(1, 200)), int(rng.integers(1, 90))
    weights, x = _bytes(rng, (units, depth)), _bytes(rng, (batches, depth))
    constants = {**_constants(rng, units), "input_zero_point": int(rng.integers(-128, 128))}
    offset = int(rng.integers(-128, 128)) if rng.random() < 0.4 else 0
    return lambda **to: kernels.fully_connected(x, weights, weights_zero_point=offset, **constants, **to)


def addition(rng: np.random.Generator) -> Call:
    count = int(rng.integers(1, 100))
    a, b = _bytes(rng, (count,)), _bytes(rng, (count if rng.random() < 0.8 else 1,))
    scales = 2.0 ** rng.uniform(-9, 3, 2)
    if rng.random() < 0.2:
        scales[1] = scales[0]
    arguments: dict[str, Any] = {
        "a_scale": scales[0],
        "b_scale": scales[1],
        "output_scale": max(scales) * 2.0 ** rng.uniform(-6, 6),
        "a_zero_point": int(rng.integers(-128, 128)),
        "b_zero_point": int(rng.integers(-128, 128)),
        "output_zero_point": int(rng.integers(-128, 128)),
    }
    if rng.random() < 0.3:
        low, high = sorted(int(value) for value in rng.integers(-128, 128, 2))
        arguments.update(act_min=low, act_max=high)
    return lambda **to: kernels.add(a, b, **arguments, **to)


def quantization(rng: np.random.Generator) -> Call:
    """Ties and their neighbours, anything near the range of a byte, and now and then any float at all."""
    count, scale = int(rng.integers(1, 70)), np.float32(2.0 ** rng.uniform(-10, 3))
    quotients = rng.uniform(-200, 200, count)
    tied = np.where(rng.random(count) < 0.3, np.floor(quotients) + 0.5, quotients)
    bits = (tied * float(scale)).astype(np.float32).view(np.uint32) + rng.integers(-1, 2, count).astype(np.uint32)
    if rng.random() < 0.2:
        bits = rng.integers(0, 1 << 32, count, dtype=np.uint32)
    x, zero_point = bits.astype(np.uint32).view(np.float32), int(rng.integers(-128, 128))
    return lambda **to: kernels.quantize(x, scale=float(scale), zero_point=zero_point, **to)


def _pooling(kernel_function: Callable[..., Array]) -> Callable[[np.random.Generator], Call]:
    def case(rng: np.random.Generator) -> Call:
        size = (int(rng.integers(1, 20)), int(rng.integers(1, 20)))
        kernel = (int(rng.integers(1, size[0] + 1)), int(rng.integers(1, size[1] + 1)))
        x = _bytes(rng, (1, *size, int(rng.integers(1, 40))))
        stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        padding = str(rng.choice(["same", "valid"]))
        return lambda **to: kernel_function(x, kernel, stride, padding, **to)

    return case


CASES: dict[str, Callable[[np.random.Generator], Call]] = {
    "conv2d": convolution,
    "conv2d_columns": columns,
    "pointwise": pointwise,
    "depthwise_conv2d": depthwise,
    "wide_depthwise_conv2d": wide_depthwise,
    "fully_connected": dense,
    "add": addition,
    "quantize": quantization,
    "average_pool2d": _pooling(kernels.average_pool2d),
    "max_pool2d": _pooling(kernels.max_pool2d),
}
