# SPDX-License-Identifier: Apache-2.0
"""Random calls of the gradients of layers with weights.  Arrays hold small integers, so that sums are exact in any
order and there is one right value, to the bit."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.support.layers import Layer

from groat import kernels

Array = npt.NDArray[Any]
Rng = np.random.Generator


def layer_of(rng: Rng, kind: str) -> Layer:
    """A layer of a kind, whose arrays are small."""
    if kind == "fully_connected":
        return Layer((int(rng.integers(1, 5)), int(rng.integers(1, 40))), int(rng.integers(1, 12)))
    depthwise = kind == "depthwise_conv_2d"
    while True:
        kernel, stride, dilation = (tuple(int(n) for n in rng.integers(1, most, 2)) for most in (4, 4, 3))
        around = [tuple(int(n) for n in rng.integers(0, (kernel[i] - 1) * dilation[i] + 1, 2)) for i in range(2)]
        groups = int(rng.choice([1, 1, 2, 3]))
        depth = int(rng.integers(1, 6))
        layer = Layer(
            x_shape=(int(rng.integers(1, 3)), *(int(n) for n in rng.integers(1, 8, 2)), groups * depth),
            out_c=groups * depth * int(rng.integers(1, 3)) if depthwise else groups * int(rng.integers(1, 6)),
            kernel=(kernel[0], kernel[1]),
            stride=(stride[0], stride[1]),
            dilation=(dilation[0], dilation[1]),
            padding=((around[0][0], around[0][1]), (around[1][0], around[1][1])),
            groups=1 if depthwise else groups,
            depthwise=depthwise,
        )
        last = [(layer.out_shape[1 + axis] - 1) * stride[axis] for axis in range(2)]
        if all(0 <= last[axis] < layer.x_shape[1 + axis] + around[axis][0] for axis in range(2)):
            return layer


def integers(rng: Rng, shape: tuple[int, ...], dtype: str) -> Array:
    """No zeros, whose sign would tell the order of a sum."""
    return (rng.integers(1, 4, shape) * rng.choice(np.array([-1, 1]), shape)).astype(dtype)


def of_weights(rng: Rng, kind: str, dtype: str) -> None:
    layer = layer_of(rng, kind)
    x, dy = integers(rng, layer.x_shape, dtype), integers(rng, layer.out_shape, dtype)
    options: dict[str, Any] = {}
    if rng.random() < 0.5:  # a step of gradient descent; some are refused
        bias = integers(rng, (layer.out_c,), "float32") if rng.random() < 0.5 else None
        weights = integers(rng, layer.weights_shape, dtype)
        options = {"weights": weights, "bias": bias, "lr": float(rng.choice([0.25, 0.0])), "decay": 0.5}
        if rng.random() < 0.3:
            (x if rng.random() < 0.5 else dy).flat[0] = np.nan
    if layer.kernel is None:
        kernels.fully_connected_weight_grad_float(x, dy, **options)
    elif layer.depthwise:
        kernels.depthwise_conv2d_weight_grad_float(x, dy, kernel=layer.kernel, **layer.window, **options)
    else:
        kernels.conv2d_weight_grad_float(x, dy, kernel=layer.kernel, groups=layer.groups, **layer.window, **options)


def of_input(rng: Rng, kind: str, dtype: str) -> None:
    layer = layer_of(rng, kind)
    weights, dy = integers(rng, layer.weights_shape, dtype), integers(rng, layer.out_shape, dtype)
    if layer.kernel is None:
        kernels.fully_connected_input_grad_float(weights, dy)
    elif layer.depthwise:
        kernels.depthwise_conv2d_input_grad_float(weights, dy, in_shape=layer.x_shape, **layer.window)
    else:
        kernels.conv2d_input_grad_float(weights, dy, in_shape=layer.x_shape, **layer.window)


CASES: Mapping[str, Callable[[Rng], None]] = {
    f"{kind}_{name}_{dtype}": functools.partial(function, kind=kind, dtype=dtype)
    for kind in ("conv_2d", "depthwise_conv_2d", "fully_connected")
    for name, function in (("weight_grad", of_weights), ("input_grad", of_input))
    for dtype in ("float32", "float16")
}
