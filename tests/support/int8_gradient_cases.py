# SPDX-License-Identifier: Apache-2.0
"""Random calls of the ops of int8 layers that learn.  Real numbers are small integers times powers of two, so that sums
are exact in any order and there is one right value, to the bit."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.support.gradient_cases import integers, layer_of

from groat import kernels

Array = npt.NDArray[Any]
Rng = np.random.Generator


def powers(rng: Rng, count: int) -> Array:
    return np.exp2(rng.integers(-5, 1, count)).astype(np.float32)


def small(rng: Rng, shape: tuple[int, ...]) -> Array:
    """int8, none of them 1: the zero point of inputs."""
    return (1 + rng.integers(1, 4, shape) * rng.choice(np.array([-1, 1]), shape)).astype(np.int8)


def zero_points_and_clamp(rng: Rng) -> dict[str, int]:
    low, high = sorted(int(value) for value in rng.integers(-128, 128, 2))
    zero_points = {name: int(rng.integers(-128, 128)) for name in ("input_zero_point", "output_zero_point")}
    return {**zero_points, "act_min": low, "act_max": high}


def trained(rng: Rng, kind: str) -> None:
    layer = layer_of(rng, kind)
    x, weights = (rng.integers(-128, 128, shape).astype(np.int8) for shape in (layer.x_shape, layer.weights_shape))
    factors = {
        "multiplier": rng.integers(1 << 30, 1 << 31, layer.out_c).astype(np.int32),
        "shift": rng.integers(-12, -2, layer.out_c).astype(np.int32),
    }
    bias = rng.integers(-5000, 5000, layer.out_c).astype(np.int32) if rng.random() < 0.7 else None
    function = kernels.depthwise_conv2d_trained if layer.depthwise else kernels.conv2d_trained
    function(x, weights, bias, **factors, **layer.window, **zero_points_and_clamp(rng))


def of_weights(rng: Rng, kind: str, dtype: str) -> None:
    layer = layer_of(rng, kind)
    x, dy = small(rng, layer.x_shape), integers(rng, layer.out_shape, dtype)
    scales = {"weights_scales": powers(rng, layer.out_c), "input_scale": 0.5, "input_zero_point": 1}
    options: dict[str, Any] = {}
    if rng.random() < 0.7:  # a step of gradient descent; some are refused
        bias = rng.integers(-3000, 3000, layer.out_c).astype(np.int32) if rng.random() < 0.5 else None
        weights = rng.integers(-127, 128, layer.weights_shape).astype(np.int8)
        lr = float(rng.choice([0.25, 2.0**-12, 0.0]))
        options = {"weights": weights, "bias": bias, "lr": lr, "decay": float(rng.choice([0.0, 0.125]))}
        options["seed"] = int(rng.integers(1 << 32))
        if rng.random() < 0.2:
            dy.flat[0] = np.nan
    kernel = layer.kernel or (1, 1)
    if layer.depthwise:
        kernels.depthwise_conv2d_weight_grad_int8_float(x, dy, kernel=kernel, **layer.window, **scales, **options)
    else:
        kernels.conv2d_weight_grad_int8_float(
            x, dy, kernel=kernel, groups=layer.groups, **layer.window, **scales, **options
        )


def of_input(rng: Rng, kind: str, dtype: str) -> None:
    layer = layer_of(rng, kind)
    weights = integers(rng, layer.weights_shape, "int8")
    dy = integers(rng, layer.out_shape, dtype)
    scales = powers(rng, layer.out_c)
    if layer.depthwise:
        kernels.depthwise_conv2d_input_grad_int8_float(
            weights, dy, in_shape=layer.x_shape, weights_scales=scales, **layer.window
        )
    else:
        kernels.conv2d_input_grad_int8_float(weights, dy, in_shape=layer.x_shape, weights_scales=scales, **layer.window)


def int8_like(rng: Rng) -> tuple[tuple[int, ...], Array, dict[str, int]]:
    """(a shape, int8 values, a clamp that many of them stand at)."""
    shape = tuple(int(size) for size in rng.integers(1, 6, int(rng.integers(1, 5))))
    low, high = sorted(int(value) for value in rng.integers(-128, 128, 2))
    return shape, np.clip(rng.integers(-128, 128, shape), low, high).astype(np.int8), {"act_min": low, "act_max": high}


def clamp_grad(rng: Rng, dtype: str) -> None:
    shape, y, clamp = int8_like(rng)
    kernels.clamp_grad_int8_float(rng.normal(0, 1, shape).astype(dtype), y, **clamp)


def clamp_mask(rng: Rng) -> None:
    _, y, clamp = int8_like(rng)
    kernels.clamp_mask_int8(y, **clamp)


def layer_cases(kind: str) -> Mapping[str, Callable[[Rng], None]]:
    return {
        f"{kind}_trained": functools.partial(trained, kind=kind),
        **{
            f"{kind}_{name}_int8_{dtype}": functools.partial(function, kind=kind, dtype=dtype)
            for name, function in (("weight_grad", of_weights), ("input_grad", of_input))
            for dtype in ("float32", "float16")
        },
    }


CASES: Mapping[str, Callable[[Rng], None]] = {
    **layer_cases("conv_2d"),
    **layer_cases("depthwise_conv_2d"),
    "clamp_grad_int8_float32": functools.partial(clamp_grad, dtype="float32"),
    "clamp_grad_int8_float16": functools.partial(clamp_grad, dtype="float16"),
    "clamp_mask_int8": clamp_mask,
}
