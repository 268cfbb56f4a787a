# SPDX-License-Identifier: Apache-2.0
"""Random calls of the ops for training, by name; tests/python/test_ops.py compares them with their references."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.support.gradient_cases import CASES as GRADIENTS

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


def clamp_grad(rng: Rng, dtype: str) -> None:
    shape, clamp = shape_of(rng, int(rng.integers(1, 5))), clamp_of(rng)
    y = kernels.clamp_float(floats(rng, shape, dtype), **clamp)
    kernels.clamp_grad_float(floats(rng, shape, dtype), y, **clamp)


def _both(**cases: Callable[[Rng, str], None]) -> dict[str, Callable[[Rng], None]]:
    return {
        f"{name}_{dtype}": functools.partial(case, dtype=dtype)
        for name, case in cases.items()
        for dtype in ("float32", "float16")
    }


TRAINING: Mapping[str, Callable[[Rng], None]] = {
    "step": step,
    **_both(
        softmax_cross_entropy=softmax_cross_entropy,
        mean_squared_error=mean_squared_error,
        clamp_grad=clamp_grad,
    ),
    **GRADIENTS,
}
