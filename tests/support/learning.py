# SPDX-License-Identifier: Apache-2.0
"""The digits, learnt from scratch: one order of samples and one schedule for every place and for PyTorch."""

from __future__ import annotations

import functools
import importlib.util
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tests.support.float_nets import Net
from tests.support.material import ROOT
from tests.support.torch_nets import forward, parameters_of
from torch.nn import functional

import groat
from groat.graph import Graph
from groat.train.loop import TOGETHER, accuracy

Array = npt.NDArray[Any]
RATES = (0.02,) * 6 + (0.005,) * 4 + (0.001,) * 2
"""The learning rate of each epoch."""


def network() -> Graph:
    """Three convolutions with max pools between them, and a dense layer: 0.2 million multiply-accumulates."""
    net = Net((8, 8, 1))
    net.conv(16)
    net.conv(16)
    net.pool("max")
    net.conv(32)
    net.pool("max")
    net.dense(10)
    net.softmax()
    return net.graph("digits")


@functools.cache
def digits() -> tuple[Array, Array, Array, Array]:
    """(train_x, train_y, test_x, test_y), pixels from 0 to 1; skips without scikit-learn."""
    pytest.importorskip("sklearn", reason="needs the scans that come with scikit-learn")
    spec = importlib.util.spec_from_file_location("digits_data", ROOT / "examples" / "digits" / "data.py")
    assert spec is not None
    assert spec.loader is not None
    data = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(data)
    x, y, test_x, test_y = data.load()
    return x / 16, y, test_x / 16, test_y


def samples(epoch: int) -> Iterator[tuple[Array, int]]:
    """All samples of an epoch in its order, each moved by at most one pixel."""
    x, y, _, _ = digits()
    rng = np.random.default_rng(epoch)
    for index in rng.permutation(len(x)):
        down, right = rng.integers(-1, 2, 2)
        image = np.zeros_like(x[index])
        source = x[index][max(0, -down) : 8 - max(0, down), max(0, -right) : 8 - max(0, right)]
        image[max(0, down) : 8 + min(0, down), max(0, right) : 8 + min(0, right)] = source
        yield image, int(y[index])


def learn(
    where: str, dtype: Any, epochs: int = len(RATES), steps: int | None = None, target: str | None = None
) -> tuple[list[float], float]:
    """(the loss of every step, accuracy on the test samples) of training somewhere, at most `steps` in each epoch.

    `target` is whose kernels are used, where it is not the place itself: on the host those of any core run, emulated.
    """
    compiled = groat.compile(network(), target=target or where.removeprefix("qemu:"), train=groat.Train(dtype=dtype))
    losses: list[float] = []
    with compiled.on(where) as session:
        for epoch in range(epochs):
            images, labels = zip(*itertools.islice(samples(epoch), steps), strict=True)
            for start in range(0, len(images), TOGETHER):
                part = slice(start, start + TOGETHER)
                results = session.trainer.steps(images[part], [[label] for label in labels[part]], RATES[epoch])
                losses += [result.loss for result in results]
        _, _, test_x, test_y = digits()
        return losses, accuracy(session.runner, test_x, test_y)


@functools.cache
def learn_by_torch(epochs: int = len(RATES)) -> tuple[list[float], float]:
    """The same by PyTorch; on one core, since the work of a step is less than that of sharing it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _learn_by_torch(epochs)
    finally:
        torch.set_num_threads(threads)


def _learn_by_torch(epochs: int) -> tuple[list[float], float]:
    graph = network()
    names = [t.name for t in graph.tensors.values() if t.data is not None]
    parameters = parameters_of(graph, names)
    losses = []
    for epoch in range(epochs):
        optimizer = torch.optim.SGD(parameters.values(), RATES[epoch])
        for image, label in samples(epoch):
            loss = functional.cross_entropy(forward(graph, image[np.newaxis], parameters), torch.tensor([label]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    _, _, test_x, test_y = digits()
    with torch.no_grad():
        found = [int(forward(graph, image[np.newaxis], parameters).argmax()) for image in test_x]
    return losses, float(np.mean(np.array(found) == test_y))
