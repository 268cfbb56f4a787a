# SPDX-License-Identifier: Apache-2.0
"""The TFLite importer: what it takes from a file, and what it says of files that are damaged or ask too much.

Whatever the bytes are, only ModelError and its kin may come out, soon, and without a warning.
"""

from __future__ import annotations

import re
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import pytest
import tflite
from tests.support.graphs import kinds, the_op
from tests.support.random_graphs import random_model
from tools.tflite_builder import Builder, Quant, Tensor

import groat
from groat import _core
from groat.errors import ModelError, UnsupportedError

Array = npt.NDArray[Any]

X = Quant(0.05, -7)
Y = Quant(0.2, 3)


def weights(*shape: int) -> Array:
    return (np.arange(np.prod(shape)) % 251 - 125).astype(np.int8).reshape(shape)


# ---- What is taken from a file -----------------------------------------------------------------------------


def test_a_graph_is_what_the_file_says(digits: Path) -> None:
    model = groat.load(digits)
    graph = model.graph
    assert graph.name == "digits_int8.tflite"
    assert model.source == digits.read_bytes()
    assert [graph.tensors[number].shape for number in graph.inputs] == [(1, 8, 8, 1)]
    assert [graph.tensors[number].shape for number in graph.outputs] == [(1, 10)]
    assert [op.index for op in graph.ops] == list(range(len(graph.ops)))
    assert {"conv_2d", "depthwise_conv_2d", "add", "average_pool_2d", "fully_connected", "softmax"} <= set(kinds(graph))
    assert groat.load(str(digits)).graph.inputs == groat.load(digits.read_bytes()).graph.inputs == graph.inputs


def test_a_convolution_is_imported_whole() -> None:
    m = Builder()
    x = m.input((2, 9, 8, 3), quant=X, name="image")
    scales = tuple(0.01 * (i + 1) for i in range(4))
    bias = np.array([1, -2, 3, -4], np.int32)
    y = m.conv_2d(
        x, weights(4, 3, 2, 3), bias, Quant(scales), Y, stride=(2, 1), dilation=(2, 3), activation="RELU6", name="conv"
    )
    graph = groat.load(m.build([y])).graph
    op = the_op(graph, "conv_2d")
    expected = {
        "kernel": (3, 2),
        "stride": (2, 1),
        "dilation": (2, 3),
        "padding": ((2, 2), (1, 2)),  # SAME: 5 rows of 9 at stride 2, each under a window that spans 5
        "groups": 1,
        "input_zero_point": -7,
        "output_zero_point": 3,
        "act_min": 3,
        "act_max": 33,  # 3 + 6 / 0.2
    }
    assert {key: op.attrs[key] for key in expected} == expected
    reals = op.attrs["multiplier"] * 2.0 ** (op.attrs["shift"] - 31.0)
    np.testing.assert_allclose(reals, [0.05 * scale / 0.2 for scale in scales], rtol=1e-6)
    assert [graph.tensors[number].name for number in (op.inputs[0], op.outputs[0])] == ["image", "conv"]
    np.testing.assert_array_equal(graph.tensors[op.inputs[1]].data, weights(4, 3, 2, 3))
    np.testing.assert_array_equal(graph.tensors[op.inputs[2]].data, bias)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "around"),
    [(8, 3, 1, (1, 1)), (8, 3, 2, (0, 1)), (9, 3, 2, (1, 1)), (8, 2, 1, (0, 1)), (5, 1, 3, (0, 0)), (2, 7, 5, (2, 3))],
)
def test_same_padding_is_tensorflows(size: int, kernel: int, stride: int, around: tuple[int, int]) -> None:
    m = Builder()
    x = m.input((1, size, 4, 1), quant=X)
    y = m.max_pool_2d(x, (kernel, 1), stride=(stride, 1), padding="SAME")
    assert the_op(groat.load(m.build([y])).graph, "max_pool_2d").attrs["padding"] == (around, (0, 0))


def test_the_operator_code_of_old_files_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """They have only the field of one byte that is deprecated today."""

    def build() -> bytes:
        m = Builder()
        return m.build([m.max_pool_2d(m.input((1, 4, 4, 1), quant=X), (2, 2))])

    new = build()
    monkeypatch.setattr(tflite, "OperatorCodeAddBuiltinCode", lambda fb, code: None)
    old = build()
    assert old != new
    assert kinds(groat.load(old).graph) == kinds(groat.load(new).graph) == ["max_pool_2d"]


# ---- Files that are no models ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "0 bytes are too few"),
        (b"TFL3", "4 bytes are too few"),
        (b"no model at all", "not a TFLite model: expected b'TFL3' at byte 4, found b'odel'"),
        (b"\0\0\0\0TFL3", "cut or damaged"),
        (b"\xff\xff\xff\xffTFL3" + bytes(100), "cut or damaged"),
    ],
)
def test_bytes_that_are_no_model(data: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=re.escape(message)):
        groat.load(data)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"missing\.tflite: No such file"):
        groat.load(tmp_path / "missing.tflite")
    with pytest.raises(ModelError, match="Is a directory"):
        groat.load(tmp_path)
    (tmp_path / "empty.tflite").touch()
    with pytest.raises(ModelError, match=r"empty\.tflite: the file is empty"):
        groat.load(tmp_path / "empty.tflite")
    (tmp_path / "text.tflite").write_text("this is a text")
    with pytest.raises(ModelError, match=r"text\.tflite: not a TFLite model"):
        groat.load(tmp_path / "text.tflite")


@pytest.mark.parametrize("source", ["digits", "random"])
def test_a_file_cut_anywhere_is_refused(digits: Path, source: str) -> None:
    whole = digits.read_bytes() if source == "digits" else random_model(7)
    groat.load(whole)
    for length in range(0, len(whole) - 64, 11 if source == "digits" else 3):
        with pytest.raises(ModelError):
            groat.load(whole[:length])
    for length in range(len(whole) - 64, len(whole)):
        outcome(whole[:length])


def outcome(data: bytes) -> str:
    """Loads and compiles; whatever compiles must be a file that the runtime accepts."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            model = groat.load(data)
        except UnsupportedError:
            return "unsupported"
        except ModelError:
            return "refused"
        try:
            packed = groat.compile(model).packed
        except ModelError:
            return "too large"
        assert _core.Model.open_status(packed, 2**32 - 1) == 0
        return "fine"


def damage(rng: np.random.Generator, whole: bytes) -> bytes:
    """A few flipped bits, bytes and words; never the identifier."""
    data = bytearray(whole)
    for _ in range(rng.integers(1, 6)):
        place, kind = int(rng.integers(len(data))), rng.random()
        if kind < 0.5:
            data[place] ^= 1 << int(rng.integers(8))
        elif kind < 0.7:
            data[place] = int(rng.integers(256))
        else:
            place = min(place, len(data) - 4) // 4 * 4
            word = int(rng.choice([0, 1, 127, 255, 65535, 2**31 - 1, 2**31, 2**32 - 1]))
            data[place : place + 4] = word.to_bytes(4, "little")
    data[4:8] = b"TFL3"
    return bytes(data)


def storm(digits: Path, seed: int, count: int) -> Counter[str]:
    rng = np.random.default_rng(seed)
    sources = [digits.read_bytes(), *(random_model(number) for number in range(40))]
    seen: Counter[str] = Counter()
    for number in range(count):
        data = damage(rng, sources[int(rng.integers(len(sources)))])
        start = time.monotonic()
        try:
            seen[outcome(data)] += 1
        except Exception as error:
            raise AssertionError(f"damaged file {number} of seed {seed}: {type(error).__name__}: {error}") from error
        assert time.monotonic() - start < 10, f"damaged file {number} of seed {seed} takes too long"
    return seen


def test_damaged_files_are_refused_or_harmless(digits: Path) -> None:
    seen = storm(digits, 1, 5000)
    assert min(seen["unsupported"], seen["refused"], seen["fine"]) > 200


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_damaged_files_are_refused_or_harmless_at_length(digits: Path, seed: int) -> None:
    storm(digits, seed, 100_000)


def test_vectors_that_overlap_end_soon() -> None:
    """24 KB that stand for three thousand tensors of three thousand dimensions, which share their bytes."""
    fb = flatbuffers.Builder(1024)

    def vector_of(offsets: list[int]) -> int:
        fb.StartVector(4, len(offsets), 4)
        for offset in offsets:
            fb.PrependUOffsetTRelative(offset)
        return int(fb.EndVector())

    shape = fb.CreateNumpyVector(np.ones(3000, np.int32))
    tflite.BufferStart(fb)
    buffers = vector_of([tflite.BufferEnd(fb)])
    tflite.TensorStart(fb)
    tflite.TensorAddShape(fb, shape)
    tensor = tflite.TensorEnd(fb)
    tensors = vector_of([tensor] * 3000)
    tflite.SubGraphStart(fb)
    tflite.SubGraphAddTensors(fb, tensors)
    subgraphs = vector_of([tflite.SubGraphEnd(fb)])
    tflite.ModelStart(fb)
    tflite.ModelAddSubgraphs(fb, subgraphs)
    tflite.ModelAddBuffers(fb, buffers)
    fb.Finish(tflite.ModelEnd(fb), b"TFL3")
    start = time.monotonic()
    with pytest.raises(ModelError, match="vectors are longer than the file"):
        groat.load(bytes(fb.Output()))
    assert time.monotonic() - start < 2


# ---- Models that ask too much ------------------------------------------------------------------------------


def problems(*outputs: Tensor, model: Builder) -> list[str]:
    with pytest.raises(UnsupportedError) as caught:
        groat.load(model.build(outputs))
    assert all(line in str(caught.value) for line in caught.value.problems)
    return caught.value.problems


def test_one_error_lists_every_op_that_is_not_supported() -> None:
    m = Builder()
    x = m.input((1, 4, 4, 2), quant=X, name="x")
    pool = m.max_pool_2d(x, (2, 2), name="pool")
    negative = m.tensor((1, 2, 2, 2), quant=X, name="negative")
    m.op("NEG", [pool], [negative])
    relu = m.relu(negative, name="relu")
    future = m.tensor((1, 2, 2, 2), quant=X, name="future")
    m.op(2000, [relu, None], [future])
    custom = m.tensor((1, 2, 2, 2), quant=X, name="made;up;by;joining")
    m.op("CUSTOM", [future], [custom])
    found = problems(custom, model=m)
    assert found == [
        "op 1 NEG (pool int8[1, 2, 2, 2] -> negative int8[1, 2, 2, 2]): "
        "its input is int8; there are kernels for float32 only",
        "op 3 builtin 2000 (relu int8[1, 2, 2, 2], none -> future int8[1, 2, 2, 2]): there is no kernel for this op",
        "op 4 CUSTOM (future int8[1, 2, 2, 2] -> made int8[1, 2, 2, 2]): there is no kernel for this op",
    ]
    with pytest.raises(UnsupportedError, match=r"^model: 3 ops are not supported:\n  op 1 NEG"):
        groat.load(m.build([custom]))


def test_a_float_model_is_imported() -> None:
    m = Builder()
    x = m.input((1, 6, 6, 2), "float32", name="x")
    filters = m.constant(np.ones((3, 3, 3, 2), np.float32), name="filters")
    bias = m.constant(np.zeros(3, np.float32), name="bias")
    conv = m.tensor((1, 6, 6, 3), "float32", name="conv")
    fields: dict[str, Any] = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    m.op("CONV_2D", [x, filters, bias], [conv], "Conv2DOptions", **fields)
    pool = m.average_pool_2d(conv, (6, 6), name="pool")
    flat = m.reshape(pool, (1, 3), name="flat")
    soft = m.softmax(flat, name="soft")
    graph = groat.load(m.build([soft])).graph
    kinds = ["conv_2d_float32", "average_pool_2d_float32", "reshape", "softmax_float32"]
    assert [op.kind for op in graph.ops] == kinds
    assert (graph.ops[0].attrs["act_min"], graph.ops[0].attrs["act_max"]) == (-np.inf, np.inf)


def test_a_dynamic_range_model_is_refused() -> None:
    """int8 weights between float tensors."""
    m = Builder()
    x = m.input((1, 8), "float32", name="x")
    y = m.tensor((1, 4), "float32", name="y")
    m.op("FULLY_CONNECTED", [x, m.constant(weights(4, 8), Quant(0.1)), None], [y], "FullyConnectedOptions")
    (line,) = problems(y, model=m)
    assert re.match(r"op 0 FULLY_CONNECTED \(x float32\[1, 8\], .* int8\[4, 8\], none -> y float32\[1, 4\]\): ", line)
    assert "its weights are int8; expected float32, as its input is" in line


def conv(quant: Quant | None = X, output: Quant | None = Y, weight: Quant | None = None, **fields: Any) -> Builder:
    """A convolution, with fields of its options and parts of its quantisation replaced."""
    m = Builder()
    dtype = fields.pop("dtype", "int8")
    x = m.tensor((1, 6, 6, 4), dtype, quant, name="x")
    m._inputs.append(x.index)
    filters = m.tensor(fields.pop("shape", (3, 3, 3, 4)), "int8", weight or Quant(0.1), fields.pop("filters", None))
    bias = fields.pop("bias", None)
    y = m.tensor((1, 6, 6, 3), dtype, output, name="y")
    options = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1, **fields}
    read = [x, filters, *([] if bias is None else [m.constant(bias)])]
    m.op("CONV_2D", read, [y], "Conv2DOptions", **options)
    return m


def conv_of(**changes: Any) -> Builder:
    return conv(**{"filters": weights(3, 3, 3, 4), **changes})


TANH = tflite.ActivationFunctionType.TANH

UNSUPPORTED: dict[str, tuple[Callable[[], Builder], str]] = {
    "no scale": (lambda: conv_of(quant=None), "has no scale for the whole tensor"),
    "no scale of the output": (lambda: conv_of(output=None), "has no scale for the whole tensor"),
    "several scales of an input": (lambda: conv_of(quant=Quant((0.1, 0.2, 0.3, 0.4), 0, 3)), "has no scale"),
    "scale 0": (lambda: conv_of(quant=Quant(0.0)), "has scale 0.0; expected a positive number"),
    "scale not a number": (lambda: conv_of(output=Quant(float("nan"))), "has scale nan"),
    "zero point": (lambda: conv_of(quant=Quant(0.1, 128)), "has zero point 128; expected -128 to 127"),
    "int16": (lambda: conv_of(dtype="int16"), "int16"),
    "run-time weights": (lambda: conv(), "is computed at run time; expected a constant"),
    "zero point of weights": (lambda: conv_of(weight=Quant(0.1, 5)), "zero point that is not 0"),
    "scales along another axis": (
        lambda: conv_of(weight=Quant((0.1, 0.2, 0.3, 0.4), 0, 3)),
        "4 scales along axis 3; expected 3 along axis 0",
    ),
    "too few scales": (lambda: conv_of(weight=Quant((0.1, 0.2))), "2 scales along axis 0; expected 3"),
    "negative weight scale": (lambda: conv_of(weight=Quant(-0.1)), "scale that is not a positive number"),
    "scales far apart": (lambda: conv_of(weight=Quant(1e30)), "expected less than 2**30"),
    "long bias": (lambda: conv_of(bias=np.zeros(5, np.int32)), "its bias is int32[5]; expected int32[3]"),
    "float bias": (lambda: conv_of(bias=np.zeros(3, np.float32)), "its bias is float32[3]; expected int32[3]"),
    "activation": (lambda: conv_of(FusedActivationFunction=TANH), "fused activation TANH is not one of NONE, RELU"),
    "stride 0": (lambda: conv_of(StrideH=0), "stride (0, 1)"),
    "dilation 0": (lambda: conv_of(DilationWFactor=0), "dilation (1, 0)"),
    "window": (lambda: conv_of(DilationHFactor=40_000), "its window spans 80001 x 3 pixels; expected at most 65535"),
    "groups": (
        lambda: conv(shape=(3, 3, 3, 3), filters=weights(3, 3, 3, 3)),
        "4 input channels do not divide into groups of 3",
    ),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_convolution_that_is_not_supported_says_why(name: str) -> None:
    build, reason = UNSUPPORTED[name]
    model = build()
    (line,) = problems(model._tensors[-1], model=model)
    assert line.startswith("op 0 CONV_2D (x ")
    assert reason in line


def test_the_convolution_of_these_cases_is_otherwise_supported() -> None:
    model = conv_of()
    assert kinds(groat.load(model.build([model._tensors[-1]])).graph) == ["conv_2d"]


def refused_op(build: Callable[[Builder], Tensor]) -> str:
    m = Builder()
    (line,) = problems(build(m), model=m)
    return line


def test_other_ops_say_why() -> None:
    def pool(m: Builder) -> Tensor:
        y = m.tensor((1, 2, 2, 1), quant=Y)
        options = {"FilterHeight": 2, "FilterWidth": 2, "StrideH": 2, "StrideW": 2}
        m.op("MAX_POOL_2D", [m.input((1, 4, 4, 1), quant=X)], [y], "Pool2DOptions", **options)
        return y

    def without_options(m: Builder) -> Tensor:
        y = m.tensor((1, 2, 2, 1), quant=X)
        m.op("MAX_POOL_2D", [m.input((1, 4, 4, 1), quant=X)], [y])
        return y

    def softmax(m: Builder) -> Tensor:
        y = m.tensor((1, 4), quant=X)
        m.op("SOFTMAX", [m.input((1, 4), quant=X)], [y], "SoftmaxOptions", Beta=1.0)
        return y

    def mean(m: Builder) -> Tensor:
        y = m.tensor((1,), quant=X)
        axes = m.input((1,), "int32", name="axes")
        m.op("MEAN", [m.input((1, 4), quant=X), axes], [y], "ReducerOptions")
        return y

    def wide_mean(m: Builder) -> Tensor:
        y = m.tensor((1,), quant=X)
        axes = m.constant(np.array([5], np.int32))
        m.op("MEAN", [m.input((1, 4), quant=X), axes], [y], "ReducerOptions")
        return y

    def add(m: Builder) -> Tensor:
        y = m.tensor((2, 3), quant=X)
        m.op("ADD", [m.input((2, 3), quant=X), m.input((4,), quant=X)], [y], "AddOptions")
        return y

    def rank(m: Builder) -> Tensor:
        return m.relu(m.input((1,) * 7, quant=X))

    def int64(m: Builder) -> Tensor:
        x = m.input((1, 4), "int64")
        y = m.tensor((4,), "int64")
        m.op("RESHAPE", [x], [y], "ReshapeOptions", NewShape=[4])
        return y

    def shuffled(m: Builder) -> Tensor:
        y = m.tensor((1, 4), quant=Y)
        read = [m.input((1, 8), quant=X), m.constant(weights(4, 8), Quant(0.1)), None]
        m.op("FULLY_CONNECTED", read, [y], "FullyConnectedOptions", WeightsFormat=1)
        return y

    def transposed(m: Builder) -> Tensor:
        y = m.tensor((4, 1), "float32", X)
        m.op("TRANSPOSE", [m.input((1, 4), quant=X), m.constant(np.array([1, 0], np.int32))], [y], "TransposeOptions")
        return y

    for build, reason in [
        (pool, "differ in scale or zero point; a pool does not rescale"),
        (without_options, "its options have no FilterHeight"),
        (softmax, "expected 1/256 and -128"),
        (mean, "is computed at run time; expected a constant"),
        (wide_mean, "axes [5] are out of range for 2 dimensions"),
        (add, "shapes [2, 3] and [4] do not broadcast"),
        (rank, "has 7 dimensions; expected at most 6"),
        (int64, "is int64; expected int8, uint8, int16, int32, float32"),
        (shuffled, "weights format SHUFFLED4x16INT8 is not DEFAULT"),
        (transposed, "differ in type, scale or zero point"),
    ]:
        assert reason in refused_op(build)


def test_files_that_contradict_themselves() -> None:
    def load(build: Callable[[Builder], list[Tensor]]) -> None:
        m = Builder()
        groat.load(m.build(build(m)))

    def wrong_shape(m: Builder) -> list[Tensor]:
        y = m.tensor((1, 3, 3, 1), quant=X)
        options = {"FilterHeight": 2, "FilterWidth": 2, "StrideH": 2, "StrideW": 2}
        m.op("MAX_POOL_2D", [m.input((1, 4, 4, 1), quant=X)], [y], "Pool2DOptions", **options)
        return [y]

    def unwritten(m: Builder) -> list[Tensor]:
        m.input((4,), quant=X)
        return [m.relu(m.tensor((4,), quant=X))]

    def no_shape(m: Builder) -> list[Tensor]:
        return [m.relu(m.input((1, 0, 4), quant=X, name="images"))]

    def open_shape(m: Builder) -> list[Tensor]:
        return [m.relu(m.input((-1, 4), quant=X, name="images"))]

    def constant_input(m: Builder) -> list[Tensor]:
        x = m.constant(np.zeros(4, np.int8), X, name="five")
        m._inputs.append(x.index)
        return [m.relu(x)]

    def one_input_twice(m: Builder) -> list[Tensor]:
        x = m.input((4,), quant=X)
        m._inputs.append(x.index)
        return [m.relu(x)]

    def missing_output(m: Builder) -> list[Tensor]:
        y = m.relu(m.input((4,), quant=X))
        return [y, Tensor(99, (4,), "int8", X, "ghost", None)]

    def missing_operand(m: Builder) -> list[Tensor]:
        y = m.tensor((4,), quant=X)
        m.op("RELU", [Tensor(99, (4,), "int8", X, "ghost", None)], [y])
        m.input((4,), quant=X)
        return [y]

    def int64_input(m: Builder) -> list[Tensor]:
        m.input((4,), "int64", name="unused")
        return [m.relu(m.input((4,), quant=X))]

    for build, message in [
        (wrong_shape, r"contradicts itself: .*max_pool_2d \(op 0\) gives shapes \[\(1, 2, 2, 1\)\]"),
        (unwritten, r"contradicts itself: .*reads tensor 1 before it is written"),
        (no_shape, r"tensor 0 'images' has shape \[1, 0, 4\]; expected fixed sizes"),
        (open_shape, r"tensor 0 'images' has shape \[-1, 4\]; expected fixed sizes"),
        (constant_input, "input 'five' is a constant"),
        (one_input_twice, "two inputs at once"),
        (missing_output, "a tensor that does not exist"),
        (missing_operand, "op 0 names a tensor that does not exist"),
        (int64_input, "'unused': a tensor is int64; expected int8, uint8, int16, int32, float32"),
        (lambda m: [], "0 inputs and 0 outputs; expected at least one of each"),
    ]:
        with pytest.raises(ModelError, match=message):
            load(build)
