# SPDX-License-Identifier: Apache-2.0
"""Quantised arithmetic in NumPy: what the kernels compute, and how scales become integers.

Formulas and their sources are in docs/NUMERICS.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groat.graph.ir import Quantization, Tensor
from groat.ops.base import Unsupported

Int64 = NDArray[np.int64]
LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}
SHIFT_MAX_WIDE = 14  # of requantize_wide


def round_half_away(x: float) -> int:
    """The nearest integer, ties away from zero (C's round)."""
    return math.floor(abs(x) + 0.5) * (1 if x >= 0 else -1)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """A factor as (multiplier, shift): real = multiplier * 2**(shift - 31), multiplier a Q31 integer.

    Factors below about 2**-31 become (0, 0).  Raises ValueError if `real` is negative, not a number, or 2**31 or
    more.
    """
    if not (0.0 <= real < 2.0**31):
        raise ValueError(f"a scale factor of {real} cannot be expressed: expected 0 <= factor < 2**31")
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * (1 << 31))
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def wrap32(x: ArrayLike) -> Int64:
    """Reduces integers modulo 2**32 to the range of int32."""
    return np.asarray(x, np.int64).astype(np.uint32).astype(np.int32).astype(np.int64)


def mul_high(a: ArrayLike, b: ArrayLike) -> Int64:
    """round(a * b / 2**31), ties towards plus infinity, saturating; a and b within int32."""
    x, y = np.asarray(a, np.int64), np.asarray(b, np.int64)
    return np.minimum((x * y + (1 << 30)) >> 31, np.int64(2**31 - 1))


def round_shift(x: ArrayLike, exponent: ArrayLike) -> Int64:
    """round(x / 2**exponent), ties away from zero."""
    values, exponents = np.asarray(x, np.int64), np.asarray(exponent, np.int64)
    mask = (np.int64(1) << exponents) - 1
    threshold = (mask >> 1) + (values < 0)
    return (values >> exponents) + ((values & mask) > threshold)


def requantize(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> Int64:
    """x * multiplier * 2**(shift - 31), rounded twice, as gemmlowp does."""
    shifts = np.asarray(shift, np.int64)
    shifted = wrap32(np.asarray(x, np.int64) << np.maximum(shifts, 0))
    return round_shift(mul_high(shifted, multiplier), np.maximum(-shifts, 0))


def reduced_multiplier(multiplier: ArrayLike) -> Int64:
    """A Q31 multiplier as Q15, at most 32767: what accumulators of 64 bits are multiplied by."""
    return np.minimum((np.asarray(multiplier, np.int64) + (1 << 15)) >> 16, np.int64(32767))


def requantize_wide(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> Int64:
    """x * multiplier * 2**(shift - 31) of 64-bit accumulators, the multiplier reduced to Q15; rounded once."""
    right = 15 - np.asarray(shift, np.int64)
    with np.errstate(over="ignore"):
        product = np.asarray(x, np.int64) * reduced_multiplier(multiplier) + (np.int64(1) << (right - 1))
    return wrap32(product >> right)


def clamp_int8(x: ArrayLike, low: int = -128, high: int = 127) -> NDArray[np.int8]:
    return np.clip(np.asarray(x, np.int64), low, high).astype(np.int8)


def clamp_int16(x: ArrayLike, low: int = -32768, high: int = 32767) -> NDArray[np.int16]:
    return np.clip(np.asarray(x, np.int64), low, high).astype(np.int16)


ACTIVATIONS: dict[str, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


Activation = str | tuple[float | None, float | None]
"""NONE, RELU, RELU6, RELU_N1_TO_1, or the bounds themselves; None for no bound."""


def activation_bounds(activation: Activation) -> tuple[float | None, float | None]:
    """Where a fused activation clamps real values; None for no bound.  Raises Unsupported for an unknown name."""
    if isinstance(activation, tuple):
        return activation
    if activation not in ACTIVATIONS:
        raise Unsupported(f"fused activation {activation} is not one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[activation]


def activation_range(activation: Activation, tensor: Tensor) -> tuple[float, float]:
    """The clamp that a fused activation puts on the stored values of `tensor`: integers, but for float32.

    Raises Unsupported as activation_bounds.
    """
    low, high = activation_bounds(activation)
    if tensor.dtype == "float32":
        return -math.inf if low is None else low, math.inf if high is None else high

    def stored(real: float) -> int:
        return tensor.zero_point + round_half_away(steps(real, tensor.scale))

    lowest, highest = LIMITS[tensor.dtype]
    return (
        max(lowest, lowest if low is None else stored(low)),
        min(highest, highest if high is None else stored(high)),
    )


def bounds_of(attrs: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The clamp of an op of floats, as a fused activation."""
    low, high = attrs["act_min"], attrs["act_max"]
    return None if low == -math.inf else low, None if high == math.inf else high


def steps(real: float, scale: float) -> float:
    """real / scale in single precision, but at most a million: no clamp of 16 bits can tell more from that."""
    with np.errstate(over="ignore"):
        return float(np.clip(np.float32(real) / np.float32(scale), -1e6, 1e6))


def require_int8(tensor: Tensor, role: str) -> None:
    """Raises Unsupported unless `tensor` is int8 with one scale and zero point."""
    if tensor.dtype != "int8":
        raise Unsupported(f"its {role} is {tensor.dtype}; there are kernels for int8 only")
    _require_scale(tensor, role)


def require_activations(*tensors: tuple[Tensor, str]) -> str:
    """The ending of the name of the op for these tensors, each with its role: "" if all are int8, "_int16" if all are
    int16 with zero point 0, "_float32" if all are float32; raises Unsupported otherwise."""
    if tensors[0][0].dtype == "float32":
        for tensor, role in tensors:
            if tensor.dtype != "float32":
                raise Unsupported(f"its {role} is {tensor.dtype}; expected float32, as its {tensors[0][1]} is")
        return "_float32"
    if tensors[0][0].dtype != "int16":
        for tensor, role in tensors:
            require_int8(tensor, role)
        return ""
    for tensor, role in tensors:
        if tensor.dtype != "int16":
            raise Unsupported(f"its {role} is {tensor.dtype}; expected int16, as its {tensors[0][1]} is")
        require_int16(tensor, role)
    return "_int16"


def require_int16(tensor: Tensor, role: str) -> None:
    """Raises Unsupported unless `tensor` is int16 with one scale and zero point 0."""
    if tensor.dtype != "int16":
        raise Unsupported(f"its {role} is {tensor.dtype}; expected int16")
    _require_scale(tensor, role)
    if tensor.zero_point != 0:
        raise Unsupported(f"its {role} is int16 with zero point {tensor.zero_point}; expected 0")


def _require_scale(tensor: Tensor, role: str) -> None:
    quantization = tensor.quantization
    if quantization is None or not quantization.per_tensor:
        raise Unsupported(f"its {role} has no scale for the whole tensor")
    if not (math.isfinite(tensor.scale) and tensor.scale > 0):
        raise Unsupported(f"its {role} has scale {tensor.scale}; expected a positive number")
    low, high = LIMITS[tensor.dtype]
    if not low <= tensor.zero_point <= high:
        raise Unsupported(f"its {role} has zero point {tensor.zero_point}; expected {low} to {high}")


def channel_scales(weights: Tensor, channels: int, axis: int) -> list[float]:
    """The weight scale of each output channel; raises Unsupported if they are missing or along another axis."""
    quantization: Quantization | None = weights.quantization
    if weights.dtype not in ("int8", "int4"):
        raise Unsupported(f"its weights are {weights.dtype}; there are kernels for int8 and int4 only")
    if quantization is None:
        raise Unsupported("its weights are not quantised")
    if any(not (math.isfinite(scale) and scale > 0) for scale in quantization.scale):
        raise Unsupported("its weights have a scale that is not a positive number")
    if quantization.per_tensor:
        return [float(np.float32(quantization.scale[0]))] * channels
    if quantization.axis != axis or len(quantization.scale) != channels:
        raise Unsupported(
            f"its weights have {len(quantization.scale)} scales along axis {quantization.axis}; "
            f"expected {channels} along axis {axis}"
        )
    return [float(np.float32(scale)) for scale in quantization.scale]


def channel_multipliers(input_scale: float, scales: list[float], output_scale: float) -> dict[str, Any]:
    """Attributes `multiplier` and `shift`, an int32 array each, for every output channel."""
    pairs = [factor(input_scale * scale / output_scale) for scale in scales]
    return {
        "multiplier": np.array([multiplier for multiplier, _ in pairs], np.int32),
        "shift": np.array([shift for _, shift in pairs], np.int32),
    }


def factor(real: float) -> tuple[int, int]:
    """quantize_multiplier for an importer: a factor that the kernels cannot apply is the model's fault."""
    if not real < 2.0**30:
        raise Unsupported(f"its scales differ by a factor of {real}; expected less than 2**30")
    return quantize_multiplier(real)


def require_wide_shifts(shifts: ArrayLike) -> None:
    """Raises Unsupported for a factor that 64-bit accumulators cannot be scaled by."""
    if np.max(shifts) > SHIFT_MAX_WIDE:
        raise Unsupported(f"its scales differ by a factor of 2**{SHIFT_MAX_WIDE} or more, for 64-bit accumulators")


def folded_bias(bias: ArrayLike, weights_sum: ArrayLike, input_zero_point: int, constant: int = 0) -> Int64:
    """bias - input_zero_point * weights_sum + constant, modulo 2**32."""
    return wrap32(
        np.asarray(bias, np.int64) - input_zero_point * np.asarray(weights_sum, np.int64) + np.int64(constant)
    )
