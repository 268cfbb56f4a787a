# SPDX-License-Identifier: Apache-2.0
"""ONNX models of floats: what is built here node by node, against ONNX Runtime."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.support.onnx_models import Builder, close, damaged, kinds, random_inputs, run_groat, run_onnx

import groat
from groat.errors import ModelError
from groat.frontends.onnx.layout import Value, groups_of, merged, own_order
from groat.passes import run_passes


def check(model: onnx.ModelProto, transposes: int = 0, **options: str) -> None:
    """Outputs are ONNX Runtime's, in either order of channels; so many transposes are left with channels last."""
    inputs = random_inputs(model, np.random.default_rng(1))
    expected = run_onnx(model, inputs)
    source = model.SerializeToString()
    for channels in ("last", "first"):
        loaded = groat.load(source, channels=channels, **options)
        found = run_groat(loaded, inputs)
        for theirs, ours in zip(expected, found, strict=True):
            assert close(theirs, ours), f"channels {channels}: {np.abs(theirs - ours).max()} of {np.abs(theirs).max()}"
    assert kinds(groat.load(source)).count("transpose") == transposes


def small_cnn() -> onnx.ModelProto:
    b = Builder()
    x = b.node("Relu", b.norm(b.conv("x", 3, 8, (3, 3), bias=False, pads=[1] * 4, strides=[2, 2]), 8))
    x = b.node("MaxPool", b.conv(x, 8, 12, (3, 3), pads=[0, 1, 2, 1]), kernel_shape=[2, 2], strides=[2, 2])
    x = b.node("Flatten", x)
    x = b.node("Relu", b.node("Gemm", x, b.weights(12 * 4 * 4, 10), b.weights(10)))
    return b.model({"x": [1, 3, 16, 16]}, [b.node("Softmax", x)])


def residual() -> onnx.ModelProto:
    b = Builder()
    stem = b.node("Relu", b.conv("x", 3, 8, (3, 3), pads=[1] * 4))
    main = b.node("Relu", b.norm(b.conv(stem, 8, 16, (3, 3), pads=[1] * 4, strides=[2, 2]), 16))
    main = b.norm(b.conv(main, 16, 16, (3, 3), pads=[1] * 4), 16)
    x = b.node("Relu", b.node("Add", main, b.conv(stem, 8, 16, (1, 1), strides=[2, 2])))
    x = b.node("Flatten", b.node("GlobalAveragePool", x))
    return b.model({"x": [1, 3, 12, 12]}, [b.node("Gemm", x, b.weights(7, 16), b.weights(7), transB=1)])


def mobilenet_block() -> onnx.ModelProto:
    """Expansion, depthwise, squeeze and excite, projection, residual sum."""
    b = Builder()
    zero, six = b.constant(np.float32(0)), b.constant(np.float32(6))
    x = b.node("Clip", b.conv("x", 8, 24, (1, 1)), zero, six)
    x = b.node("Clip", b.conv(x, 24, 24, (3, 3), group=24, pads=[1] * 4), zero, six)
    gate = b.node("Relu", b.conv(b.node("ReduceMean", x, b.constant([2, 3])), 24, 6, (1, 1)))
    gate = b.node("Sigmoid", b.conv(gate, 6, 24, (1, 1)))
    x = b.conv(b.node("Mul", x, gate), 24, 8, (1, 1))
    return b.model({"x": [1, 8, 10, 10]}, [b.node("Add", "x", x)])


def grouped() -> onnx.ModelProto:
    b = Builder()
    x = b.conv("x", 8, 12, (3, 3), group=4, strides=[1, 2], auto_pad="SAME_LOWER")
    x = b.conv(x, 12, 12, (3, 2), group=2, dilations=[2, 1], pads=[2, 0, 1, 1])
    x = b.node("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, count_include_pad=1)
    x = b.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    return b.model({"x": [2, 8, 9, 20]}, [b.node("GlobalMaxPool", x), x], opset=19)


def signal() -> onnx.ModelProto:
    """A 1-D CNN."""
    b = Builder()
    x = b.node("Relu", b.norm(b.conv("x", 3, 8, (5,), pads=[2, 2]), 8))
    x = b.node("MaxPool", x, kernel_shape=[2], strides=[2])
    x = b.node("Tanh", b.conv(x, 8, 8, (3,), group=8, strides=[2]))
    x = b.node("ReduceMean", x, b.constant([-1]), keepdims=0)
    return b.model({"x": [1, 3, 40]}, [b.node("MatMul", x, b.weights(8, 4))])


def autoencoder() -> onnx.ModelProto:
    b = Builder()
    x = b.node("Relu", b.conv("x", 1, 6, (3, 3), pads=[1] * 4, strides=[2, 2]))
    x = b.node("ConvTranspose", x, b.weights(6, 4, 3, 3), b.weights(4), strides=[2, 2], pads=[1] * 4,
               output_padding=[1, 1])  # fmt: skip
    x = b.node("ConvTranspose", b.node("Relu", x), b.weights(4, 2, 2, 2), strides=[2, 2], group=2)
    return b.model({"x": [1, 1, 8, 8]}, [b.node("Sigmoid", x)])


def unet() -> onnx.ModelProto:
    b = Builder()
    first = b.node("Relu", b.conv("x", 2, 4, (3, 3), pads=[1] * 4))
    x = b.node("MaxPool", first, kernel_shape=[2, 2], strides=[2, 2])
    x = b.node("Relu", b.conv(x, 4, 8, (3, 3), pads=[1] * 4))
    x = b.node("ConvTranspose", x, b.weights(8, 4, 2, 2), b.weights(4), strides=[2, 2])
    x = b.node("Concat", first, x, axis=1)
    return b.model({"x": [1, 2, 8, 8]}, [b.conv(x, 8, 3, (1, 1))])


def token_mixer() -> onnx.ModelProto:
    """Patches as tokens, LayerNormalization, a residual MLP, the mean over tokens."""
    b = Builder()
    x = b.conv("x", 3, 16, (4, 4), strides=[4, 4])
    x = b.node("Transpose", b.node("Reshape", x, b.constant([1, 16, 16])), perm=[0, 2, 1])
    y = b.node("LayerNormalization", x, b.weights(16), b.weights(16), axis=-1)
    y = b.node("Relu", b.node("Add", b.node("MatMul", y, b.weights(16, 32)), b.weights(32)))
    x = b.node("Add", x, b.node("MatMul", y, b.weights(32, 16)))
    return b.model({"x": [1, 3, 16, 16]}, [b.node("ReduceMean", x, b.constant([1]), keepdims=0)])


def moves() -> onnx.ModelProto:
    b = Builder()
    x = b.node("Pad", b.conv("x", 4, 8, (1, 1)), b.constant([0, 0, 1, 2, 0, 0, 0, 1]), b.constant(np.float32(0.5)))
    ends = [b.constant(v) for v in ([1, 2], [-1, 9], [2, 1])]
    x = b.node("Slice", x, *ends)
    b.node("Split", x, b.constant([2, 4]), outputs=2, axis=1)
    left, right = b.nodes[-1].output
    joined = b.node("Concat", b.node("Tanh", right), left, axis=1)
    joined = b.node("Mul", joined, b.weights(6, 1, 1))
    return b.model({"x": [1, 4, 6, 6]}, [joined, b.node("Gather", joined, b.constant(np.int64(2)), axis=1)])


def shuffled() -> onnx.ModelProto:
    """Channels shuffled as ShuffleNet does, and space to depth and back."""
    b = Builder()
    x = b.node("Reshape", b.conv("x", 4, 8, (1, 1)), b.constant([1, 2, 4, 6, 6]))
    x = b.node("Reshape", b.node("Transpose", x, perm=[0, 2, 1, 3, 4]), b.constant([1, 8, 6, 6]))
    x = b.node("SpaceToDepth", b.conv(x, 8, 8, (1, 1)), blocksize=2)
    x = b.node("DepthToSpace", b.conv(x, 32, 16, (1, 1)), blocksize=2)
    return b.model({"x": [1, 4, 6, 6]}, [b.conv(x, 4, 2, (1, 1))])


def norms() -> onnx.ModelProto:
    b = Builder()
    x = b.node("InstanceNormalization", b.conv("x", 3, 8, (3, 3)), b.weights(8), b.weights(8))
    x = b.node("GroupNormalization", x, b.weights(8), b.weights(8), num_groups=2)
    x = b.norm(b.node("Tanh", x), 8)
    return b.model({"x": [1, 3, 7, 7]}, [b.node("Flatten", x)], opset=21)


def sums() -> onnx.ModelProto:
    """Gemm with factors, a matrix as its third operand, and transposed."""
    b = Builder()
    x = b.node("Gemm", "x", b.weights(6, 5), b.weights(4, 5), transA=1, alpha=0.5, beta=2.0)
    x = b.node("Clip", b.node("Add", x, b.weights(1, 5)), b.constant(np.float32(-0.3)), b.constant(np.float32(0.4)))
    return b.model({"x": [6, 4]}, [b.node("Softmax", x, axis=0)])


def functions() -> onnx.ModelProto:
    b = Builder()
    x = b.conv("x", 3, 8, (3, 3))
    for op in ("HardSwish", "Gelu", "LeakyRelu", "Elu", "HardSigmoid", "Softplus", "Mish", "Erf", "Exp", "Sqrt", "Log"):
        x = b.node(op, x)
        if op == "Erf":
            x = b.node("Abs", b.node("Neg", x))
    x = b.node("Reciprocal", b.node("Add", b.node("Gelu", x, approximate="tanh"), b.constant(np.float32(3))))
    x = b.node("Pow", b.node("PRelu", x, b.weights(8, 1, 1)), b.constant(np.float32(2)))
    return b.model({"x": [1, 3, 6, 6]}, [b.node("LogSoftmax", x, axis=1)], opset=20)


def differences() -> onnx.ModelProto:
    b = Builder()
    x = b.node("Relu", b.node("Sub", b.conv("x", 3, 4, (1, 1)), b.weights(4, 1, 1)))
    x = b.node("Clip", b.node("Div", x, b.constant(np.float32(3))), "", b.constant(np.float32(0.2)))
    x = b.node("Sum", b.node("Max", x, b.weights(4, 5, 5), x), b.node("Min", b.weights(5), x), x)
    squares = b.node("ReduceSumSquare", x, b.constant([1]))
    sums = b.node("ReduceSum", b.node("ReduceMax", x, b.constant([2, 3])), b.constant([1]), keepdims=0)
    return b.model({"x": [1, 3, 5, 5]}, [squares, sums])


def resizes() -> onnx.ModelProto:
    """A decoder's up- and downsampling."""
    b = Builder()
    x = b.conv("x", 2, 4, (3, 3), pads=[1] * 4)
    up = b.node("Resize", x, "", b.constant(np.float32([1, 1, 2, 2])), mode="linear")
    near = b.node("Resize", x, "", "", b.constant([1, 4, 9, 15]), mode="nearest", nearest_mode="floor",
                  coordinate_transformation_mode="asymmetric")  # fmt: skip
    corner = b.node("Resize", x, "", "", b.constant([1, 4, 7, 3]), mode="linear",
                    coordinate_transformation_mode="align_corners")  # fmt: skip
    return b.model({"x": [1, 2, 4, 6]}, [b.conv(up, 4, 2, (1, 1)), b.conv(near, 4, 2, (1, 1)), corner])


def many_neighbours() -> onnx.ModelProto:
    """Resizes by cubics, with a wider kernel where they make smaller, and of a region that reaches outside."""
    b = Builder()
    x = b.conv("x", 2, 4, (3, 3), pads=[1] * 4)
    up = b.node("Resize", x, "", b.constant(np.float32([1, 1, 2.5, 1.5])), mode="cubic", cubic_coeff_a=-0.5)
    inside = b.node("Resize", x, "", "", b.constant([1, 4, 5, 17]), mode="cubic", exclude_outside=1)
    down = b.node("Resize", x, "", b.constant(np.float32([1, 1, 0.6, 0.5])), mode="cubic", antialias=1)
    mean = b.node("Resize", x, "", b.constant(np.float32([1, 1, 0.4, 1.5])), mode="linear", antialias=1)
    region = b.constant(np.float32([0, 0, -0.2, 0.3, 1, 1, 0.9, 1.4]))
    crop = [
        b.node("Resize", x, region, "", b.constant([1, 4, 6, 9]), mode=mode, extrapolation_value=fill,
               coordinate_transformation_mode="tf_crop_and_resize")
        for mode, fill in (("linear", 7.0), ("cubic", 0.0))
    ]  # fmt: skip
    return b.model({"x": [1, 2, 10, 8]}, [b.conv(up, 4, 2, (1, 1)), inside, down, mean, *crop])


def dilated() -> onnx.ModelProto:
    """Pools whose windows have gaps, of images and of signals."""
    b = Builder()
    x = b.conv("x", 3, 4, (3, 3), pads=[1] * 4)
    most = b.node("MaxPool", x, kernel_shape=[3, 2], dilations=[2, 3], strides=[2, 1], pads=[2, 0, 1, 1])
    up = b.node("MaxPool", x, kernel_shape=[2, 2], dilations=[3, 2], strides=[3, 3], ceil_mode=1)
    mean = b.node("AveragePool", x, kernel_shape=[2, 3], dilations=[2, 2], strides=[1, 2])
    border = b.node("AveragePool", x, kernel_shape=[2, 3], dilations=[2, 2], pads=[1, 2, 1, 2], count_include_pad=1)
    line = b.node("Reshape", x, b.constant([1, 4, 143]))
    signal = b.node("MaxPool", line, kernel_shape=[4], dilations=[5], strides=[2], pads=[3, 2])
    return b.model({"x": [1, 3, 13, 11]}, [most, up, mean, border, signal], opset=20)


def places() -> onnx.ModelProto:
    b = Builder()
    x = b.conv("x", 2, 4, (1, 1))
    odd = b.node("Slice", x, *(b.constant(v) for v in ([7, 0], [-9, 8], [2, 3], [-2, 3])))
    taken = b.node("Gather", x, b.constant(np.array([3, 0, 0])), axis=1)
    border = b.node("Pad", x, b.constant([0, 0, 1, 2, 0, 0, 2, 0]), mode="reflect")
    edge = b.node("Pad", x, b.constant([0, 0, 0, 1, 0, 0, 3, 0]), mode="edge")
    cut = b.node("Pad", x, b.constant([0, 0, -1, 1, 0, 0, 1, -2]))
    wide = b.node("Tile", b.node("Expand", b.node("ReduceMean", x, b.constant([3])), b.constant([1, 4, 8, 3])),
                  b.constant([1, 1, 1, 2]))  # fmt: skip
    return b.model({"x": [1, 2, 8, 8]}, [odd, taken, border, edge, cut, wide])


def attention() -> onnx.ModelProto:
    """Two heads over eight tokens: queries, keys and values from one product."""
    b = Builder()
    qkv = b.node("Reshape", b.node("MatMul", "x", b.weights(16, 48)), b.constant([1, 8, 3, 2, 8]))
    qkv = b.node("Transpose", qkv, perm=[2, 0, 3, 1, 4])
    q, k, v = (b.node("Gather", qkv, b.constant(np.int64(i)), axis=0) for i in range(3))
    scores = b.node("MatMul", q, b.node("Transpose", k, perm=[0, 1, 3, 2]))
    weights = b.node("Softmax", b.node("Mul", scores, b.constant(np.float32(8**-0.5))), axis=-1)
    y = b.node("Transpose", b.node("MatMul", weights, v), perm=[0, 2, 1, 3])
    y = b.node("MatMul", b.node("Reshape", y, b.constant([1, 8, 16])), b.weights(16, 16))
    return b.model({"x": [1, 8, 16]}, [b.node("Gemm", b.node("Reshape", y, b.constant([8, 16])), b.node("Reshape", y,
                   b.constant([8, 16])), transB=1, alpha=0.5)])  # fmt: skip


def recurrent() -> onnx.ModelProto:
    b = Builder()
    x = b.node("LSTM", "x", b.weights(2, 24, 4), b.weights(2, 24, 6), b.weights(2, 48), hidden_size=6,
               direction="bidirectional")  # fmt: skip
    x = b.node("Reshape", b.node("Transpose", x, perm=[0, 2, 1, 3]), b.constant([5, 2, 12]))
    b.node("GRU", x, b.weights(1, 15, 12), b.weights(1, 15, 5), b.weights(1, 30), hidden_size=5, outputs=2,
           linear_before_reset=1)  # fmt: skip
    whole, last = b.nodes[-1].output
    back = b.node("GRU", x, b.weights(1, 15, 12), b.weights(1, 15, 5), hidden_size=5, direction="reverse")
    return b.model({"x": [5, 2, 4]}, [whole, last, back])


MODELS: list[tuple[Callable[[], onnx.ModelProto], int]] = [
    *((small_cnn, 0), (residual, 0), (mobilenet_block, 0), (grouped, 0), (signal, 0), (autoencoder, 0), (unet, 0)),
    *((token_mixer, 0), (moves, 0), (shuffled, 3), (norms, 1), (sums, 3)),
    *(
        (functions, 0),
        (differences, 0),
        (resizes, 0),
        (many_neighbours, 0),
        (dilated, 0),
        (places, 0),
        (attention, 1),
        (recurrent, 0),
    ),
]


@pytest.mark.parametrize(("build", "transposes"), MODELS, ids=[build.__name__ for build, _ in MODELS])
def test_it_computes_what_onnx_runtime_does(build: Callable[[], onnx.ModelProto], transposes: int) -> None:
    check(build(), transposes)


@pytest.mark.parametrize("opset", [13, 15, 17, 18, 20, 22])
def test_every_opset(opset: int) -> None:
    b = Builder()
    x = b.node("Relu", b.conv("x", 2, 4, (3, 3)))
    axes = [b.constant([2, 3])] if opset >= 18 else []
    x = b.node("ReduceMean", x, *axes, keepdims=0, **({} if axes else {"axes": [2, 3]}))
    x = b.node("Squeeze", b.node("Unsqueeze", x, b.constant([0])), b.constant([0]))
    check(b.model({"x": [1, 2, 5, 5]}, [b.node("Dropout", b.node("Identity", x))], opset=opset))


def test_images_have_their_channels_last_unless_asked_otherwise() -> None:
    source = unet().SerializeToString()
    last, first = groat.load(source), groat.load(source, channels="first")
    shapes = [[loaded.graph.tensors[n].shape for n in (*loaded.graph.inputs, *loaded.graph.outputs)]
              for loaded in (last, first)]  # fmt: skip
    assert shapes == [[(1, 8, 8, 2), (1, 8, 8, 3)], [(1, 2, 8, 8), (1, 3, 8, 8)]]
    assert kinds(first).count("transpose") == 2
    assert groat.compile(source, channels="first").graph.tensors[first.graph.inputs[0]].shape == (1, 2, 8, 8)


def test_relu_and_batch_normalization_cost_nothing() -> None:
    loaded = groat.load(residual().SerializeToString())
    assert [op.kind for op in run_passes(loaded.graph).ops] == [
        *["conv_2d_float32"] * 4, "add_float32", "mean_float32", "fully_connected_float32",
    ]  # fmt: skip


def test_shapes_that_exporters_compute_are_constants() -> None:
    b = Builder()
    x = b.node("Relu", "x")
    size = b.node("Gather", b.node("Shape", x), b.constant(np.int64(0)))
    shape = b.node("Concat", b.node("Unsqueeze", size, b.constant([0])), b.constant([-1]), axis=0)
    check(b.model({"x": [2, 3, 4]}, [b.node("Reshape", x, shape)]))


def test_a_shape_is_fixed_when_the_model_is_loaded() -> None:
    b = Builder()
    model = b.model({"x": ["n", 3, "h", "w"]}, [b.node("Relu", b.conv("x", 3, 4, (3, 3)))])
    source = model.SerializeToString()
    for shape in ("x=1,3,8,9", "1,3,8,9", {"x": (1, 3, 8, 9)}):
        loaded = groat.load(source, shape=shape)
        assert loaded.graph.tensors[loaded.graph.inputs[0]].shape == (1, 8, 9, 3)
        compiled = groat.compile(source, shape=shape)
        assert compiled.graph.tensors[compiled.graph.inputs[0]].shape == (1, 8, 9, 3)


def test_external_data_are_found_beside_the_file(tmp_path: Path) -> None:
    model = residual()
    expected = model.SerializeToString()
    path = tmp_path / "m.onnx"
    onnx.save(model, str(path), save_as_external_data=True, location="m.weights", size_threshold=0)
    x = random_inputs(model, np.random.default_rng(0))
    inside, outside = groat.load(expected), groat.load(path)
    assert np.array_equal(run_groat(inside, x)[0], run_groat(outside, x)[0])


def test_the_same_source_gives_the_same_bytes() -> None:
    source = mobilenet_block().SerializeToString()
    assert groat.compile(source, target="cortex-m4").packed == groat.compile(source, target="cortex-m4").packed


@pytest.mark.parametrize("build", [residual, signal, token_mixer], ids=lambda build: build.__name__)
def test_validate_compares_with_onnx_runtime(build: Callable[[], onnx.ModelProto]) -> None:
    from groat.validation import validate

    [verdict] = validate(groat.load(build().SerializeToString()), ["host"], inputs=3)
    assert verdict.equal, verdict.difference


@pytest.mark.parametrize(
    "build", [mobilenet_block, functions, token_mixer, recurrent], ids=lambda build: build.__name__
)
def test_floats_may_be_stored_as_float16(build: Callable[[], onnx.ModelProto]) -> None:
    model = build()
    inputs = random_inputs(model, np.random.default_rng(1))
    loaded = groat.load(model.SerializeToString())
    for expected, found in zip(run_onnx(model, inputs), run_groat(loaded, inputs, floats="float16"), strict=True):
        assert close(expected, found, 2e-2)


@pytest.mark.qemu
@pytest.mark.parametrize(
    "build", [recurrent, attention, resizes, places, differences], ids=lambda build: build.__name__
)
@pytest.mark.parametrize("target", ["cortex-m4", "rv32imc"])
def test_devices_give_the_same_bytes(build: Callable[[], onnx.ModelProto], target: str) -> None:
    source = build().SerializeToString()
    compiled, loaded = groat.compile(source, target=target), groat.load(source)
    rng = np.random.default_rng(0)
    shapes = [loaded.graph.tensors[number].shape for number in loaded.graph.inputs]
    inputs = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    with compiled.on(f"qemu:{target}") as device:
        found, expected = (y if isinstance(y, list) else [y] for y in (device.run(*inputs), compiled.run(*inputs)))
    assert [y.tobytes() for y in found] == [y.tobytes() for y in expected]


@pytest.mark.parametrize("build", [build for build, _ in MODELS], ids=[build.__name__ for build, _ in MODELS])
def test_models_that_contradict_themselves_are_errors(build: Callable[[], onnx.ModelProto]) -> None:
    model, rng = build(), random.Random(0)
    outcomes = Counter()
    for _ in range(60):
        try:
            groat.load(damaged(model, rng))
        except ModelError:
            outcomes["refused"] += 1
        else:
            outcomes["loaded"] += 1
    assert outcomes["refused"] > 10


def test_group_normalisation_as_torch_writes_it_stays_where_it_is() -> None:
    """A reshape to groups, an InstanceNormalization, and back."""
    b = Builder()
    x = b.node("Reshape", b.conv("x", 2, 8, (1, 1)), b.constant([1, 4, -1]))
    x = b.node("InstanceNormalization", x, b.weights(4), b.weights(4))
    x = b.node("Mul", b.node("Reshape", x, b.constant([1, 8, 5, 6])), b.weights(8, 1, 1))
    check(b.model({"x": [1, 2, 5, 6]}, [b.conv(x, 8, 2, (1, 1))]))


# ---- Where elements lie ----------------------------------------------------------------------------------


def test_factors_split_and_merge() -> None:
    """NHWC memory of [1, 6, 4, 5]: what a reshape to [1, 2, 3, 20] sees of it."""
    factors = ((6, 2.0), (4, 0.0), (5, 1.0))
    groups = groups_of(factors, (1, 2, 3, 20))
    assert groups is not None
    assert [[size for size, _ in group] for group in groups] == [[], [2], [3], [4, 5]]
    assert merged([factor for group in groups for factor in group]) == ([20, 6], [1, 0])
    assert groups_of(factors, (1, 4, 30)) is None
    assert own_order(Value(0, (1, 6, 4, 5), factors)) == (0, 2, 3, 1)
    assert own_order(Value(0, (1, 6, 20), factors)) == (0, 2, 1)
    assert own_order(Value(0, (24, 5), factors)) is None
