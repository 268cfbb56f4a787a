# SPDX-License-Identifier: Apache-2.0
"""Calls of the gradients of a layer, and how far from the true values they may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from tests.support.layers import Layer

from groat import kernels

Array = npt.NDArray[Any]

# Of a tensor's largest value, and of what its terms add up to, where they cancel in every element: without their signs,
# or as random walks, the root of the sum of their squares.
FLOAT32, FLOAT32_SIZES = 1e-5, 2.0**-22
FLOAT16, FLOAT16_WALKS = 2.0**-9, 2.0**-8
ROUNDED = 2.0**-11  # what rounding to float16 changes at most, as part of a value that is no subnormal number
TINY = 2.0**-25  # the same of those


def forward(layer: Layer, x: Array, weights: Array, bias: Array | None, **options: Any) -> Array:
    """The layer's output by the kernels."""
    if layer.kernel is None:
        return kernels.fully_connected_float(x, weights, bias, **options)
    function = kernels.depthwise_conv2d_float if layer.depthwise else kernels.conv2d_float
    return function(x, weights, bias, **layer.window, **options)


def found_gradients(layer: Layer, x: Array, weights: Array, dy: Array, **options: Any) -> dict[str, Array]:
    """dx, dw and db by the kernels."""
    if layer.kernel is None:
        dw, db = kernels.fully_connected_weight_grad_float(x, dy, **options)
        return {"dw": dw, "db": db, "dx": kernels.fully_connected_input_grad_float(weights, dy, **options)}
    window = {**layer.window, **options}
    if layer.depthwise:
        dw, db = kernels.depthwise_conv2d_weight_grad_float(x, dy, kernel=layer.kernel, **window)
        dx = kernels.depthwise_conv2d_input_grad_float(weights, dy, in_shape=layer.x_shape, **window)
    else:
        dw, db = kernels.conv2d_weight_grad_float(x, dy, kernel=layer.kernel, groups=layer.groups, **window)
        dx = kernels.conv2d_input_grad_float(weights, dy, in_shape=layer.x_shape, **window)
    return {"dw": dw, "db": db, "dx": dx}


def step_of(layer: Layer, x: Array, dy: Array, weights: Array, bias: Array | None, **options: Any) -> tuple[Array, ...]:
    """A step of gradient descent by the kernels."""
    parameters = {"weights": weights, "bias": bias, **options}
    if layer.kernel is None:
        return kernels.fully_connected_weight_grad_float(x, dy, **parameters)
    window = {"kernel": layer.kernel, **layer.window, **parameters}
    if layer.depthwise:
        return kernels.depthwise_conv2d_weight_grad_float(x, dy, **window)
    return kernels.conv2d_weight_grad_float(x, dy, groups=layer.groups, **window)


def bounds(layer: Layer, x: Array, weights: Array, dy: Array) -> dict[str, float]:
    """How far each gradient may be from the true one, worst element.

    Those of float32 are within 1e-5 of the tensor's largest value, or within 2^-22 of what its terms add up to without
    their signs, where those cancel in every element (there are tensors of one).  Sums of float16 may be float16 over up
    to 32 terms, before they go on as float32: within 2^-9, or 2^-8 of a random walk of the terms (docs/NUMERICS.md).
    What is stored as float16 is rounded once more each time: dx once, dw once for each image, since the second is added
    to what the first has stored.
    """
    right = dict(zip(("dx", "dw", "db"), layer.gradients(x, weights, dy), strict=True))
    wide = [a.astype(np.float64) for a in (x, weights, dy)]
    if x.dtype == np.float32:
        sizes = layer.gradients(*(np.abs(a) for a in wide))
        of_largest, of_terms = FLOAT32, FLOAT32_SIZES
    else:
        walks = layer.gradients(*(a * a for a in wide))
        sizes = (np.sqrt(walks[0]), np.sqrt(walks[1]), np.sqrt(walks[2]))
        of_largest, of_terms = FLOAT16, FLOAT16_WALKS
    allowed = {
        name: max(of_largest * float(np.abs(right[name]).max()), of_terms * float(size.max()))
        for name, size in zip(right, sizes, strict=True)
    }
    if x.dtype == np.float16:
        allowed["dx"] += ROUNDED * float(np.abs(right["dx"]).max()) + TINY
        stored = np.zeros(right["dw"].shape)
        for n in range(1 if layer.kernel is None else len(x)):
            stored = stored + (right["dw"] if layer.kernel is None else _of_image(layer, x, weights, dy, n))
            allowed["dw"] += ROUNDED * float(np.abs(stored).max()) + TINY
    return allowed


def _of_image(layer: Layer, x: Array, weights: Array, dy: Array, n: int) -> Array:
    """dw of one image."""
    alone = Layer(**{**vars(layer), "x_shape": (1, *layer.x_shape[1:])})
    return alone.gradients(x[n : n + 1], weights, dy[n : n + 1])[1]
