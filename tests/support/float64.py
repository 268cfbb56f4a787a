# SPDX-License-Identifier: Apache-2.0
"""What float ops compute in double precision, and how far the kernels may be from it.

Bounds are those of docs/NUMERICS.md: for a sum of K products one roundoff for each operation, over the sum of
magnitudes.  They hold for every order of summation, and for fused operations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from groat.graph import Op
from groat.ops.conv_2d import strided_tap
from groat.ops.window import pad_image, spatial_shape, windows

Array = npt.NDArray[Any]

U = 2.0**-24
U_HALF, TINY_HALF = 1.01 * 2.0**-11, 2.0**-25  # of float16: relative, and of its subnormal numbers
TINY = 2.0**-126  # below it floats lose digits, and some cores take them for 0
FILTERS = ("conv_2d", "depthwise_conv_2d", "fully_connected")


def exact(op: Op, inputs: Sequence[Array], half_terms: int = 0) -> tuple[Array, Array | float]:
    """(the result in float64, how far each element may be from it); for ops whose name ends in _float32 or _float16.

    Args:
        half_terms: how many products at a time the filters of the kernel set sum in float16; 0 for none.
    """
    wide = [x.astype(np.float64) for x in inputs]
    name, _, dtype = op.kind.rpartition("_")
    y, bound = _FUNCTIONS[name](op, wide)
    if half_terms > 0 and dtype == "float16" and name in FILTERS:
        bound = bound + _chunked(op, wide, half_terms)
    if "act_min" in op.attrs:  # clamps bring values no further apart
        y = np.clip(y, op.attrs["act_min"], op.attrs["act_max"])
    if dtype == "float16":  # rounded once; softmax stores its exponentials, too
        bound = bound + (2 if name == "softmax" else 1) * (U_HALF * np.abs(y) + TINY_HALF)
    return y, bound + TINY


def _chunked(op: Op, inputs: Sequence[Array], most: int) -> Array:
    """What sums in float16, of up to `most` products each, add to the bound: a roundoff of each partial sum, which is
    no larger than the sum of magnitudes, or the smallest number's."""
    size, _ = _FUNCTIONS[op.kind.rpartition("_")[0]](op, [np.abs(x) for x in inputs[:2]])
    terms = math.prod(inputs[1].shape[:3] if "depthwise" in op.kind else inputs[1].shape[1:])
    return min(terms, most) * U_HALF * size + terms * TINY_HALF


def _bias(op: Op, inputs: Sequence[Array], acc: Array, size: Array, terms: int) -> tuple[Array, Array]:
    bias = inputs[2] if len(inputs) > 2 else np.zeros(acc.shape[-1])
    return acc + bias, (terms + 2) * U * (size + np.abs(bias)) + terms * TINY


def _conv_2d(op: Op, inputs: Sequence[Array]) -> tuple[Array, Array]:
    x, w = inputs[:2]
    groups, out = op.attrs["groups"], spatial_shape(op.attrs, *x.shape[1:3])
    padded = pad_image(x, op, 0)
    total = np.zeros((2, x.shape[0], *out, groups, w.shape[0] // groups))
    for ky, kx in np.ndindex(*w.shape[1:3]):
        taps = strided_tap(padded, op, (ky, kx), out)
        taps, kernel = taps.reshape(*taps.shape[:3], groups, -1), w[:, ky, kx, :].reshape(groups, -1, w.shape[3])
        total[0] += np.einsum("nyxgi,goi->nyxgo", taps, kernel)
        total[1] += np.einsum("nyxgi,goi->nyxgo", np.abs(taps), np.abs(kernel))
    flat = total.reshape(2, x.shape[0], *out, -1)
    return _bias(op, inputs, flat[0], flat[1], w[0].size)


def _depthwise_conv_2d(op: Op, inputs: Sequence[Array]) -> tuple[Array, Array]:
    x, w = inputs[:2]
    out = spatial_shape(op.attrs, *x.shape[1:3])
    padded = np.repeat(pad_image(x, op, 0), w.shape[3] // x.shape[3], axis=3)
    total = np.zeros((2, x.shape[0], *out, w.shape[3]))
    for ky, kx in np.ndindex(*w.shape[1:3]):
        product = strided_tap(padded, op, (ky, kx), out) * w[0, ky, kx]
        total += np.stack([product, np.abs(product)])
    return _bias(op, inputs, total[0], total[1], w.shape[1] * w.shape[2])


def _fully_connected(op: Op, inputs: Sequence[Array]) -> tuple[Array, Array]:
    w = inputs[1]
    x = inputs[0].reshape(-1, w.shape[1])
    y, bound = _bias(op, inputs, x @ w.T, np.abs(x) @ np.abs(w).T, w.shape[1])
    return y.reshape(op.attrs["out_shape"]), bound.reshape(op.attrs["out_shape"])


def _pool(op: Op, inputs: Sequence[Array], average: bool) -> tuple[Array, Array]:
    x = inputs[0]
    shape = (x.shape[0], *spatial_shape(op.attrs, *x.shape[1:3]), x.shape[3])
    y, bound = np.empty(shape), np.zeros(shape)
    for row, column, rows, columns in windows(op, x.shape, shape):
        window = x[:, rows[0][1] : rows[-1][1] + 1, columns[0][1] : columns[-1][1] + 1, :]
        y[:, row, column] = window.mean(axis=(1, 2)) if average else window.max(axis=(1, 2))
        if average:
            bound[:, row, column] = (len(rows) * len(columns) + 1) * U * np.abs(window).mean(axis=(1, 2))
    return y, bound


def _mean(op: Op, inputs: Sequence[Array]) -> tuple[Array, Array]:
    x, axes, keep = inputs[0], op.attrs["axes"], op.attrs["keep_dims"]
    count = int(np.prod([x.shape[axis] for axis in axes]))
    size = np.abs(x).mean(axis=axes, keepdims=keep)
    return x.mean(axis=axes, keepdims=keep), (count + 1) * U * size


def _softmax(op: Op, inputs: Sequence[Array]) -> tuple[Array, Array]:
    x = inputs[0] * op.attrs["beta"]
    difference = x - x.max(axis=-1, keepdims=True)
    e = np.exp(difference)
    y = e / e.sum(axis=-1, keepdims=True)
    # The difference and its product with beta are rounded; exp has an ulp; then the sum and the quotient.
    return y, y * U * (3 * np.abs(difference) + 3 * np.abs(x).max() + x.shape[-1] + 6)


def _sigmoid(op: Op, inputs: Sequence[Array]) -> tuple[Array, Array]:
    x = inputs[0]
    y = np.tanh(x) if op.attrs["tanh"] else np.where(x < 0, np.exp(x), 1) / (1 + np.exp(-np.abs(x)))
    return y, np.abs(y) * 5 * U


def _rounded(y: Array) -> tuple[Array, Array]:
    return y, np.abs(y) * U


_FUNCTIONS: dict[str, Any] = {
    "conv_2d": _conv_2d,
    "depthwise_conv_2d": _depthwise_conv_2d,
    "fully_connected": _fully_connected,
    "average_pool_2d": lambda op, inputs: _pool(op, inputs, True),
    "max_pool_2d": lambda op, inputs: _pool(op, inputs, False),
    "add": lambda op, inputs: _rounded(inputs[0] + inputs[1]),
    "mul": lambda op, inputs: _rounded(inputs[0] * inputs[1]),
    "mean": _mean,
    "softmax": _softmax,
    "sigmoid": _sigmoid,
    "clamp": lambda op, inputs: (inputs[0], 0.0),
}
