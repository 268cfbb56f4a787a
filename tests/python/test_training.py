# SPDX-License-Identifier: Apache-2.0
"""Steps of training against PyTorch: whole networks, every parameter, the worst element."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.support import bad_samples
from tests.support.float_nets import LINEAR, RELU6, Net, digits_net
from tests.support.torch_nets import forward, parameters_of
from torch.nn import functional

import groat
from groat.graph import Graph
from groat.ops import gradients, loss
from groat.pack import structs
from groat.train.adapters import merged

RATE = 0.05


def chain() -> Graph:
    net = Net((9, 7, 3), 1)
    net.conv(6, kernel=(3, 2), stride=(2, 1), padding=((1, 0), (0, 1)))
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
    net.depthwise(stride=2, padding="same")
    net.conv(12, kernel=1)
    net.mean()
    net.dense(3)
    return net.graph("residual")


def pools() -> Graph:
    net = Net((10, 11, 2), 3)
    net.conv(5, kernel=5, groups=1, dilation=1)
    net.pool("max", 3, 2, "same")
    net.conv(6, groups=1, dilation=2)
    net.pool("average", 2, 2, "same")
    net.dense(4)
    return net.graph("pools")


NETS = {"chain": chain, "residual": residual, "pools": pools, "digits": digits_net}


def samples(graph: Graph, count: int, seed: int = 5) -> list[tuple[Any, int]]:
    rng = np.random.default_rng(seed)
    shape = graph.tensors[graph.inputs[0]].shape
    classes = graph.tensors[graph.outputs[0]].shape[-1]
    return [(rng.standard_normal(shape).astype(np.float32), int(rng.integers(classes))) for _ in range(count)]


def optimizer_of(train: groat.Train, parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
    if train.optimizer == "adam":
        return torch.optim.Adam(parameters, RATE, (train.beta1, train.beta2), train.epsilon, weight_decay=train.decay)
    momentum = train.momentum if train.optimizer == "momentum" else 0.0
    return torch.optim.SGD(parameters, RATE, momentum, weight_decay=train.decay)


def by_torch(
    graph: Graph, train: groat.Train, names: list[str], data: list[tuple[Any, int]]
) -> tuple[list[float], Any]:
    """Losses and parameters after steps of PyTorch."""
    parameters = parameters_of(graph, names)
    optimizer = optimizer_of(train, list(parameters.values()))
    losses = []
    for number, (image, label) in enumerate(data):
        output = forward(graph, image, parameters, logits=train.loss == "softmax_ce")
        if train.loss == "softmax_ce":
            loss = functional.cross_entropy(output.reshape(1, -1), torch.tensor([label]))
        else:
            loss = functional.mse_loss(
                output, torch.nn.functional.one_hot(torch.tensor([label]), output.shape[-1]).float()
            )
        losses.append(loss.item())
        (loss / train.accumulate).backward()
        if (number + 1) % train.accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
    return losses, {name: value.detach().numpy() for name, value in parameters.items()}


def by_groat(
    graph: Graph, train: groat.Train, data: list[tuple[Any, int]], where: str = "host"
) -> tuple[list[float], Any]:
    target = "host" if where == "host" else where.split(":")[1]
    compiled = groat.compile(graph, target=target, train=train)
    losses = []
    with compiled.on(where) as session:
        for number, (image, label) in enumerate(data):
            classes = graph.tensors[graph.outputs[0]].shape[-1]
            y = [label] if train.loss == "softmax_ce" else np.eye(classes, dtype=np.float32)[label]
            losses.append(session.train_step(image, y, RATE))
            if train.accumulate > 1 and (number + 1) % train.accumulate == 0:
                session.trainer.apply(RATE)
        return losses, session.parameters()


def assert_alike(graph: Graph, found: Any, expected: Any, bound: float) -> None:
    start = {tensor.name: tensor.data for tensor in graph.tensors.values() if tensor.data is not None}
    for name, value in expected.items():
        moved = np.abs(value - start[name]).max()
        assert moved > 0, f"{name} did not move"
        worst = np.abs(found[name].astype(np.float32) - value).max()
        assert worst <= bound * max(np.abs(value).max(), moved), f"{name}: {worst} of {np.abs(value).max()}"


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_steps_are_those_of_pytorch(name: str, optimizer: Any) -> None:
    graph = NETS[name]()
    train = groat.Train(optimizer=optimizer, decay=0.01)
    data = samples(graph, 4)
    losses, found = by_groat(graph, train, data)
    names = list(found)
    theirs, expected = by_torch(graph, train, names, data)
    np.testing.assert_allclose(losses, theirs, rtol=1e-4, atol=1e-5)
    # Adam divides by the root of what it has seen: where a gradient is nearly nothing, its sign decides.
    assert_alike(graph, found, expected, 1e-4 if optimizer != "adam" else 2e-2)


@pytest.mark.parametrize("layers", ["last:1", "last:2", "bias", "bias:2", ["conv_2d_1"]])
def test_only_what_is_chosen_is_trained(layers: Any) -> None:
    graph = chain()
    data = samples(graph, 3)
    train = groat.Train(layers=layers)
    _, found = by_groat(graph, train, data)
    expected_names = {
        "last:1": ["dense2/w", "dense2/b"],
        "last:2": ["conv1/w", "conv1/b", "dense2/w", "dense2/b"],
        "bias": ["conv0/b", "conv1/b", "dense2/b"],
        "bias:2": ["conv1/b", "dense2/b"],
        "conv_2d_1": ["conv1/w", "conv1/b"],
    }[layers if isinstance(layers, str) else layers[0]]
    assert sorted(found) == sorted(expected_names)
    _, expected = by_torch(graph, train, expected_names, data)
    assert_alike(graph, found, expected, 1e-4)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_gradients_accumulate_over_samples(optimizer: Any) -> None:
    graph = chain()
    data = samples(graph, 6)
    train = groat.Train(optimizer=optimizer, accumulate=3)
    losses, found = by_groat(graph, train, data)
    theirs, expected = by_torch(graph, train, list(found), data)
    np.testing.assert_allclose(losses, theirs, rtol=1e-4)
    assert_alike(graph, found, expected, 1e-4 if optimizer != "adam" else 2e-2)


def test_a_mean_squared_error() -> None:
    graph = residual()
    data = samples(graph, 3)
    train = groat.Train(loss="mse")
    losses, found = by_groat(graph, train, data)
    theirs, expected = by_torch(graph, train, list(found), data)
    np.testing.assert_allclose(losses, theirs, rtol=1e-4)
    assert_alike(graph, found, expected, 1e-4)


@pytest.mark.parametrize("name", NETS)
def test_float16_follows_float32(name: str) -> None:
    graph = NETS[name]()
    data = samples(graph, 4)
    train = groat.Train(dtype="fp16")
    losses, found = by_groat(graph, train, data)
    theirs, expected = by_torch(graph, train, list(found), data)
    # Weights are rounded to 11 bits after every step, and so are activations and gradients on their way through a few
    # layers: some 2^-11 each.
    np.testing.assert_allclose(losses, theirs, rtol=2e-2, atol=2e-3)
    assert_alike(graph, found, expected, 2**-7)


def test_the_infer_program_sees_what_was_learnt() -> None:
    graph = digits_net()
    compiled = groat.compile(graph, train=groat.Train())
    image, label = samples(graph, 1)[0]
    before = compiled.run(image)
    losses = [compiled.train_step(image, [label], RATE) for _ in range(20)]
    after = compiled.run(image)
    assert losses[-1] < losses[0] / 2
    assert after[0, label] > before[0, label]


@pytest.mark.parametrize(
    ("x", "y", "lr", "words"),
    [
        (0.0, [10], RATE, "label 10 is out of range; the model has 10 classes: 0 to 9"),
        (0.0, [-1], RATE, "label -1 is out of range"),
        (0.0, [1, 2], RATE, "expected 1 whole number"),
        (0.0, [1.5], RATE, "expected 1 whole number"),
        (np.nan, [1], RATE, "not numbers"),
        (np.inf, [1], RATE, "infinite"),
        (0.0, [1], 0.0, "learning rate is 0.0; expected a positive number"),
        (0.0, [1], np.nan, "learning rate is nan"),
        (3e38, [1], RATE, "the step was refused and no parameter changed"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(x: float, y: Any, lr: float, words: str) -> None:
    compiled = groat.compile(digits_net(), train=groat.Train())
    before = compiled.parameters()
    with pytest.raises(groat.InputError, match=words):
        compiled.train_step(np.full((8, 8, 1), x, np.float32), y, lr)
    for name, value in compiled.parameters().items():
        np.testing.assert_array_equal(value, before[name])


def test_steps_go_together_as_they_go_one_by_one() -> None:
    graph = chain()
    data = samples(graph, 5)
    one, many = (groat.compile(graph, train=groat.Train()) for _ in range(2))
    with one.on("host") as first, many.on("host") as second:
        losses = [first.train_step(image, [label], RATE) for image, label in data]
        images, labels = zip(*data, strict=True)
        found = second.trainer.steps(images, [[label] for label in labels], RATE)
        assert [result.loss for result in found] == losses
        assert second.trainer.steps([], [], RATE) == []
        with pytest.raises(groat.InputError, match="5 inputs and 1 labels"):
            second.trainer.steps(images, [[0]], RATE)
        for name, value in first.parameters().items():
            np.testing.assert_array_equal(second.parameters()[name], value)


def test_pythons_constants_are_those_of_the_format() -> None:
    const = structs.constants()
    modes = (const.GROAT_UPDATE_GRADIENT, const.GROAT_UPDATE_SGD, const.GROAT_UPDATE_ACCUMULATE)
    assert modes == (gradients.GRADIENT, gradients.SGD, gradients.ACCUMULATE)
    values = (const.GROAT_STEP_RATE, const.GROAT_STEP_UNSCALE, const.GROAT_STEP_REFUSED)
    assert values == (loss.RATE, loss.UNSCALE, loss.REFUSED)
    assert loss.STEP_SHAPE == (const.GROAT_STEP_VALUES,)


def test_what_cannot_be_trained_is_said() -> None:
    with pytest.raises(groat.InputError, match='floats is "float16", but train has dtype "fp32"'):
        groat.compile(chain(), floats="float16", train=groat.Train())
    with pytest.raises(groat.InputError, match="has 3 layers with weights"):
        groat.compile(chain(), train=groat.Train(layers="last:4"))
    with pytest.raises(groat.InputError, match="expected one of sgd, momentum, adam"):
        groat.Train(optimizer="lion")  # type: ignore[arg-type]
    with pytest.raises(groat.InputError, match="no program train_step; compile it with train"):
        groat.compile(chain()).train_step(np.zeros((9, 7, 3), np.float32), [0], RATE)


def test_latent_activations_train_as_images_do() -> None:
    graph = chain()
    data = samples(graph, 3)
    _, expected = by_groat(graph, groat.Train(layers="last:1"), data)
    compiled = groat.compile(graph, train=groat.Train(layers="last:1", latent=True))
    with compiled.on("host") as session:
        for image, label in data:
            session.runner.select("features")
            (latent,) = session.runner.run([image])
            session.train_step(latent, [label], RATE)
        for name, value in session.parameters().items():
            np.testing.assert_array_equal(value, expected[name])


def test_what_is_computed_again_changes_nothing_but_memory() -> None:
    net = Net((16, 16, 1), 7)
    for _ in range(6):
        net.conv(8, act=RELU6)
    net.conv(8, stride=2)
    net.dense(10)
    graph = net.graph("deep")
    data = samples(graph, 2)
    whole = groat.compile(graph, train=groat.Train())
    with pytest.raises(groat.FitError, match="max_mac_overhead"):
        groat.compile(graph, train=groat.Train(), ram=whole.plan.arena_bytes * 8 // 10)
    less = groat.compile(graph, train=groat.Train(), ram=whole.plan.arena_bytes * 8 // 10, max_mac_overhead=1.34)
    assert 1 < less.mac_overhead <= 1.34
    assert less.plan.arena_bytes <= whole.plan.arena_bytes * 8 // 10
    for compiled in (whole, less):
        for image, label in data:
            compiled.train_step(image, [label], RATE)
    for name, value in whole.parameters().items():
        np.testing.assert_array_equal(less.parameters()[name], value)


def test_adapters_are_trained_and_merged() -> None:
    graph = chain()
    data = samples(graph, 8)
    compiled = groat.compile(graph, train=groat.Train(adapter_rank=2))
    image = data[0][0]
    np.testing.assert_allclose(compiled.run(image), groat.compile(graph).run(image), atol=1e-6)  # nothing, at first
    losses = [compiled.train_step(x, [label], RATE) for _ in range(4) for x, label in data]
    assert np.mean(losses[-8:]) < np.mean(losses[:8])
    values = merged(graph, compiled.parameters())
    assert sorted(values) == ["conv0/w", "conv1/w", "dense2/w"]
    tensors = {n: replace(t, data=values.get(t.name, t.data)) for n, t in graph.tensors.items()}
    again = groat.compile(replace(graph, tensors=tensors))
    np.testing.assert_allclose(again.run(image), compiled.run(image), atol=1e-5)


def test_of_some_layers_only_the_bias() -> None:
    compiled = groat.compile(chain(), train=groat.Train(layers=["conv_2d_0:bias", "fully_connected_2"]))
    assert sorted(compiled.parameters()) == ["conv0/b", "dense2/b", "dense2/w"]


@pytest.mark.parametrize("what", bad_samples.BAD)
@pytest.mark.parametrize(
    ("optimizer", "dtype"), [("sgd", "fp32"), ("sgd", "fp16"), ("momentum", "fp32"), ("adam", "fp16")]
)
def test_devices_learn_nothing_from_bad_samples(optimizer: Any, dtype: Any, what: str) -> None:
    graph = pools()
    image, label = samples(graph, 1)[0]
    with groat.compile(graph, train=groat.Train(optimizer=optimizer, dtype=dtype)).on("host") as session:
        bad_samples.assert_nothing_is_learnt_from(bad_samples.BAD[what], session, image, label)
