# SPDX-License-Identifier: Apache-2.0
"""Layers of which only the first output channels are trained: against PyTorch with masked gradients; what it saves."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tests.support.float_nets import LINEAR, Net
from tests.support.int8_nets import quantised
from tests.support.torch_nets import forward, parameters_of
from torch.nn import functional

import groat
from groat.errors import InputError
from groat.graph import Graph
from groat.train.export import to_tflite

Array = npt.NDArray[Any]
RATE = 0.05


def network() -> Graph:
    net = Net((8, 8, 3), 1)
    first = net.conv(8)
    net.conv(8, act=LINEAR)
    net.add(first, net.last, (0.0, np.inf))
    net.conv(12, stride=2)
    net.dense(5)
    net.softmax()
    return net.graph("fractions")


def samples(graph: Graph, count: int) -> list[tuple[Array, int]]:
    rng = np.random.default_rng(3)
    shape = graph.tensors[graph.inputs[0]].shape
    return [(rng.standard_normal(shape).astype(np.float32), int(rng.integers(5))) for _ in range(count)]


CHOICES: dict[str, tuple[Any, dict[str, int]]] = {
    "all": ("all@0.5", {"conv0": 4, "conv1": 4, "conv3": 6, "dense4": 2}),
    "last": ("last:2@0.25", {"conv3": 3, "dense4": 1}),
    "names": ("conv_2d_1@0.3,conv_2d_3", {"conv1": 2, "conv3": 12}),
    "mapping": ({"conv_2d_3": 0.01, "fully_connected_4": 1.0}, {"conv3": 1, "dense4": 5}),
}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("name", CHOICES)
def test_steps_are_those_of_pytorch_with_masked_gradients(name: str, optimizer: Any) -> None:
    graph, (layers, channels) = network(), CHOICES[name]
    data = samples(graph, 6)
    parameters = parameters_of(graph, [f"{layer}/{kind}" for layer in channels for kind in "wb"])
    for key, value in parameters.items():
        mask = torch.zeros_like(value)
        mask[: channels[key.split("/")[0]]] = 1
        value.register_hook(lambda gradient, mask=mask: gradient * mask)
    before = {key: value.detach().numpy().copy() for key, value in parameters.items()}
    kind = torch.optim.Adam if optimizer == "adam" else torch.optim.SGD
    steps = kind(list(parameters.values()), RATE)
    losses = []
    for image, label in data:
        loss = functional.cross_entropy(forward(graph, image, parameters).reshape(1, -1), torch.tensor([label]))
        steps.zero_grad()
        loss.backward()
        steps.step()
        losses.append(loss.item())
    with groat.compile(graph, train=groat.Train(layers=layers, optimizer=optimizer)).on("host") as session:
        found = [session.train_step(image, [label], RATE) for image, label in data]
        learnt = session.parameters()
        scores = session.run(data[0][0])
    np.testing.assert_allclose(found, losses, rtol=1e-3, atol=1e-4)
    assert set(learnt) == set(parameters)
    for key, value in learnt.items():
        rows = channels[key.split("/")[0]]
        expected = parameters[key].detach().numpy()
        assert len(value) == rows
        np.testing.assert_allclose(value, expected[:rows], rtol=1e-3, atol=1e-4)
        assert (expected[rows:] == before[key][rows:]).all()
        assert (value != before[key][:rows]).any()
    with torch.no_grad():
        right = forward(graph, data[0][0], parameters, logits=False).numpy()
    np.testing.assert_allclose(scores, right, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "int8"])
def test_a_quarter_costs_less(dtype: Any) -> None:
    net = Net((8, 8, 16), 2)
    net.conv(32, stride=2)
    net.conv(64, stride=2)
    net.conv(64)
    net.dense(10)
    graph = net.graph("wide")
    source = graph if dtype != "int8" else quantised(graph, [image for image, _ in samples(graph, 4)])

    def cost(layers: str) -> tuple[int, int]:
        report = groat.compile(source, train=groat.Train(layers=layers, dtype=dtype)).report
        step = next(program for program in report["programs"] if program["name"] == "train_step")
        return report["arena_bytes"], step["macs"]

    whole, quarter, frozen = cost("last:3"), cost("last:3@0.25"), cost("last:1")
    weights = {"fp32": 4, "fp16": 2, "int8": 1}[dtype] * (18432 + 36864 + 2560)
    assert whole[0] - quarter[0] > 0.6 * weights, "three quarters of the weights, but for what joining takes"
    assert frozen[1] < quarter[1] < whole[1]
    layers = ((4 * 288, 64, 16), (4 * 576, 64, 16), (256, 10, 2))  # multiply-accumulates of a channel; how many learn
    assert whole[1] - quarter[1] == sum(macs * (all_of_them - some) for macs, all_of_them, some in layers)


def test_an_int8_model_takes_what_part_of_a_layer_has_learnt() -> None:
    graph = network()
    source = quantised(graph, [image for image, _ in samples(graph, 4)])
    model = groat.load(source)
    tensor = model.graph.tensors[model.graph.inputs[0]]
    image = np.rint(samples(graph, 1)[0][0] / tensor.scale + tensor.zero_point).clip(-128, 127).astype(np.int8)
    train = groat.Train(dtype="int8", layers="last:2@0.5")
    with groat.compile(model, train=train).on("host") as session:
        untrained = session.run(image)
        assert (untrained == groat.compile(model).run(image)).all()
        for label in (1, 2, 3):
            session.train_step(image, [label], 0.1)
        scores, learnt = session.run(image), session.parameters()
    assert sorted(len(value) for value in learnt.values()) == [2, 2, 6, 6]
    assert (scores != untrained).any()
    assert (groat.compile(to_tflite(source, learnt)).run(image) == scores).all()


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ("last:1@0", "the fraction of layer 'last:1' is 0.0; expected more than 0, at most 1"),
        ("all@1.5", "expected more than 0, at most 1"),
        ("bias@0.5", "a fraction is of layers whose weights are trained"),
        ("conv_2d_0:bias@0.5", "only the bias is trained"),
        ("conv_9@0.5", "no layer with weights of the name 'conv_9'"),
        ({}, "layers names no layer"),
        ("depthwise_conv_2d_1@0.5", "cannot be trained in part: its channels read different inputs"),
    ],
)
def test_what_cannot_be(layers: Any, text: str) -> None:
    net = Net((6, 6, 4), 1)
    net.conv(8)
    net.depthwise()
    net.dense(3)
    with pytest.raises(InputError, match=text):
        groat.compile(net.graph("net"), train=groat.Train(layers=layers))


def test_adapters_are_of_whole_layers() -> None:
    with pytest.raises(InputError, match="adapters are of whole layers"):
        groat.compile(network(), train=groat.Train(layers="last:2@0.5", adapter_rank=2))
