# SPDX-License-Identifier: Apache-2.0
"""Gradients of layers with weights on emulated cores, with and without floating-point units: against PyTorch's
automatic differentiation, worst element."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.devices import device
from tests.support.gradients import bounds, forward, found_gradients, step_of
from tests.support.layers import Layer

pytestmark = pytest.mark.qemu

LAYERS = {
    "padded": Layer((1, 7, 6, 5), 9, (3, 3), padding=((1, 1), (1, 1))),
    "strided": Layer((2, 9, 7, 4), 6, (3, 2), (2, 3), padding=((0, 1), (1, 0)), groups=2),
    "dilated": Layer((1, 8, 9, 3), 5, (2, 3), (1, 2), dilation=(3, 2), padding=((2, 0), (0, 3))),
    "pointwise": Layer((1, 5, 5, 17), 13, (1, 1)),
    "depthwise": Layer((1, 8, 5, 9), 9, (3, 3), padding=((1, 1), (1, 1)), depthwise=True),
    "multiplied": Layer((1, 7, 6, 3), 6, (2, 4), (2, 1), padding=((1, 0), (2, 1)), depthwise=True),
    "dense": Layer((3, 37), 10),
    "one row": Layer((1, 64), 11),
}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "cortex-m55", "rv32v"])
def test_gradients_equal_those_of_pytorch(name: str, dtype: str) -> None:
    device(name)
    rng = np.random.default_rng(7)
    for label, layer in LAYERS.items():
        if name == "cortex-m0" and label not in ("strided", "dense"):
            continue  # the portable kernels, with floats in software: slow
        shapes = (layer.x_shape, layer.weights_shape, layer.out_shape)
        x, weights, dy = (rng.normal(0, 1, shape).astype(dtype) for shape in shapes)
        right = dict(zip(("dx", "dw", "db"), layer.gradients(x, weights, dy), strict=True))
        found = found_gradients(layer, x, weights, dy, on=f"qemu:{name}")
        for gradient, bound in bounds(layer, x, weights, dy).items():
            off = float(np.abs(found[gradient] - right[gradient]).max())
            assert off <= bound, f"{label}: {gradient} is off by {off}, {bound} is allowed"


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55", "rv32v"])
def test_weights_may_be_tensors(name: str, dtype: str) -> None:
    device(name)
    rng = np.random.default_rng(8)
    for label, layer in LAYERS.items():
        x, weights = (rng.normal(0, 1, shape).astype(dtype) for shape in (layer.x_shape, layer.weights_shape))
        bias = rng.normal(0, 1, layer.out_c).astype(np.float32)
        constants = forward(layer, x, weights, bias).astype(np.float32)
        tensors = forward(layer, x, weights, bias, trained=True, on=f"qemu:{name}").astype(np.float32)
        # Two roundings to float16; vectors round sums of up to 16 or 32 products, too.
        halves = 2**-10 if name == "cortex-m4" else 2**-9
        bound = (1e-5 if dtype == "float32" else halves) * float(np.abs(constants).max())
        assert np.abs(tensors - constants).max() <= bound, label


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55", "rv32v"])
def test_a_step_changes_weights_in_place_unless_it_is_refused(name: str, dtype: str) -> None:
    device(name)
    rng = np.random.default_rng(9)
    for label in ("padded", "depthwise", "one row"):
        layer = LAYERS[label]
        shapes = (layer.x_shape, layer.weights_shape, layer.out_shape)
        x, weights, dy = (rng.normal(0, 1, shape).astype(dtype) for shape in shapes)
        bias = np.ones(layer.out_c, np.float32)
        _, dw, db = layer.gradients(x, weights, dy)
        allowed = bounds(layer, x, weights, dy)
        found = step_of(layer, x, dy, weights, bias, lr=0.25, on=f"qemu:{name}")
        right = weights - 0.25 * dw
        rounding = (2**-11 if dtype == "float16" else 2**-23) * float(np.abs(right).max())
        assert np.abs(found[0] - right).max() <= 0.25 * allowed["dw"] + rounding, label
        assert np.abs(found[1] - (1 - 0.25 * db)).max() <= 0.25 * allowed["db"] + 1e-6, label
        dy.flat[-1] = np.nan
        refused = step_of(layer, x, dy, weights, bias, lr=0.25, on=f"qemu:{name}")
        assert refused[0].tobytes() == weights.tobytes()
        assert refused[1].tobytes() == bias.tobytes()
        assert refused[2][0] == 0
