# SPDX-License-Identifier: Apache-2.0
"""Post-training quantisation: what it makes is a model of integers like any other, and as good as promised."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tests.support.float_nets import LINEAR, RELU, RELU6, Net
from tests.support.graphs import evaluate, kinds
from tests.support.random_floats import random_float_model
from tests.support.small_cnn import Trained, trained
from tools.tflite_builder import Builder, Quant
from torch import nn

import groat
from groat.batches import Recorder, host_batches
from groat.errors import InputError, UnsupportedError
from groat.graph import Graph, Op, Quantization, Tensor
from groat.ops import op_def
from groat.ops.unary_float32 import function_attrs
from groat.quantization.calibration import samples_of
from groat.quantization.convert import quantization_of
from groat.quantization.equalization import equalize
from groat.quantization.observers import RULES, Histogram, Rule, choose_range
from groat.quantization.weights import learn_rounding

Array = npt.NDArray[Any]
RNG = np.random.default_rng(6)


def outputs_of(model: Any, x: Array, **options: Any) -> Array:
    """The first output [n, values] for samples [n, ...]."""
    compiled = groat.compile(model, **options)
    shape = compiled.graph.tensors[compiled.graph.inputs[0]].shape
    parts = [arrays[0] for _, arrays in host_batches(compiled.packed, [x.reshape(len(x), *shape)])]
    return np.concatenate(parts).reshape(len(x), -1)


def snr(signal: Array, other: Array) -> float:
    noise = np.sum((signal.astype(np.float64) - other) ** 2)
    return math.inf if noise == 0 else float(10 * np.log10(np.sum(signal.astype(np.float64) ** 2) / noise))


@pytest.fixture(scope="module")
def net() -> Trained:
    return trained()


# ---- Accuracy --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "decibels", "points"), [("int8", 25, 0.6), ("w4a8", 12, 2.0), ("16x8", 30, 0.4), ("fp16", 50, 0.2)]
)
def test_a_trained_network_keeps_its_accuracy(net: Trained, scheme: str, decibels: float, points: float) -> None:
    expected = outputs_of(net.graph, net.x)
    accuracy = np.mean(expected.argmax(axis=1) == net.y)
    assert accuracy > 0.93
    found = outputs_of(groat.quantize(net.graph, net.samples, scheme=scheme), net.x)
    assert snr(expected, found) > decibels
    assert np.mean(found.argmax(axis=1) == net.y) >= accuracy - points / 100


def test_rounding_that_is_learnt_and_biases_that_are_corrected_lose_less(net: Trained) -> None:
    expected = outputs_of(net.graph, net.x)

    def loss(**choices: Any) -> float:
        return snr(expected, outputs_of(groat.quantize(net.graph, net.samples, scheme="w4a8", **choices), net.x))

    plain = loss(rounding="nearest", bias_correction="off")
    assert loss(rounding="nearest") > plain
    assert loss() > plain + 1


@pytest.mark.parametrize("rule", RULES)
def test_all_rules_for_ranges_keep_the_accuracy(net: Trained, rule: Rule) -> None:
    found = outputs_of(groat.quantize(net.graph, net.samples, ranges=rule), net.x)
    assert np.mean(found.argmax(axis=1) == outputs_of(net.graph, net.x).argmax(axis=1)) > 0.98


def test_quantisation_is_the_same_every_time(net: Trained) -> None:
    first, second = (groat.compile(groat.quantize(net.graph, net.samples)).packed for _ in range(2))
    assert first == second


# ---- The result is a model of integers like any other -------------------------------------------------------


def test_the_ops_are_those_of_an_imported_model() -> None:
    """The same layer, once quantised here, once written to a file with the scales found here and imported."""
    net = Net((6, 5, 3), 4)
    net.conv(4, 3, 2, act=RELU6)
    net.depthwise(3, padding="valid", act=LINEAR)
    made = groat.quantize(net.graph(), RNG.standard_normal((8, 6, 5, 3)).astype(np.float32), equalize="off").graph
    m = Builder()

    def quant(number: int) -> Quant:
        found = made.tensors[number].quantization
        assert found is not None
        return Quant(found.scale, found.zero_point, found.axis)

    def data(number: int) -> Array:
        found = made.tensors[number].data
        assert found is not None
        return found

    quantized, conv, depthwise, _ = made.ops
    x = m.quantize(m.input((1, 6, 5, 3), "float32"), quant(quantized.outputs[0]))
    for op, layer, options in (
        (conv, m.conv_2d, {"padding": "SAME", "activation": "RELU6", "stride": (2, 2)}),
        (depthwise, m.depthwise_conv_2d, {"padding": "VALID"}),
    ):
        x = layer(x, data(op.inputs[1]), data(op.inputs[2]), quant(op.inputs[1]), quant(op.outputs[0]), **options)  # type: ignore[operator]
    imported = groat.load(m.build([m.dequantize(x)])).graph
    assert kinds(made) == kinds(imported)
    for ours, theirs in zip(made.ops, imported.ops, strict=True):
        assert ours.attrs.keys() == theirs.attrs.keys()
        for name, value in ours.attrs.items():
            np.testing.assert_array_equal(value, theirs.attrs[name], err_msg=f"{ours.kind} {name}")


@pytest.mark.parametrize("scheme", ["int8", "w4a8", "16x8"])
@pytest.mark.parametrize("seed", range(40))
def test_random_models_compute_what_their_references_say(scheme: str, seed: int) -> None:
    graph = groat.load(random_float_model(seed)).graph
    rng = np.random.default_rng(seed)
    samples = [rng.standard_normal((6, *graph.tensors[n].shape)).astype(np.float32) for n in graph.inputs]
    try:
        made = groat.quantize(graph, samples, scheme=scheme, allow_float=True)
    except InputError:
        pytest.fail("samples of a standard normal distribution fit any model")
    values = evaluate(made.graph, [array[0] for array in samples])
    found = groat.compile(made).run(*[array[0] for array in samples])
    found = found if isinstance(found, list) else [found]
    for number, array in zip(made.graph.outputs, found, strict=True):
        np.testing.assert_array_equal(array, values[number])


def test_tensors_keep_their_numbers_and_ends_stay_floats(net: Trained) -> None:
    made = groat.quantize(net.graph, net.samples, equalize="off").graph
    assert made.inputs == net.graph.inputs
    assert made.outputs == net.graph.outputs
    assert {made.tensors[n].dtype for n in (*made.inputs, *made.outputs)} == {"float32"}
    inner = [op.outputs[0] for op in net.graph.ops if op.outputs[0] not in net.graph.outputs]
    assert {made.tensors[number].dtype for number in inner} == {"int8"}
    integer = groat.compile(made, io="integer")
    assert {tensor["dtype"] for tensor in integer.report["inputs"] + integer.report["outputs"]} == {"int8"}


def test_weights_of_four_bits_take_half_the_bytes(net: Trained) -> None:
    eight, four = (groat.quantize(net.graph, net.samples, scheme=scheme) for scheme in ("int8", "w4a8"))
    assert four.weights_bytes * 2 == eight.weights_bytes
    weights = [t for t in four.graph.tensors.values() if t.dtype == "int4"]
    assert len(weights) == 5
    assert all(t.data is not None and t.data.min() >= -8 and t.data.max() <= 7 for t in weights)


def test_prescribed_scales_and_shared_ones() -> None:
    net = Net((4, 4, 2))
    a = net.conv(3, act=LINEAR)
    net.pool("average", 2, 1, "same")
    net.pool("max")
    net.dense(5)
    net.softmax()
    made = groat.quantize(net.graph(), RNG.standard_normal((9, 4, 4, 2)).astype(np.float32)).graph
    ops = {op.kind: op for op in made.ops}
    assert made.tensors[ops["softmax"].outputs[0]].quantization == Quantization((1 / 256,), (-128,))
    shared = made.tensors[a].quantization
    assert shared == made.tensors[ops["average_pool_2d"].outputs[0]].quantization
    assert shared == made.tensors[ops["max_pool_2d"].outputs[0]].quantization
    assert "lut" not in ops


def test_concatenation_of_a_prescribed_scale_is_rescaled() -> None:
    tensors = {n: Tensor(f"t{n}", (1, 4), "float32") for n in range(2)}
    tensors[2] = Tensor("joined", (1, 8), "float32")
    ops = (
        Op("sigmoid_float32", (0,), (1,), {"tanh": 0}, 0),
        Op("concatenation", (0, 1), (2,), {"axis": 1}, 1),
    )
    x = RNG.uniform(-5, 5, (50, 1, 4)).astype(np.float32)
    made = groat.quantize(Graph("joined", tensors, ops, (0,), (2,)), x)
    assert kinds(made.graph) == ["quantize", "lut", "lut", "concatenation", "dequantize"]
    expected = np.concatenate([x[:, 0], 1 / (1 + np.exp(-x[:, 0]))], axis=1)
    assert np.abs(outputs_of(made, x) - expected).max() < 10 / 255


@pytest.mark.parametrize("scheme", ["int8", "16x8"])
def test_functions_of_one_value(scheme: str) -> None:
    """tanh, which becomes a table, between layers."""
    tensors = {n: Tensor(f"t{n}", (1, 6), "float32") for n in range(2)}
    x = RNG.uniform(-4, 4, (60, 1, 6)).astype(np.float32)
    graph = Graph("tanh", tensors, (Op("sigmoid_float32", (0,), (1,), {"tanh": 1}, 0),), (0,), (1,))
    found = outputs_of(groat.quantize(graph, x, scheme=scheme, ranges="minmax"), x)
    assert np.abs(found - np.tanh(x[:, 0])).max() < (0.025 if scheme == "int8" else 0.001)


@pytest.mark.parametrize("function", ["hard_swish", "gelu", "leaky_relu", "sqrt"])
def test_functions_become_tables(function: str) -> None:
    tensors = {n: Tensor(f"t{n}", (1, 40), "float32") for n in range(2)}
    x = RNG.uniform(0 if function == "sqrt" else -4, 4, (30, 1, 40)).astype(np.float32)
    op = Op("unary_float32", (0,), (1,), function_attrs(function), 0)
    made = groat.quantize(Graph(function, tensors, (op,), (0,), (1,)), x, ranges="minmax")
    assert kinds(made.graph) == ["quantize", "lut", "dequantize"]
    (expected,) = op_def("unary_float32").reference(op, [x[:, 0]])
    assert np.abs(outputs_of(made, x) - expected).max() < (0.15 if function == "sqrt" else 0.04)


# ---- Layers of their own --------------------------------------------------------------------------------------


def test_layers_may_have_other_schemes(net: Trained) -> None:
    names = [net.graph.tensors[op.outputs[0]].name for op in net.graph.ops]
    made = groat.quantize(
        net.graph, net.samples, scheme="w4a8", layers={names[0]: "int8", "1": "16x8", names[-2]: "float32"}
    )
    schemes = [layer.scheme for layer in made.layers]
    assert schemes[:3] == ["int8", "16x8", "w4a8"]
    assert [layer.name for layer in made.float_layers] == [names[-2]]
    assert {"conv_2d", "depthwise_conv_2d_int16", "conv_2d_s4", "rescale", "fully_connected_float32"} <= set(
        kinds(made.graph)
    )
    expected = outputs_of(net.graph, net.x)
    assert np.mean(outputs_of(made, net.x).argmax(axis=1) == expected.argmax(axis=1)) > 0.96


def test_layers_that_do_not_exist_are_named(net: Trained) -> None:
    with pytest.raises(InputError, match=r"has 0 layers 'nothing'.*conv_2d_0"):
        groat.quantize(net.graph, net.samples, layers={"nothing": "int8"})
    with pytest.raises(InputError, match="scheme 'int7'; expected one of int8"):
        groat.quantize(net.graph, net.samples, layers={"0": "int7"})


def with_sum() -> Graph:
    """An op that has no kernel of integers."""
    net = Net((4, 4, 4))
    net.conv(4)
    out = net._new("summed", (1, 4, 4, 4))
    net.ops.append(Op("sum_to_float32", (net.last,), (out,), {"shape": (1, 4, 4, 4)}, 1))
    net.last = out
    net.conv(3)
    return net.graph("summed")


def test_ops_without_a_kernel_are_an_error_or_stay_floats() -> None:
    graph, x = with_sum(), RNG.standard_normal((12, 4, 4, 4)).astype(np.float32)
    with pytest.raises(UnsupportedError, match=r"sum_to_float32 \(summed\): there is no kernel of int8.*") as error:
        groat.quantize(graph, x)
    assert "--allow-float" in str(error.value)
    made = groat.quantize(graph, x, allow_float=True)
    assert [layer.name for layer in made.float_layers] == ["summed"]
    assert "sum_to_float32" in kinds(made.graph)
    assert snr(outputs_of(graph, x), outputs_of(made, x)) > 25


def test_pytorch_modules_are_quantised() -> None:
    """BatchNorm, hard swish and all: from a module to integers."""
    for package in ("onnx", "onnxscript"):
        pytest.importorskip(package, reason="needs what PyTorch exports ONNX with")
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.Hardswish(), nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.ReLU6(),
        nn.Conv2d(8, 12, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 4),
    ).eval()  # fmt: skip
    x = torch.randn(30, 3, 10, 10)
    images = x.numpy().transpose(0, 2, 3, 1)
    made = groat.quantize(groat.load(module, x[:1]), images)
    expected = module(x).detach().numpy()
    centre = expected.mean(axis=0)
    assert made.float_layers == ()
    assert "lut" in kinds(made.graph)
    assert snr(expected - centre, outputs_of(made, images) - centre) > 8  # random weights: outputs differ little


# ---- Parts ------------------------------------------------------------------------------------------------


def test_equalisation_changes_no_output() -> None:
    net = Net((6, 6, 2), 3)
    net.conv(8)
    net.depthwise(act=RELU)
    net.conv(4, 1, act=RELU6)
    net.conv(4)
    graph = net.graph()
    weights = graph.tensors[graph.ops[0].inputs[1]]
    assert weights.data is not None
    uneven = weights.data * (10.0 ** RNG.uniform(-1, 1, (8, 1, 1, 1))).astype(np.float32)
    graph = replace(graph, tensors={**graph.tensors, graph.ops[0].inputs[1]: replace(weights, data=uneven)})
    x = RNG.standard_normal((10, 1, 6, 6, 2)).astype(np.float32)
    even = equalize(graph, [x])
    before, after = (next(iter(Recorder(g).run([x])))[1] for g in (graph, even))
    np.testing.assert_allclose(after[graph.outputs[0]], before[graph.outputs[0]], rtol=1e-4, atol=1e-5)
    first = graph.ops[0].outputs[0]
    spread = [np.ptp(np.log(values[first].reshape(-1, 8).max(axis=0))) for values in (before, after)]
    assert spread[1] < spread[0] / 3


def test_rounding_is_never_worse_than_it_began() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        groups, channels, taps = rng.integers(1, 4), rng.integers(1, 6), rng.integers(1, 20)
        filters = rng.standard_normal((groups, channels, taps))
        columns = rng.standard_normal((groups, 40, taps)) + rng.standard_normal((groups, 40, 1))
        gram = columns.transpose(0, 2, 1) @ columns / 40
        scale = np.abs(filters).max(axis=2) / 7
        begin = np.clip(np.round(filters / scale[..., None]), -8, 7)
        found = learn_rounding(filters, begin, scale, gram, -8, 7)

        def loss(stored: Array, f: Array = filters, s: Array = scale, g: Array = gram) -> float:
            off = stored * s[..., None] - f
            damped = g + 0.1 * np.einsum("gkk->gk", g).mean(axis=1)[:, None, None] * np.eye(g.shape[1])
            return float(np.einsum("gok,gkl,gol->", off, damped, off))

        assert loss(found) <= loss(begin) * (1 + 1e-9)
        assert found.min() >= -8
        assert found.max() <= 7


@pytest.mark.parametrize("rule", RULES)
def test_ranges_hold_zero_and_cut_outliers(rule: Rule) -> None:
    values = np.append(np.abs(RNG.standard_normal(400_000)), 100.0)
    histogram = Histogram.over(values.min(), values.max())
    histogram.add(values)
    low, high = choose_range(histogram, rule)
    assert low == 0
    # A single value so far out has a large part in the squared error.
    assert high == 100 if rule == "minmax" else 3 < high < (100 if rule == "mse" else 60)
    assert choose_range(Histogram.over(0.0, 0.0), rule) == (0.0, 0.0)
    negative = Histogram.over(-3.0, -1.0)
    negative.add(np.linspace(-3, -1, 1000))
    assert choose_range(negative, rule)[1] == 0


def test_ranges_of_least_error_have_the_least_error() -> None:
    values = RNG.standard_normal(100_000) ** 3
    histogram = Histogram.over(values.min(), values.max())
    histogram.add(values)

    def error(low: float, high: float) -> float:
        step = (high - low) / 255
        zero = np.round(-low / step)
        return float(np.mean(((np.clip(np.round(values / step) + zero, 0, 255) - zero) * step - values) ** 2))

    chosen = error(*choose_range(histogram, "mse"))
    assert chosen < 0.9 * error(values.min(), values.max())
    assert chosen < 1.02 * min(error(values.min() * f, values.max() * f) for f in np.linspace(0.05, 1, 40))


def test_scales_of_ranges() -> None:
    assert quantization_of((0.0, 2.55), "int8") == Quantization((float(np.float32(2.55 / 255)),), (-128,))
    assert quantization_of((-1.0, 1.0), "int16") == Quantization((float(np.float32(1 / 32767)),), (0,))
    assert quantization_of((0.0, 0.0), "int8").scale[0] > 0
    assert quantization_of((-1.0, 0.0), "int8").zero_point == (127,)


def test_channels_of_nothing_and_dead_layers_do_no_harm() -> None:
    """Weights of zeros with a bias, and a ReLU that never opens."""
    net = Net((4, 4, 2))
    net.conv(4, act=LINEAR)
    net.conv(3, act=RELU)
    net.conv(2, act=LINEAR)
    graph = net.graph()
    tensors = dict(graph.tensors)
    first, second, _ = graph.ops
    zeroed = tensors[first.inputs[1]].data
    assert zeroed is not None
    zeroed = zeroed.copy()
    zeroed[1] = 0
    tensors[first.inputs[1]] = replace(tensors[first.inputs[1]], data=zeroed)
    tensors[first.inputs[2]] = replace(tensors[first.inputs[2]], data=np.array([0.1, -0.7, 1e4, 0], np.float32))
    tensors[second.inputs[2]] = replace(tensors[second.inputs[2]], data=np.full(3, -1e5, np.float32))
    graph = replace(graph, tensors=tensors)
    x = RNG.standard_normal((9, 4, 4, 2)).astype(np.float32)
    for scheme in ("int8", "w4a8", "16x8"):
        made = groat.quantize(graph, x, scheme=scheme)
        np.testing.assert_allclose(outputs_of(made, x), outputs_of(graph, x), atol=0.02)


# ---- Bad input ----------------------------------------------------------------------------------------------


def _bad(name: str, x: Array) -> Array:
    y = x.copy()
    if name == "not finite":
        y[3, 0, 0, 0] = np.nan
    elif name == "constant":
        y[:] = 0.25
    integers = np.zeros(y.shape, np.int8)
    return {"none": y[:0], "one": y[:1], "shape": y[:, :5], "dtype": integers, "rank": y[0]}.get(name, y)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "there are 0; expected at least 2"),
        ("one", "there are 1; expected at least 2"),
        ("not finite", "sample 3 has values that are infinite, or no numbers; expected finite ones"),
        ("constant", "all values are 0.25"),
        ("shape", r"have shape \[100, 5, 8, 1\]; expected"),
        ("rank", r"expected \[samples, \*\[1, 8, 8, 1\]\]"),
        ("dtype", "are int8; expected float32"),
    ],
)
def test_bad_samples_are_told(net: Trained, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        groat.quantize(net.graph, _bad(name, net.samples))


def test_models_that_cannot_be_quantised_are_told(net: Trained, digits: Path) -> None:
    with pytest.raises(InputError, match="quantised already"):
        groat.quantize(digits, net.samples)
    model = Net((4, 4, 1))
    model.dense(2)
    views = replace(model.graph(), views={model.last: 0})
    with pytest.raises(InputError, match="compiler's passes"):
        groat.quantize(views, net.samples)
    flat = Net((6,))
    flat.dense(3)
    graph = flat.graph()
    constant = replace(graph.tensors[0], data=np.ones((1, 6), np.float32))
    other = Tensor("x", (1, 3), "float32")
    added = Op("add_float32", (graph.outputs[0], 9), (10,), {"act_min": -math.inf, "act_max": math.inf}, 1)
    tensors = {**graph.tensors, 0: constant, 9: other, 10: replace(other, name="y")}
    fixed = Graph("fixed", tensors, (*graph.ops, added), (9,), (10,))
    with pytest.raises(UnsupportedError, match="its input is a constant"):
        groat.quantize(fixed, RNG.standard_normal((5, 3)).astype(np.float32))
    with pytest.raises(InputError, match="2 arrays of samples"):
        groat.quantize(net.graph, [net.samples, net.samples])
    with pytest.raises(InputError, match="scheme is 'int3'; expected one of int8"):
        groat.quantize(net.graph, net.samples, scheme="int3")
    with pytest.raises(InputError, match="is infinite, or no number, for one of samples"):
        groat.quantize(net.graph, net.samples * 1e38)


def test_samples_may_lack_the_leading_one(net: Trained) -> None:
    with_one, without = (samples_of(net.graph, x)[0] for x in (net.samples[:, np.newaxis], net.samples))
    np.testing.assert_array_equal(with_one, without)
