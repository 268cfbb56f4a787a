# SPDX-License-Identifier: Apache-2.0
"""int8 networks that learn: against PyTorch with gradients straight through the quantisers, and on their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tests.support.float_nets import LINEAR, RELU6, Net
from tests.support.int8_nets import (
    parameter_scales,
    quantised,
    real_parameters,
    stored_values,
    straight_through,
)
from tests.support.learning import digits, network
from tests.support.material import RESNET8
from tools import tflite_builder as tfl
from torch.nn import functional

import groat
from groat.errors import InputError
from groat.graph import Graph
from groat.train.export import to_tflite
from groat.train.loop import accuracy
from groat.train.parameters import load_parameters, save_parameters

Array = npt.NDArray[Any]


def chain() -> Graph:
    net = Net((9, 7, 3), 1)
    net.conv(6, kernel=(3, 2), stride=(2, 1))
    net.conv(8, kernel=3, padding="valid", act=RELU6)
    net.dense(5)
    net.softmax()
    return net.graph("chain")


def residual() -> Graph:
    net = Net((8, 8, 4), 2)
    first = net.conv(8)
    net.conv(8)
    second = net.conv(8, act=LINEAR)
    net.add(first, second, (0.0, np.inf))
    net.depthwise(stride=2, multiplier=2)
    net.conv(12, kernel=1)
    net.mean()
    net.dense(3)
    return net.graph("residual")


def pools() -> Graph:
    net = Net((10, 11, 2), 3)
    net.conv(5, kernel=5)
    net.pool("max", 3, 2, "same")
    net.conv(6, dilation=2)
    net.pool("average", 2, 2, "same")
    net.dense(4)
    return net.graph("pools")


NETS = {"chain": chain, "residual": residual, "pools": pools}


def images_of(graph: Graph, count: int, seed: int = 5) -> list[Array]:
    rng = np.random.default_rng(seed)
    shape = graph.tensors[graph.inputs[0]].shape
    return [rng.standard_normal(shape).astype(np.float32) for _ in range(count)]


def stored(graph: Graph, image: Array) -> Array:
    """An image as the input of an int8 graph."""
    tensor = graph.tensors[graph.inputs[0]]
    return np.clip(np.rint(image / tensor.scale) + tensor.zero_point, -128, 127).astype(np.int8)


def make(name: str) -> tuple[groat.Model, Array]:
    """(an int8 network, an image for it)."""
    net = NETS[name]()
    images = images_of(net, 8)
    model = groat.load(quantised(net, images))
    return model, stored(model.graph, images[0])


# ---- Gradients -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gradients", ["fp32", "fp16"])
@pytest.mark.parametrize("name", NETS)
def test_a_step_is_that_of_pytorch(name: str, gradients: Any) -> None:
    """Parameter by parameter, each with a rate that moves the most moved one by 100 quanta."""
    model, image = make(name)
    graph = groat.compile(model).graph
    parameters = real_parameters(graph)
    loss = functional.cross_entropy(straight_through(graph, image, parameters).reshape(1, -1), torch.tensor([1]))
    loss.backward()
    train = groat.Train(dtype="int8", gradients=gradients)
    with groat.compile(model, train=train).on("host") as session:
        before = session.parameters()
        assert set(before) == set(parameters)
        for op in graph.ops:
            for index, scales in parameter_scales(graph, op).items():
                key = graph.tensors[op.inputs[index]].name
                wanted = -parameters[key].grad.numpy() / scales  # type: ignore[union-attr]
                assert np.abs(wanted).max() > 0, key
                rate = 100 / float(np.abs(wanted).max())
                session.runner.reset()
                assert session.train_step(image, [1], rate) == pytest.approx(loss.item(), rel=1e-3)
                old = before[key].astype(np.int64)
                moved, expected = session.parameters()[key] - old, rate * wanted
                off = np.abs(moved - (np.clip(expected, -127 - old, 127 - old) if index == 1 else expected))
                assert off.max() < (1.001 if gradients == "fp32" else 1.5), key
                assert np.abs(moved).max() > 50, key


def test_gradients_pass_through_frozen_layers() -> None:
    model, image = make("residual")
    graph = groat.compile(model).graph
    parameters = real_parameters(graph)
    loss = functional.cross_entropy(straight_through(graph, image, parameters).reshape(1, -1), torch.tensor([1]))
    loss.backward()
    first = graph.ops[0]
    layer, key = (graph.tensors[number].name for number in (first.outputs[0], first.inputs[1]))
    wanted = -parameters[key].grad.numpy() / parameter_scales(graph, first)[1]  # type: ignore[union-attr]
    rate = 100 / float(np.abs(wanted).max())
    with groat.compile(model, train=groat.Train(dtype="int8", layers=layer)).on("host") as session:
        old = session.parameters()[key].astype(np.int64)
        session.train_step(image, [1], rate)
        moved = session.parameters()[key] - old
    assert np.abs(moved - np.clip(rate * wanted, -127 - old, 127 - old)).max() < 1.001


def test_only_what_was_chosen_changes() -> None:
    model, image = make("residual")
    with groat.compile(model, train=groat.Train(dtype="int8", layers="last:2")).on("host") as session:
        assert len(session.parameters()) == 4
        assert {str(value.dtype) for value in session.parameters().values()} == {"int8", "int32"}
    with groat.compile(model, train=groat.Train(dtype="int8", layers="bias")).on("host") as session:
        before = session.parameters()
        assert {str(value.dtype) for value in before.values()} == {"int32"}
        session.train_step(image, [1], 0.1)
        assert all((session.parameters()[name] != value).any() for name, value in before.items())


# ---- Rounding at random ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.3, -0.7, 0.02, -0.001, 3.25])
def test_rounding_is_unbiased(fraction: float) -> None:
    """16,384 weights, each moved by the same fraction of a quantum."""
    count = 16384
    x, dy = np.ones((1, 1, 1, 256), np.int8), np.full((1, 1, 1, 64), np.sign(fraction), np.float32)
    weights, bias = np.zeros((64, 1, 1, 256), np.int8), np.zeros(64, np.int32)
    found, biases, random, step = groat.kernels.conv2d_weight_grad_int8_float(
        x, dy, kernel=1, weights_scales=0.5 / abs(fraction), weights=weights, bias=bias, lr=0.5, seed=7
    )
    assert step[0] == 0.5
    assert random[0] != 7
    low = np.floor(-fraction)
    assert set(np.unique(found)) == {low, low + 1}
    assert set(np.unique(biases)) <= {low, low + 1}
    spread = np.sqrt((-fraction - low) * (1 - (-fraction - low)) / count)
    assert abs(found.mean() + fraction) < 4 * spread


def test_the_seed_decides() -> None:
    model, image = make("chain")

    def learnt(seed: int) -> dict[str, Array]:
        with groat.compile(model, train=groat.Train(dtype="int8", seed=seed)).on("host") as session:
            for label in range(3):
                session.train_step(image, [label], 0.01)
            return session.parameters()

    first, same, other = learnt(1), learnt(1), learnt(2)
    assert all((first[name] == same[name]).all() for name in first)
    assert any((first[name] != other[name]).any() for name in first)


# ---- Refusals --------------------------------------------------------------------------------------------


def test_a_refused_step_changes_nothing() -> None:
    model, image = make("chain")
    with groat.compile(model, train=groat.Train(dtype="int8")).on("host") as session:
        before = session.parameters()
        for label, lr in (([7], 0.1), ([1], -0.1), ([1], np.nan)):
            with pytest.raises(InputError):
                session.train_step(image, label, lr)
        assert all((session.parameters()[name] == value).all() for name, value in before.items())


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({"dtype": "int8", "optimizer": "adam"}, "others keep a float for each weight"),
        ({"dtype": "int8", "accumulate": 2}, "others keep a float for each weight"),
        ({"dtype": "int8", "adapter_rank": 1}, "expected 0"),
        ({"dtype": "int8", "seed": -1}, "seed is -1"),
        ({"gradients": "fp16"}, 'it is for dtype "int8"'),
    ],
)
def test_choices_that_do_not_go_together(choices: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        groat.Train(**choices)


def test_floats_do_not_train_an_int8_model() -> None:
    model, _ = make("chain")
    with pytest.raises(InputError, match='3 of int8, which dtype "int8" trains'):
        groat.compile(model, train=groat.Train())


# ---- Parameters ------------------------------------------------------------------------------------------


def test_what_was_learnt_becomes_an_int8_model(tmp_path: Any) -> None:
    net = residual()
    images = images_of(net, 8)
    source = quantised(net, images)
    model = groat.load(source)
    compiled = groat.compile(model, train=groat.Train(dtype="int8"))
    image = stored(model.graph, images[0])
    with compiled.on("host") as session:
        for label in (0, 1, 2, 1):
            session.train_step(image, [label], 0.05)
        learnt, scores = session.parameters(), session.run(image)
        save_parameters(tmp_path / "learnt.npz", session.runner.model, learnt)
    exported = groat.compile(to_tflite(source, learnt))
    assert (exported.run(image) == scores).all()
    with compiled.on("host") as session:
        assert (session.run(image) != scores).any()
        session.set_parameters(load_parameters(tmp_path / "learnt.npz", session.runner.model))
        assert (session.run(image) == scores).all()
        wrong = {name: value.astype(np.float32) + 0.5 for name, value in learnt.items()}
        with pytest.raises(InputError):
            session.set_parameters(wrong)


# ---- Floats beside int8 ----------------------------------------------------------------------------------


def with_float_head() -> groat.Model:
    """int8 convolutions, then DEQUANTIZE, a dense layer of floats and SOFTMAX."""
    rng = np.random.default_rng(4)
    builder = tfl.Builder("float head")
    x = builder.input((1, 6, 6, 3), quant=tfl.range_quant(-3, 3), name="image")
    for out_c in (8, 6):
        weights, quant = tfl.quantize_weights(rng.normal(0, 0.3, (out_c, 3, 3, x.shape[3])), 0)
        bias = rng.integers(-500, 500, out_c).astype(np.int32)
        x = builder.conv_2d(x, weights, bias, quant, tfl.range_quant(0, 4), activation="RELU", name=f"conv{out_c}")
    x = builder.reshape(builder.dequantize(x, name="real"), (1, -1), name="flat")
    dense = rng.normal(0, 0.1, (4, x.shape[1])).astype(np.float32)
    x = builder.fully_connected(x, dense, np.zeros(4, np.float32), None, None, name="dense")
    return groat.load(builder.build([builder.softmax(x, name="scores")]))


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "int8"])
def test_a_head_of_floats_learns_behind_a_frozen_int8_backbone(dtype: Any) -> None:
    model = with_float_head()
    train = groat.Train(dtype=dtype, layers="last:1")
    compiled = groat.compile(model, train=train)
    kinds = [op.kind for op in compiled.graph.ops]
    assert kinds.count("conv_2d") == 4, "of both programs, with their packed weights"
    assert "conv_2d_trained" not in kinds
    graph = groat.compile(model).graph
    image = stored(model.graph, images_of(model.graph, 1)[0])
    seen = stored_values(graph, image)
    head = next(op for op in graph.ops if op.kind == "fully_connected_float32")
    weights, bias = (torch.tensor(graph.tensors[n].data, requires_grad=True) for n in head.inputs[1:])
    real = torch.tensor(seen[graph.root(head.inputs[0])].reshape(1, -1))
    loss = functional.cross_entropy(functional.linear(real, weights, bias), torch.tensor([2]))
    loss.backward()
    with compiled.on("host") as session:
        assert session.train_step(image, [2], 0.1) == pytest.approx(loss.item(), rel=5e-3 if dtype == "fp16" else 1e-5)
        learnt = list(session.parameters().values())
        for found, leaf in zip(learnt, (weights, bias), strict=True):
            assert leaf.grad is not None
            moved = (leaf - 0.1 * leaf.grad).detach().numpy()
            np.testing.assert_allclose(found, moved, rtol=0, atol=2e-3 if dtype == "fp16" else 1e-6)


@pytest.mark.parametrize("gradients", ["fp32", "fp16"])
def test_int8_layers_learn_in_front_of_floats(gradients: Any) -> None:
    model = with_float_head()
    image = stored(model.graph, images_of(model.graph, 1)[0])
    with groat.compile(model, train=groat.Train(dtype="int8", gradients=gradients)).on("host") as session:
        before = session.parameters()
        head = "float16" if gradients == "fp16" else "float32"
        assert [str(value.dtype) for value in before.values()] == ["int8", "int32", "int8", "int32", head, "float32"]
        losses = [session.train_step(image, [2], 0.05) for _ in range(12)]
        assert losses[-1] < 0.3 * losses[0]
        assert all((session.parameters()[name] != value).any() for name, value in before.items())


# ---- Memory ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choices", "limit"),
    [
        ({"layers": "last:7"}, 206_192),
        ({"layers": "last:7", "gradients": "fp16"}, 159_632),
        ({"layers": "last:7@0.25", "gradients": "fp16"}, 128 * 1024),
        ({"layers": "last:7@0.5", "gradients": "fp16", "ram": 128 * 1024, "max_mac_overhead": 1.2}, 128 * 1024),
        ({"layers": "last:4"}, 122_352),
    ],
)
def test_arenas_of_resnet8(material: Path, choices: dict[str, Any], limit: int) -> None:
    """The last two residual blocks and the dense layer, and the last one."""
    options = {name: choices[name] for name in ("ram", "max_mac_overhead") if name in choices}
    train = groat.Train(dtype="int8", **{name: value for name, value in choices.items() if name not in options})
    compiled = groat.compile(RESNET8.model(material), target="cortex-m4", train=train, **options)
    assert compiled.plan.arena_bytes <= limit


# ---- Learning --------------------------------------------------------------------------------------------


def test_the_digits_are_learnt_as_well_as_with_floats() -> None:
    """The last two layers from random weights, behind layers that know the digits: int8 against float32, same order."""
    x, y, test_x, test_y = digits()
    net = learnt_network()
    spoilt = with_random_layers(net, 2)
    model = groat.load(quantised(net, [image[np.newaxis] for image in x[:60]]))
    found = {}
    for dtype, source in (("fp32", spoilt), ("int8", model)):
        with groat.compile(source, train=groat.Train(dtype=dtype, layers="last:2")).on("host") as session:
            images, tests = x, test_x
            if dtype == "int8":
                images, tests = (np.stack([stored(model.graph, image) for image in part]) for part in (x, test_x))
                session.set_parameters(stored_parameters(model.graph, spoilt))
            assert accuracy(session.runner, tests, test_y) < 0.4
            for epoch, rate in enumerate((0.02, 0.02, 0.02, 0.005, 0.005)):
                order = np.random.default_rng(epoch).permutation(len(x))
                session.trainer.steps(images[order], [[int(y[i])] for i in order], rate)
            found[dtype] = accuracy(session.runner, tests, test_y)
    print({dtype: f"{100 * share:.2f} %" for dtype, share in found.items()})
    assert found["fp32"] > 0.93
    assert found["int8"] > found["fp32"] - 0.01


def stored_parameters(graph: Graph, floats: Graph) -> dict[str, Array]:
    """The parameters of the last two layers of a network of floats as those of an int8 one, in its scales."""
    layers, theirs = ([op for op in g.ops if len(op.inputs) == 3][-2:] for g in (graph, floats))
    found: dict[str, Array] = {}
    for op, other in zip(layers, theirs, strict=True):
        for index, scales in parameter_scales(graph, op).items():
            values = floats.tensors[other.inputs[index]].data
            assert values is not None
            tensor = graph.tensors[op.inputs[index]]
            most = 127 if index == 1 else 1 << 30
            found[tensor.name] = np.clip(np.rint(values / scales), -most, most).astype(tensor.dtype)
    return found


def learnt_network() -> Graph:
    """The network of the digits after some steps of training with floats."""
    x, y, _, _ = digits()
    graph = network()
    with groat.compile(graph, train=groat.Train()).on("host") as session:
        for epoch in range(4):
            order = np.random.default_rng(10 + epoch).permutation(len(x))
            session.trainer.steps(x[order], [[int(y[i])] for i in order], 0.02)
        learnt = session.parameters()
    tensors = {n: replace(t, data=learnt.get(t.name, t.data)) for n, t in graph.tensors.items()}
    return replace(graph, tensors=tensors)


def with_random_layers(graph: Graph, count: int) -> Graph:
    """The same with its last layers as they would begin."""
    rng, tensors = np.random.default_rng(0), dict(graph.tensors)
    for op in [op for op in graph.ops if len(op.inputs) > 1][-count:]:
        weights, bias = (graph.tensors[number] for number in op.inputs[1:])
        size = np.sqrt(2 / np.prod(weights.shape[1:]))
        tensors[op.inputs[1]] = replace(weights, data=(size * rng.standard_normal(weights.shape)).astype(np.float32))
        tensors[op.inputs[2]] = replace(bias, data=np.zeros(bias.shape, np.float32))
    return replace(graph, tensors=tensors)
