# SPDX-License-Identifier: Apache-2.0
"""TFLM as the oracle: what it answers is passed on whole, and what it does to its process stays there."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
import tflite
from tests.support.oracle import needs_tflm
from tests.support.random_graphs import OPS, RandomModel, random_inputs, random_model
from tools.tflite_builder import Builder, Quant

from groat.errors import InputError, ModelError, RunnerError, ToolchainError
from groat.oracle import tflm
from groat.oracle.tflm import Tflm

X = np.array([-128, -1, 0, 127], np.int8)


def identity() -> bytes:
    builder = Builder()
    x = builder.input((4,), quant=Quant(0.5, 3))
    return builder.build([builder.quantize(x, Quant(0.5, 3))])


def chain() -> tuple[Builder, list[Any]]:
    """A model and all that it computes, in order."""
    builder = Builder()
    x = builder.input((1, 5, 4, 3), quant=Quant(0.05, -3))
    rng = np.random.default_rng(3)
    weights = rng.integers(-127, 128, (6, 3, 3, 3)).astype(np.int8)
    conv = builder.conv_2d(x, weights, None, Quant((0.01,) * 6), Quant(0.5, 5))
    relu = builder.relu(conv)
    total = builder.add(conv, relu, Quant(0.7, -9))
    mean = builder.mean(total, (1, 2), Quant(0.2, 0))
    return builder, [conv, relu, total, mean, builder.softmax(mean)]


def overflowing_softmax() -> bytes:
    """600 equal logits: their exponentials sum to more than TFLM's fixed point holds, and it aborts."""
    builder = Builder()
    return builder.build([builder.softmax(builder.input((1, 600), quant=Quant(0.1)))])


@needs_tflm
def test_runs_and_describes() -> None:
    oracle = Tflm(identity())
    assert oracle.inputs == [((4,), "int8")]
    assert oracle.outputs == [((4,), "int8")]
    (y,) = oracle.run([X])
    np.testing.assert_array_equal(y, X)


@needs_tflm
def test_strided_arrays_are_read_as_they_look() -> None:
    (y,) = Tflm(identity()).run([np.arange(8, dtype=np.int8)[::-2]])
    np.testing.assert_array_equal(y, [7, 5, 3, 1])


@needs_tflm
def test_results_do_not_change_under_the_next_run() -> None:
    oracle = Tflm(identity())
    (first,) = oracle.run([X])
    oracle.run([X[::-1]])
    np.testing.assert_array_equal(first, X)


@needs_tflm
def test_intermediate_tensors_equal_those_of_the_model_cut_there() -> None:
    builder, computed = chain()
    x = np.random.default_rng(4).integers(-128, 128, (1, 5, 4, 3)).astype(np.int8)
    values = Tflm(builder.build(computed[-1:])).tensors([x], [tensor.index for tensor in computed])
    for length, tensor in enumerate(computed, 1):
        builder, again = chain()
        (expected,) = Tflm(builder.build([again[length - 1]])).run([x])
        assert values[tensor.index].shape == tensor.shape
        assert len(np.unique(expected)) > 1
        np.testing.assert_array_equal(values[tensor.index], expected)


@needs_tflm
def test_constants_and_inputs_are_tensors_too() -> None:
    builder = Builder()
    x = builder.input((4,), quant=Quant(1.0))
    c = builder.constant(np.array([5], np.int8), Quant(1.0))
    values = Tflm(builder.build([builder.add(x, c, Quant(1.0))])).tensors([X], [x.index, c.index])
    np.testing.assert_array_equal(values[x.index], X)
    np.testing.assert_array_equal(values[c.index], [5])


@needs_tflm
def test_models_do_not_disturb_each_other() -> None:
    first, second = Tflm(identity()), Tflm(chain()[0].build(chain()[1][:1]))
    second.run([np.zeros((1, 5, 4, 3), np.int8)])
    np.testing.assert_array_equal(first.run([X])[0], X)


@needs_tflm
def test_wrong_inputs() -> None:
    oracle = Tflm(identity(), "id")
    with pytest.raises(InputError, match=r"id: input 0 is int8\[5\], expected int8\[4\]"):
        oracle.run([np.zeros(5, np.int8)])
    with pytest.raises(InputError, match=r"input 0 is float32\[4\], expected int8\[4\]"):
        oracle.run([X.astype(np.float32)])
    with pytest.raises(InputError, match="got 2 inputs, expected 1"):
        oracle.run([X, X])
    with pytest.raises(InputError, match="there is no tensor 99; the file has 2"):
        oracle.tensors([X], [99])


@needs_tflm
@pytest.mark.parametrize("data", [b"", b"abc", bytes(range(256)) * 8, identity()[:100], identity()[:-40]])
def test_files_that_are_no_models(data: bytes) -> None:
    with pytest.raises(ModelError, match="damaged: not a TFLite model"):
        Tflm(data, "damaged")


@needs_tflm
def test_a_refusal_has_the_words_of_tflm_and_leaves_the_terminal_clean(capfd: pytest.CaptureFixture[str]) -> None:
    builder = Builder()
    a, b = builder.input((2,), quant=Quant(0.1)), builder.input((2,), quant=Quant(0.2))
    with pytest.raises(ModelError, match=r"(?s)refuses this model.*CONCATENATION"):
        Tflm(builder.build([builder.concatenation([a, b], 0)]))
    assert capfd.readouterr() == ("", "")


@needs_tflm
def test_an_abort_is_an_error_and_other_models_go_on() -> None:
    bystander, victim = Tflm(identity()), Tflm(overflowing_softmax(), "victim")
    with pytest.raises(RunnerError, match="victim: TFLM ended its process with code -6"):
        victim.run([np.zeros((1, 600), np.int8)])
    np.testing.assert_array_equal(bystander.run([X])[0], X)
    peaked = np.full((1, 600), -128, np.int8)
    peaked[0, 0] = 127
    assert victim.run([peaked])[0][0, 0] == 127


@needs_tflm
def test_a_run_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = Builder()
    x = builder.input((1, 64, 64, 64), quant=Quant(0.1))
    weights = np.ones((64, 5, 5, 64), np.int8)
    oracle = Tflm(builder.build([builder.conv_2d(x, weights, None, Quant(0.1), Quant(1.0))]))
    monkeypatch.setattr(tflm, "TIMEOUT_SECONDS", 0.02)
    with pytest.raises(RunnerError, match=r"did not answer within 0\.02 s"):
        oracle.run([np.zeros((1, 64, 64, 64), np.int8)])


@needs_tflm
def test_the_arena_grows_until_the_model_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflm, "_ELEMENT_BYTES", 0)
    builder = Builder()
    x = builder.input((1, 400, 1000), quant=Quant(0.5))
    oracle = Tflm(builder.build([builder.quantize(x, Quant(0.5))]))
    assert oracle.arena_bytes >= 800_000
    values = np.random.default_rng(0).integers(-128, 128, (1, 400, 1000)).astype(np.int8)
    np.testing.assert_array_equal(oracle.run([values])[0], values)


def test_a_missing_package_is_an_error_that_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolchainError, match="pip install --pre tflite-micro"):
        Tflm(identity())


# ---- Random models -----------------------------------------------------------------------------------------


@needs_tflm
def test_tflm_runs_random_models_and_most_outputs_vary() -> None:
    flat = outputs = 0
    for seed in range(200):
        model = random_model(seed)
        for y in Tflm(model, f"random model {seed}").run(random_inputs(model, seed)):
            outputs += 1
            flat += y.size > 1 and bool((y == y.flat[0]).all())
    assert outputs >= 200
    assert flat < outputs / 10


def op_codes(model: bytes) -> list[int]:
    root = tflite.Model.GetRootAs(model, 0)
    graph = root.Subgraphs(0)
    indices = [graph.Operators(i).OpcodeIndex() for i in range(graph.OperatorsLength())]
    return [root.OperatorCodes(index).BuiltinCode() for index in indices]


def test_random_models_are_deterministic_and_have_every_op() -> None:
    assert random_model(17) == random_model(17)
    models = [random_model(seed, wide=wide) for seed in range(200) for wide in (False, True)]
    codes = {code for model in models for code in op_codes(model)}
    wanted = {*OPS, "PADV2", "DEQUANTIZE"}
    assert codes == {getattr(tflite.BuiltinOperator, name) for name in wanted}


def test_a_shorter_random_model_is_the_start_of_a_longer_one() -> None:
    plain = frozenset({"DEQUANTIZE", "QUANTIZE"})  # these may follow the last step
    for seed in range(20):
        short, long = (op_codes(RandomModel(seed, ops, plain).build()) for ops in (3, 6))
        assert len(short) < len(long)
        assert long[: len(short)] == short


def test_ops_can_be_left_out() -> None:
    left_out = {"CONV_2D", "PADV2", "DEQUANTIZE", "SOFTMAX"}
    for seed in range(60):
        codes = op_codes(random_model(seed, left_out))
        assert not {getattr(tflite.BuiltinOperator, name) for name in left_out} & set(codes)
