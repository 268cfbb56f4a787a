# SPDX-License-Identifier: Apache-2.0
"""Hostile calls of the kernels with weights, to compare one kernel set with another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from groat import kernels

Array = np.ndarray[Any, np.dtype[Any]]
SHAPES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 33)


def _values(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """int8 over the whole range, only the two ends, or small."""
    kind = rng.integers(4)
    if kind == 0:
        return rng.choice(np.array([-128, 127], np.int8), shape)
    if kind == 1:
        return np.full(shape, rng.choice([-128, 127, 0]), np.int8)
    if kind == 2:
        return rng.integers(-9, 10, shape, np.int8)
    return rng.integers(-128, 128, shape, np.int8)


def _weights(rng: np.random.Generator, shape: tuple[int, ...], bits: int) -> Array:
    """_values in the range of so many bits."""
    return np.asarray(_values(rng, shape) >> (8 - bits), np.int8)


def _scaling(rng: np.random.Generator, channels: int) -> dict[str, Any]:
    """Constants of channels: sane ones mostly, then any that the format allows."""
    wild = rng.random() < 0.25
    zero_point = int(rng.integers(-128, 128))
    low, high = (-128, 127) if rng.random() < 0.6 else sorted(rng.integers(-128, 128, 2).tolist())
    return {
        "multiplier": rng.integers(0 if wild else 1 << 30, 2**31, channels).astype(np.int32),
        "shift": rng.integers(-31 if wild else -12, 31 if wild else 0, channels).astype(np.int32),
        "input_zero_point": int(rng.integers(-128, 128)),
        "output_zero_point": zero_point,
        "act_min": int(low),
        "act_max": int(high),
    }


def _bias(rng: np.random.Generator, channels: int) -> Array | None:
    size = rng.choice([0, 1 << 8, 1 << 16, 2**31 - 1])
    return None if size == 0 else rng.integers(-size, size, channels).astype(np.int32)


def _window(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "stride": (int(rng.integers(1, 4)), int(rng.integers(1, 4))),
        "dilation": (1, 1) if rng.random() < 0.8 else (int(rng.integers(1, 3)), int(rng.integers(1, 3))),
        "padding": "same" if rng.random() < 0.7 else "valid",
    }


def _image(rng: np.random.Generator, kernel: tuple[int, int], channels: int) -> Array:
    """Large enough for a kernel that is dilated by two without padding."""
    size = [int(rng.integers(2 * side, 2 * side + 9)) for side in kernel]
    return _values(rng, (int(rng.integers(1, 3)), *size, channels))


def conv2d(
    rng: np.random.Generator, function: Callable[..., Array] = kernels.conv2d, bits: int = 8, **where: str
) -> Array:
    groups = int(rng.choice([1, 1, 1, 1, 2, 3]))
    depth, filters = int(rng.choice(SHAPES)), int(rng.choice(SHAPES))
    kernel = (1, 1) if rng.random() < 0.3 else (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    x = _image(rng, kernel, depth * groups)
    weights = _weights(rng, (filters * groups, *kernel, depth), bits)
    count = filters * groups
    return function(x, weights, _bias(rng, count), **_window(rng), **_scaling(rng, count), **where)


def depthwise_conv2d(
    rng: np.random.Generator, function: Callable[..., Array] = kernels.depthwise_conv2d, bits: int = 8, **where: str
) -> Array:
    channels, multiplier = int(rng.choice(SHAPES)), int(rng.choice([1, 1, 1, 2, 3, 8]))
    side = int(rng.choice([1, 2, 3, 3, 3, 5, 7]))
    kernel = (side, side) if rng.random() < 0.8 else (side, int(rng.integers(1, 8)))
    x = _image(rng, kernel, channels)
    weights = _weights(rng, (1, *kernel, channels * multiplier), bits)
    count = channels * multiplier
    return function(x, weights, _bias(rng, count), **_window(rng), **_scaling(rng, count), **where)


def fully_connected(
    rng: np.random.Generator, function: Callable[..., Array] = kernels.fully_connected, bits: int = 8, **where: str
) -> Array:
    depth, filters = int(rng.choice([*SHAPES, 63, 64, 100, 257])), int(rng.choice(SHAPES))
    x, weights = _values(rng, (int(rng.integers(1, 6)), depth)), _weights(rng, (filters, depth), bits)
    zero_point = 0 if rng.random() < 0.7 else int(rng.integers(-128, 128))
    scaling = _scaling(rng, filters)
    return function(x, weights, _bias(rng, filters), weights_zero_point=zero_point, **scaling, **where)


def conv2d_s4(rng: np.random.Generator, **where: str) -> Array:
    """Many channels now and then, so that they come in blocks."""
    if rng.random() < 0.8:
        return conv2d(rng, kernels.conv2d_s4, 4, **where)
    x, count = _values(rng, (1, 4, 5, 40)), int(rng.integers(30, 100))
    weights = _weights(rng, (count, 3, 3, 40), 4)
    return kernels.conv2d_s4(x, weights, _bias(rng, count), padding="same", **_scaling(rng, count), **where)


def depthwise_conv2d_s4(rng: np.random.Generator, **where: str) -> Array:
    return depthwise_conv2d(rng, kernels.depthwise_conv2d_s4, 4, **where)


def fully_connected_s4(rng: np.random.Generator, **where: str) -> Array:
    if rng.random() < 0.8:
        return fully_connected(rng, kernels.fully_connected_s4, 4, **where)
    depth, count = int(rng.integers(300, 1200)), int(rng.integers(1, 80))
    x, weights = _values(rng, (int(rng.integers(1, 3)), depth)), _weights(rng, (count, depth), 4)
    return kernels.fully_connected_s4(x, weights, _bias(rng, count), **_scaling(rng, count), **where)


def add(rng: np.random.Generator, **where: str) -> Array:
    shape = tuple(int(size) for size in rng.integers(1, 20, int(rng.integers(1, 5))))
    other = tuple(1 if rng.random() < 0.1 else size for size in shape)
    a, b = _values(rng, shape), _values(rng, other)
    low, high = (-128, 127) if rng.random() < 0.6 else sorted(rng.integers(-128, 128, 2).tolist())
    scales = rng.uniform(0.01, 0.2, 2)
    zero_points = rng.integers(-128, 128, 3).tolist()
    return kernels.add(
        a,
        b,
        a_scale=float(scales[0]),
        b_scale=float(scales[0] if rng.random() < 0.2 else scales[1]),
        output_scale=float(rng.uniform(0.02, 0.4)),
        a_zero_point=zero_points[0],
        b_zero_point=zero_points[1],
        output_zero_point=zero_points[2],
        act_min=int(low),
        act_max=int(high),
        **where,
    )


def pool(rng: np.random.Generator, **where: str) -> Array:
    kernel = (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    x = _image(rng, kernel, int(rng.choice(SHAPES)))
    window = _window(rng)
    function = kernels.average_pool2d if rng.random() < 0.5 else kernels.max_pool2d
    return function(x, kernel, window["stride"], window["padding"], **where)


def softmax(rng: np.random.Generator, **where: str) -> Array:
    x = _values(rng, (int(rng.integers(1, 4)), int(rng.choice([*SHAPES, 100, 600]))))
    return kernels.softmax(x, input_scale=float(rng.uniform(0.001, 1.0)), **where)


def lut(rng: np.random.Generator, **where: str) -> Array:
    x = _values(rng, (int(rng.integers(1, 300)),))
    return kernels.lut(x, rng.integers(-128, 128, 256, np.int8), **where)


# ---- int16 activations ----


def _values_int16(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Over the whole range, only the two ends, or small."""
    kind = rng.integers(4)
    if kind == 0:
        return rng.choice(np.array([-32768, 32767], np.int16), shape)
    if kind == 1:
        return rng.integers(-300, 300, shape).astype(np.int16)
    return rng.integers(-32768, 32768, shape).astype(np.int16)


def _constants_int16(rng: np.random.Generator, channels: int, dtypes: tuple[str, ...]) -> dict[str, Any]:
    """Sums that 32 bits hold mostly, then about where they end, and any constants that the format allows."""
    wild = rng.random() < 0.2
    dtype = str(rng.choice([*dtypes, "none"]))
    reach = int(rng.choice([1 << 10, 1 << 22, 2**31 - 1]))
    bias = None if dtype == "none" else rng.integers(-reach, reach, channels).astype(dtype)
    if dtype == "int64" and wild:
        bias = rng.integers(-(2**60), 2**60, channels)
    low, high = (-32768, 32767) if rng.random() < 0.6 else sorted(rng.integers(-32768, 32768, 2).tolist())
    return {
        "bias": bias,
        "multiplier": rng.integers(0 if wild else 1 << 30, 2**31, channels).astype(np.int32),
        "shift": rng.integers(-31 if wild else -10, 15 if wild else -1, channels).astype(np.int32),
        "act_min": int(low),
        "act_max": int(high),
    }


def conv2d_int16(rng: np.random.Generator, **where: str) -> Array:
    groups = int(rng.choice([1, 1, 1, 1, 2, 3]))
    depth, filters = int(rng.choice(SHAPES)), int(rng.choice(SHAPES))
    kernel = (1, 1) if rng.random() < 0.3 else (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    x = _values_int16(rng, _image(rng, kernel, depth * groups).shape)
    weights = _values(rng, (filters * groups, *kernel, depth))
    constants = _constants_int16(rng, filters * groups, ("int32", "int64", "int64"))
    return kernels.conv2d(x, weights, **constants, **_window(rng), **where)


def depthwise_conv2d_int16(rng: np.random.Generator, **where: str) -> Array:
    channels, multiplier = int(rng.choice(SHAPES)), int(rng.choice([1, 1, 1, 2, 3]))
    side = int(rng.choice([1, 2, 3, 3, 3, 5]))
    kernel = (side, side) if rng.random() < 0.8 else (side, int(rng.integers(1, 8)))
    x = _values_int16(rng, _image(rng, kernel, channels).shape)
    weights = _values(rng, (1, *kernel, channels * multiplier))
    constants = _constants_int16(rng, channels * multiplier, ("int64",))
    return kernels.depthwise_conv2d(x, weights, **constants, **_window(rng), **where)


def fully_connected_int16(rng: np.random.Generator, **where: str) -> Array:
    depth, filters = int(rng.choice([*SHAPES, 63, 64, 100, 257, 1100])), int(rng.choice(SHAPES))
    x, weights = _values_int16(rng, (int(rng.integers(1, 6)), depth)), _values(rng, (filters, depth))
    zero_point = 0 if rng.random() < 0.8 else int(rng.integers(-128, 128))
    constants = _constants_int16(rng, filters, ("int32", "int64", "int64"))
    return kernels.fully_connected(x, weights, weights_zero_point=zero_point, **constants, **where)


CASES: dict[str, Callable[..., Array]] = {
    case.__name__: case
    for case in (
        conv2d,
        depthwise_conv2d,
        fully_connected,
        conv2d_s4,
        depthwise_conv2d_s4,
        fully_connected_s4,
        add,
        pool,
        softmax,
        lut,
        conv2d_int16,
        depthwise_conv2d_int16,
        fully_connected_int16,
    )
}


def differs(case: str, seed: int, **where: str) -> str | None:
    """What is unlike the reference kernels on the host, for the call of a seed; None if nothing is."""
    expected = CASES[case](np.random.default_rng(seed))
    found = CASES[case](np.random.default_rng(seed), **where)
    if np.array_equal(expected, found):
        return None
    index = tuple(int(i) for i in np.argwhere(expected != found)[0])
    return f"{case}, seed {seed}, element {index}: expected {expected[index]}, found {found[index]}"
