# SPDX-License-Identifier: Apache-2.0
"""Quantisation-aware training: what a learner computes is what devices compute, and training wins accuracy back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.float_nets import LINEAR, RELU, RELU6, Net
from tests.support.onnx_models import Builder
from tests.support.random_floats import random_float_model
from tests.support.small_cnn import Trained, trained
from tools.tflite_builder import Builder as TfliteBuilder
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import groat
import groat.qat
from groat.batches import host_batches
from groat.errors import InputError, UnsupportedError
from groat.graph import Graph, Op
from groat.ops import op_def, op_rows
from groat.ops.base import OpDef
from groat.ops.unary_float32 import FUNCTIONS as UNARY
from groat.ops.unary_float32 import function_attrs
from groat.qat.functions import FUNCTIONS, apply
from groat.qat.learner import Learner
from groat.quantization import Quantized

Array = npt.NDArray[Any]
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def net() -> Trained:
    return trained()


def on_host(made: Quantized, inputs: list[Array]) -> list[Array]:
    """All outputs of the packed model for samples, [n, *shape]."""
    parts = [arrays for _, arrays in host_batches(groat.compile(made).packed, inputs)]
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def outputs_of(learner: Learner, inputs: list[Array]) -> list[torch.Tensor]:
    found = learner(*(torch.from_numpy(array) for array in inputs))
    return list(found) if isinstance(found, tuple) else [found]


def move(learner: Learner, size: float, seed: int = 0) -> None:
    """All parameters, as a bad optimizer would."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter += size * torch.randn(parameter.shape, generator=draw, dtype=parameter.dtype)


def hold_the_same(learner: Learner, inputs: list[Array]) -> None:
    """Outputs with and without gradients are those of the exported model, bit for bit."""
    expected = on_host(learner.export(), inputs)
    learning = outputs_of(learner, inputs)
    with torch.no_grad():
        resting = outputs_of(learner.eval(), inputs)
    for wanted, first, second in zip(expected, learning, resting, strict=True):
        np.testing.assert_array_equal(first.detach().numpy(), wanted)
        np.testing.assert_array_equal(second.numpy(), wanted)


def quantized(
    graph: Graph, scheme: str, seed: int = 0, count: int = 6, **choices: Any
) -> tuple[Quantized, list[Array]]:
    rng = np.random.default_rng(seed)
    samples = [rng.standard_normal((count, *graph.tensors[n].shape)).astype(np.float32) for n in graph.inputs]
    return groat.quantize(graph, samples, scheme=scheme, allow_float=True, **choices), samples


# ---- The same bits -----------------------------------------------------------------------------------------------


def check_random_model(seed: int, scheme: str, size: float) -> None:
    made, samples = quantized(groat.load(random_float_model(seed)).graph, scheme, seed)
    if not any(op_def(op.kind).weights_axis is not None for op in made.floats.ops):
        with pytest.raises(InputError, match="nothing to train"):
            groat.qat.prepare(made)
        return
    learner = groat.qat.prepare(made)
    move(learner, size, seed)
    hold_the_same(learner, samples)
    sum(output.square().sum() for output in outputs_of(learner, samples)).backward()  # type: ignore[union-attr]
    for name, parameter in learner.named_parameters():
        assert parameter.grad is None or bool(parameter.grad.isfinite().all()), name


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 100_000), st.sampled_from(["int8", "w4a8", "16x8"]), st.sampled_from([0.0, 0.1, 2.0]))
def test_random_models_compute_what_is_exported(seed: int, scheme: str, size: float) -> None:
    check_random_model(seed, scheme, size)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000_000), st.sampled_from(["int8", "w4a8", "16x8"]), st.floats(0, 4))
def test_many_random_models_compute_what_is_exported(seed: int, scheme: str, size: float) -> None:
    check_random_model(seed, scheme, size)


def all_sorts(seed: int = 0) -> Graph:
    """Convolutions, a branch, pools, a mean, a dense layer and a softmax."""
    net = Net((10, 9, 3), seed)
    skip = net.conv(6, act=RELU6)
    net.depthwise(3)
    branch = net.conv(6, 1, act=LINEAR)
    net.add(skip, branch, RELU)
    net.pool("max")
    net.conv(8, 3, 2)
    net.pool("average", 2, 1)
    net.mean()
    net.dense(5)
    net.softmax()
    return net.graph("all sorts")


@pytest.mark.parametrize("scheme", ["int8", "w4a8", "16x8"])
def test_training_begins_with_what_quantisation_made(scheme: str) -> None:
    made, _ = quantized(all_sorts(), scheme)
    again = groat.qat.prepare(made).export()
    assert [op.kind for op in again.graph.ops] == [op.kind for op in made.graph.ops]
    for number, tensor in made.graph.tensors.items():
        other = again.graph.tensors[number]
        assert other.quantization == tensor.quantization
        assert (other.data is None) == (tensor.data is None)
        if tensor.data is not None:
            np.testing.assert_array_equal(other.data, tensor.data)
    for ours, theirs in zip(again.graph.ops, made.graph.ops, strict=True):
        for name, value in theirs.attrs.items():
            np.testing.assert_array_equal(ours.attrs[name], value, err_msg=f"{ours.kind} {name}")
    assert {row["rounding"] for row in again.report["layers"]} == {None, "trained"}


def test_a_mixture_and_layers_of_floats_learn() -> None:
    graph = all_sorts()
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((8, 1, 10, 9, 3)).astype(np.float32)
    learner = groat.qat.prepare(
        groat.quantize(graph, samples, layers={"0": "16x8", "1": "w4a8", "2": "float32", "8": "float32"})
    )
    before = learner.export()
    hold_the_same(learner, [samples])
    groat.qat.train(learner, (samples, rng.integers(0, 5, 8)), 3, learning_rate=0.01)
    hold_the_same(learner, [samples])
    for position in ("0", "1", "2", "8"):
        assert all(bool((parameter.grad != 0).any()) for parameter in learner.layers[position].parameters()), position
    assert learner.export().schemes == before.schemes


@pytest.mark.qemu
def test_a_device_gives_the_learners_outputs(net: Trained) -> None:
    learner = groat.qat.prepare(groat.quantize(net.graph, net.samples, scheme="w4a8"))
    x = net.x[:8].reshape(8, 1, 8, 8, 1)
    groat.qat.train(learner, (x, net.y[:8]), 2, learning_rate=0.01)
    compiled = groat.compile(learner.export(), target="cortex-m4")
    with groat.Runner("qemu:cortex-m4", compiled.packed) as device:
        np.testing.assert_array_equal(device.run_batch([x])[0], learner(torch.from_numpy(x)).detach().numpy())


def error(learner: Learner, x: torch.Tensor, targets: torch.Tensor) -> float:
    with torch.no_grad():
        return float(nn.functional.mse_loss(learner.logits(x), targets))


class Blocks(nn.Module):
    """What exporters make of hard swish, batch normalization and a squeeze and excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
        self.squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.Sigmoid())
        self.last = nn.Sequential(nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4), nn.Tanh(), nn.Flatten(), nn.Linear(100, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        return torch.as_tensor(self.last(x * self.squeeze(x)))


def test_a_module_with_batch_normalization_is_folded_and_learns() -> None:
    torch.manual_seed(0)
    module = Blocks()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -1, 1)  # type: ignore[arg-type]
            nn.init.uniform_(part.running_var, 0.1, 3)  # type: ignore[arg-type]
            nn.init.uniform_(part.weight, 0.3, 2)
    x = np.random.default_rng(0).standard_normal((40, 10, 10, 3)).astype(np.float32)
    loaded = groat.load(module, torch.zeros(1, 3, 10, 10))
    made = groat.quantize(loaded, x, scheme="w4a8", rounding="nearest", bias_correction="off")
    assert [op.kind for op in made.floats.ops if "conv" in op.kind] == ["conv_2d_float32"] * 3
    learner = groat.qat.prepare(made)
    images = torch.from_numpy(x)
    targets = module.eval()(images.permute(0, 3, 1, 2)).detach()
    before = error(learner, images, targets)
    groat.qat.train(learner, (images, targets), 20, batch_size=20)
    assert error(learner, images, targets) < 0.7 * before
    hold_the_same(learner, [x.reshape(40, 1, 10, 10, 3)])


# ---- Gradients ---------------------------------------------------------------------------------------------------


def cases() -> list[tuple[str, dict[str, Any], list[tuple[int, ...]]]]:
    """(kind, attributes, shapes of inputs) beside those of random models."""
    free = {"act_min": -np.inf, "act_max": np.inf}
    window = {"kernel": (3, 2), "stride": (2, 1), "dilation": (1, 2), "padding": ((1, 0), (2, 1)), "groups": 2}
    strides = {"a_strides": (12, 4, 1), "b_strides": (20, 1, 4)}
    return [
        *(("unary_float32", function_attrs(name), [(2, 3, 5)]) for name in UNARY),
        *(
            ("binary_float32", {"function": f, **free}, [(2, 3, 4), (1, 3, 1)])
            for f in ("sub", "div", "maximum", "minimum")
        ),
        ("transpose_conv_float32", {**window, **free, "out_shape": (1, 7, 6, 6)}, [(1, 3, 7, 4), (6, 3, 2, 4), (6,)]),
        ("group_norm_float32", {"groups": 2, "epsilon": 1e-5, "stats": False, **free}, [(2, 3, 3, 4), (4,), (4,)]),
        ("conv_2d_input_grad_float32", {**window, "in_shape": (1, 7, 6, 4)}, [(6, 3, 2, 2), (1, 3, 7, 6)]),
        (
            "matmul_float32",
            {"batches": 2, "rows": 3, "depth": 4, "columns": 5, **strides, "out_shape": (2, 3, 5)},
            [(2, 3, 4), (2, 5, 4)],
        ),
        (
            "transpose_conv_float32",
            {**window, "dilation": (1, 1), "out_shape": (1, 7, 6, 5), "act_min": 0.0, "act_max": np.inf},
            [(1, 3, 5, 4), (5, 3, 2, 4), (5,)],
        ),
        ("group_norm_float32", {"groups": 2, "epsilon": 1e-3, "stats": 0, **free}, [(2, 3, 4), (4,), (4,)]),
        ("resize_nearest_neighbor", {"rows": (0, 0, 1), "columns": (2, 0)}, [(1, 2, 3, 4)]),
        ("interpolate_float32", {"axis": 1, "indices": (0, 0, 1, 2), "weights": (0.0, 0.5, 0.25, 0.75)}, [(2, 3, 4)]),
        ("gather", {"axis": 1, "indices": (2, 0, 0)}, [(2, 3, 4)]),
        ("slice", {"begin": (0, 1, 2), "shape": (2, 2, 1)}, [(2, 3, 4)]),
        ("sigmoid_float32", {"tanh": 1}, [(2, 3)]),
        ("softmax_float32", {"beta": 0.5}, [(2, 3)]),
    ]


@pytest.mark.parametrize(("kind", "attrs", "shapes"), cases())
def test_formulas_are_those_of_the_references(kind: str, attrs: dict[str, Any], shapes: list[tuple[int, ...]]) -> None:
    rng = np.random.default_rng(1)
    batch = 3
    arrays = [rng.uniform(0.1, 2, (batch, *shape)).astype(np.float32) for shape in shapes]
    if attrs.get("function") not in ("sqrt", "log", "reciprocal", "div"):
        arrays = [array - 1 for array in arrays]
    op = Op(kind, tuple(range(len(shapes))), (9,), attrs)
    found = apply(op, [torch.from_numpy(array) for array in arrays], [True] * len(arrays))
    for i in range(batch):
        (expected,) = op_def(kind).reference(op, [array[i] for array in arrays])
        np.testing.assert_allclose(found[i].numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", range(60))
def test_random_models_of_floats_compute_what_their_references_say(seed: int) -> None:
    graph = groat.load(random_float_model(seed)).graph
    rng = np.random.default_rng(seed)
    arrays = {n: rng.standard_normal(graph.tensors[n].shape).astype(np.float32) for n in graph.inputs}
    values = {n: torch.from_numpy(array)[None] for n, array in arrays.items()}
    for op in graph.ops:
        constants = {n: graph.tensors[n].data for n in op.inputs if n not in values}
        (expected,) = op_def(op.kind).reference(op, [*(arrays[n] if n in arrays else constants[n] for n in op.inputs)])
        inputs = [values[n] if n in values else torch.tensor(constants[n]) for n in op.inputs]
        found = apply(op, inputs, [n in values for n in op.inputs])
        np.testing.assert_allclose(found[0].numpy(), expected, rtol=1e-4, atol=1e-4)
        arrays[op.outputs[0]], values[op.outputs[0]] = expected, torch.from_numpy(expected)[None]


def test_all_ops_that_quantisation_takes_can_be_trained() -> None:
    of_training = ("_grad", "_index", "_mask")
    floats = {row.name for row in op_rows() if row.name.endswith("_float32")}
    floats = {name for name in floats if not any(part in name for part in of_training)}
    floats -= {"lstm_float32", "gru_float32"}  # refused by name
    moves = {"reshape", "transpose", "concatenation", "pad", "slice", "gather", "resize_nearest_neighbor"}
    taken = {name for name in floats | moves if type(op_def(name)).operator is not OpDef.operator}
    assert moves <= taken
    assert taken <= set(FUNCTIONS)


def test_gradients_are_those_of_the_smooth_model() -> None:
    """With fine steps, gradients of weights and inputs are nearly those of the model of floats."""
    net = Net((6, 6, 2), 3)
    net.conv(4, act=RELU)
    net.dense(3, LINEAR)
    made, (x, *_) = quantized(net.graph(), "16x8", ranges="minmax")
    learner = groat.qat.prepare(made)
    with torch.no_grad():
        learner.ranges += 0.1  # nothing is cut off
    images = torch.from_numpy(x).requires_grad_()
    learner.logits(images).square().sum().backward()
    graph = made.floats
    smooth = torch.from_numpy(x).requires_grad_()
    known: dict[int, torch.Tensor] = {graph.inputs[0]: smooth}
    constants = {n: torch.tensor(t.data).requires_grad_() for n, t in graph.tensors.items() if t.data is not None}
    for op in graph.ops:
        inputs = [known[n] if n in known else constants[n] for n in op.inputs]
        known[op.outputs[0]] = apply(op, inputs, [n in known for n in op.inputs])
    known[graph.outputs[0]].square().sum().backward()

    def near(ours: torch.Tensor | None, theirs: torch.Tensor | None) -> None:
        assert ours is not None
        assert theirs is not None
        assert float((ours - theirs).norm() / theirs.norm()) < 0.05

    near(images.grad, smooth.grad)
    for position, layer in learner.layers.items():
        weights, bias = graph.ops[int(position)].inputs[1:]
        unit = layer.unit.reshape(-1, *[1] * (layer.weights.ndim - 1))  # type: ignore[union-attr,operator]
        near(layer.weights.grad / unit, constants[weights].grad)  # type: ignore[operator,union-attr,arg-type]
        near(layer.bias.grad / layer.reach, constants[bias].grad)  # type: ignore[operator,union-attr,arg-type]


def test_ranges_follow_what_they_must_hold() -> None:
    """Targets beyond the range of the output widen it; a range that is much too wide becomes narrower."""
    net = Net((1, 1, 8), 1)
    net.dense(4, LINEAR)
    graph = net.graph()
    rng = np.random.default_rng(2)
    x = rng.standard_normal((64, 1, 1, 1, 8)).astype(np.float32)
    y = on_host_floats(graph, x)
    learner = groat.qat.prepare(groat.quantize(graph, x))
    before = learner.export().ranges[graph.outputs[0]]
    groat.qat.train(learner, (x, 3 * y), 150, learning_rate=0.02)
    low, high = learner.export().ranges[graph.outputs[0]]
    assert high - low > 1.5 * (before[1] - before[0])
    assert error(learner, torch.from_numpy(x), torch.from_numpy(3 * y)) < 0.05 * y.var()


def on_host_floats(graph: Graph, x: Array) -> Array:
    parts = [arrays[0] for _, arrays in host_batches(groat.compile(graph).packed, [x])]
    return np.concatenate(parts).reshape(len(x), -1)


# ---- Training ----------------------------------------------------------------------------------------------------


def right(learner: Learner, x: Array, y: Array) -> float:
    with torch.no_grad():
        return float(np.mean(learner.logits(torch.from_numpy(x)).argmax(1).numpy() == y))


def coarse(net: Trained) -> Quantized:
    """Four bits, rounded as they come."""
    return groat.quantize(
        net.graph, net.samples, scheme="w4a8", rounding="nearest", bias_correction="off", ranges="minmax"
    )


def test_training_wins_accuracy_back(net: Trained) -> None:
    learner = groat.qat.prepare(coarse(net))
    x, y = net.x.astype(np.float32), net.y
    half = len(x) // 2
    before = right(learner, x[half:], y[half:])
    told: list[tuple[str, int, int]] = []
    epochs = groat.qat.train(learner, (x[:half], y[:half]), 4, progress=lambda *each: told.append(each))
    assert epochs[-1].loss < epochs[0].loss
    assert epochs[-1].accuracy is not None
    assert right(learner, x[half:], y[half:]) > before
    batches = -(-half // 32)
    assert told[-1] == ("epoch 4 of 4", batches, batches)


def test_a_teacher_teaches_without_labels(net: Trained) -> None:
    """The model of floats itself, given as a graph, as a file's bytes and as a function."""
    x = net.x[:256].astype(np.float32)
    expected = torch.from_numpy(on_host_floats(net.graph, x.reshape(-1, 1, 8, 8, 1))).argmax(1).numpy()
    wrong = (net.y[:256] + 1) % 10
    losses = []
    for teacher in (net.graph, lambda images: graph_logits(net.graph, images)):
        learner = groat.qat.prepare(coarse(net))
        before = right(learner, x, expected)
        epochs = groat.qat.train(learner, (x, wrong), 3, teacher=teacher, weight=1.0)
        assert right(learner, x, expected) > before
        losses.append([epoch.loss for epoch in epochs])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)


def graph_logits(graph: Graph, images: torch.Tensor) -> torch.Tensor:
    known = {graph.inputs[0]: images.reshape(-1, *graph.tensors[graph.inputs[0]].shape)}
    for op in graph.ops[:-1]:
        inputs = [known[n] if n in known else torch.tensor(graph.tensors[n].data) for n in op.inputs]
        known[op.outputs[0]] = apply(op, inputs, [n in known for n in op.inputs])
    return known[graph.ops[-2].outputs[0]]


def test_a_teacher_from_a_file_and_batches_of_a_loader() -> None:
    m = TfliteBuilder()
    x = m.input((1, 6), "float32")
    rng = np.random.default_rng(3)
    y = m.softmax(m.fully_connected(x, rng.normal(0, 1, (3, 6)).astype(np.float32), None, None, None))
    file = m.build([y])
    samples = rng.standard_normal((64, 6)).astype(np.float32)
    expected = on_host_floats(groat.load(file).graph, samples.reshape(64, 1, 6)).argmax(1)
    net = Net((6,), 8)
    net.dense(3, LINEAR)
    learner = groat.qat.prepare(groat.quantize(net.graph(), samples))
    unknown = torch.zeros(64, dtype=torch.int64)
    loader = DataLoader(TensorDataset(torch.from_numpy(samples), unknown), batch_size=16)
    groat.qat.train(learner, loader, 60, teacher=file, weight=1.0, learning_rate=0.02)
    assert right(learner, samples, expected) > 0.9


def test_the_same_seed_gives_the_same_model(net: Trained) -> None:
    models = []
    for seed in (1, 1, 2):
        learner = groat.qat.prepare(coarse(net))
        groat.qat.train(learner, (net.x[:64].astype(np.float32), net.y[:64]), 1, seed=seed)
        models.append(groat.compile(learner.export()).packed)
    assert models[0] == models[1] != models[2]


def test_a_learner_is_saved_and_loaded_as_any_module(net: Trained) -> None:
    made = coarse(net)
    first, second = groat.qat.prepare(made), groat.qat.prepare(made)
    move(first, 0.05)
    assert groat.compile(first.export()).packed != groat.compile(second.export()).packed
    second.load_state_dict(first.state_dict())
    assert groat.compile(first.export()).packed == groat.compile(second.export()).packed


# ---- Bad input ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny() -> tuple[Quantized, Array]:
    net = Net((4, 4, 2))
    net.conv(3)
    net.dense(3, LINEAR)
    made, (x, *_) = quantized(net.graph("tiny"), "int8", count=8)
    return made, x


def test_only_what_quantisation_made_can_be_prepared(tiny: tuple[Quantized, Array]) -> None:
    made, x = tiny
    with pytest.raises(InputError, match=r"this is a Graph; expected what groat.quantize returns"):
        groat.qat.prepare(made.floats)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"tiny is quantised as fp16; expected a scheme with integers"):
        groat.qat.prepare(groat.quantize(made.floats, x, scheme="fp16"))
    net = Net((4, 4, 2))
    net.pool("max")
    with pytest.raises(InputError, match=r"net has no layer with constant weights: there is nothing to train"):
        groat.qat.prepare(quantized(net.graph(), "int8")[0])


def test_ops_without_a_gradient_are_named() -> None:
    m = Builder()
    made, _ = lstm(m)
    with pytest.raises(
        UnsupportedError, match=r"to be trained: 1 op is not supported:\n  op \d+ lstm_float32 \(.*\): groat"
    ):
        groat.qat.prepare(made)


def lstm(m: Builder) -> tuple[Quantized, Array]:
    hidden, depth = 3, 4
    weights, again = m.weights(1, 4 * hidden, depth), m.weights(1, 4 * hidden, hidden)
    y = m.node("LSTM", "x", weights, again, hidden_size=hidden)
    y = m.node("Reshape", y, m.constant(np.array([1, 5 * hidden], np.int64)))
    y = m.node("Gemm", y, m.weights(5 * hidden, 2))
    model = m.model({"x": (5, 1, depth)}, [y])
    graph = groat.load(model.SerializeToString()).graph
    x = np.random.default_rng(0).standard_normal((4, *graph.tensors[graph.inputs[0]].shape)).astype(np.float32)
    return groat.quantize(graph, x, allow_float=True), x


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(2, 3, 4, 2), r"input 'image' is float32\[2, 3, 4, 2\]; expected float32 \[n, \*\[1, 4, 4, 2\]\]"),
        (torch.zeros(2, 4, 4, 2, dtype=torch.int64), r"is int64\[2, 4, 4, 2\]"),
        (torch.zeros(()), r"is float32\[\]"),
        (torch.zeros(0, 4, 4, 2), r"the inputs have \[0\] samples"),
        (torch.full((1, 4, 4, 2), torch.nan), r"has values that are infinite, or no numbers"),
    ],
)
def test_inputs_that_do_not_fit(tiny: tuple[Quantized, Array], x: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        groat.qat.prepare(tiny[0])(x)
    with pytest.raises(InputError, match=r"2 inputs; tiny has 1"):
        groat.qat.prepare(tiny[0])(x, x)


LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1])


@pytest.mark.parametrize(
    ("y", "choices", "message"),
    [
        (LABELS + 1, {}, r"labels have shape \[8\] and go from 1 to 3; expected \[n\], of 3 classes"),
        (LABELS[:7], {}, r"have \[8, 7\] samples"),
        (np.zeros((8, 2), np.float32), {}, r"targets are \[8, 2\]; expected the \[8, 3\]"),
        (np.full((8, 3), np.nan, np.float32), {}, r"in batch 0 of epoch 0 the loss is nan"),
        (
            LABELS,
            {"teacher": lambda x: torch.zeros(len(x), 4)},
            r"the teacher's outputs are \[8, 4\]; expected \[8, 3\]",
        ),
        (LABELS, {"teacher": lambda x: None}, r"the teacher's outputs are NoneType; expected \[8, 3\]"),
        (LABELS, {"teacher": all_sorts()}, r"the teacher all sorts reads \[\[1, 10, 9, 3\]\]"),
        (LABELS, {"epochs": 0}, r"epochs is 0; expected 1 to inf"),
        (LABELS, {"batch_size": 0}, r"batch_size is 0"),
        (LABELS, {"learning_rate": float("nan")}, r"learning_rate is nan"),
        (LABELS, {"temperature": 0.0}, r"temperature is 0.0"),
        (LABELS, {"weight": 1.5}, r"weight is 1.5; expected 0 to 1"),
        (LABELS, {"loss": lambda logits, y: logits.sum() / 0}, r"the loss is (inf|-inf|nan)"),
    ],
)
def test_training_that_does_not_fit(tiny: tuple[Quantized, Array], y: Array, choices: Any, message: str) -> None:
    made, x = tiny
    learner = groat.qat.prepare(made)
    before = groat.compile(learner.export()).packed
    with pytest.raises(InputError, match=message):
        groat.qat.train(learner, (x, y), **choices)
    assert groat.compile(learner.export()).packed == before


def test_data_that_is_none(tiny: tuple[Quantized, Array]) -> None:
    made, x = tiny
    learner = groat.qat.prepare(made)
    for data, message in (
        (7, r"data is a int; expected \(x, y\), or an iterable"),
        ([x], r"a batch is a ndarray; expected a pair"),
        ([(x, "labels")], r"a batch is no array or tensor"),
        ([], r"there are no samples in epoch 0"),
    ):
        with pytest.raises(InputError, match=message):
            groat.qat.train(learner, data)


def test_groat_alone_does_not_import_pytorch() -> None:
    code = "import sys, groat; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


# ---- The example -------------------------------------------------------------------------------------------------

EXAMPLE = ROOT / "examples" / "quantization_aware" / "train.py"


def test_the_example_trains_and_saves(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (120, 12, 12, 1), np.uint8)
    labels = rng.integers(0, 3, 120)
    images[np.arange(120), 3 * labels + 2] = 255
    data = tmp_path / "images.npz"
    np.savez(data, x=images[:90], y=labels[:90], x_test=images[90:], y_test=labels[90:])
    out = tmp_path / "model.groat"
    command = [
        sys.executable,
        str(EXAMPLE),
        "--data",
        str(data),
        "--float-epochs",
        "3",
        "--epochs",
        "1",
        "-o",
        str(out),
    ]
    ended = subprocess.run(command, timeout=240, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    for line in ("w4a8, quantised after training", "w4a8, trained on", "w4a8, trained on with the teacher"):
        assert line in ended.stdout
    with groat.Runner("host", out.read_bytes()) as runner:
        assert runner.run([images[:1].astype(np.float32) / 255])[0].shape == (1, 3)


def test_the_example_refuses_bad_data(tmp_path: Path) -> None:
    data = tmp_path / "images.npz"
    np.savez(data, x=np.zeros((4, 3), np.float32), y=np.zeros(4, np.int64))
    command = [sys.executable, str(EXAMPLE), "--data", str(data)]
    ended = subprocess.run(command, timeout=240, check=False, capture_output=True, text=True)
    assert ended.returncode == InputError.exit_code
    assert "expected images x [n, h, w, c] and labels y" in ended.stderr
