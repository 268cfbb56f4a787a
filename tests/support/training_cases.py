# SPDX-License-Identifier: Apache-2.0
"""Random calls of the ops for training, by name; tests/python/test_ops.py compares them with their references."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.support.gradient_cases import CASES as GRADIENTS
from tests.support.int8_gradient_cases import CASES as INT8_GRADIENTS

from groat import kernels

Array = npt.NDArray[Any]
Rng = np.random.Generator


def shape_of(rng: Rng, rank: int, most: int = 5) -> tuple[int, ...]:
    return tuple(int(size) for size in rng.integers(1, most + 1, rank))


def floats(rng: Rng, shape: Sequence[int], dtype: str, wild: float = 0.15) -> Array:
    """Of one size, or of many, now and then with one that is infinite or no number."""
    x = rng.normal(0, 1, tuple(shape))
    if rng.random() < 0.3:
        x = x * np.exp2(rng.uniform(*((-60, 60) if dtype == "float32" else (-20, 14)), x.shape))
    if rng.random() < wild:
        x[tuple(int(rng.integers(size)) for size in x.shape)] = rng.choice([np.inf, -np.inf, np.nan])
    with np.errstate(over="ignore"):
        return x.astype(dtype)


def clamp_of(rng: Rng) -> dict[str, float]:
    low, high = sorted(float(value) for value in rng.normal(0, 1, 2))
    choices: tuple[dict[str, float], ...] = (
        {"act_min": 0.0},
        {"act_min": 0.0, "act_max": 6.0},
        {"act_min": low, "act_max": high},
    )
    return choices[int(rng.integers(3))]


def scale_of(rng: Rng) -> float | None:
    return float(np.exp2(rng.integers(0, 17))) if rng.random() < 0.5 else None


def softmax_cross_entropy(rng: Rng, dtype: str) -> None:
    rows, classes = shape_of(rng, 2, 12)
    logits = floats(rng, (rows, classes), dtype)
    labels = rng.integers(0, classes, rows).astype(np.int32)
    if rng.random() < 0.2:
        labels[int(rng.integers(rows))] = rng.choice([-1, classes, -(1 << 31), (1 << 31) - 1])
    kernels.softmax_cross_entropy_float(logits, labels, scale=scale_of(rng))


def mean_squared_error(rng: Rng, dtype: str) -> None:
    shape = shape_of(rng, int(rng.integers(1, 5)))
    kernels.mean_squared_error_float(floats(rng, shape, dtype), floats(rng, shape, dtype), scale=scale_of(rng))


def step(rng: Rng) -> None:
    lr, loss = (rng.choice([0.01, 1.0, 3.0, 0.0, -1.0, np.nan, np.inf], p=[0.4, 0.2, 0.2, *[0.05] * 4]) for _ in "ab")
    kernels.step(lr, loss, scale=scale_of(rng))


def loss_scale(rng: Rng) -> None:
    interval = int(rng.integers(1, 6))
    scale = np.array([np.exp2(rng.integers(0, 17)), rng.integers(0, interval)], np.float32)
    told = np.array([rng.choice([0.0, 0.1]), 1, rng.random() < 0.2, 0], np.float32)
    kernels.loss_scale(scale, told, interval=interval, maximum=float(np.exp2(rng.integers(8, 17))))


def clamp_grad(rng: Rng, dtype: str) -> None:
    shape, clamp = shape_of(rng, int(rng.integers(1, 5))), clamp_of(rng)
    y = kernels.clamp_float(floats(rng, shape, dtype), **clamp)
    kernels.clamp_grad_float(floats(rng, shape, dtype), y, **clamp)


def sgd(rng: Rng, dtype: str) -> None:
    shape = shape_of(rng, int(rng.integers(1, 5)))
    w, gradient, velocity = (floats(rng, shape, dtype, wild) for wild in (0, 0.2, 0))
    with_velocity = {"velocity": velocity, "momentum": float(rng.uniform(0, 0.99))} if rng.random() < 0.5 else {}
    decay = float(rng.choice([0.0, 1e-4, 0.1]))
    kernels.sgd_float(w, gradient, float(rng.choice([0.0, 0.01, 0.1, 1.0])), decay=decay, **with_velocity)


def adam(rng: Rng, dtype: str) -> None:
    shape = shape_of(rng, int(rng.integers(1, 5)))
    w, gradient, m = (floats(rng, shape, dtype, wild) for wild in (0, 0.2, 0))
    v = floats(rng, shape, "float32", 0) ** 2
    correction = np.array([0, 0] if rng.random() < 0.5 else [0.4, 0.01], np.float32)
    betas = {"beta1": float(rng.choice([0.0, 0.9])), "beta2": float(rng.choice([0.5, 0.999]))}
    decay = float(rng.choice([0.0, 1e-4, 0.1]))
    kernels.adam_float(w, gradient, float(rng.choice([0.0, 0.01, 1.0])), m, v, correction, decay=decay, **betas)


def clamp_mask(rng: Rng, dtype: str) -> None:
    clamp = clamp_of(rng)
    y = kernels.clamp_float(floats(rng, shape_of(rng, int(rng.integers(1, 5))), dtype), **clamp)
    kernels.clamp_mask_float(y, **clamp)


def clamp_grad_mask(rng: Rng, dtype: str) -> None:
    dy = floats(rng, shape_of(rng, int(rng.integers(1, 5))), dtype)
    kernels.clamp_grad_mask_float(dy, rng.integers(0, 256, (dy.size + 7) // 8).astype(np.uint8))


def pooling(rng: Rng) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]:
    """(shape of the input, of the output, how the window goes)."""
    while True:
        n, h, w, c = shape_of(rng, 4, 8)
        kernel, stride = shape_of(rng, 2, 4), shape_of(rng, 2, 4)
        padding = tuple(tuple(int(p) for p in rng.integers(0, k, 2)) for k in kernel)
        out = [(size + sum(padding[i]) - kernel[i]) // stride[i] + 1 for i, size in enumerate((h, w))]
        starts = [(out[i] - 1) * stride[i] - padding[i][0] for i in range(2)]
        if min(out) > 0 and starts[0] < h and starts[1] < w:
            return (n, h, w, c), (n, *out, c), {"kernel": kernel, "stride": stride, "padding": padding}


def average_pool_grad(rng: Rng, dtype: str) -> None:
    in_shape, out_shape, window = pooling(rng)
    kernels.average_pool2d_grad_float(floats(rng, out_shape, dtype), in_shape, **window)


def max_pool_index(rng: Rng, dtype: str) -> None:
    in_shape, _, window = pooling(rng)
    x = floats(rng, in_shape, dtype)
    x = np.round(x) if rng.random() < 0.5 else x  # so that maxima are equal
    kernels.max_pool2d_index_float(x, **window, **(clamp_of(rng) if rng.random() < 0.3 else {}))


def max_pool_index_int8(rng: Rng) -> None:
    in_shape, _, window = pooling(rng)
    x = rng.integers(-128, 128, in_shape).astype(np.int8) // int(rng.choice([1, 40]))  # so that maxima are equal
    low, high = sorted(int(value) for value in rng.integers(-128, 128, 2))
    kernels.max_pool2d_index_int8(x, **window, **({"act_min": low, "act_max": high} if rng.random() < 0.3 else {}))


def max_pool_grad(rng: Rng, dtype: str) -> None:
    in_shape, out_shape, window = pooling(rng)
    index = rng.integers(0, 1 + window["kernel"][0] * window["kernel"][1], out_shape).astype(np.uint8)
    kernels.max_pool2d_grad_float(floats(rng, out_shape, dtype), index, in_shape, **window)


def axes_of(rng: Rng, rank: int) -> list[int]:
    return sorted(rng.permutation(rank)[: int(rng.integers(1, rank + 1))].tolist())


def mean_grad(rng: Rng, dtype: str) -> None:
    shape = shape_of(rng, int(rng.integers(1, 6)), 6)
    axes = axes_of(rng, len(shape))
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    kernels.mean_grad_float(floats(rng, kept, dtype), shape, axes)


def sum_to(rng: Rng, dtype: str) -> None:
    shape = shape_of(rng, int(rng.integers(1, 6)), 6)
    axes = axes_of(rng, len(shape))
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    leading = next((axis for axis, size in enumerate(kept) if size > 1), len(kept))
    kernels.sum_to_float(floats(rng, shape, dtype), kept[leading if rng.random() < 0.3 else 0 :])


def box(rng: Rng) -> None:
    whole = shape_of(rng, int(rng.integers(1, 7)), 4)
    shape = tuple(int(rng.integers(1, size + 1)) for size in whole)
    begin = tuple(int(rng.integers(0, w - s + 1)) for w, s in zip(whole, shape, strict=True))
    dtype = rng.choice(["int8", "int16", "float32", "float16"])
    kernels.slice(rng.integers(-99, 99, whole).astype(dtype), begin, shape)


def softmax_grad(rng: Rng, dtype: str) -> None:
    x = floats(rng, (*shape_of(rng, int(rng.integers(0, 3)), 4), int(rng.integers(1, 60))), dtype)
    beta = float(np.exp(rng.uniform(-1, 1)))
    kernels.softmax_grad_float(floats(rng, x.shape, dtype), kernels.softmax_float(x, beta=beta), beta=beta)


def sigmoid_grad(rng: Rng, dtype: str) -> None:
    x, tanh = floats(rng, shape_of(rng, int(rng.integers(1, 5))), dtype), bool(rng.random() < 0.5)
    kernels.sigmoid_grad_float(floats(rng, x.shape, dtype), kernels.sigmoid_float(x, tanh=tanh), tanh=tanh)


def normalised(rng: Rng, dtype: str) -> tuple[Array, int, Array, Array]:
    """(x, groups, mean, rstd)."""
    groups = int(rng.integers(1, 4))
    shape = (*shape_of(rng, int(rng.integers(1, 4)), 4), groups * int(rng.integers(1, 5)))
    mean = floats(rng, (shape[0] * groups,), "float32", 0)
    return floats(rng, shape, dtype), groups, mean, np.abs(floats(rng, mean.shape, "float32", 0))


def group_norm(rng: Rng, dtype: str) -> None:
    x, groups, _, _ = normalised(rng, dtype)
    gamma, beta = (floats(rng, x.shape[-1:], "float32", 0) for _ in range(2))
    clamp = clamp_of(rng) if rng.random() < 0.3 else {}
    kernels.group_norm_float(x, gamma, beta, groups, epsilon=float(rng.choice([1e-5, 1e-3, 1.0])), **clamp)


def group_norm_grad(rng: Rng, dtype: str) -> None:
    x, groups, mean, rstd = normalised(rng, dtype)
    gamma = floats(rng, x.shape[-1:], "float32", 0)
    kernels.group_norm_grad_float(x, floats(rng, x.shape, dtype), gamma, mean, rstd, groups)


def group_norm_weight_grad(rng: Rng, dtype: str) -> None:
    x, groups, mean, rstd = normalised(rng, dtype)
    kernels.group_norm_weight_grad_float(x, floats(rng, x.shape, dtype), mean, rstd, groups)


def _both(**cases: Callable[[Rng, str], None]) -> dict[str, Callable[[Rng], None]]:
    return {
        f"{name}_{dtype}": functools.partial(case, dtype=dtype)
        for name, case in cases.items()
        for dtype in ("float32", "float16")
    }


TRAINING: Mapping[str, Callable[[Rng], None]] = {
    "step": step,
    "loss_scale": loss_scale,
    "slice": box,
    **_both(
        softmax_cross_entropy=softmax_cross_entropy,
        mean_squared_error=mean_squared_error,
        clamp_grad=clamp_grad,
        sgd=sgd,
        adam=adam,
        clamp_mask=clamp_mask,
        clamp_grad_mask=clamp_grad_mask,
        average_pool_2d_grad=average_pool_grad,
        max_pool_2d_index=max_pool_index,
        max_pool_2d_grad=max_pool_grad,
        mean_grad=mean_grad,
        sum_to=sum_to,
        softmax_grad=softmax_grad,
        sigmoid_grad=sigmoid_grad,
        group_norm=group_norm,
        group_norm_grad=group_norm_grad,
        group_norm_weight_grad=group_norm_weight_grad,
    ),
    "max_pool_2d_index_int8": max_pool_index_int8,
    **GRADIENTS,
    **INT8_GRADIENTS,
}
