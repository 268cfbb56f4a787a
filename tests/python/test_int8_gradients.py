# SPDX-License-Identifier: Apache-2.0
"""Gradients of int8 layers, as real numbers: against PyTorch's automatic differentiation and finite differences, worst
element, on every kernel set."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tests.support.gradient_cases import layer_of
from tests.support.gradients import bounds
from tests.support.layers import Layer

from groat import kernels
from groat.isa import PACKINGS

Array = npt.NDArray[Any]
INPUT_SCALE, ZERO_POINT = 0.031, -17
LARGE = {
    "strips and blocks of channels": Layer((1, 9, 11, 24), 20, (3, 3), padding=((1, 1), (1, 1))),
    "groups, strides": Layer((2, 11, 13, 6), 9, (5, 3), (2, 3), padding=((2, 1), (0, 1)), groups=3),
    "depthwise": Layer((1, 13, 11, 5), 10, (3, 5), (2, 1), padding=((1, 1), (2, 2)), depthwise=True),
}


def found_gradients(layer: Layer, x: Array, weights: Array, dy: Array, scales: Array, isa: str) -> dict[str, Array]:
    """dx, dw and db by the kernels."""
    stored: dict[str, Any] = {"input_scale": INPUT_SCALE, "input_zero_point": ZERO_POINT}
    options: dict[str, Any] = {**layer.window, "weights_scales": scales, "isa": isa}
    assert layer.kernel is not None
    if layer.depthwise:
        dw, db = kernels.depthwise_conv2d_weight_grad_int8_float(x, dy, kernel=layer.kernel, **stored, **options)
        dx = kernels.depthwise_conv2d_input_grad_int8_float(weights, dy, in_shape=layer.x_shape, **options)
    else:
        dw, db = kernels.conv2d_weight_grad_int8_float(
            x, dy, kernel=layer.kernel, groups=layer.groups, **stored, **options
        )
        dx = kernels.conv2d_input_grad_int8_float(weights, dy, in_shape=layer.x_shape, **options)
    return {"dx": dx, "dw": dw, "db": db}


def assert_equal_to_pytorch(layer: Layer, dtype: str, seed: int, isa: str) -> float:
    """Returns the worst error as a part of its bound."""
    rng = np.random.default_rng(seed)
    x, weights = (rng.integers(-128, 128, shape).astype(np.int8) for shape in (layer.x_shape, layer.weights_shape))
    dy = rng.normal(0, 1, layer.out_shape).astype(dtype)
    scales = rng.uniform(0.002, 0.01, layer.out_c).astype(np.float32)
    real_x = (np.float32(INPUT_SCALE) * (x.astype(np.float32) - ZERO_POINT)).astype(dtype)
    sizes = scales if layer.depthwise else scales.reshape(-1, *[1] * (weights.ndim - 1))
    real_weights = (sizes * weights.astype(np.float32)).astype(dtype)
    expected = dict(zip(("dx", "dw", "db"), layer.gradients(real_x, real_weights, dy), strict=True))
    found, worst = found_gradients(layer, x, weights, dy, scales, isa), 0.0
    strips = 4 if dtype == "float16" else 1  # each rounds what it stores
    for name, bound in bounds(layer, real_x, real_weights, dy).items():
        assert found[name].shape == expected[name].shape
        assert found[name].dtype == ("float32" if name == "db" else dtype)
        off = float(np.abs(found[name] - expected[name]).max())
        assert off <= bound * (strips if name == "dw" else 1), (name, layer)
        worst = max(worst, off / bound if off > 0 else 0)
    return worst


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_gradients_equal_those_of_pytorch(packing: str, dtype: str) -> None:
    rng = np.random.default_rng(3)
    layers = [layer_of(rng, kind) for kind in ("conv_2d", "depthwise_conv_2d") for _ in range(6)]
    worst = [assert_equal_to_pytorch(layer, dtype, seed, packing) for seed, layer in enumerate(layers)]
    assert max(worst) > 0.001, "the bound says nothing"


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("name", LARGE)
def test_layers_that_are_cut_into_pieces(name: str, packing: str, dtype: str) -> None:
    assert_equal_to_pytorch(LARGE[name], dtype, 1, packing)


def test_gradients_equal_finite_differences() -> None:
    """Of the float layer that the int8 one stands for; it is linear in each argument, so a long step is exact."""
    layer = Layer((1, 5, 4, 3), 4, (3, 3), (2, 1), padding=((1, 0), (0, 2)))
    rng = np.random.default_rng(0)
    x, weights = (rng.integers(-128, 128, shape).astype(np.int8) for shape in (layer.x_shape, layer.weights_shape))
    dy, scales = rng.normal(0, 1, layer.out_shape).astype(np.float32), np.full(4, 0.01, np.float32)
    real_x, real_weights = INPUT_SCALE * (x.astype(np.float64) - ZERO_POINT), 0.01 * weights.astype(np.float64)

    def loss(x: Array, weights: Array) -> float:
        y = layer.forward(torch.tensor(x), torch.tensor(weights), torch.zeros(layer.out_c, dtype=torch.float64))
        return float((y * torch.tensor(dy)).sum())

    found = found_gradients(layer, x, weights, dy, scales, "ref")
    for name, values in (("dx", real_x), ("dw", real_weights)):
        differences = np.zeros(values.shape)
        for index in np.ndindex(values.shape):
            ends = []
            for step in (0.5, -0.5):
                moved = values.copy()
                moved[index] += step
                ends.append(loss(moved, real_weights) if name == "dx" else loss(real_x, moved))
            differences[index] = ends[0] - ends[1]
        assert np.abs(found[name] - differences).max() <= 1e-5 * np.abs(differences).max()
