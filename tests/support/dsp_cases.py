# SPDX-License-Identifier: Apache-2.0
"""Hostile arguments for the kernels with layouts of their own: shapes that fill no block, data at the ends of its
range, multipliers and biases just inside and outside of what the packer can prove a shortcut for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from groat import kernels
from groat.graph.ir import Array

Call = Callable[..., Array]  # of (on=…, isa=…)


def _bytes(rng: np.random.Generator, shape: tuple[int, ...], low: int = -128) -> Array:
    kind = rng.integers(5)
    if kind == 0:
        return np.full(shape, rng.choice([low, 127]), np.int8)
    if kind == 1:
        return rng.choice(np.array([low, -1, 0, 127], np.int8), shape)
    if kind == 2:
        return np.zeros(shape, np.int8)
    return rng.integers(low, 128, shape).astype(np.int8)


def _constants(rng: np.random.Generator, count: int, weights_per_channel: int) -> dict[str, Any]:
    """Mostly of a usual size; sometimes anything that is allowed."""
    usual = rng.random(count) < (1.0 if rng.random() < 0.5 else 0.7)
    near_limit = rng.choice([0, 1, -1], count) * ((1 << 30) - weights_per_channel * 127 * 127)
    bias = np.where(usual, rng.integers(-20000, 20000, count), rng.choice([0, 1], count) * near_limit)
    bias = np.where(rng.random(count) < 0.05, rng.choice([-(1 << 31), (1 << 31) - 1], count), bias)
    shift = np.where(usual, rng.integers(-10, -2, count), rng.integers(-31, 31, count))
    multiplier = rng.integers(1 << 30, 1 << 31, count)
    multiplier = np.where(usual | (rng.random(count) < 0.7), multiplier, rng.choice([0, 1, (1 << 31) - 1], count))
    full = rng.random() < 0.7
    low, high = (-128, 127) if full else sorted(int(value) for value in rng.integers(-128, 128, 2))
    output_zero_point = int(rng.integers(-128, 128))
    if rng.random() < 0.4:  # as after a RELU; a step of the output takes about as much as its scale says
        low, high, output_zero_point = -128, 127, -128
        spread = weights_per_channel * int(rng.choice([50, 5000]))
        shift = np.where(usual, -np.clip(np.round(np.log2(spread / 256 + 1)), 1, 31), shift)
    return {
        "bias": bias.astype(np.int32),
        "multiplier": multiplier.astype(np.int32),
        "shift": shift.astype(np.int32),
        "input_zero_point": int(rng.integers(-128, 128)),
        "output_zero_point": output_zero_point,
        "act_min": low,
        "act_max": high,
    }


def _spatial(rng: np.random.Generator, largest: int) -> tuple[tuple[int, int], dict[str, Any]]:
    kernel = (int(rng.integers(1, largest + 1)), int(rng.integers(1, largest + 1)))
    if rng.random() < 0.4:
        kernel = (3, 3)
    stride = (1, 1) if rng.random() < 0.5 else (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    dilation = (1, 1) if rng.random() < 0.7 else (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    padding = "same" if rng.random() < 0.5 else ((1, 1), (1, 0))
    if min(kernel) == 1:
        padding = "same"
    return kernel, {"stride": stride, "dilation": dilation, "padding": padding}


def _image(rng: np.random.Generator, kernel: tuple[int, int], where: dict[str, Any], channels: int) -> Array:
    extent = [(kernel[i] - 1) * where["dilation"][i] + 1 for i in range(2)]
    size = [extent[i] + int(rng.integers(0, 9)) for i in range(2)]
    return _bytes(rng, (int(rng.integers(1, 3)), size[0], size[1], channels))


def convolution(rng: np.random.Generator) -> Call:
    kernel, where = _spatial(rng, 5)
    groups = 1 if rng.random() < 0.8 else int(rng.integers(1, 4))
    depth, filters = int(rng.integers(1, 20)), groups * int(rng.integers(1, 8))
    weights = _bytes(rng, (filters, *kernel, depth), int(rng.choice([-128, -127])))
    x = _image(rng, kernel, where, groups * depth)
    constants = _constants(rng, filters, weights[0].size)
    return lambda **to: kernels.conv2d(x, weights, **constants, **where, **to)


def strips(rng: np.random.Generator) -> Call:
    """What transformed filters are for: 3x3 side by side over images of at least 2x2, whole quads, pairs of channels,
    every one with a usual scale.  Tiles do not fill every image."""
    depth, filters = 4 * int(rng.integers(1, 17)), 2 * int(rng.integers(1, 5))
    weights = _bytes(rng, (filters, 3, 3, depth))
    padding = ["same", "valid", ((1, 0), (2, 1)), ((0, 2), (0, 1))][int(rng.integers(4))]
    smallest = 4 if padding == "valid" else 2
    x = _bytes(rng, (int(rng.integers(1, 3)), *(int(size) for size in rng.integers(smallest, 15, 2)), depth))
    constants = _constants(rng, filters, weights[0].size) | {
        "bias": rng.integers(-20000, 20000, filters).astype(np.int32),
        "multiplier": rng.integers(1 << 30, 1 << 31, filters).astype(np.int32),
        "shift": rng.integers(-14, -4, filters).astype(np.int32),
        "act_min": -128,
        "act_max": 127,
    }
    return lambda **to: kernels.conv2d(x, weights, **constants, padding=padding, **to)


def depthwise(rng: np.random.Generator) -> Call:
    kernel, where = _spatial(rng, 8)
    channels, multiplier = int(rng.integers(1, 20)), 1
    if rng.random() < 0.2:
        channels, multiplier = int(rng.integers(1, 3)), int(rng.integers(1, 9))
    weights = _bytes(rng, (1, *kernel, channels * multiplier))
    x = _image(rng, kernel, where, channels)
    if rng.random() < 0.2:  # long rows, one way or the other
        size = [x.shape[1], x.shape[2]]
        size[int(rng.integers(2))] += int(rng.integers(20, 130))
        x = _bytes(rng, (1, *size, channels))
    constants = _constants(rng, channels * multiplier, kernel[0] * kernel[1])
    return lambda **to: kernels.depthwise_conv2d(x, weights, **constants, **where, **to)


def dense(rng: np.random.Generator) -> Call:
    batches, depth, units = int(rng.integers(1, 9)), int(rng.integers(1, 200)), int(rng.integers(1, 12))
    if rng.random() < 0.1:
        depth = int(rng.integers(500, 1500))
    weights = _bytes(rng, (units, depth), int(rng.choice([-128, -127])))
    x = _bytes(rng, (batches, depth))
    constants = _constants(rng, units, depth)
    offset = int(rng.integers(-128, 128)) if rng.random() < 0.3 else 0
    return lambda **to: kernels.fully_connected(x, weights, weights_zero_point=offset, **constants, **to)


def addition(rng: np.random.Generator) -> Call:
    count = int(rng.integers(1, 40))
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
    count = int(rng.integers(1, 40))
    a, b = _bytes(rng, (count,)), _bytes(rng, (count if rng.random() < 0.8 else 1,))
    low, high = (-128, 127) if rng.random() < 0.8 else sorted(int(value) for value in rng.integers(-128, 128, 2))
    arguments: dict[str, Any] = {
        "a_scale": 2.0 ** rng.uniform(-9, 3),
        "b_scale": 2.0 ** rng.uniform(-9, 3),
        "output_scale": 2.0 ** rng.uniform(-9, 6),
        "a_zero_point": int(rng.integers(-128, 128)),
        "b_zero_point": int(rng.integers(-128, 128)),
        "output_zero_point": int(rng.integers(-128, 128)),
        "act_min": low,
        "act_max": high,
    }
    return lambda **to: kernels.mul(a, b, **arguments, **to)


def pooling(rng: np.random.Generator) -> Call:
    size = (int(rng.integers(1, 20)), int(rng.integers(1, 20)))
    kernel = (int(rng.integers(1, size[0] + 1)), int(rng.integers(1, size[1] + 1)))
    x = _bytes(rng, (1, *size, int(rng.integers(1, 12))))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    padding = "same" if rng.random() < 0.5 else "valid"
    return lambda **to: kernels.average_pool2d(x, kernel, stride, padding, **to)


CASES: dict[str, Callable[[np.random.Generator], Call]] = {
    "conv2d": convolution,
    "conv2d in strips": strips,
    "depthwise_conv2d": depthwise,
    "fully_connected": dense,
    "add": addition,
    "mul": multiplication,
    "average_pool2d": pooling,
}

# (case, a layout that is offered to it beside the usual one)
LAYOUTS = [
    *((case, f"int16, {pixels}") for case in ("conv2d", "fully_connected") for pixels in ("2 pixels", "3 pixels")),
    ("fully_connected", "int16, 1 pixel"),
    ("conv2d in strips", "winograd 4x4"),
    ("conv2d in strips", "winograd 2x2"),
    ("depthwise_conv2d", "plain"),
]
