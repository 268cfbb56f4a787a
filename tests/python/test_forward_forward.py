# SPDX-License-Identifier: Apache-2.0
"""Training without a backward pass: steps against PyTorch; memory; what it learns, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tests.support.float_nets import LINEAR, RELU6, Net
from tests.support.learning import digits, samples
from torch.nn import functional

import groat
from groat.graph import Graph
from groat.ops.embed_label import signs
from groat.ops.loss import RATE, REFUSED
from groat.train.loop import TOGETHER, accuracy

Array = npt.NDArray[Any]
FORWARD = groat.Train(algorithm="forward-forward")
STEP = 0.02


def images() -> Graph:
    net = Net((7, 6, 2), 3)
    net.conv(5)
    net.conv(4, kernel=(2, 3), stride=2)
    net.pool("max")
    net.dense(3)
    net.softmax()
    return net.graph("images")


def vectors() -> Graph:
    """A perceptron for the digits."""
    net = Net((8, 8, 1), 1)
    net.dense(128, act=(0.0, np.inf))
    net.dense(10)
    net.softmax()
    return net.graph("vectors")


# ---- A step ----------------------------------------------------------------------------------------------


def normal(x: torch.Tensor) -> torch.Tensor:
    return (x - x.mean()) / torch.sqrt(x.var(correction=0) + 1e-5)


def layer(op: Any, graph: Graph, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    if op.kind == "fully_connected_float32":
        return functional.linear(x.reshape(1, -1), w, b)
    (top, bottom), (left, right) = op.attrs["padding"]
    padded = functional.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom))
    return functional.conv2d(padded, w.permute(0, 3, 1, 2), b, op.attrs["stride"]).permute(0, 2, 3, 1)


class ByTorch:
    """The algorithm of groat.train.forward on a graph, each layer by automatic differentiation of its own loss."""

    def __init__(self, graph: Graph, classes: int) -> None:
        self.graph, self.classes, self.noise = graph, classes, 0
        self.parameters = {
            t.name: torch.tensor(t.data, requires_grad=True) for t in graph.tensors.values() if t.data is not None
        }
        self.layers = [op for op in graph.ops if len(op.inputs) == 3]

    def embedded(self, image: Array, label: int | None) -> torch.Tensor:
        x = image.copy().reshape(-1)
        if self.layers[0].kind.startswith("conv"):
            x += 0 if label is None else signs(x.size, label)
        else:
            x[: self.classes] = 1 / self.classes if label is None else np.eye(self.classes)[label]
        return torch.tensor(x.reshape(image.shape))

    def another(self, label: int) -> int:
        self.noise = (self.noise * 1664525 + 1013904223) % 2**32
        return (label + 1 + (self.noise >> 8) % (self.classes - 1)) % self.classes

    def down(self, loss: torch.Tensor, names: list[str]) -> float:
        loss.backward()
        with torch.no_grad():
            for name in names:
                self.parameters[name] -= STEP * self.parameters[name].grad
                self.parameters[name].grad = None
        return loss.item()

    def through(self, x: torch.Tensor, negative: bool | None) -> tuple[torch.Tensor, float]:
        """(features, losses) of the hidden layers, which learn unless negative is None."""
        total = 0.0
        for op in self.graph.ops:
            if op is self.layers[-1]:
                return normal(x), total
            if op.kind.startswith("max_pool"):
                x = functional.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
            elif op in self.layers:
                names = [self.graph.tensors[n].name for n in op.inputs[1:]]
                w, b = (self.parameters[name] for name in names)
                y = torch.relu(layer(op, self.graph, normal(x), w, b))
                if negative is not None:
                    apart = (y * y).mean() - 2.0
                    total += (
                        self.down(y.shape[-1] * functional.softplus(apart if negative else -apart), names) / y.shape[-1]
                    )
                x = y.detach()
        raise AssertionError("there is no last layer")

    def step(self, image: Array, label: int) -> float:
        total = self.through(self.embedded(image, label), False)[1]
        total += self.through(self.embedded(image, self.another(label)), True)[1]
        features, _ = self.through(self.embedded(image, None), None)
        op = self.layers[-1]
        names = [self.graph.tensors[n].name for n in op.inputs[1:]]
        logits = layer(op, self.graph, features, *(self.parameters[name] for name in names))
        return total + self.down(functional.cross_entropy(logits, torch.tensor([label])), names)


@pytest.mark.parametrize(("build", "classes"), [(images, 3), (vectors, 10)])
def test_steps_are_those_of_pytorch(build: Any, classes: int) -> None:
    graph = build()
    rng = np.random.default_rng(5)
    compiled, other = groat.compile(graph, train=FORWARD), ByTorch(graph, classes)
    shape = graph.tensors[graph.inputs[0]].shape
    for _ in range(4):
        image, label = rng.standard_normal(shape).astype(np.float32), int(rng.integers(classes))
        assert compiled.train_step(image, [label], STEP) == pytest.approx(other.step(image, label), rel=1e-4)
    for name, value in compiled.parameters().items():
        expected = other.parameters[name].detach().numpy()
        assert np.abs(value - expected).max() <= 1e-4 * np.abs(expected).max(), name
        start = next(t.data for t in graph.tensors.values() if t.name == name)
        assert start is not None
        assert np.abs(expected - start).max() > 1e-3 * np.abs(expected).max(), f"{name} did not move"
    features, _ = other.through(other.embedded(image, None), None)
    names = [graph.tensors[n].name for n in other.layers[-1].inputs[1:]]
    logits = layer(other.layers[-1], graph, features, *(other.parameters[name] for name in names))
    np.testing.assert_allclose(compiled.run(image), torch.softmax(logits, 1).detach().numpy(), atol=1e-4)


def test_layers_that_are_not_chosen_stay() -> None:
    compiled = groat.compile(images(), train=groat.Train(algorithm="forward-forward", layers="last:2"))
    assert len(compiled.parameters()) == 4
    before = compiled.parameters()
    image = np.random.default_rng(0).standard_normal((7, 6, 2)).astype(np.float32)
    compiled.train_step(image, [1], 0.02)
    assert all(not np.array_equal(before[name], value) for name, value in compiled.parameters().items())


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_other_optimizers_make_the_loss_smaller(optimizer: Any) -> None:
    compiled = groat.compile(images(), train=groat.Train(algorithm="forward-forward", optimizer=optimizer))
    image = np.random.default_rng(0).standard_normal((7, 6, 2)).astype(np.float32)
    losses = [compiled.train_step(image, [2], 0.01) for _ in range(30)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


# ---- Memory ----------------------------------------------------------------------------------------------


def deep() -> Graph:
    net = Net((16, 16, 4), 1)
    for _ in range(8):
        net.conv(4)
    net.pool("max", 8, 8)
    net.dense(4)
    net.softmax()
    return net.graph("deep")


def test_no_activation_outlives_the_layer_behind_it() -> None:
    backward = groat.compile(deep(), train=groat.Train())
    forward = groat.compile(deep(), train=FORWARD)
    one = 16 * 16 * 4 * 4
    states = sum(tensor.nbytes for number, tensor in forward.graph.tensors.items() if number in forward.graph.states)
    assert backward.plan.arena_bytes > states + 7 * one
    assert forward.plan.arena_bytes < states + 4 * one


def test_nothing_is_computed_again() -> None:
    whole = groat.compile(deep(), train=FORWARD)
    with pytest.raises(groat.FitError, match="no schedule needs as little"):
        groat.compile(deep(), train=FORWARD, ram=whole.plan.arena_bytes - 1024, max_mac_overhead=4.0)


# ---- Learning --------------------------------------------------------------------------------------------


def test_a_perceptron_learns_the_digits() -> None:
    compiled = groat.compile(vectors(), train=FORWARD)
    with compiled.on("host") as session:
        for epoch, rate in enumerate((0.002, 0.002, 0.002, 0.002, 0.0005, 0.0005)):
            x, y = zip(*samples(epoch), strict=True)
            for start in range(0, len(x), TOGETHER):
                part = slice(start, start + TOGETHER)
                session.trainer.steps(x[part], [[label] for label in y[part]], rate)
        _, _, test_x, test_y = digits()
        found = accuracy(session.runner, test_x, test_y)
        print(f"{100 * found:.2f} %")
        assert found >= 0.75  # gradient descent: 96 % and more


# ---- Bad input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "label", "rate"),
    [
        (np.nan, 1, 0.1),
        (np.inf, 1, 0.1),
        (0.5, 3, 0.1),
        (0.5, -1, 0.1),
        (0.5, 1, 0.0),
        (0.5, 1, -1.0),
        (0.5, 1, np.nan),
    ],
)
def test_a_step_that_cannot_be_right_changes_nothing(x: float, label: int, rate: float) -> None:
    compiled = groat.compile(images(), train=FORWARD)
    with compiled.on("host") as session:
        before = session.parameters()
        session.runner.select("train_step")
        inputs = [np.full((1, 7, 6, 2), x, np.float32), np.array([label], np.int32), np.array([rate], np.float32)]
        _, step = session.runner.run(inputs)
        assert (step[RATE], step[REFUSED]) == (0, 1)
        for name, value in session.parameters().items():
            np.testing.assert_array_equal(value, before[name])


def test_bad_input_is_refused_in_words() -> None:
    compiled = groat.compile(images(), train=FORWARD)
    image = np.ones((7, 6, 2), np.float32)
    with pytest.raises(groat.InputError, match="label 3 is out of range; the model has 3 classes"):
        compiled.train_step(image, [3], 0.1)
    with pytest.raises(groat.InputError, match="not numbers"):
        compiled.train_step(image * np.nan, [1], 0.1)
    with pytest.raises(groat.InputError, match="expected a positive number"):
        compiled.train_step(image, [1], -0.1)


def residual(net: Net) -> None:
    first = net.conv(4)
    net.add(first, net.conv(4))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (residual, "does not read what the op before gives, and only that"),
        (lambda net: net.conv(4, act=RELU6), "ends without ReLU"),
        (lambda net: net.conv(4, act=LINEAR), "ends without ReLU"),
        (lambda net: None, "has one layer with weights"),
    ],
)
def test_models_that_it_does_not_train_are_refused(build: Any, words: str) -> None:
    net = Net((8, 8, 4), 1)
    build(net)
    net.dense(3)
    with pytest.raises(groat.InputError, match=words):
        groat.compile(net.graph("other"), train=FORWARD)


@pytest.mark.parametrize(
    "choice", [{"dtype": "fp16"}, {"loss": "mse"}, {"accumulate": 2}, {"latent": True}, {"adapter_rank": 1}]
)
def test_choices_that_it_does_not_have_are_said(choice: dict[str, Any]) -> None:
    with pytest.raises(groat.InputError, match=f'{next(iter(choice))} is .*; algorithm "forward-forward" has .* only'):
        groat.Train(algorithm="forward-forward", **choice)
