# SPDX-License-Identifier: Apache-2.0
"""TFLite operators that are functions of floats: against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.support.float_functions import BINARY, UNARY
from tests.support.integer_cases import MODELS
from tests.support.onnx_models import close
from tests.support.oracle import needs_tflm
from tools.tflite_builder import Builder, Quant

import groat
from groat.errors import UnsupportedError
from groat.oracle.tflm import Tflm


@needs_tflm
@pytest.mark.parametrize("name", UNARY)
def test_a_function_of_one_value(name: str) -> None:
    options, fields, (low, high) = UNARY[name]
    m = Builder()
    x = m.input((1, 4, 5, 3), "float32")
    y = m.tensor(x.shape, "float32")
    m.op(name, [x], [y], options, **fields)
    model = m.build([y])
    values = np.random.default_rng(0).uniform(low, high, (1, 4, 5, 3)).astype(np.float32)
    [expected] = Tflm(model).run([values])
    assert close(expected, groat.compile(model).run(values), 1e-6)


@needs_tflm
@pytest.mark.parametrize("name", BINARY)
def test_a_function_of_two_values(name: str) -> None:
    m = Builder()
    a, b = m.input((1, 4, 5, 3), "float32"), m.input((3,), "float32")
    y = m.tensor(a.shape, "float32")
    m.op(name, [a, b], [y], BINARY[name])
    model = m.build([y])
    rng = np.random.default_rng(0)
    values = [rng.uniform(0.5, 3, shape).astype(np.float32) for shape in ((1, 4, 5, 3), (3,))]
    [expected] = Tflm(model).run(values)
    assert close(expected, groat.compile(model).run(*values), 1e-6)


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu_which_tflm_does_not_know(approximate: bool) -> None:
    m = Builder()
    x = m.input((1, 4, 5, 3), "float32")
    y = m.tensor(x.shape, "float32")
    m.op("GELU", [x], [y], "GeluOptions", Approximate=approximate)
    values = np.random.default_rng(0).uniform(-5, 5, (1, 4, 5, 3)).astype(np.float32)
    wide = torch.from_numpy(values.astype(np.float64))
    expected = torch.nn.functional.gelu(wide, approximate="tanh" if approximate else "none").numpy()
    assert close(expected.astype(np.float32), groat.compile(m.build([y])).run(values), 1e-6)


@pytest.mark.parametrize("name", sorted({*UNARY, *BINARY} - {name for name, _ in MODELS}))
def test_integers_are_refused(name: str) -> None:
    m = Builder()
    x = m.input((1, 4), quant=Quant(0.1, 0))
    y = m.tensor((1, 4), "int8", Quant(0.1, 0))
    m.op(name, [x, x] if name in BINARY else [x], [y], BINARY[name] if name in BINARY else UNARY[name][0])
    with pytest.raises(UnsupportedError, match="is int8"):
        groat.load(m.build([y]))
