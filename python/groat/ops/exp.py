# SPDX-License-Identifier: Apache-2.0
"""exp, log, log(1 + x), the logistic function, tanh and erf of float32, operation by operation as in
runtime/kernels/exp.h."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


def _f(text: str) -> np.float32:
    return np.float32(float.fromhex(text))


_EXP = [_f(c) for c in ("0x1.6a2434p-10", "0x1.1239e2p-7", "0x1.5558f2p-5", "0x1.555492p-3", "0x1.fffffcp-2")]
_TANH = [_f(c) for c in ("-0x1.830c02p-8", "0x1.54e01ap-6", "-0x1.b89edap-5", "0x1.1109dcp-3", "-0x1.55553ep-2")]
_LOG = [_f(c) for c in ("0x1.31e2a8p-2", "0x1.995ebcp-2", "0x1.55557ap-1")]
_ERF_SERIES = [np.float32(c) for c in (-1 / 1320, 1 / 216, -1 / 42, 0.1, -1 / 3)]
_ERF = [np.float32(c) for c in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)]
_ONE = np.float32(1)


def _polynomial(coefficients: list[np.float32], x: Float32) -> Float32:
    """By Horner's rule, the highest coefficient first."""
    y = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        y = y * x + coefficient
    return y


def exp(x: Float32) -> Float32:
    with np.errstate(all="ignore"):
        inside: Float32 = np.where((x < np.float32(88.8)) & (x >= -104), x, np.float32(0)).astype(np.float32)
        n: Float32 = np.trunc(inside * _f("0x1.715476p+0") + np.where(inside < 0, np.float32(-0.5), np.float32(0.5)))
        r = inside - n * _f("0x1.62e4p-1")
        r = r - n * _f("0x1.7f7d1cp-20")
        y = r * r * _polynomial(_EXP, r) + r + _ONE
        half = np.trunc(n / 2).astype(np.int32)
        y = y * np.ldexp(_ONE, half).astype(np.float32)
        y = y * np.ldexp(_ONE, n.astype(np.int32) - half).astype(np.float32)
        large = np.where(np.isnan(x), x, np.float32(np.inf))
        return np.where(x < np.float32(88.8), np.where(x < -104, np.float32(0), y), large).astype(np.float32)


def log1p(x: Float32) -> Float32:
    """log(1 + x) for x >= 0."""
    with np.errstate(all="ignore"):
        total = _ONE + x
        lost = np.where(total > np.float32(2**24), np.float32(0), (x - (total - _ONE)) / total)
        bits = total.view(np.uint32) + np.uint32(0x3F800000 - 0x3F3504F3)
        n = ((bits >> 23).astype(np.int32) - 127).astype(np.float32)
        f = ((bits & np.uint32(0x7FFFFF)) + np.uint32(0x3F3504F3)).view(np.float32) - _ONE
        z = f / (np.float32(2) + f)
        u = z * z
        rest = z * (u * _polynomial(_LOG, u) - f) + n * _f("0x1.7f7d1cp-20") + lost
        y = n * _f("0x1.62e4p-1") + (f + rest)
        return np.where(x < np.inf, y, x).astype(np.float32)


def logistic(x: Float32) -> Float32:
    with np.errstate(all="ignore"):
        e = exp(np.where(x < 0, x, -x))
        return np.asarray(np.where(x < 0, e, _ONE) / (_ONE + e), np.float32)


def tanh(x: Float32) -> Float32:
    with np.errstate(all="ignore"):
        a = np.where(x < 0, -x, x)
        u = x * x
        small = x + x * u * _polynomial(_TANH, u)
        y = _ONE - np.float32(2) / (exp(np.float32(2) * a) + _ONE)
        return np.where(a < np.float32(0.55), small, np.where(x < 0, -y, y)).astype(np.float32)


def log(x: Float32) -> Float32:
    with np.errstate(all="ignore"):
        small = x < _f("0x1p-126")
        bits = np.where(small, x * _f("0x1p+23"), x).astype(np.float32).view(np.uint32)
        bits = bits + np.uint32(0x3F800000 - 0x3F3504F3)
        n = ((bits >> 23).astype(np.int32) - 127).astype(np.float32) + np.where(small, np.float32(-23), np.float32(0))
        f = ((bits & np.uint32(0x7FFFFF)) + np.uint32(0x3F3504F3)).view(np.float32) - _ONE
        z = f / (np.float32(2) + f)
        u = z * z
        y = n * _f("0x1.62e4p-1") + (f + (z * (u * _polynomial(_LOG, u) - f) + n * _f("0x1.7f7d1cp-20")))
        outside = np.where(x == 0, np.float32(-np.inf), np.where(x < 0, np.float32(np.nan), x))
        return np.where((x > 0) & (x < np.inf), y, outside).astype(np.float32)


def erf(x: Float32) -> Float32:
    with np.errstate(all="ignore"):
        a = np.where(x < 0, -x, x)
        u = x * x
        series = np.float32(1.12837917) * (x + x * u * _polynomial(_ERF_SERIES, u))
        t = _ONE / (_ONE + np.float32(0.3275911) * a)
        y = _ONE - _polynomial(_ERF, t) * t * exp(-a * a)
        return np.where(a < np.float32(0.5), series, np.where(x < 0, -y, y)).astype(np.float32)
