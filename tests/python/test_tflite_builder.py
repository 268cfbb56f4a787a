# SPDX-License-Identifier: Apache-2.0
"""What the TFLite writer writes is what it was asked for: read back through the schema, and run by TFLM.

Scales are chosen so that every requantisation is by exactly 1; then an op's result is plain integer arithmetic,
and what is tested is that shapes, options, constants and zero points arrived.  Roundings are tested elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tflite
from tests.support.oracle import needs_tflm
from tools.tflite_builder import (
    Activation,
    Builder,
    Padding,
    Pair,
    Quant,
    Tensor,
    quantize_bias,
    quantize_weights,
    range_quant,
    window_output,
)

from groat.errors import ModelError
from groat.oracle.tflm import Tflm

Array = npt.NDArray[Any]

ONE = Quant(1.0, 0)  # real values are stored values


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def int8(shape: Sequence[int], low: int = -128, high: int = 127) -> Array:
    return rng().integers(low, high + 1, shape).astype(np.int8)


def saturate(values: Array) -> Array:
    return np.clip(values, -128, 127).astype(np.int8)


def run(builder: Builder, outputs: Sequence[Tensor], *inputs: Array) -> list[Array]:
    return Tflm(builder.build(outputs)).run(inputs)


def run_unary(op: Callable[[Builder, Tensor], Tensor], x: Array, quant: Quant | None) -> Array:
    builder = Builder()
    return run(builder, [op(builder, builder.input(x.shape, x.dtype.name, quant))], x)[0]


def windows(x: Array, kernel: Pair, stride: Pair, dilation: Pair, padding: Padding, fill: int) -> Array:
    """The pixels under a sliding window: [n,oh,ow,kh,kw,c] of x [n,h,w,c]."""
    sizes = [window_output(x.shape[1 + i], kernel[i], stride[i], dilation[i], padding) for i in range(2)]
    missing = [
        max(0, (sizes[i] - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1 - x.shape[1 + i]) for i in range(2)
    ]
    sides = [(total // 2, total - total // 2) for total in missing]
    padded = np.pad(x.astype(np.int64), [(0, 0), *sides, (0, 0)], constant_values=fill)
    rows = np.arange(sizes[0])[:, None] * stride[0] + np.arange(kernel[0]) * dilation[0]
    columns = np.arange(sizes[1])[:, None] * stride[1] + np.arange(kernel[1]) * dilation[1]
    return padded[:, rows[:, None, :, None], columns[None, :, None, :], :]


GEOMETRIES: list[tuple[Pair, Pair, Pair, Padding]] = [
    ((3, 3), (1, 1), (1, 1), "SAME"),
    ((2, 4), (2, 1), (1, 1), "SAME"),
    ((3, 2), (2, 3), (1, 1), "VALID"),
    ((2, 3), (1, 1), (3, 2), "SAME"),
    ((1, 1), (1, 2), (1, 1), "VALID"),
]


# ---- Ops, in TFLM ------------------------------------------------------------------------------------------


@needs_tflm
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_conv_2d(geometry: tuple[Pair, Pair, Pair, Padding], groups: int) -> None:
    kernel, stride, dilation, padding = geometry
    x, weights = int8((2, 7, 6, 4), -9, 9), int8((6, *kernel, 4 // groups), -3, 3)
    bias = np.arange(-3, 3, dtype=np.int32)
    builder = Builder()
    y = builder.conv_2d(
        builder.input(x.shape, quant=Quant(0.5, 2)),
        weights,
        bias,
        Quant((0.5,) * 6, 0, 0),
        Quant(0.25, -4),
        stride=stride,
        dilation=dilation,
        padding=padding,
    )
    pixels = windows(x, kernel, stride, dilation, padding, 2) - 2
    parts = [
        np.einsum("nijklc,oklc->nijo", part, filters.astype(np.int64))
        for part, filters in zip(np.split(pixels, groups, -1), np.split(weights, groups), strict=True)
    ]
    expected = saturate(np.concatenate(parts, -1) + bias - 4)
    assert y.shape == expected.shape
    np.testing.assert_array_equal(run(builder, [y], x)[0], expected)


@needs_tflm
@pytest.mark.parametrize("multiplier", [1, 3])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_depthwise_conv_2d(geometry: tuple[Pair, Pair, Pair, Padding], multiplier: int) -> None:
    kernel, stride, dilation, padding = geometry
    x, weights = int8((2, 7, 6, 4), -20, 20), int8((1, *kernel, 4 * multiplier), -4, 4)
    builder = Builder()
    y = builder.depthwise_conv_2d(
        builder.input(x.shape, quant=Quant(2.0, -3)),
        weights,
        None,
        Quant((0.5,) * 4 * multiplier, 0, 3),
        Quant(1.0, 5),
        stride=stride,
        dilation=dilation,
        padding=padding,
    )
    pixels = np.repeat(windows(x, kernel, stride, dilation, padding, -3) + 3, multiplier, axis=-1)
    expected = saturate(np.einsum("nijklc,klc->nijc", pixels, weights[0].astype(np.int64)) + 5)
    assert y.shape == expected.shape
    np.testing.assert_array_equal(run(builder, [y], x)[0], expected)


@needs_tflm
@pytest.mark.parametrize("keep_num_dims", [False, True])
@pytest.mark.parametrize("channels", [1, 5])
def test_fully_connected(keep_num_dims: bool, channels: int) -> None:
    x, weights = int8((2, 3, 8), -10, 10), int8((5, 8), -5, 5)
    bias = np.arange(5, dtype=np.int32)
    builder = Builder()
    y = builder.fully_connected(
        builder.input(x.shape, quant=Quant(0.5, 1)),
        weights,
        bias,
        Quant((0.5,) * channels),
        Quant(0.25, 7),
        keep_num_dims=keep_num_dims,
    )
    expected = saturate((x.astype(np.int64) - 1) @ weights.T.astype(np.int64) + bias + 7)
    shape = (2, 3, 5) if keep_num_dims else (6, 5)
    assert y.shape == shape
    np.testing.assert_array_equal(run(builder, [y], x)[0], expected.reshape(shape))


@needs_tflm
@pytest.mark.parametrize("geometry", [geometry for geometry in GEOMETRIES if geometry[2] == (1, 1)])
def test_pools(geometry: tuple[Pair, Pair, Pair, Padding]) -> None:
    kernel, stride, dilation, padding = geometry
    x = int8((2, 7, 6, 3))
    absent = -1000
    pixels = windows(x, kernel, stride, dilation, padding, absent)
    inside = pixels != absent
    count = inside.sum(axis=(3, 4))
    total = np.where(inside, pixels, 0).sum(axis=(3, 4))
    average = np.sign(total) * ((np.abs(total) + count // 2) // count)

    builder = Builder()
    source = builder.input(x.shape, quant=Quant(0.1, 3))
    outputs = [
        builder.average_pool_2d(source, kernel, stride=stride, padding=padding),
        builder.max_pool_2d(source, kernel, stride=stride, padding=padding),
    ]
    results = run(builder, outputs, x)
    np.testing.assert_array_equal(results[0], average)
    np.testing.assert_array_equal(results[1], pixels.max(axis=(3, 4)))


SHAPES = [((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (4,)), ((2, 1, 4), (3, 1)), ((5,), ())]


@needs_tflm
@pytest.mark.parametrize("shapes", SHAPES)
def test_add_and_mul(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    a = np.asarray(int8(shapes[0], -60, 60))
    b = np.asarray(rng().integers(-11, 12, shapes[1]), np.int8)
    builder = Builder()
    left, right = builder.input(a.shape, quant=Quant(1.0, 2)), builder.constant(b, Quant(1.0, -1))
    outputs = [builder.add(left, right, Quant(1.0, 3)), builder.mul(left, right, Quant(1.0, 3))]
    results = run(builder, outputs, a)
    wide_a, wide_b = a.astype(np.int64) - 2, b.astype(np.int64) + 1
    np.testing.assert_array_equal(results[0], saturate(wide_a + wide_b + 3))
    np.testing.assert_array_equal(results[1], saturate(wide_a * wide_b + 3))


@needs_tflm
@pytest.mark.parametrize(("axes", "keep_dims"), [((1, 2), True), ((1, 2), False), ((-1,), False), ((0, 3), True)])
def test_mean(axes: tuple[int, ...], keep_dims: bool) -> None:
    x = int8((2, 4, 2, 8), -8, 7) * np.int8(16)  # every mean is a whole number
    y = run_unary(lambda b, t: b.mean(t, axes, Quant(0.5, 0), keep_dims), x, Quant(0.5, 0))
    expected = x.astype(np.float64).mean(axis=axes, keepdims=keep_dims)
    assert y.shape == expected.shape
    np.testing.assert_array_equal(y, np.sign(expected) * np.floor(np.abs(expected) + 0.5))


@needs_tflm
def test_pad_fills_with_zero_point_or_value() -> None:
    x, paddings = int8((2, 3, 4)), [(1, 0), (0, 2), (3, 1)]
    padded = run_unary(lambda b, t: b.pad(t, paddings), x, Quant(0.1, -17))
    np.testing.assert_array_equal(padded, np.pad(x, paddings, constant_values=-17))
    padded = run_unary(lambda b, t: b.pad(t, paddings, 99), x, Quant(0.1, -17))
    np.testing.assert_array_equal(padded, np.pad(x, paddings, constant_values=99))


@needs_tflm
@pytest.mark.parametrize("rank", [2, 3, 4, 5])
def test_transpose(rank: int) -> None:
    x = int8(range(2, 2 + rank))
    permutation = [int(axis) for axis in rng().permutation(rank)]
    y = run_unary(lambda b, t: b.transpose(t, permutation), x, ONE)
    np.testing.assert_array_equal(y, x.transpose(permutation))


@needs_tflm
def test_reshape_infers_a_dimension() -> None:
    x = int8((2, 3, 4))
    np.testing.assert_array_equal(run_unary(lambda b, t: b.reshape(t, (4, -1)), x, ONE), x.reshape(4, 6))


@needs_tflm
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concatenation(axis: int) -> None:
    a = int8((2, 3, 4))
    b = int8([size + (i == axis % 3) for i, size in enumerate(a.shape)])
    builder = Builder()
    parts = [builder.input(a.shape, quant=ONE), builder.constant(b, ONE)]
    y = builder.concatenation([*parts, parts[0]], axis)
    np.testing.assert_array_equal(run(builder, [y], a)[0], np.concatenate([a, b, a], axis))


@needs_tflm
def test_softmax_and_logistic() -> None:
    x = int8((6, 5))
    real = (x.astype(np.float64) - 4) * 0.03
    powers = np.exp(2.0 * real)
    expected = np.rint(256 * powers / powers.sum(axis=1, keepdims=True)) - 128
    y = run_unary(lambda b, t: b.softmax(t, beta=2.0), x, Quant(0.03, 4))
    assert np.abs(y - np.minimum(expected, 127)).max() <= 1
    y = run_unary(lambda b, t: b.logistic(t), x, Quant(0.03, 4))
    assert np.abs(y - np.rint(256 / (1 + np.exp(-real))) + 128).max() <= 1


@needs_tflm
def test_relu_and_relu6() -> None:
    x = np.arange(-128, 128, dtype=np.int8)
    y = run_unary(lambda b, t: b.relu(t, Quant(0.25, -9)), x, Quant(0.25, 3))
    np.testing.assert_array_equal(y, np.clip(x.astype(int) - 3 - 9, -9, 127))
    y = run_unary(lambda b, t: b.relu6(t), x, Quant(0.25, 3))
    np.testing.assert_array_equal(y, np.clip(x, 3, 3 + 24))


@needs_tflm
def test_quantize_and_dequantize() -> None:
    x = np.arange(-128, 128, dtype=np.int8)
    y = run_unary(lambda b, t: b.quantize(t, Quant(0.5, 100), "uint8"), x, Quant(0.5, -20))
    np.testing.assert_array_equal(y, np.clip(x.astype(int) + 120, 0, 255))
    floats = run_unary(lambda b, t: b.dequantize(t), x, Quant(0.5, -20))
    assert floats.dtype == np.float32
    np.testing.assert_array_equal(floats, (x.astype(np.float32) + 20) / 2)
    np.testing.assert_array_equal(run_unary(lambda b, t: b.quantize(t, Quant(0.5, -20)), floats, None), x)


@needs_tflm
@pytest.mark.parametrize(
    ("activation", "low", "high"), [("NONE", -128, 127), ("RELU", 8, 127), ("RELU6", 8, 32), ("RELU_N1_TO_1", 4, 12)]
)
def test_fused_activations(activation: Activation, low: int, high: int) -> None:
    x = np.arange(-128, 128, dtype=np.int8)
    zero = np.zeros(1, np.int8)
    quant = Quant(0.25, 8)
    y = run_unary(lambda b, t: b.add(t, b.constant(zero, Quant(0.25, 0)), quant, activation=activation), x, quant)
    np.testing.assert_array_equal(y, np.clip(x, low, high))


@needs_tflm
def test_any_op_code_can_be_written() -> None:
    builder = Builder()
    x = builder.input((4,), quant=ONE)
    y = builder.tensor((4,), quant=ONE)
    builder.op("ATAN2", [x, x], [y])
    with pytest.raises(ModelError, match="ATAN2"):
        Tflm(builder.build([y]))


# ---- The file ----------------------------------------------------------------------------------------------


def small_model() -> bytes:
    builder = Builder("a small one")
    x = builder.input((1, 4, 4, 2), quant=Quant(0.1, -5), name="image")
    weights, quant = quantize_weights(rng().normal(size=(3, 2, 2, 2)), 0)
    y = builder.conv_2d(x, weights, np.arange(3, dtype=np.int32), quant, Quant(0.2, 6), name="y")
    unknown = builder.tensor(y.shape, quant=y.quant, name="z")
    builder.op(200, [y, None], [unknown], version=9)
    return builder.build([unknown, y])


def test_the_same_calls_give_the_same_bytes() -> None:
    assert small_model() == small_model()


def test_the_file_reads_back() -> None:
    data = small_model()
    assert tflite.Model.ModelBufferHasIdentifier(data, 0)
    model = tflite.Model.GetRootAs(data, 0)
    assert model.Version() == 3
    assert model.Description() == b"a small one"
    assert model.Buffers(0).DataLength() == 0
    graph = model.Subgraphs(0)
    names = [graph.Tensors(i).Name().decode() for i in range(graph.TensorsLength())]
    assert [names[i] for i in graph.InputsAsNumpy()] == ["image"]
    assert [names[i] for i in graph.OutputsAsNumpy()] == ["z", "y"]

    conv, unknown = graph.Operators(0), graph.Operators(1)
    code = model.OperatorCodes(unknown.OpcodeIndex())
    assert (code.BuiltinCode(), code.DeprecatedBuiltinCode(), code.Version()) == (200, 127, 9)
    assert list(unknown.InputsAsNumpy()) == [names.index("y"), -1]
    options = tflite.Conv2DOptions()
    options.Init(conv.BuiltinOptions().Bytes, conv.BuiltinOptions().Pos)
    assert (options.StrideH(), options.DilationWFactor(), options.Padding()) == (1, 1, tflite.Padding.SAME)

    image, weights, bias = (graph.Tensors(i) for i in conv.InputsAsNumpy())
    assert list(image.ShapeAsNumpy()) == [1, 4, 4, 2]
    assert image.Quantization().ZeroPoint(0) == -5
    assert weights.Quantization().ScaleLength() == 3
    np.testing.assert_allclose(
        bias.Quantization().ScaleAsNumpy(), np.float32(0.1) * weights.Quantization().ScaleAsNumpy(), rtol=1e-6
    )
    assert list(model.Buffers(bias.Buffer()).DataAsNumpy().view(np.int32)) == [0, 1, 2]


def test_constants_are_aligned_in_the_file() -> None:
    builder = Builder()
    data = [int8((length,)) for length in (1, 17, 5, 64)]
    for values in data:
        builder.constant(values, ONE)
    file = builder.build([])
    for values in data[1:]:
        assert file.index(values.tobytes()) % 16 == 0


def test_constants_must_have_the_shape_and_dtype_they_claim() -> None:
    builder = Builder()
    with pytest.raises(ValueError, match=r"int8\[3\], expected int8\[2, 2\]"):
        builder.tensor((2, 2), data=int8((3,)))
    with pytest.raises(ValueError, match=r"int64\[4\], expected int8"):
        builder.tensor((4,), data=np.arange(4))
    with pytest.raises(ValueError, match="dtype complex64"):
        builder.tensor((4,), "complex64")


# ---- Quantisation helpers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("low", "high"), [(0.0, 6.0), (-1.0, 3.0), (-4.0, -1.0), (2.0, 5.0), (0.0, 0.0)])
def test_range_quant_covers_the_range_and_zero(low: float, high: float) -> None:
    quant = range_quant(low, high)
    scale, zero_point = quant.scales[0], quant.zero_points[0]
    assert -128 <= zero_point <= 127
    assert scale * (-128 - zero_point) <= min(low, 0.0) + scale
    assert scale * (127 - zero_point) >= max(high, 0.0) - scale


@pytest.mark.parametrize("axis", [None, 0, 2])
def test_quantize_weights(axis: int | None) -> None:
    weights = rng().normal(size=(3, 4, 5))
    weights[:, :, 1] = 0.0
    stored, quant = quantize_weights(weights, axis)
    scales = np.asarray(quant.scales).reshape([-1 if i == axis else 1 for i in range(3)])
    assert len(quant.scales) == (1 if axis is None else weights.shape[axis])
    assert np.abs(stored).max() == 127
    assert (np.abs(stored * scales - weights) <= scales * 0.5001).all()


def test_quantize_bias_saturates() -> None:
    bias = quantize_bias(np.array([1.0, 1e12, -1e12]), Quant(0.5), Quant((0.5, 0.5, 0.5)))
    np.testing.assert_array_equal(bias, [4, 2**31 - 1, -(2**31)])
