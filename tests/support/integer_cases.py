# SPDX-License-Identifier: Apache-2.0
"""Random calls of the integer ops that are in no random model, by name, and TFLite models of one of their operators.

tests/python/test_ops.py compares the calls with their references, tests/python/test_integer_ops.py the models with
TensorFlow Lite Micro.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from tools.tflite_builder import Builder, Quant, Tensor

from groat import kernels

Array = npt.NDArray[Any]
Rng = np.random.Generator


def integers(rng: Rng, shape: tuple[int, ...], dtype: str) -> Array:
    """Over the whole range of the type, or only its two ends."""
    limits = np.iinfo(dtype)
    values = rng.integers(limits.min, limits.max + 1, shape)
    if rng.random() < 0.2:
        values = np.where(values < 0, limits.min, limits.max)
    return values.astype(dtype)


def zero_point(rng: Rng, dtype: str = "int8") -> int:
    if dtype == "int16":
        return 0
    return int(rng.choice([-128, 0, 127])) if rng.random() < 0.4 else int(rng.integers(-128, 128))


def shape_of(rng: Rng, rank: int, most: int = 5) -> tuple[int, ...]:
    return tuple(int(size) for size in rng.integers(1, most + 1, rank))


def broadcast(rng: Rng, least: int = 0) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shape = shape_of(rng, int(rng.integers(least, 5)), 4)
    a, b = (tuple(1 if rng.random() < 0.3 else size for size in shape) for _ in range(2))
    if len(b) > 1 and rng.random() < 0.4:
        b = b[int(rng.integers(0, len(b))) :]
    return (a, b) if rng.random() < 0.5 else (b, a)


def _scale(rng: Rng, low: float = -5, high: float = 1) -> float:
    return float(np.float32(np.exp(rng.uniform(low, high))))


# ---- Calls -------------------------------------------------------------------------------------------------


def _clamp(rng: Rng, dtype: str) -> dict[str, int]:
    low, high = sorted(int(value) for value in integers(rng, (2,), dtype))
    return {"act_min": low, "act_max": high} if rng.random() < 0.5 else {}


def _points(rng: Rng, dtype: str, *names: str) -> dict[str, int]:
    return {f"{name}_zero_point": zero_point(rng, dtype) for name in names}


def _sub(rng: Rng, dtype: str) -> None:
    a, b = (integers(rng, shape, dtype) for shape in broadcast(rng))
    scales = {"a_scale": _scale(rng), "b_scale": _scale(rng), "output_scale": _scale(rng, -1, 3)}
    kernels.sub(a, b, **scales, **_points(rng, dtype, "a", "b", "output"), **_clamp(rng, dtype))


def _maximum_minimum(rng: Rng) -> None:
    dtype = str(rng.choice(["int8", "int16"]))
    a, b = (integers(rng, shape, dtype) for shape in broadcast(rng))
    kernels.maximum_minimum(a, b, str(rng.choice(["maximum", "minimum"])))


def _div(rng: Rng) -> None:
    a, b = (integers(rng, shape, "int8") for shape in broadcast(rng))
    scales = {"a_scale": 1.0, "b_scale": _scale(rng), "output_scale": _scale(rng)}
    kernels.div(a, b, **scales, **_points(rng, "int8", "a", "b", "output"), **_clamp(rng, "int8"))


def matrices(rng: Rng, most: int = 20) -> tuple[tuple[int, ...], tuple[int, ...], bool, bool]:
    """Shapes of two matrices, and whether either has its last two dimensions the other way round."""
    rows, depth, columns = (int(size) for size in rng.integers(1, most, 3))
    shape = shape_of(rng, int(rng.integers(0, 4)), 3)
    a, b = (tuple(1 if rng.random() < 0.3 else size for size in shape) for _ in range(2))
    b = b[1:] if b and rng.random() < 0.2 else b
    turned = bool(rng.random() < 0.5), bool(rng.random() < 0.5)
    return (
        (*a, *((depth, rows) if turned[0] else (rows, depth))),
        (*b, *((columns, depth) if turned[1] else (depth, columns))),
        *turned,
    )


def matmul(rng: Rng, dtype: str, isa: str | None = None) -> None:
    a, b, adj_a, adj_b = matrices(rng)
    points = _points(rng, dtype, "a", "b", "output")
    if rng.random() < 0.4:
        points["b_zero_point"] = 0
    unit = 1 if dtype == "int8" else 256
    scales = {"a_scale": _scale(rng) / unit, "b_scale": _scale(rng) / unit, "output_scale": _scale(rng, 0, 4) / unit}
    arguments = {**scales, **points, "adj_a": adj_a, "adj_b": adj_b}
    kernels.matmul(integers(rng, a, dtype), integers(rng, b, dtype), **arguments, isa=isa)


def _resize_nearest_neighbor(rng: Rng) -> None:
    x = integers(rng, shape_of(rng, 4), str(rng.choice(["int8", "int16", "int32"])))
    rows, columns = (rng.integers(0, x.shape[axis], rng.integers(1, 9)).tolist() for axis in (1, 2))
    kernels.resize_nearest_neighbor(x, rows, columns)


def _resize_bilinear(rng: Rng) -> None:
    x = integers(rng, shape_of(rng, 4), str(rng.choice(["int8", "int16"])))
    rows, columns = (
        [(int(rng.integers(x.shape[axis])), int(rng.integers(1025))) for _ in range(rng.integers(1, 9))]
        for axis in (1, 2)
    )
    kernels.resize_bilinear(x, rows, columns)


def _lut_int16(rng: Rng) -> None:
    kernels.lut(integers(rng, (4, 50), "int16"), integers(rng, (513,), "int16"))


def _leaky_relu_int16(rng: Rng) -> None:
    scales = {"input_scale": _scale(rng), "output_scale": _scale(rng)}
    kernels.leaky_relu(integers(rng, (4, 50), "int16"), float(rng.uniform(-2, 2)), **scales)


def transposed(rng: Rng, most: int = 5) -> tuple[tuple[int, ...], dict[str, Any], int, tuple[int, int]]:
    """x's shape, the arguments of its window, output channels, kernel."""
    n, h, w, c = min(int(rng.integers(1, 3)), 2), *shape_of(rng, 3, most)
    kernel, stride = (tuple(int(size) for size in rng.integers(1, 5, 2)) for _ in range(2))
    pads = [int(rng.integers(0, size)) if rng.random() < 0.5 else 0 for size in kernel]
    sizes = [
        max(1, (size - 1) * stride[i] + kernel[i] - pads[i] - int(rng.integers(-2, 3))) for i, size in enumerate((h, w))
    ]
    window = {"stride": stride, "padding": ((pads[0], 0), (pads[1], 0)), "out_size": (sizes[0], sizes[1])}
    return (n, h, w, c), window, int(rng.integers(1, 7)), (kernel[0], kernel[1])


def transpose_conv(rng: Rng, dtype: str, isa: str | None = None, most: int = 5) -> None:
    shape, window, count, kernel = transposed(rng, most)
    weights = integers(rng, (count, *kernel, shape[3]), "int8")
    wide = dtype == "int16"
    bias = rng.integers(-20000, 20000, count).astype("int64" if wide else "int32") if rng.random() < 0.7 else None
    depth = kernel[0] * kernel[1] * shape[3]
    scaling = {
        "multiplier": rng.integers(1 << 30, (1 << 31) - 1, count),
        "shift": rng.integers(-9, -4, count) - int(np.log2(depth)) // 2,
    }
    points = _points(rng, dtype, "input", "output")
    x = integers(rng, shape, dtype)
    kernels.transpose_conv(x, weights, bias, **scaling, **window, **points, **_clamp(rng, dtype), isa=isa)


def _transpose_conv_float(rng: Rng) -> None:
    """Of whole numbers, whose sums are exact in any order."""
    shape, window, count, kernel = transposed(rng)
    x, weights = (rng.integers(-50, 50, size).astype(np.float32) for size in (shape, (count, *kernel, shape[3])))
    bias = rng.integers(-50, 50, count).astype(np.float32) if rng.random() < 0.5 else None
    bounds = {"act_min": 0.0} if rng.random() < 0.5 else {}
    # Windows of the kernel's gradients reach the image everywhere.
    out = [(shape[1 + i] - 1) * window["stride"][i] + kernel[i] - window["padding"][i][0] for i in range(2)]
    window["out_size"] = tuple(max(1, size - int(rng.integers(0, kernel[i]))) for i, size in enumerate(out))
    kernels.transpose_conv_float(x, weights, bias, **window, **bounds)


def _group_norm(rng: Rng, dtype: str) -> None:
    groups = int(rng.integers(1, 4))
    shape = (*shape_of(rng, int(rng.integers(1, 4))), groups * int(rng.integers(1, 30)))
    x = integers(rng, shape, dtype)
    if rng.random() < 0.3:
        x = np.broadcast_to(x[..., :1], shape).copy()  # groups without any variance
    gamma, beta = rng.normal(0, _scale(rng), (2, shape[-1]))
    unit = 1 if dtype == "int8" else 256
    scales = {"input_scale": _scale(rng) / unit, "output_scale": _scale(rng) / unit}
    points, epsilon = _points(rng, dtype, "output"), float(rng.choice([0.0, 1e-5, 1e-3, 1.0]))
    kernels.group_norm(x, gamma, beta, groups, **scales, **points, epsilon=epsilon, **_clamp(rng, dtype))


CALLS: Mapping[str, Callable[[Rng], None]] = {
    "sub": lambda rng: _sub(rng, "int8"),
    "sub_int16": lambda rng: _sub(rng, "int16"),
    "maximum_minimum": _maximum_minimum,
    "div": _div,
    "matmul": lambda rng: matmul(rng, "int8"),
    "matmul_int16": lambda rng: matmul(rng, "int16"),
    "resize_nearest_neighbor": _resize_nearest_neighbor,
    "resize_bilinear": _resize_bilinear,
    "lut_int16": _lut_int16,
    "leaky_relu_int16": _leaky_relu_int16,
    "transpose_conv": lambda rng: transpose_conv(rng, "int8"),
    "transpose_conv_int16": lambda rng: transpose_conv(rng, "int16"),
    "transpose_conv_float32": _transpose_conv_float,
    "group_norm": lambda rng: _group_norm(rng, "int8"),
    "group_norm_int16": lambda rng: _group_norm(rng, "int16"),
}


# ---- Models ------------------------------------------------------------------------------------------------


def _quant(rng: Rng, dtype: str, scale: float | None = None) -> Quant:
    step = _scale(rng) if scale is None else scale
    return Quant(step / 256 if dtype == "int16" else step, zero_point(rng, dtype))


Grow = Callable[[Rng, Builder, str], Tensor]
"""Adds inputs and the operator to a builder; returns its output."""


def _binary(name: str, options: str) -> Grow:
    def grow(rng: Rng, m: Builder, dtype: str) -> Tensor:
        a, b = broadcast(rng, 1)
        quant = _quant(rng, dtype)
        quants = [quant, quant, quant] if "MUM" in name else [quant, _quant(rng, dtype), _quant(rng, dtype, 3.0)]
        inputs = [m.input(a, dtype, quants[0]), m.input(b, dtype, quants[1])]
        y = m.tensor(np.broadcast_shapes(a, b), dtype, quants[2])
        m.op(name, inputs, [y], options)
        return y

    return grow


def _div_model(rng: Rng, m: Builder, dtype: str) -> Tensor:
    """Where the shifts of TFLM are defined: quotients of more than a few hundredths of a step, no divisor zero."""
    quant = _quant(rng, dtype)
    (point,) = quant.zero_points
    divisors = rng.integers(-128, 128, (16, 8))
    divisors = np.where(divisors == point, point + (1 if point < 127 else -1), divisors).astype(np.int8)
    x = m.input((16, 8), dtype, _quant(rng, dtype, 1.0))
    y = m.tensor(x.shape, dtype, _quant(rng, dtype, 1 / quant.scales[0] / 500))
    m.op("DIV", [x, m.constant(divisors, quant)], [y], "DivOptions")
    return y


def _function(name: str, options: str | None = None, **fields: Any) -> Grow:
    def grow(rng: Rng, m: Builder, dtype: str) -> Tensor:
        count = 256 if dtype == "int8" else 1 << 16
        x = m.input((count,), dtype, _quant(rng, dtype, _scale(rng, -6, -1)))
        quant = Quant(1 / 128) if name == "TANH" else _quant(rng, dtype, _scale(rng, -5, -1))
        if name == "ABS" and rng.random() < 0.4:
            assert x.quant is not None
            quant = x.quant
        y = m.tensor(x.shape, dtype, quant)
        more = {"Alpha": float(np.float32(rng.uniform(-1.5, 1.5)))} if name == "LEAKY_RELU" else {}
        m.op(name, [x], [y], options, **fields, **more)
        return y

    return grow


def _batch_matmul(rng: Rng, m: Builder, dtype: str) -> Tensor:
    a, b, adj_a, adj_b = matrices(rng)
    x, y = (m.input(shape, dtype, _quant(rng, dtype, _scale(rng, -5, -2))) for shape in (a, b))
    out = (*np.broadcast_shapes(a[:-2], b[:-2]), a[-1] if adj_a else a[-2], b[-2] if adj_b else b[-1])
    result = m.tensor(out, dtype, _quant(rng, dtype, 1.0))
    m.op("BATCH_MATMUL", [x, y], [result], "BatchMatMulOptions", AdjX=adj_a, AdjY=adj_b)
    return result


def _resize(name: str, options: str) -> Grow:
    def grow(rng: Rng, m: Builder, dtype: str) -> Tensor:
        n, h, w, c = shape_of(rng, 4, 8)
        quant = _quant(rng, dtype)
        x = m.input((min(n, 2), h, w, c), dtype, quant)
        height, width = shape_of(rng, 2, 9)
        corners = bool(rng.random() < 0.4)
        flags = {"AlignCorners": corners, "HalfPixelCenters": not corners and bool(rng.random() < 0.5)}
        y = m.tensor((min(n, 2), height, width, c), dtype, quant)
        m.op(name, [x, m.constant(np.array([height, width], np.int32))], [y], options, **flags)
        return y

    return grow


def _transpose_conv_model(rng: Rng, m: Builder, dtype: str) -> Tensor:
    n, h, w, c = min(int(rng.integers(1, 3)), 2), *shape_of(rng, 3, 6)
    kernel, stride = (tuple(int(size) for size in rng.integers(1, 5, 2)) for _ in range(2))
    same, count = bool(rng.random() < 0.5), int(rng.integers(1, 7))
    if same:
        out = [size * stride[i] for i, size in enumerate((h, w))]
    else:
        out = [(size - 1) * stride[i] + max(kernel[i], stride[i]) for i, size in enumerate((h, w))]
    x = m.input((n, h, w, c), dtype, _quant(rng, dtype, _scale(rng, -5, -2)))
    assert x.quant is not None
    scales = tuple(_scale(rng, -6, -3) for _ in range(count))
    weights = m.tensor(
        (count, *kernel, c), "int8", Quant(scales, 0, 0), integers(rng, (count, *kernel, c), "int8").clip(-127)
    )
    shape = m.constant(np.array([n, *out, count], np.int32))
    inputs = [shape, weights, x]
    if rng.random() < 0.7:
        steps = tuple(x.quant.scales[0] * scale for scale in scales)
        kind = np.int64 if dtype == "int16" else np.int32
        inputs.append(m.constant(rng.integers(-20000, 20000, count).astype(kind), Quant(steps)))
    y = m.tensor((n, *out, count), dtype, _quant(rng, dtype, _scale(rng, -2, 0)))
    strides = {"StrideH": stride[0], "StrideW": stride[1]}
    m.op("TRANSPOSE_CONV", inputs, [y], "TransposeConvOptions", **strides, Padding=0 if same else 1)
    return y


MODELS: Mapping[tuple[str, str], Grow] = {
    **{("SUB", dtype): _binary("SUB", "SubOptions") for dtype in ("int8", "int16")},
    **{
        (name, dtype): _binary(name, "MaximumMinimumOptions")
        for name in ("MAXIMUM", "MINIMUM")
        for dtype in ("int8", "int16")
    },
    ("DIV", "int8"): _div_model,
    **{("ABS", dtype): _function("ABS", "AbsOptions") for dtype in ("int8", "int16")},
    **{("LEAKY_RELU", dtype): _function("LEAKY_RELU", "LeakyReluOptions") for dtype in ("int8", "int16")},
    ("ELU", "int8"): _function("ELU"),
    ("TANH", "int8"): _function("TANH"),
    ("HARD_SWISH", "int8"): _function("HARD_SWISH", "HardSwishOptions"),
    **{("BATCH_MATMUL", dtype): _batch_matmul for dtype in ("int8", "int16")},
    **{
        ("RESIZE_NEAREST_NEIGHBOR", dtype): _resize("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions")
        for dtype in ("int8", "int16")
    },
    ("RESIZE_BILINEAR", "int8"): _resize("RESIZE_BILINEAR", "ResizeBilinearOptions"),
    **{("TRANSPOSE_CONV", dtype): _transpose_conv_model for dtype in ("int8", "int16")},
}


def model(name: str, dtype: str, seed: int) -> bytes:
    """A `.tflite` file of one operator; the same arguments give the same bytes."""
    m = Builder(f"{name} {dtype} {seed}")
    return m.build([MODELS[name, dtype](np.random.default_rng(seed), m, dtype)])
