# SPDX-License-Identifier: Apache-2.0
"""Quantised ONNX models, written by ONNX Runtime's own quantiser: as accurate as there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from tests.support.onnx_models import Builder, kinds, run_groat, run_onnx

import groat
from groat.errors import UnsupportedError
from groat.graph.ir import Array

SAMPLES = 120


class Samples(CalibrationDataReader):
    """Frames of one input."""

    def __init__(self, frames: list[Array]) -> None:
        self._frames: Iterator[Array] = iter(frames)

    def get_next(self) -> dict[str, Array] | None:
        frame = next(self._frames, None)
        return None if frame is None else {"x": frame}


def frames(count: int, shape: tuple[int, ...], seed: int) -> list[Array]:
    """Smooth images: sums of a few waves."""
    rng = np.random.default_rng(seed)
    grid = np.meshgrid(*(np.linspace(0, 1, size) for size in shape[2:]), indexing="ij")
    result = []
    for _ in range(count):
        x = np.zeros(shape, np.float32)
        for _ in range(3):
            phase = sum(axis * rate for axis, rate in zip(grid, rng.uniform(-9, 9, len(grid)), strict=True))
            x += rng.standard_normal((1, shape[1], *[1] * len(grid))) * np.sin(phase + rng.uniform(0, 6))
        result.append(x.astype(np.float32))
    return result


def cnn(more: str = "") -> onnx.ModelProto:
    """Convolutions of all kinds, a residual sum, a gate, pools, a dense layer; and one more op behind its images."""
    b = Builder()
    x = b.node("Relu", b.conv("x", 3, 8, (3, 3), pads=[1] * 4, strides=[2, 2]))
    y = b.node("Relu", b.conv(x, 8, 8, (3, 3), pads=[1] * 4, group=8))
    y = b.node("Add", x, b.conv(y, 8, 8, (1, 1)))
    gate = b.node("Sigmoid", b.conv(b.node("GlobalAveragePool", y), 8, 8, (1, 1)))
    y = b.node("MaxPool", b.node("Mul", y, gate), kernel_shape=[2, 2], strides=[2, 2])
    if more:
        y = b.node(more, y)
    y = b.node("Concat", y, b.conv(y, 8, 4, (1, 1)), axis=1)
    y = b.node("Flatten", b.node("AveragePool", y, kernel_shape=[2, 2], strides=[2, 2]))
    return b.model({"x": [1, 3, 16, 16]}, [b.node("Gemm", y, b.weights(12 * 4, 6), b.weights(6))], opset=20)


def quantised(
    model: onnx.ModelProto, folder: Path, activations: QuantType, weights: QuantType, per_channel: bool
) -> bytes:
    (folder / "float.onnx").write_bytes(model.SerializeToString())
    shape = tuple(dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim)
    quantize_static(
        folder / "float.onnx", folder / "int8.onnx", Samples(frames(30, shape, 1)), quant_format=QuantFormat.QDQ,
        activation_type=activations, weight_type=weights, per_channel=per_channel,
        extra_options={"WeightSymmetric": True},
    )  # fmt: skip
    return (folder / "int8.onnx").read_bytes()


@pytest.mark.parametrize("per_channel", [False, True], ids=["per tensor", "per channel"])
@pytest.mark.parametrize("activations", [QuantType.QInt8, QuantType.QUInt8], ids=["int8", "uint8"])
def test_it_agrees_with_onnx_runtime(tmp_path: Path, activations: QuantType, per_channel: bool) -> None:
    source = quantised(cnn(), tmp_path, activations, QuantType.QInt8, per_channel)
    loaded = groat.load(source)
    assert "transpose" not in kinds(loaded)
    assert not [kind for kind in kinds(loaded) if "float" in kind], "all of it has integer kernels"
    exact = cnn().SerializeToString()
    agree, ours, theirs = 0, 0.0, 0.0
    for x in frames(SAMPLES, (1, 3, 16, 16), 2):
        [real], [expected], [found] = run_onnx(exact, [x]), run_onnx(source, [x]), run_groat(loaded, [x])
        agree += int(found.argmax() == expected.argmax())
        ours += float(((found - real) ** 2).sum())
        theirs += float(((expected - real) ** 2).sum())
    assert agree >= 0.97 * SAMPLES
    assert ours <= 1.2 * theirs, "no further from the model of floats than ONNX Runtime is"


@pytest.mark.parametrize("function", ["HardSwish", "LeakyRelu", "Gelu", "Tanh"])
def test_functions_are_tables_or_computed_with_floats_as_the_file_says(tmp_path: Path, function: str) -> None:
    source = quantised(cnn(function), tmp_path, QuantType.QInt8, QuantType.QInt8, True)
    loaded = groat.load(source)
    agree = 0
    for x in frames(40, (1, 3, 16, 16), 2):
        agree += int(run_groat(loaded, [x])[0].argmax() == run_onnx(source, [x])[0].argmax())
    assert agree >= 38


@pytest.mark.parametrize("function", ["HardSwish", "Gelu"])
def test_a_model_of_floats_is_quantised_here_too(function: str) -> None:
    source = cnn(function).SerializeToString()
    loaded = groat.load(source)
    samples = np.concatenate([x.transpose(0, 2, 3, 1) for x in frames(40, (1, 3, 16, 16), 1)])[:, np.newaxis]
    compiled = groat.compile(groat.quantize(loaded, samples))
    assert not [op.kind for op in compiled.graph.ops if op.kind.endswith("_float32")]
    agree = 0
    for x in frames(40, (1, 3, 16, 16), 2):
        found = compiled.run(np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
        agree += int(np.argmax(found) == run_onnx(source, [x])[0].argmax())
    assert agree >= 37


def test_an_op_without_an_integer_kernel_computes_with_floats(tmp_path: Path) -> None:
    """Between a dequantize and a quantize, as the file says."""
    b = Builder()
    scale, zero = b.constant(np.float32(0.05)), b.constant(np.int8(3))
    x = b.node("DequantizeLinear", b.node("QuantizeLinear", "x", scale, zero), scale, zero)
    y = b.node("Sub", x, b.node("Relu", x))
    y = b.node("DequantizeLinear", b.node("QuantizeLinear", y, scale, zero), scale, zero)
    model = b.model({"x": [1, 4, 5, 5]}, [y])
    loaded = groat.load(model.SerializeToString())
    assert kinds(loaded).count("binary_float32") == 1
    x_in = np.random.default_rng(0).standard_normal((1, 4, 5, 5)).astype(np.float32) * 3
    assert np.array_equal(run_groat(loaded, [x_in])[0], run_onnx(model, [x_in])[0])


def test_integers_may_be_inputs_and_outputs(tmp_path: Path) -> None:
    for kind, dtype in ((onnx.TensorProto.INT8, np.int8), (onnx.TensorProto.UINT8, np.uint8)):
        b = Builder()
        scale, zero = b.constant(np.float32(0.05)), b.constant(dtype(7))
        x = b.node("DequantizeLinear", "x", scale, zero)
        y = b.node("QuantizeLinear", b.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), scale, zero)
        model = b.model({"x": [1, 4, 6, 6]}, [y], types={"x": kind, y: kind})
        loaded = groat.load(model.SerializeToString())
        limits = np.iinfo(dtype)
        x_in = np.random.default_rng(0).integers(limits.min, limits.max, (1, 4, 6, 6), dtype, endpoint=True)
        [expected], [found] = run_onnx(model, [x_in]), run_groat(loaded, [x_in])
        assert found.dtype == dtype
        assert np.array_equal(expected, found)


def test_scales_that_are_not_constants_are_refused() -> None:
    b = Builder()
    q = b.node("QuantizeLinear", "x", "s", b.constant(np.int8(0)))
    model = b.model({"x": [1, 4], "s": []}, [b.node("DequantizeLinear", q, "s", b.constant(np.int8(0)))])
    with pytest.raises(UnsupportedError, match="its scale 's' is computed at run time; expected a constant"):
        groat.load(model.SerializeToString())
