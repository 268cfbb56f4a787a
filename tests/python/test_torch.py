# SPDX-License-Identifier: Apache-2.0
"""PyTorch modules, loaded through torch's exporter: their outputs are PyTorch's."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from tests.support.onnx_models import close, kinds, run_groat
from torch import nn

import groat
from groat.errors import InputError, ModelError, ToolchainError


class Residual(nn.Module):
    """ResNet's block between a stem and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.main = nn.Sequential(
            nn.Conv2d(8, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, 1, 1)
        )
        self.shortcut = nn.Conv2d(8, 16, 1, 2)
        self.classifier = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = torch.relu(self.main(x) + self.shortcut(x))
        return self.classifier(x.mean((2, 3)))


def mobilenet() -> nn.Module:
    def block(c: int, out_c: int, stride: int) -> list[nn.Module]:
        return [
            *(nn.Conv2d(c, c, 3, stride, 1, groups=c, bias=False), nn.BatchNorm2d(c), nn.ReLU6()),
            *(nn.Conv2d(c, out_c, 1, bias=False), nn.BatchNorm2d(out_c), nn.ReLU6()),
        ]

    stem = [nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(16, 4), nn.Softmax(-1)]
    return nn.Sequential(*stem, *block(8, 16, 1), *block(16, 16, 2), *head)


def signal() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv1d(3, 8, 5, padding=2), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2)),
        *(nn.Conv1d(8, 12, 3), nn.Tanh(), nn.Flatten(), nn.Linear(12 * 18, 6), nn.Sigmoid()),
    )


def autoencoder() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 8, 3, 2, 1), nn.ReLU()),
        *(nn.ConvTranspose2d(8, 4, 3, 2, 1, 1), nn.ReLU(), nn.ConvTranspose2d(4, 1, 2, 2)),
    )


CASES: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    *((Residual, (1, 3, 12, 12)), (mobilenet, (1, 3, 16, 16))),
    *((signal, (1, 3, 40)), (autoencoder, (1, 1, 8, 8))),
]


def trained(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> nn.Module:
    """A module whose normalisations have seen something."""
    torch.manual_seed(0)
    module = build()
    module.train()
    for _ in range(3):
        module(torch.randn(4, *shape[1:]))
    return module


@pytest.mark.parametrize(("build", "shape"), CASES, ids=[build.__name__ for build, _ in CASES])
def test_a_module_computes_what_torch_does(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    module = trained(build, shape)
    loaded = groat.load(module, torch.zeros(shape))
    assert module.training, "loading a module changes nothing of it"
    assert "transpose" not in kinds(loaded)
    x = torch.randn(shape)
    with torch.no_grad():
        expected = module.eval()(x).numpy()
    [found] = run_groat(loaded, [x.numpy()])
    assert close(expected, found)


def test_arrays_are_example_inputs_too() -> None:
    loaded = groat.load(nn.Linear(4, 2), np.zeros((1, 4), np.float32))
    assert loaded.graph.tensors[loaded.graph.inputs[0]].shape == (1, 4)


def test_a_module_has_parameters_by_their_names() -> None:
    graph = groat.load(Residual(), torch.zeros(1, 3, 8, 8)).graph
    assert {"shortcut.weight", "classifier.weight"} <= {tensor.name for tensor in graph.tensors.values()}


def test_errors() -> None:
    with pytest.raises(InputError, match="expected example_inputs"):
        groat.load(nn.Linear(4, 2))
    with pytest.raises(ModelError, match=r"torch\.onnx\.export cannot export Linear"):
        groat.load(nn.Linear(4, 2), torch.zeros(1, 3))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] in ("onnxscript", "onnx_ir") or name.startswith("torch.onnx._internal.exporter"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ToolchainError, match=r"pip install 'groat\[torch\]'"):
        groat.load(nn.Linear(4, 2), torch.zeros(1, 4))
