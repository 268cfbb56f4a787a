# SPDX-License-Identifier: Apache-2.0
"""Random calls of the ops of block floating point, by name, for tests/python/test_ops.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from groat import kernels
from groat.ops.bfp import NOT_FINITE

Array = npt.NDArray[Any]
Rng = np.random.Generator


def mantissas(rng: Rng, shape: Sequence[int], bits: int | None = None) -> Array:
    """Of some width, now and then with many zeros or at the ends of the range."""
    most = (1 << (int(rng.integers(4, 16)) if bits is None else bits)) - 1
    x = rng.integers(-most, most + 1, tuple(shape))
    if rng.random() < 0.2:
        x = np.where(rng.random(x.shape) < 0.5, most, -most)
    if rng.random() < 0.4:
        x = np.where(rng.random(x.shape) < 0.6, 0, x)
    return x.astype(np.int16)


def exponent(rng: Rng) -> int:
    """Usually of ordinary numbers, else one that is far off, out of range, or not finite."""
    if rng.random() < 0.85:
        return int(rng.integers(-24, 6))
    return int(rng.choice([-512, 512, 300, -300, 513, NOT_FINITE, -(1 << 31)]))


def bits(rng: Rng) -> int:
    return int(rng.integers(4, 16))


def floats(rng: Rng) -> Array:
    shape = tuple(int(size) for size in rng.integers(1, 7, int(rng.integers(1, 5))))
    x = rng.normal(0, 1, shape)
    if rng.random() < 0.6:
        x = x * np.exp2(rng.uniform(-150, 120, x.shape if rng.random() < 0.5 else ()))
    if rng.random() < 0.15:
        x.flat[int(rng.integers(x.size))] = rng.choice([np.inf, -np.inf, np.nan])
    return np.asarray(x, np.float32)


def quantize(rng: Rng) -> None:
    kernels.quantize_bfp16(floats(rng), bits=bits(rng))


def dequantize(rng: Rng) -> None:
    e = int(rng.integers(-170, 140)) if rng.random() < 0.4 else exponent(rng)
    kernels.dequantize_bfp16(mantissas(rng, rng.integers(1, 7, int(rng.integers(1, 5)))), e)


def _geometry(rng: Rng) -> tuple[tuple[int, ...], tuple[int, int], dict[str, Any]]:
    """(shape of x, kernel, the rest of a window); a dense layer in some of the cases."""
    if rng.random() < 0.25:
        return (int(rng.integers(1, 4)), int(rng.integers(1, 30))), (1, 1), {}
    kernel = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    dilation = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    size = [int(rng.integers((k - 1) * d + 1, 9)) for k, d in zip(kernel, dilation, strict=True)]
    pads = [[int(rng.integers(0, (k - 1) * d + 1)) for _ in "ab"] for k, d in zip(kernel, dilation, strict=True)]
    padding: Any = "same" if rng.random() < 0.4 else ((pads[0][0], pads[0][1]), (pads[1][0], pads[1][1]))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    shape = (int(rng.integers(1, 3)), *size, int(rng.integers(1, 6)))
    return shape, kernel, {"stride": stride, "dilation": dilation, "padding": padding}


def _filters(rng: Rng, shape: Sequence[int], kernel: tuple[int, int]) -> Array:
    return mantissas(rng, (int(rng.integers(1, 6)), *(kernel if len(shape) == 4 else ()), shape[-1]))


def _output(shape: Sequence[int], weights: Array, geometry: Mapping[str, Any]) -> tuple[int, ...]:
    x = np.zeros(tuple(shape), np.float32)
    if len(shape) == 2:
        return (shape[0], len(weights))
    return kernels.conv2d_float(x, np.zeros(weights.shape, np.float32), **geometry).shape


def conv(rng: Rng) -> None:
    shape, kernel, geometry = _geometry(rng)
    weights = _filters(rng, shape, kernel)
    options = {"relu": bool(rng.random() < 0.4), "bits": bits(rng), **geometry}
    if rng.random() < 0.7:
        options |= {"bias": mantissas(rng, (len(weights),)), "bias_exponent": exponent(rng)}
    kernels.conv2d_bfp16(mantissas(rng, shape), exponent(rng), weights, exponent(rng), **options)


def conv_input_grad(rng: Rng) -> None:
    shape, kernel, geometry = _geometry(rng)
    weights = _filters(rng, shape, kernel)
    dy = mantissas(rng, _output(shape, weights, geometry))
    kernels.conv2d_input_grad_bfp16(weights, exponent(rng), dy, exponent(rng), shape, bits=bits(rng), **geometry)


def conv_weight_grad(rng: Rng) -> None:
    shape, kernel, geometry = _geometry(rng)
    weights = _filters(rng, shape, kernel)
    dy = mantissas(rng, _output(shape, weights, geometry))
    lr = float(
        rng.choice([0.02, 1.0, 0.3, 1e-6, 1e30, 1e-42, 0.0, -1.0, np.nan, np.inf], p=[0.5, 0.1, 0.1, *[0.3 / 7] * 7])
    )
    options: dict[str, Any] = {"lr": lr, "noise": int(rng.integers(1 << 32)), "bits": bits(rng), **geometry}
    with_bias = rng.random() < 0.7
    if with_bias:
        options |= {"bias": mantissas(rng, (len(weights),)), "bias_exponent": exponent(rng)}
    options["train_weights"] = not with_bias or rng.random() < 0.8
    x = mantissas(rng, shape)
    kernels.conv2d_weight_grad_bfp16(x, exponent(rng), dy, exponent(rng), weights, exponent(rng), **options)


def relu_grad(rng: Rng) -> None:
    shape = rng.integers(1, 6, int(rng.integers(1, 5)))
    kernels.relu_grad_bfp16(mantissas(rng, shape), mantissas(rng, shape))


def _pool(rng: Rng, apart: bool) -> tuple[tuple[int, ...], dict[str, Any]]:
    kernel = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    stride = tuple(int(rng.integers(k if apart else 1, 5)) for k in kernel)
    size = [int(rng.integers(k, 9)) for k in kernel]
    padding = "same" if rng.random() < 0.5 else "valid"
    shape = (int(rng.integers(1, 3)), *size, int(rng.integers(1, 5)))
    return shape, {"kernel": kernel, "stride": (stride[0], stride[1]), "padding": padding}


def max_pool_index(rng: Rng) -> None:
    shape, window = _pool(rng, False)
    kernels.max_pool2d_index_bfp16(mantissas(rng, shape), **window)


def max_pool_grad(rng: Rng) -> None:
    shape, window = _pool(rng, True)
    kernel = window["kernel"]
    out = kernels.max_pool2d_float(np.zeros(shape, np.float32), **window).shape
    index = rng.integers(0, kernel[0] * kernel[1] + 1, out).astype(np.uint8)
    kernels.max_pool2d_grad_bfp16(mantissas(rng, out), index, shape, **window)


def softmax(rng: Rng) -> None:
    shape = (int(rng.integers(1, 4)), int(rng.integers(1, 30)))
    kernels.softmax_bfp16(mantissas(rng, shape), exponent(rng))


def softmax_cross_entropy(rng: Rng) -> None:
    rows, classes = int(rng.integers(1, 4)), int(rng.integers(1, 30))
    labels = rng.integers(0, classes, rows).astype(np.int32)
    if rng.random() < 0.2:
        labels[int(rng.integers(rows))] = rng.choice([-1, classes, -(1 << 31), (1 << 31) - 1])
    kernels.softmax_cross_entropy_bfp16(mantissas(rng, (rows, classes)), exponent(rng), labels, bits=bits(rng))


BFP: Mapping[str, Callable[[Rng], None]] = {
    "quantize_bfp16": quantize,
    "dequantize_bfp16": dequantize,
    "conv_2d_bfp16": conv,
    "conv_2d_input_grad_bfp16": conv_input_grad,
    "conv_2d_weight_grad_bfp16": conv_weight_grad,
    "relu_grad_bfp16": relu_grad,
    "max_pool_2d_index_bfp16": max_pool_index,
    "max_pool_2d_grad_bfp16": max_pool_grad,
    "softmax_bfp16": softmax,
    "softmax_cross_entropy_bfp16": softmax_cross_entropy,
}
