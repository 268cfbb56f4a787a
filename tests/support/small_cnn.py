# SPDX-License-Identifier: Apache-2.0
"""A small network of floats that PyTorch trains on the scans of digits that come with scikit-learn.

It has a branch, a pool and all sorts of convolutions, to be quantised.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tests.support.float_nets import LINEAR, RELU, Net
from torch import nn
from torch.nn import functional

from groat.graph import Graph

Array = npt.NDArray[Any]
EPOCHS = 20


@dataclass(frozen=True)
class Trained:
    """A graph of floats, samples to calibrate it with, and others to judge it by."""

    graph: Graph
    samples: Array
    x: Array
    y: Array


class _Torch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 16, 3, padding=1)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.pointwise = nn.Conv2d(16, 16, 1)
        self.wide = nn.Conv2d(16, 32, 3, padding=1)
        self.dense = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.first(x))
        y = self.pointwise(functional.relu(self.depthwise(x)))
        x = functional.max_pool2d(functional.relu(x + y), 2)
        x = functional.relu(self.wide(x)).mean(dim=(2, 3))
        return torch.as_tensor(self.dense(x))


def _graph(model: _Torch) -> Graph:
    net = Net((8, 8, 1))
    skip = net.conv(16)
    net.depthwise()
    branch = net.conv(16, 1, act=LINEAR)
    net.add(skip, branch, RELU)
    net.pool("max")
    net.conv(32)
    net.mean()
    net.dense(10)
    net.softmax()
    graph = net.graph("small cnn")
    layers = [model.first, model.depthwise, model.pointwise, model.wide, model.dense]
    values: dict[str, Array] = {}
    names = [t.name.removesuffix("/w") for t in graph.tensors.values() if t.name.endswith("/w")]
    for name, layer in zip(names, layers, strict=True):
        weights = layer.weight.detach().numpy()
        if weights.ndim == 4:
            depthwise = name.startswith("depthwise")
            weights = weights.transpose(1, 2, 3, 0) if depthwise else weights.transpose(0, 2, 3, 1)
        values |= {f"{name}/w": weights, f"{name}/b": layer.bias.detach().numpy()}
    tensors = {
        number: tensor if tensor.data is None else replace(tensor, data=np.ascontiguousarray(values[tensor.name]))
        for number, tensor in graph.tensors.items()
    }
    return replace(graph, tensors=tensors)


@functools.cache
def trained() -> Trained:
    """The same every time; skips without scikit-learn."""
    datasets = pytest.importorskip("sklearn.datasets", reason="needs the scans that come with scikit-learn")
    digits = datasets.load_digits()
    x = (digits.images / 16).astype(np.float32)[..., np.newaxis]
    y = digits.target
    order = np.random.default_rng(0).permutation(len(x))
    learnt, judged = order[:1200], order[1200:]
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # such small steps are slower on several
    model = _Torch()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    images, labels = torch.tensor(x.transpose(0, 3, 1, 2)), torch.tensor(y)
    for epoch in range(EPOCHS):
        for batch in torch.tensor(np.random.default_rng(epoch).permutation(learnt)).split(64):
            optimizer.zero_grad()
            functional.cross_entropy(model(images[batch]), labels[batch]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
    torch.set_num_threads(threads)
    return Trained(_graph(model.eval()), x[learnt[:100]], x[judged], y[judged])
