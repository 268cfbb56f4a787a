# SPDX-License-Identifier: Apache-2.0
"""exp, log, log(1 + x), erf, square roots, the logistic function and tanh of float32 are as close to the true values as
docs/NUMERICS.md says, and have the bits of their NumPy versions."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support import cc

from groat.ops import exp as numpy_exp

Array = npt.NDArray[Any]

SOURCE = """
#include "runtime/kernels/exp.h"
#include "runtime/kernels/sqrt.h"
void all_of(int which, const float *x, float *y, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        y[i] = which == 0   ? groat_exp(x[i])
               : which == 1 ? groat_logistic(x[i])
               : which == 2 ? groat_tanh(x[i])
               : which == 3 ? groat_log1p(x[i] < 0.0f ? -x[i] : x[i])
                            : groat_log(x[i] < 0.0f ? -x[i] : x[i]);
    }
}
void erfs(const float *x, float *y, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        y[i] = groat_erf(x[i]);
    }
}
void roots(const float *x, float *y, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        y[i] = groat_sqrt(x[i]);
    }
}
"""
STEP = 641  # of all floats, every so many
BATCH = 1 << 20


def true_logistic(x: Array) -> Array:
    return np.asarray(np.where(x < 0, np.exp(x), 1) / (1 + np.exp(-np.abs(x))))


def true_log(x: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.abs(x)))


FUNCTIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array], float]] = {
    "exp": (numpy_exp.exp, np.exp, 1.0),
    "logistic": (numpy_exp.logistic, true_logistic, 2.5),
    "tanh": (numpy_exp.tanh, np.tanh, 1.5),
    "log1p": (lambda x: numpy_exp.log1p(np.abs(x)), lambda x: np.log1p(np.abs(x)), 1.5),
    "log": (lambda x: numpy_exp.log(np.abs(x)), true_log, 1.5),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("exp")
    (folder / "exp.c").write_text(SOURCE, encoding="utf-8")
    flags = ["-O2", "-shared", "-fPIC", f"-I{cc.ROOT}"]
    return ctypes.CDLL(str(cc.build(folder / "libexp.so", [folder / "exp.c"], flags)))


def ulps(found: Array, true: Array) -> Array:
    """How far apart they are, in last places of the true value as float32."""
    place = np.exp2(np.maximum(np.frexp(true)[1], -125) - 24.0)
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(found), np.where(np.isinf(true.astype(np.float32)), 0, np.inf), found - true) / place


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_within_its_bound_for_all_floats(name: str, library: ctypes.CDLL) -> None:
    in_numpy, true, bound = FUNCTIONS[name]
    bits = np.arange(0, 1 << 32, STEP, dtype=np.uint64).astype(np.uint32)
    worst = 0.0
    for start in range(0, len(bits), BATCH):
        x = bits[start : start + BATCH].view(np.float32)
        y = np.empty_like(x)
        pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in (x, y))
        library.all_of(list(FUNCTIONS).index(name), *pointers, len(x))
        nan = np.isnan(x)
        assert np.isnan(y[nan]).all()
        x, y = x[~nan], y[~nan]
        assert y.tobytes() == in_numpy(x).tobytes()
        with np.errstate(over="ignore", under="ignore"):
            worst = max(worst, float(np.abs(ulps(y.astype(np.float64), true(x.astype(np.float64)))).max()))
    assert 0.5 < worst < bound


def test_erf_is_near_the_true_value_and_has_the_bits_of_numpy(library: ctypes.CDLL) -> None:
    x = np.concatenate([np.linspace(-6, 6, 100_001), [1e-30, -1e-38, 0, np.inf, -np.inf, np.nan]]).astype(np.float32)
    y = np.empty_like(x)
    library.erfs(*(array.ctypes.data_as(ctypes.c_void_p) for array in (x, y)), len(x))
    assert np.isnan(y[-1])
    assert y[:-1].tobytes() == numpy_exp.erf(x[:-1]).tobytes()
    true = np.array([math.erf(value) for value in x[:-1].astype(np.float64)])
    assert 1e-8 < np.abs(y[:-1] - true).max() < 4e-7


def test_a_square_root_is_correctly_rounded_without_an_instruction(library: ctypes.CDLL) -> None:
    near_squares = (np.arange(1, 4096, dtype=np.float32) ** 2).view(np.uint32)
    bits = np.arange(0, 1 << 32, 4 * STEP, dtype=np.uint64).astype(np.uint32)
    x = np.concatenate([bits, near_squares - 1, near_squares, near_squares + 1, np.arange(200, dtype=np.uint32)])
    x = x.view(np.float32)
    y = np.empty_like(x)
    library.roots(*(array.ctypes.data_as(ctypes.c_void_p) for array in (x, y)), len(x))
    with np.errstate(invalid="ignore"):
        right = np.sqrt(x)
    assert np.array_equal(np.isnan(y), np.isnan(right))
    known = ~np.isnan(right)
    assert y[known].tobytes() == right[known].tobytes()
