# SPDX-License-Identifier: Apache-2.0
"""Another head: a dense layer of floats for more classes above a model as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tools.tflite_builder import Builder, Quant

import groat
from groat.train.latent import LatentTrainer, replay_for

RNG = np.random.default_rng(8)
CLASSES, DEPTH = 3, 12


def integer_model(per_channel: bool = False, bias: bool = True, softmax: bool = True, dtype: str = "int8") -> bytes:
    """Two dense layers, the second one with CLASSES outputs."""
    scales = (0.01, 0.02, 0.005) if per_channel else 0.01
    zero = 0 if dtype == "int16" else 4
    m = Builder()
    x = m.input((1, 6), dtype, Quant(0.1, zero))
    x = m.fully_connected(
        x, RNG.integers(-127, 128, (DEPTH, 6)).astype(np.int8), None, Quant(0.01), Quant(0.05, zero), activation="RELU"
    )
    b = RNG.integers(-500, 500, CLASSES).astype(np.int64 if dtype == "int16" else np.int32) if bias else None
    x = m.fully_connected(
        x, RNG.integers(-127, 128, (CLASSES, DEPTH)).astype(np.int8), b, Quant(scales), Quant(0.1, zero)
    )
    return m.build([m.softmax(x) if softmax else x])


def float_model() -> bytes:
    m = Builder()
    x = m.input((1, 6), "float32")
    x = m.fully_connected(x, RNG.normal(size=(DEPTH, 6)).astype(np.float32), None, None, None, activation="RELU")
    weights, bias = RNG.normal(size=(CLASSES, DEPTH)).astype(np.float32), RNG.normal(size=CLASSES).astype(np.float32)
    return m.build([m.softmax(m.fully_connected(x, weights, bias, None, None))])


def inputs(dtype: str, count: int = 50) -> Any:
    if dtype == "float32":
        return RNG.normal(size=(count, 1, 6)).astype(np.float32)
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, (count, 1, 6)).astype(dtype)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_known_classes_keep_their_logits(per_channel: bool, bias: bool, dtype: str) -> None:
    """But for the rounding of an integer output, 0.1, in its range."""
    model = integer_model(per_channel, bias, softmax=False, dtype=dtype)
    old, new = groat.compile(model), groat.compile(model, train=groat.Train(layers="last:1", classes=5))
    info = old.report["outputs"][0]
    limits = np.iinfo(dtype)
    for x in inputs(dtype):
        expected, found = old.run(x), new.run(x)
        assert found.shape == (1, 5)
        inside = (expected > limits.min) & (expected < limits.max)
        real = info["scale"] * (expected.astype(np.float32) - info["zero_point"])
        np.testing.assert_allclose(found[:, :CLASSES][inside], real[inside], rtol=1e-4, atol=0.051)
        assert found[0, CLASSES:].tolist() == [new.parameters()["head/bias"].min()] * 2


def test_of_a_float_model_the_logits_are_the_same() -> None:
    model = float_model()
    old, new = groat.compile(model), groat.compile(model, train=groat.Train(layers="last:1", classes=CLASSES))
    for x in inputs("float32"):
        logits = new.run(x)
        e = np.exp(logits - logits.max())
        np.testing.assert_allclose(e / e.sum(), old.run(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
@pytest.mark.parametrize("latent", [False, True])
def test_an_int8_model_learns_a_new_class(dtype: Any, latent: bool) -> None:
    train = groat.Train(layers="last:1", latent=latent, classes=4, dtype=dtype)
    with groat.compile(integer_model(), train=train).on("host") as session:
        assert sorted(session.parameters()) == ["head/bias", "head/weights"]
        x = inputs("int8", 1)[0]
        if latent:
            trainer = LatentTrainer(session, replay_for(session, [], 5))
            for _ in range(20):
                trainer.step(x, 3, 0.05)
        else:
            for _ in range(20):
                session.train_step(x, 3, 0.05)
        assert session.run(x).argmax() == 3


def test_what_gets_no_other_head_is_refused() -> None:
    with pytest.raises(groat.InputError, match="has 3 classes; expected at least as many, found 2"):
        groat.compile(integer_model(), train=groat.Train(classes=2))
    with pytest.raises(groat.InputError, match="classes is -1; expected 0, or how many"):
        groat.Train(classes=-1)
    m = Builder()
    x = m.input((1, 4, 4, 1), "float32")
    x = m.conv_2d(x, np.ones((2, 3, 3, 1), np.float32), np.zeros(2, np.float32), None, None)
    with pytest.raises(groat.InputError, match="must end with one dense layer to get another head; found conv_2d"):
        groat.compile(m.build([x]), train=groat.Train(classes=3))
