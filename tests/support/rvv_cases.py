# SPDX-License-Identifier: Apache-2.0
"""Hostile arguments for the RISC-V vector kernels: channels that leave part of a tile or block of 64 lanes idle or need
several, pixels enough to go into the lanes themselves, weights at either side of what fits 16 bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from groat import kernels
from groat.graph.ir import Array

Call = Callable[..., Array]  # of (on=…, isa=…)

_CHANNELS = (1, 2, 3, 5, 8, 10, 12, 16, 17, 24, 31, 32, 33, 40, 48, 63, 64, 65, 72, 96, 100, 128, 130)


def _bytes(rng: np.random.Generator, shape: tuple[int, ...], low: int = -128) -> Array:
    kind = rng.integers(6)
    if kind == 0:
        return np.full(shape, rng.choice([low, 127]), np.int8)
    if kind == 1:
        return rng.choice(np.array([low, -1, 0, 127], np.int8), shape)
    if kind == 2:
        return rng.integers(-31, 32, shape).astype(np.int8)  # sums of more inputs fit 16 bits
    return rng.integers(low, 128, shape).astype(np.int8)


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Rarely with -128: two of them beside each other leave the fast path."""
    return _bytes(rng, shape, -128 if rng.random() < 0.1 else -127)


def _constants(rng: np.random.Generator, count: int) -> dict[str, Any]:
    """Mostly shifts to the right, which the fast path takes; else anything that is allowed."""
    usual = np.full(count, True) if rng.random() < 0.7 else rng.random(count) < 0.6
    shift = np.where(usual, rng.integers(-12, 0, count), rng.integers(-31, 31, count))
    multiplier = rng.integers(1 << 30, 1 << 31, count)
    multiplier = np.where(rng.random(count) < 0.9, multiplier, rng.choice([0, 1, 1 << 30, (1 << 31) - 1], count))
    bias = rng.integers(-20000, 20000, count)
    bias = np.where(rng.random(count) < 0.05, rng.choice([-(1 << 31), (1 << 31) - 1], count), bias)
    low, high = (-128, 127) if rng.random() < 0.7 else sorted(int(value) for value in rng.integers(-128, 128, 2))
    return {
        "bias": bias.astype(np.int32),
        "multiplier": multiplier.astype(np.int32),
        "shift": shift.astype(np.int32),
        "input_zero_point": int(rng.integers(-128, 128)),
        "output_zero_point": int(rng.integers(-128, 128)),
        "act_min": low,
        "act_max": high,
    }


def _spatial(rng: np.random.Generator, largest: int) -> tuple[tuple[int, int], dict[str, Any]]:
    kernel = (int(rng.integers(1, largest + 1)), int(rng.integers(1, largest + 1)))
    if rng.random() < 0.6:
        kernel = (3, 3) if rng.random() < 0.5 else (1, 1)
    stride = (1, 1) if rng.random() < 0.5 else (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    dilation = (1, 1) if rng.random() < 0.8 else (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    return kernel, {"stride": stride, "dilation": dilation, "padding": "same" if rng.random() < 0.5 else "valid"}


def _image(rng: np.random.Generator, kernel: tuple[int, int], where: dict[str, Any], channels: int) -> Array:
    extent = [(kernel[i] - 1) * where["dilation"][i] + 1 for i in range(2)]
    width = extent[1] + int(rng.integers(0, 80 if channels <= 16 and rng.random() < 0.3 else 9))
    return _bytes(rng, (int(rng.integers(1, 3)), extent[0] + int(rng.integers(0, 4)), width, channels))


def convolution(rng: np.random.Generator) -> Call:
    kernel, where = _spatial(rng, 4)
    groups = 1 if rng.random() < 0.85 else int(rng.integers(2, 4))
    depth, filters = int(rng.integers(1, 34)), groups * int(rng.choice(_CHANNELS))
    weights = _weights(rng, (filters, *kernel, depth))
    x = _image(rng, kernel, where, groups * depth)
    constants = _constants(rng, filters)
    return lambda **to: kernels.conv2d(x, weights, **constants, **where, **to)


def few_inputs(rng: np.random.Generator) -> Call:
    """Where pixels go into the lanes."""
    kernel = (3, 3) if rng.random() < 0.5 else (1, 1)
    depth = int(rng.integers(1, 5)) if kernel == (3, 3) else int(rng.integers(1, 38))
    x = _bytes(rng, (1, int(rng.integers(3, 6)), int(rng.integers(12, 90)), depth))
    weights = _weights(rng, (int(rng.integers(1, 65)), *kernel, depth))
    constants = _constants(rng, len(weights))
    where = {"stride": int(rng.integers(1, 3)), "padding": "same"}
    return lambda **to: kernels.conv2d(x, weights, **constants, **where, **to)


def depthwise(rng: np.random.Generator) -> Call:
    kernel, where = _spatial(rng, 7)
    channels, multiplier = int(rng.choice([*_CHANNELS, 144, 192, 240, 256, 288])), 1
    if rng.random() < 0.3:
        channels, multiplier = int(rng.integers(1, 20)), int(rng.integers(1, 20))
    weights = _weights(rng, (1, *kernel, channels * multiplier))
    x = _image(rng, kernel, where, channels)
    constants = _constants(rng, channels * multiplier)
    return lambda **to: kernels.depthwise_conv2d(x, weights, **constants, **where, **to)


def dense(rng: np.random.Generator) -> Call:
    batches, depth, units = int(rng.integers(1, 4)), int(rng.integers(1, 300)), int(rng.choice(_CHANNELS))
    weights = _weights(rng, (units, depth))
    x = _bytes(rng, (batches, depth))
    constants = _constants(rng, units)
    offset = int(rng.integers(-128, 128)) if rng.random() < 0.3 else 0
    return lambda **to: kernels.fully_connected(x, weights, weights_zero_point=offset, **constants, **to)


def addition(rng: np.random.Generator) -> Call:
    count = int(rng.integers(1, 150))
    a, b = _bytes(rng, (count,)), _bytes(rng, (count if rng.random() < 0.8 else 1,))
    scales = 2.0 ** rng.uniform(-9, 3, 2)
    if rng.random() < 0.1:
        scales[1] = scales[0]
    low, high = (-128, 127) if rng.random() < 0.8 else sorted(int(value) for value in rng.integers(-128, 128, 2))
    arguments: dict[str, Any] = {
        "a_scale": scales[0],
        "b_scale": scales[1],
        "output_scale": max(scales) * 2.0 ** rng.uniform(-6, 6),
        "a_zero_point": int(rng.integers(-128, 128)),
        "b_zero_point": int(rng.integers(-128, 128)),
        "output_zero_point": int(rng.integers(-128, 128)),
        "act_min": low,
        "act_max": high,
    }
    return lambda **to: kernels.add(a, b, **arguments, **to)


def multiplication(rng: np.random.Generator) -> Call:
    """Sometimes with scales that shift to the left until products wrap."""
    count = int(rng.integers(1, 150))
    a, b = _bytes(rng, (count,)), _bytes(rng, (count if rng.random() < 0.8 else 1,))
    low, high = (-128, 127) if rng.random() < 0.8 else sorted(int(value) for value in rng.integers(-128, 128, 2))
    arguments: dict[str, Any] = {
        "a_scale": 1.0,
        "b_scale": 1.0,
        "output_scale": 2.0 ** (rng.uniform(0, 16) if rng.random() < 0.7 else rng.uniform(-29, 30)),
        "a_zero_point": int(rng.integers(-128, 128)),
        "b_zero_point": int(rng.integers(-128, 128)),
        "output_zero_point": int(rng.integers(-128, 128)),
        "act_min": low,
        "act_max": high,
    }
    return lambda **to: kernels.mul(a, b, **arguments, **to)


def softmax(rng: np.random.Generator) -> Call:
    """Tables of a few entries to all 256, and rows long enough for outputs of nothing but zero."""
    x = _bytes(rng, (int(rng.integers(1, 4)), int(rng.integers(1, 150 if rng.random() < 0.8 else 2000))))
    scale = float(2.0 ** rng.uniform(-10, 5))
    return lambda **to: kernels.softmax(x, input_scale=scale, **to)


def pooling(rng: np.random.Generator) -> Call:
    size = (int(rng.integers(1, 30)), int(rng.integers(1, 30)))
    kernel = (int(rng.integers(1, size[0] + 1)), int(rng.integers(1, size[1] + 1)))
    x = _bytes(rng, (1, *size, int(rng.choice(_CHANNELS))))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    padding = "same" if rng.random() < 0.5 else "valid"
    pool = kernels.average_pool2d if rng.random() < 0.6 else kernels.max_pool2d
    return lambda **to: pool(x, kernel, stride, padding, **to)


def quantisation(rng: np.random.Generator) -> Call:
    """Ties, and what is no number or too large for one."""
    count, scale = int(rng.integers(1, 120)), np.float32(2.0 ** rng.uniform(-20, 20))
    x = np.float32(rng.integers(-300, 301, count) / 2) * scale
    if rng.random() < 0.5:
        x = x * np.float32(rng.uniform(0.9, 1.1))
    odd = np.array([np.nan, np.inf, -np.inf, 3.4e38, -3.4e38, 1e-45, -0.0, 0.0], np.float32)
    x = np.where(rng.random(count) < 0.2, rng.choice(odd, count), x).astype(np.float32)
    zero_point = int(rng.integers(-128, 128))
    return lambda **to: kernels.quantize(x, scale=float(scale), zero_point=zero_point, **to)


CASES: dict[str, Callable[[np.random.Generator], Call]] = {
    "conv2d": convolution,
    "conv2d_few_inputs": few_inputs,
    "depthwise_conv2d": depthwise,
    "fully_connected": dense,
    "add": addition,
    "mul": multiplication,
    "softmax": softmax,
    "pools": pooling,
    "quantize": quantisation,
}
