# SPDX-License-Identifier: Apache-2.0
"""PyTorch modules, loaded through torch's exporter: their outputs are PyTorch's."""

from __future__ import annotations

import copy
import functools
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


Activation = Callable[[], nn.Module]


def normalized(c: int, out_c: int, kernel: int, stride: int, act: Activation, groups: int = 1) -> list[nn.Module]:
    """A convolution, its normalisation and its activation."""
    convolution = nn.Conv2d(c, out_c, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(out_c), act()]


def separable(c: int, out_c: int, stride: int, act: Activation = nn.ReLU) -> list[nn.Module]:
    """MobileNetV1's block, and DS-CNN's."""
    return [*normalized(c, c, 3, stride, act, groups=c), *normalized(c, out_c, 1, 1, act)]


def classifier(c: int, classes: int = 4) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(c, classes)]


class SqueezeExcite(nn.Module):
    """A factor for each channel, by all of them."""

    def __init__(self, c: int) -> None:
        super().__init__()
        layers = nn.Conv2d(c, c // 4, 1), nn.ReLU(), nn.Conv2d(c // 4, c, 1), nn.Hardsigmoid()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), *layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x)


class Inverted(nn.Module):
    """The block of MobileNetV2, V3 and EfficientNet: wider, depthwise, narrower, and what went in."""

    def __init__(self, c: int, out_c: int, kernel: int, stride: int, act: Activation, squeezes: bool) -> None:
        super().__init__()
        wide = 4 * c
        gate = [SqueezeExcite(wide)] if squeezes else []
        inner = *normalized(c, wide, 1, 1, act), *normalized(wide, wide, kernel, stride, act, groups=wide)
        self.layers = nn.Sequential(*inner, *gate, *normalized(wide, out_c, 1, 1, nn.Identity))
        self.adds = stride == 1 and c == out_c

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x) if self.adds else self.layers(x)


def inverted(act: Activation, kernel: int = 3, squeezes: bool = False) -> nn.Module:
    blocks = [Inverted(8, 8, 3, 1, act, squeezes), Inverted(8, 12, kernel, 2, act, squeezes)]
    more = [Inverted(12, 12, kernel, 1, act, squeezes), *normalized(12, 24, 1, 1, act), *classifier(24)]
    return nn.Sequential(*normalized(3, 8, 3, 2, act), *blocks, *more)


def mobilenet_v1() -> nn.Module:
    blocks = *separable(8, 16, 1, nn.ReLU6), *separable(16, 16, 2, nn.ReLU6)
    return nn.Sequential(*normalized(3, 8, 3, 2, nn.ReLU6), *blocks, *classifier(16))


def mobilenet_v2() -> nn.Module:
    return inverted(nn.ReLU6)


def mobilenet_v3() -> nn.Module:
    return inverted(nn.Hardswish, 5, squeezes=True)


def efficientnet_lite() -> nn.Module:
    return inverted(nn.ReLU6, 5)


def ds_cnn() -> nn.Module:
    stem = nn.Conv2d(1, 12, (10, 4), 2, (5, 1), bias=False), nn.BatchNorm2d(12), nn.ReLU()
    return nn.Sequential(*stem, *separable(12, 12, 1), *separable(12, 12, 1), *classifier(12))


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


class UNet(nn.Module):
    """One level down and up again, twice over: with a bilinear resize, and a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), nn.SiLU())
        self.second = nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.Hardswish(), nn.Dropout2d(0.1))
        self.third = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.LeakyReLU(0.1))
        self.up = nn.ConvTranspose2d(8, 8, 2, 2)
        self.last = nn.Conv2d(6 + 8, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.first(x)
        second = self.second(nn.functional.max_pool2d(first, 2))
        third = self.third(nn.functional.avg_pool2d(second, 2))
        second = second + self.up(third)
        up = nn.functional.interpolate(second, scale_factor=2, mode="bilinear", align_corners=False)
        return torch.sigmoid(self.last(torch.cat([first, up], 1)))


class VisionTransformer(nn.Module):
    """Patches, a class token, positions, and a block of attention and a multilayer perceptron."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, 4)
        self.token, self.positions = nn.Parameter(torch.randn(1, 1, 16)), nn.Parameter(torch.randn(1, 10, 16))
        self.norms = nn.ModuleList([nn.LayerNorm(16) for _ in range(3)])
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.perceptron = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.head = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        y = self.norms[0](x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.perceptron(self.norms[1](x))
        return self.head(self.norms[2](x)[:, 0])


class Sequence(nn.Module):
    """A recurrent layer, and a classifier of what it gives last."""

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU]) -> None:
        super().__init__()
        self.layer = kind(3, 8, num_layers=2, batch_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(self.head(self.layer(x)[0][:, -1]), -1)


def lstm() -> nn.Module:
    return Sequence(nn.LSTM)


def gru() -> nn.Module:
    return Sequence(nn.GRU)


CASES: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    *((Residual, (1, 3, 12, 12)), (mobilenet_v1, (1, 3, 16, 16)), (mobilenet_v2, (1, 3, 16, 16))),
    *((mobilenet_v3, (1, 3, 16, 16)), (efficientnet_lite, (1, 3, 16, 16)), (ds_cnn, (1, 1, 49, 10))),
    *((signal, (1, 3, 40)), (autoencoder, (1, 1, 8, 8)), (UNet, (1, 2, 8, 8)), (VisionTransformer, (1, 3, 12, 12))),
    *((lstm, (1, 20, 3)), (gru, (1, 20, 3))),
]


def trained(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> nn.Module:
    """A module whose normalisations have seen something."""
    torch.manual_seed(0)
    module = build()
    module.train()
    for _ in range(3):
        module(torch.randn(4, *shape[1:]))
    return module


@functools.cache
def loaded_case(build: Callable[[], nn.Module]) -> tuple[nn.Module, groat.Model]:
    module = trained(build, dict(CASES)[build])
    return module, groat.load(module, torch.zeros(dict(CASES)[build]))


@pytest.mark.parametrize(("build", "shape"), CASES, ids=[build.__name__ for build, _ in CASES])
def test_a_module_computes_what_torch_does(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    module, loaded = loaded_case(build)
    # Attention puts its heads side by side again.
    assert kinds(loaded).count("transpose") == (build is VisionTransformer)
    x = torch.randn(shape)
    with torch.no_grad():
        expected = copy.deepcopy(module).eval()(x).numpy()
    [found] = run_groat(loaded, [x.numpy()])
    assert close(expected, found)


def test_loading_changes_nothing() -> None:
    module = trained(Residual, (1, 3, 12, 12))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    groat.load(module, torch.zeros(1, 3, 12, 12))
    assert module.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


FLOAT_LAYERS = {autoencoder, UNet, VisionTransformer, lstm, gru}  # some of their ops compute with floats


@pytest.mark.parametrize(("build", "shape"), CASES, ids=[build.__name__ for build, _ in CASES])
def test_a_module_becomes_int8(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    """All layers that have kernels of integers; the result is near to what floats compute."""
    _, loaded = loaded_case(build)
    order = loaded.orders[loaded.graph.inputs[0]]
    rng = np.random.default_rng(0)
    each = (60, shape[1], *[1] * (len(shape) - 2))  # what samples differ by: else outputs hardly would
    x = (rng.normal(0, 2, each) + rng.standard_normal((60, *shape[1:]))).astype(np.float32).transpose(order)
    made = groat.quantize(loaded, x[:40], allow_float=build in FLOAT_LAYERS)
    assert kinds(made).count("transpose") == kinds(loaded).count("transpose")
    floats, integers = groat.compile(loaded), groat.compile(made)
    pairs = [(floats.run(image[None]), integers.run(image[None])) for image in x[40:]]
    signal_to_noise = 10 * np.log10(
        sum(float(((a - np.mean([p[0] for p in pairs], 0)) ** 2).sum()) for a, _ in pairs)
        / sum(float(((a - b) ** 2).sum()) for a, b in pairs)
    )
    print(f"{build.__name__}: {signal_to_noise:.1f} dB; floats: {len(made.float_layers)} of {len(made.layers)} layers")
    assert signal_to_noise > 10


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
