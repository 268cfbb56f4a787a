# SPDX-License-Identifier: Apache-2.0
"""Models of floats on emulated cores: the bits of the same kernels on the host, with and without floating-point
units."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.devices import DEVICES, device
from tests.support.random_floats import random_float_model
from tests.support.random_graphs import random_inputs

import groat
from groat.kernels import add_float, conv2d_float, max_pool2d_float, softmax_float
from groat.runners import open_runner
from groat.runners.host import HostRunner
from groat.targets import load_target

Array = npt.NDArray[Any]
MODELS = 6

pytestmark = pytest.mark.qemu


@pytest.mark.parametrize("name", DEVICES)
def test_random_models_give_the_hosts_bits(name: str) -> None:
    device(name)
    room = load_target(name).memory("data").length // 2
    count = 0
    for seed in range(100):
        model = random_float_model(seed)
        compiled = groat.compile(model, name, floats="float16" if seed % 2 else "float32")
        if compiled.report["arena_bytes"] > room:
            continue
        inputs = random_inputs(model, seed)
        with HostRunner(compiled.packed) as runner:
            expected = runner.run(inputs)
        with open_runner(f"qemu:{name}", compiled.packed) as runner:
            found = runner.run(inputs)
        for ours, right in zip(found, expected, strict=True):
            assert ours.tobytes() == right.tobytes(), f"random_float_model({seed})"
        count += 1
        if count == MODELS:
            break
    assert count == MODELS


@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "cortex-m55", "rv32v"])
def test_infinities_and_what_is_no_number_do_no_harm(name: str) -> None:
    device(name)
    on = f"qemu:{name}"
    x = np.array([[1, np.inf, -2], [np.nan, 3, -np.inf], [0, -0.0, 1]], np.float32).reshape(1, 3, 3, 1)
    weights = np.ones((5, 2, 2, 1), np.float32)
    y = conv2d_float(x, weights, on=on)
    np.testing.assert_array_equal(np.isnan(y), [[[[True] * 5, [True] * 5], [[True] * 5, [False] * 5]]])
    assert (y[0, 1, 1] == -np.inf).all()
    np.testing.assert_array_equal(max_pool2d_float(x, 3, on=on), [[[[np.inf]]]])
    np.testing.assert_array_equal(np.isnan(add_float(x, x, act_min=0, on=on)), np.isnan(x))
    assert np.isnan(softmax_float(x.reshape(3, 3), on=on)[:2]).all()
