# SPDX-License-Identifier: Apache-2.0
"""Models as TFLite files: they import again as the same ops, and TensorFlow Lite Micro computes the same bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tflite
from tests.support.command import Groat
from tests.support.float_nets import LINEAR, RELU, Net
from tests.support.graphs import kinds
from tests.support.material import required
from tests.support.onnx_models import Builder as OnnxBuilder
from tests.support.oracle import needs_tflm
from tests.support.random_floats import random_float_model
from tests.support.random_graphs import random_model
from tools.tflite_builder import Builder, Quant

import groat
from groat.errors import InputError, ModelError, UnsupportedError
from groat.export.tflite import to_tflite
from groat.graph import Graph, Op, Tensor
from groat.ops.unary_float32 import function_attrs
from groat.train import export as train_export
from groat.validation import Verdict, oracles_of, validate

Array = npt.NDArray[Any]


def verdict_of(model: groat.Model, inputs: int = 2, against: str = "tflm") -> Verdict:
    (verdict,) = validate(model, ["host"], against, inputs=inputs)
    return verdict


def assert_equal(model: groat.Model, inputs: int = 2) -> None:
    verdict = verdict_of(model, inputs)
    assert verdict.equal, f"{model.graph.name}: {verdict.difference}"


def described(graph: Graph) -> list[tuple[Any, ...]]:
    """Ops, and the tensors that they read and write."""

    def value(x: Any) -> Any:
        return x.tobytes() if isinstance(x, np.ndarray) else x

    def tensor(number: int) -> tuple[Any, ...]:
        found = graph.tensors[number]
        return found.shape, found.dtype, None if found.data is None else found.data.tobytes()

    return [
        (op.kind, {key: value(x) for key, x in op.attrs.items()}, [tensor(n) for n in (*op.inputs, *op.outputs)])
        for op in graph.ops
    ]


@pytest.mark.parametrize("seed", range(40))
def test_a_file_says_again_what_it_said(seed: int) -> None:
    """Import, export, import: the same ops on the same tensors, inputs and outputs by name and quantisation."""
    graph = groat.load(random_model(seed, wide=seed % 2 == 1)).graph
    again = groat.load(to_tflite(graph).data).graph
    assert described(again) == described(graph)
    for ours, theirs in ((graph.inputs, again.inputs), (graph.outputs, again.outputs)):
        named = [(graph.tensors[a], again.tensors[b]) for a, b in zip(ours, theirs, strict=True)]
        assert all((a.name, a.shape, a.quantization) == (b.name, b.shape, b.quantization) for a, b in named)


@needs_tflm
def test_random_models_of_integers_compute_the_same() -> None:
    for seed in range(30):
        model = groat.load(random_model(seed, wide=seed % 3 == 0))
        assert_equal(groat.Model(model.graph, b"none"))


def moved(dtype: str, operator: str, constants: list[Array], shape: tuple[int, ...], **fields: Any) -> bytes:
    """A model of one operator that takes some elements of [1, 4, 5, 3]."""
    m = Builder()
    quant = Quant(0.1, 3) if dtype == "int8" else None
    x, y = m.input((1, 4, 5, 3), dtype, quant), m.tensor(shape, dtype, quant)
    m.op(operator, [x, *(m.constant(each) for each in constants)], [y], f"{operator.capitalize()}Options", **fields)
    return m.build([y])


BOX = [np.array([0, 1, 0, 1], np.int32), np.array([1, 2, -1, 2], np.int32)]
PLACES = [np.array([4, 0, 0, 2, 3, 1], np.int32)]


@needs_tflm
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_slices_and_gathers(dtype: str) -> None:
    """TFLite's SLICE and GATHER, imported, and written again."""
    for source in (
        moved(dtype, "SLICE", BOX, (1, 2, 5, 2)),
        moved(dtype, "GATHER", PLACES, (1, 4, 6, 3), Axis=2),
        moved(dtype, "GATHER", [PLACES[0] % 3], (1, 4, 5, 6), Axis=-1),
    ):
        model = groat.load(source)
        assert_equal(model)
        assert described(groat.load(model.to_tflite()).graph) == described(model.graph)


@pytest.mark.parametrize(
    ("operator", "constants", "fields", "says"),
    [
        ("SLICE", [BOX[0], BOX[1] * 3], {}, "does not fit a tensor of shape [1, 4, 5, 3]"),
        ("SLICE", [BOX[0][:3], BOX[1][:3]], {}, "does not fit a tensor of shape [1, 4, 5, 3]"),
        ("GATHER", PLACES, {"Axis": 1}, "its indices go from 0 to 4; expected 0 to 3"),
        ("GATHER", PLACES, {"Axis": 4}, "axis 4 is out of range for 4 dimensions"),
        ("GATHER", [PLACES[0].reshape(2, 3)], {"Axis": 2}, "its indices are int32[2, 3]; expected a list of integers"),
        ("GATHER", [PLACES[0].astype(np.float32)], {"Axis": 2}, "its indices are float32[6]; expected a list"),
    ],
)
def test_slices_and_gathers_without_a_kernel(
    operator: str, constants: list[Array], fields: dict[str, int], says: str
) -> None:
    with pytest.raises(UnsupportedError) as error:
        groat.load(moved("int8", operator, constants, (1, 4, 6, 3), **fields))
    assert says in str(error.value)


# ---- What was quantised here ------------------------------------------------------------------------------------


def network() -> tuple[Graph, Array]:
    """Layers of all kinds with random weights, and samples."""
    net = Net((8, 8, 3))
    skip = net.conv(16)
    net.depthwise()
    net.add(skip, net.conv(16, 1, act=LINEAR), RELU)
    net.pool("max")
    net.conv(32)
    net.mean()
    net.dense(10)
    net.softmax()
    return net.graph("network"), np.random.default_rng(0).standard_normal((40, 8, 8, 3)).astype(np.float32)


@needs_tflm
@pytest.mark.parametrize("scheme", ["int8", "w4a8", "16x8"])
def test_a_quantised_network_computes_the_same(scheme: str) -> None:
    graph, x = network()
    made = groat.quantize(graph, x, scheme=scheme)
    assert oracles_of(made) == ("tflm",)
    assert_equal(made, 8)
    again = groat.load(made.to_tflite())
    assert described(again.graph) == described(made.graph)
    weights = {tensor.dtype for tensor in again.graph.tensors.values() if tensor.data is not None}
    assert ("int4" in weights) == (scheme == "w4a8")


@pytest.mark.parametrize(("scheme", "versions"), [("int8", (3, 3, 4)), ("w4a8", (7, 7, 10)), ("16x8", (4, 5, 7))])
def test_operators_have_the_versions_of_their_types(scheme: str, versions: tuple[int, ...]) -> None:
    graph, x = network()
    root = tflite.Model.GetRootAs(groat.quantize(graph, x, scheme=scheme, rounding="nearest").to_tflite(), 0)
    found = {}
    for index in range(root.OperatorCodesLength()):
        entry = root.OperatorCodes(index)
        found[entry.BuiltinCode()] = entry.Version()
    names = "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"
    assert tuple(found[getattr(tflite.BuiltinOperator, name)] for name in names) == versions


@needs_tflm
@pytest.mark.parametrize("scheme", ["int8", "w4a8", "16x8"])
def test_random_models_that_were_quantised_compute_the_same(scheme: str) -> None:
    for seed in range(12):
        model = groat.load(random_float_model(seed))
        shapes = [model.graph.tensors[number].shape for number in model.graph.inputs]
        rng = np.random.default_rng(seed)
        samples = [rng.uniform(-2, 2, (4, *shape)).astype(np.float32) for shape in shapes]
        made = groat.quantize(model, samples, scheme=scheme, allow_float=True, rounding="nearest")
        assert_equal(made)


@needs_tflm
@pytest.mark.parametrize("scheme", ["int8", "16x8"])
@pytest.mark.parametrize("function", ["Sub", "Max", "Min", "Div"])
def test_functions_of_two_values(function: str, scheme: str) -> None:
    b = OnnxBuilder()
    y = b.node(function, b.conv("x", 2, 3, (3, 3)), b.node("Sigmoid", b.conv("x", 2, 3, (3, 3))))
    model = groat.load(b.model({"x": [1, 2, 6, 6]}, [y]).SerializeToString())
    x = np.random.default_rng(0).normal(0, 0.5, (20, 6, 6, 2)).astype(np.float32)
    made = groat.quantize(model, x, scheme=scheme, allow_float=True)
    assert_equal(made)


@needs_tflm
@pytest.mark.parametrize("function", ["gelu", "hard_swish", "swish", "elu"])
def test_tables_are_looked_up(function: str) -> None:
    """Of functions that TensorFlow Lite Micro has no int8 kernel for: CAST, ADD, GATHER."""
    tensors = {0: Tensor("x", (1, 64), "float32"), 1: Tensor("y", (1, 64), "float32")}
    graph = Graph("g", tensors, (Op("unary_float32", (0,), (1,), function_attrs(function)),), (0,), (1,))
    x = np.random.default_rng(0).normal(0, 2, (20, 64)).astype(np.float32)
    made = groat.quantize(graph, x)
    assert kinds(made.graph) == ["quantize", "lut", "dequantize"]
    assert_equal(made, 4)


@needs_tflm
def test_clamps_that_no_operator_has() -> None:
    """A convolution whose sums stay between two bounds: MAXIMUM and MINIMUM behind it."""
    m = Builder()
    x = m.input((1, 6, 6, 3), quant=Quant(0.05, 3))
    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 128, (4, 3, 3, 3), np.int8)
    y = m.conv_2d(x, weights, rng.integers(-500, 500, 4, np.int32), Quant(0.02), Quant(0.3, -7))
    graph = groat.load(m.build([y])).graph
    (op,) = graph.ops
    for low, high in ((-50, 60), (-128, 60), (-50, 127)):
        clamped = graph.with_ops((replace(op, attrs={**op.attrs, "act_min": low, "act_max": high}),))
        assert_equal(groat.Model(clamped, b"none"), 4)


@needs_tflm
def test_borders_in_pixels() -> None:
    """As ONNX has them: more on one side than SAME, of a convolution with stride and of a maximum."""
    b = OnnxBuilder()
    y = b.conv("x", 3, 4, (3, 3), pads=[1, 1, 1, 1], strides=[2, 2])
    y = b.node("MaxPool", y, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
    model = groat.load(b.model({"x": [1, 3, 12, 12]}, [y]).SerializeToString())
    assert verdict_of(model).equal
    made = groat.quantize(model, np.random.default_rng(0).normal(size=(20, 12, 12, 3)).astype(np.float32))
    assert_equal(made, 4)


@needs_tflm
def test_models_of_floats_are_near() -> None:
    """Functions that TensorFlow Lite has; one that only its interpreter for microcontrollers does not."""

    def model_of(function: str) -> groat.Model:
        b = OnnxBuilder()
        y = b.node(function, b.conv("x", 2, 3, (3, 3)))
        return groat.load(b.model({"x": [1, 2, 6, 6]}, [y], opset=20).SerializeToString())

    for function in ("Relu", "Elu", "HardSwish", "LeakyRelu", "Exp", "Abs", "Neg", "Sigmoid", "Tanh"):
        assert verdict_of(model_of(function)).equal, function
    with pytest.raises(ModelError, match="Didn't find op for builtin opcode 'GELU'"):
        verdict_of(model_of("Gelu"))


def test_what_tensorflow_lite_does_not_have_is_listed() -> None:
    b = OnnxBuilder()
    y = b.node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
    y = b.node("Erf", y)
    model = groat.load(b.model({"x": [1, 3, 12, 12]}, [y]).SerializeToString())
    with pytest.raises(UnsupportedError) as error:
        model.to_tflite()
    assert len(error.value.problems) == 2
    assert "average_pool_2d_float32" in error.value.problems[0]
    assert "its padding ((1, 1), (1, 1)), which does not count" in error.value.problems[0]
    assert "unary_float32" in error.value.problems[1]
    assert "TensorFlow Lite has no operator for it" in error.value.problems[1]
    with pytest.raises(UnsupportedError, match="as TFLite: 2 ops are not supported"):
        verdict_of(model)
    halves = groat.quantize(
        model, np.random.default_rng(0).normal(size=(2, 12, 12, 3)).astype(np.float32), scheme="fp16"
    )
    with pytest.raises(UnsupportedError, match="float16"):
        halves.to_tflite()


def test_a_compiled_graph_is_refused(digits: Path) -> None:
    loaded = groat.load(digits)
    with pytest.raises(InputError, match="only a model that was loaded becomes a TFLite file"):
        to_tflite(replace(loaded.graph, views={1: 0}))


# ---- Published models -------------------------------------------------------------------------------------------

PUBLISHED = {
    "kws": ("mlperf_results/kws_saved_model_variables", 1),
    "resnet8": ("mlperf_tiny/pretrainedResnet", 255),
    "mnist": ("tinymaix/mnist_valid_f", 1),
    "mnist cnn": ("emlearn/mnist_cnn_fp32", 1),
}


@needs_tflm
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_compute_the_same_when_quantised(name: str) -> None:
    file, factor = PUBLISHED[name]
    model = groat.load(required(f"models/{file}.tflite"))
    shape = model.graph.tensors[model.graph.inputs[0]].shape
    x = np.random.default_rng(0).uniform(0, factor, (8, *shape[1:])).astype(np.float32)
    for scheme in ("int8", "w4a8", "16x8"):
        assert_equal(groat.quantize(model, x, scheme=scheme, rounding="nearest"), 4)


@needs_tflm
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("derived_qdq/kws_ref_model", (1, 49, 10, 1)),
        ("derived_qdq/pretrainedResnet_quant", (1, 32, 32, 3)),
        ("mlonmcu_models/micro_kws_m_static_qdq", (1, 1960)),
    ],
)
def test_quantised_onnx_models_compute_the_same(name: str, shape: tuple[int, ...]) -> None:
    model = groat.load(required(f"onnx/{name}.onnx"), shape=",".join(map(str, shape)))
    assert oracles_of(model)[0] == "tflm"
    assert_equal(model, 4)
    with pytest.raises(InputError, match="rounds in another way: compare it with tflm"):
        validate(model, ["host"], "onnxruntime")


# ---- The command ------------------------------------------------------------------------------------------------


@needs_tflm
def test_commands_write_and_compare(tmp_path: Path, groat_command: Groat) -> None:
    samples, model = tmp_path / "samples.npz", tmp_path / "net.tflite"
    graph, x = network()
    np.savez(samples, x=x)
    model.write_bytes(groat.Model(graph, b"none").to_tflite())
    made = tmp_path / "int8.tflite"
    report = groat_command.json("quantize", str(model), "--calib", str(samples), "-o", str(made))
    assert report["file_bytes"] == made.stat().st_size
    assert groat_command.json("validate", str(made), "--on", "host")["equal"]
    expected = groat.compile(groat.quantize(model, x)).run(x[:1])
    np.testing.assert_array_equal(groat.compile(made).run(x[:1]), expected)
    again = tmp_path / "again.tflite"
    report = groat_command.json("export", str(made), "-o", str(again))
    assert report["file_bytes"] == again.stat().st_size
    assert described(groat.load(again).graph) == described(groat.load(made).graph)
    refused = groat_command("export", str(made), "-o", str(made))
    assert refused.code == 2
    assert "name another file with -o" in refused.err


def test_what_an_onnx_model_learnt_is_written() -> None:
    """Parameters by their names, whole and of the first rows only; the rest is as it was."""
    b = OnnxBuilder()
    y = b.node("Flatten", b.node("Relu", b.conv("x", 2, 3, (3, 3))))
    model = groat.load(
        b.model({"x": [1, 2, 5, 5]}, [b.node("Gemm", y, b.weights(27, 4), b.weights(4))]).SerializeToString()
    )
    constants = {tensor.name: tensor.data for tensor in model.graph.tensors.values() if tensor.data is not None}
    (dense,) = (name for name, data in constants.items() if data.shape == (4, 27))
    (filters,) = (name for name, data in constants.items() if data.shape == (3, 3, 3, 2))
    learnt = {dense: np.full((2, 27), 0.5, np.float32), filters: constants[filters] * 2}
    again = groat.load(train_export.to_tflite(model, learnt))
    found = {tensor.name: tensor.data for tensor in again.graph.tensors.values() if tensor.data is not None}
    np.testing.assert_array_equal(found[dense], np.concatenate([learnt[dense], constants[dense][2:]]))
    np.testing.assert_array_equal(found[filters], learnt[filters])
    assert all(np.array_equal(found[name], data) for name, data in constants.items() if name not in learnt)
    with pytest.raises(InputError, match="0 constants of the name 'none'; expected one to give a value to"):
        train_export.to_tflite(model, {"none": constants[dense]})
    with pytest.raises(InputError, match=dense):
        train_export.to_tflite(model, {dense: constants[dense].T})
