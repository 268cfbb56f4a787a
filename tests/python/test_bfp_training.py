# SPDX-License-Identifier: Apache-2.0
"""Training with integers: block floating point against floats, what it learns, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.float_nets import LINEAR, RELU6, Net
from tests.support.learning import learn, network
from tests.support.torch_nets import parameters_of

import groat
from groat import kernels
from groat.graph import Graph
from groat.ops.bfp import NOT_FINITE, quantized, values_of
from groat.ops.loss import RATE, REFUSED
from groat.train.parameters import as_floats, load_parameters, save_parameters

Array = np.ndarray[Any, Any]
INTEGERS = groat.Train(dtype="int16")
Seed = st.integers(0, 2**32 - 1)


def wide_range(seed: int, shape: tuple[int, ...]) -> Array:
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 1, shape) * np.exp2(rng.uniform(-20, 20))).astype(np.float32)


# ---- Numbers ---------------------------------------------------------------------------------------------


@given(Seed, st.integers(4, 15))
@settings(max_examples=40, deadline=None)
def test_mantissas_are_half_a_unit_away_at_most(seed: int, bits: int) -> None:
    x = wide_range(seed, (3, 17))
    y, exponent = kernels.quantize_bfp16(x, bits=bits)
    assert 2 ** (bits - 1) <= np.abs(y).max() < 2**bits
    back = kernels.dequantize_bfp16(y, exponent)
    assert np.abs(back - x).max() <= np.ldexp(0.5, exponent) * (1 + (np.abs(y).max() == 2**bits - 1))


@given(Seed, st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_convolution_is_that_of_the_floats_that_mantissas_stand_for(seed: int, relu: bool) -> None:
    rng = np.random.default_rng(seed)
    x, of_x = quantized(wide_range(seed, (2, 6, 5, 3)), 10)
    weights, of_weights = quantized(rng.normal(0, 1, (4, 3, 3, 3)), 13)
    bias, of_bias = quantized(np.ldexp(rng.normal(0, 100, 4), of_x), 15)
    y, exponent = kernels.conv2d_bfp16(x, of_x, weights, of_weights, bias, of_bias, padding="same", relu=relu, bits=14)
    floats = (values_of(x, of_x), values_of(weights, of_weights), values_of(bias, of_bias))
    right = kernels.conv2d_float(*floats, padding="same", act_min=0.0 if relu else None)
    off = np.abs(values_of(y, exponent) - right).max()
    assert off <= np.ldexp(1.5, exponent) + 1e-5 * np.abs(right).max()  # a bias is rounded to units of sums, too


@given(Seed)
@settings(max_examples=30, deadline=None)
def test_softmax_and_loss_are_near_those_of_floats(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, exponent = quantized(rng.normal(0, rng.uniform(0.1, 8), (2, 7)), 12)
    labels = rng.integers(0, 7, 2).astype(np.int32)
    loss, gradient, of_gradient = kernels.softmax_cross_entropy_bfp16(x, exponent, labels)
    right, expected = kernels.softmax_cross_entropy_float(values_of(x, exponent), labels)
    assert abs(loss[0] - right[0]) <= 3e-4
    assert np.abs(values_of(gradient, of_gradient) - expected).max() <= 2e-4
    shares = kernels.softmax_bfp16(x, exponent)
    assert np.abs(shares - kernels.softmax_float(values_of(x, exponent))).max() <= 2e-4


def test_what_is_less_than_a_unit_is_kept_on_average() -> None:
    weights = np.full((1, 4000), 5000, np.int16)
    x, dy = np.full((1, 4000), 1, np.int16), np.array([[1]], np.int16)
    found, exponent, _ = kernels.conv2d_weight_grad_bfp16(x, 0, dy, 0, weights, 0, lr=0.3, bits=13)
    assert exponent[0] == 0
    assert set(np.unique(found)) == {4999, 5000}
    assert abs((5000 - found.astype(np.float64)).mean() - 0.3) < 0.03  # four standard deviations


def test_weights_that_grow_get_another_exponent() -> None:
    weights, x, dy = np.array([[8000, -100]], np.int16), np.array([[1, 0]], np.int16), np.array([[-1]], np.int16)
    found, exponent, _ = kernels.conv2d_weight_grad_bfp16(x, 0, dy, 0, weights, 0, lr=20000.0, bits=13)
    assert exponent.tolist() == [2]
    assert found.tolist() == [[7000, -25]]


# ---- Steps -----------------------------------------------------------------------------------------------


def image(seed: int) -> Array:
    return np.random.default_rng(seed).random((8, 8, 1), np.float32)


def after_steps(train: groat.Train, steps: int = 1, lr: float = 0.5, **options: Any) -> dict[str, Array]:
    compiled = groat.compile(network(), train=train, **options)
    for number in range(steps):
        compiled.train_step(image(number), [number % 10], lr)
    return as_floats(compiled.parameters())


def test_a_step_goes_where_that_of_floats_goes() -> None:
    found, expected = after_steps(INTEGERS), after_steps(groat.Train())
    start = {t.name: t.data for t in network().tensors.values() if t.data is not None}
    assert set(found) == set(expected)
    for name, value in expected.items():
        ours, theirs = (np.ravel(x - start[name]).astype(np.float64) for x in (found[name], value))
        assert ours @ theirs > 0.97 * np.linalg.norm(ours) * np.linalg.norm(theirs), name
        assert np.linalg.norm(ours) == pytest.approx(np.linalg.norm(theirs), rel=0.1), name


def test_only_what_is_chosen_is_trained() -> None:
    graph = network()
    names = set(parameters_of(graph, [t.name for t in graph.tensors.values() if t.data is not None]))
    for layers, count in (("last:1", 2), ("bias:2", 2), ("bias", 4), ("all", 8)):
        compiled = groat.compile(graph, train=groat.Train(dtype="int16", layers=layers))
        before = compiled.parameters()
        compiled.train_step(image(1), [3], 0.5)
        after = compiled.parameters()
        assert len(as_floats(after)) == count
        assert set(as_floats(after)) <= names
        moved = {name for name in after if not np.array_equal(before[name], after[name])}
        assert set(as_floats(after)) <= moved


def deep() -> Graph:
    net = Net((12, 12, 2))
    for _ in range(5):
        net.conv(6)
    net.pool("max", 4, 4)
    net.dense(3)
    net.softmax()
    return net.graph("deep")


def test_computing_again_changes_nothing() -> None:
    whole = groat.compile(deep(), train=INTEGERS)
    room = whole.plan.arena_bytes - 1500
    less = groat.compile(deep(), train=INTEGERS, ram=room, max_mac_overhead=3.0)
    assert less.plan.arena_bytes <= room
    assert len(less.graph.ops) > len(whole.graph.ops)
    for compiled in (whole, less):
        for number in range(3):
            compiled.train_step(np.random.default_rng(number).random((12, 12, 2), np.float32), [number], 0.1)
    for name, value in whole.parameters().items():
        np.testing.assert_array_equal(less.parameters()[name], value)


def test_parameters_are_kept_in_files_and_are_floats_again(tmp_path: Path) -> None:
    compiled = groat.compile(network(), train=INTEGERS)
    start = as_floats(compiled.parameters())
    for tensor in network().tensors.values():
        if tensor.data is not None:
            np.testing.assert_allclose(start[tensor.name], tensor.data, atol=2**-13 * np.abs(tensor.data).max())
    compiled.train_step(image(0), [3], 0.5)
    learnt = compiled.parameters()
    assert {value.dtype.name for value in learnt.values()} == {"int16", "int32"}
    with compiled.on("host") as other:
        save_parameters(tmp_path / "p.npz", other.runner.model, learnt)
        other.set_parameters(load_parameters(tmp_path / "p.npz", other.runner.model))
        np.testing.assert_array_equal(other.run(image(0)[np.newaxis]), compiled.run(image(0)[np.newaxis]))


def test_a_model_without_softmax_gives_floats() -> None:
    net = Net((6, 6, 2), 4)
    net.conv(5, act=LINEAR, bias=False)
    net.dense(3)
    compiled = groat.compile(net.graph("plain"), train=INTEGERS)
    x = np.random.default_rng(0).normal(0, 1, (1, 6, 6, 2)).astype(np.float32)
    right = groat.compile(net.graph("plain")).run(x)
    assert np.abs(compiled.run(x) - right).max() <= 0.02 * np.abs(right).max()
    assert compiled.train_step(x, [2], 0.1) > 0


# ---- Learning --------------------------------------------------------------------------------------------


def test_the_digits_are_learnt_within_two_points_of_floats() -> None:
    losses, accuracy = learn("host", "int16")
    assert np.mean(losses[-500:]) < 0.05
    assert accuracy >= 0.962  # float32: 98.2 %


# ---- Bad input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "y", "lr", "words"),
    [
        (0.0, [10], 0.1, "label 10 is out of range; the model has 10 classes: 0 to 9"),
        (0.0, [-1], 0.1, "label -1 is out of range"),
        (np.nan, [1], 0.1, "not numbers"),
        (np.inf, [1], 0.1, "infinite"),
        (0.0, [1], 0.0, "learning rate is 0.0; expected a positive number"),
        (0.0, [1], np.nan, "learning rate is nan"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(x: float, y: Any, lr: float, words: str) -> None:
    compiled = groat.compile(network(), train=INTEGERS)
    before = compiled.parameters()
    with pytest.raises(groat.InputError, match=words):
        compiled.train_step(np.full((8, 8, 1), x, np.float32), y, lr)
    for name, value in compiled.parameters().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize(
    ("x", "label", "rate"),
    [
        (np.nan, 1, 0.1),
        (np.inf, 1, 0.1),
        (0.5, 10, 0.1),
        (0.5, -1, 0.1),
        (0.5, 1, 0.0),
        (0.5, 1, -1.0),
        (0.5, 1, np.nan),
    ],
)
def test_a_device_refuses_the_same_by_itself(x: float, label: int, rate: float) -> None:
    compiled = groat.compile(network(), train=INTEGERS)
    with compiled.on("host") as session:
        before = session.parameters()
        session.runner.select("train_step")
        inputs = [np.full((1, 8, 8, 1), x, np.float32), np.array([label], np.int32), np.array([rate], np.float32)]
        loss, step = session.runner.run(inputs)
        assert (step[RATE], step[REFUSED]) == (0, 1)
        assert np.isnan(loss[0]) == (not np.isfinite(x) or not 0 <= label < 10)
        for name, value in session.parameters().items():
            np.testing.assert_array_equal(value, before[name])


def test_parameters_that_are_not_finite_are_never_trained() -> None:
    compiled = groat.compile(network(), train=INTEGERS)
    with compiled.on("host") as session:
        parameters = session.parameters()
        broken = next(name for name in parameters if name.endswith("/exponent"))
        session.set_parameters({**parameters, broken: np.array([NOT_FINITE], np.int32)})
        with pytest.raises(groat.InputError, match="the step was refused and no parameter changed"):
            session.train_step(image(0), [1], 0.1)


def graph_of(build: Any) -> Graph:
    net = Net((8, 8, 4), 1)
    build(net)
    net.dense(3)
    return net.graph("other")


def residual(net: Net) -> None:
    first = net.conv(4)
    net.add(first, net.conv(4))


def two_readers(net: Net) -> None:
    net.conv(4)
    net.pool("max", 3, 2)
    net.conv(4)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (residual, "add_float32 cannot be block floating point; that has convolutions"),
        (lambda net: net.depthwise(), "depthwise_conv_2d_float32 cannot be block floating point"),
        (lambda net: net.mean(), "mean_float32 cannot be block floating point"),
        (lambda net: net.conv(4, act=RELU6), "has groups, limits other than ReLU's"),
        (lambda net: net.conv(4, groups=2), "has groups, limits other than ReLU's"),
        (two_readers, "its windows overlap, whose gradients would have to be added up"),
        (
            lambda net: net.conv(16, kernel=7) and net.conv(4096, kernel=1) and net.conv(4, kernel=7),
            "so that sums fit 32",
        ),
    ],
)
def test_what_block_floating_point_does_not_have_is_said(build: Any, words: str) -> None:
    with pytest.raises(groat.InputError, match=words):
        groat.compile(graph_of(build), train=INTEGERS)


@pytest.mark.parametrize(
    "choice",
    [
        {"optimizer": "adam"},
        {"loss": "mse"},
        {"accumulate": 2},
        {"latent": True},
        {"adapter_rank": 2},
        {"decay": 0.1},
    ],
)
def test_choices_that_integers_do_not_have_are_said(choice: dict[str, Any]) -> None:
    with pytest.raises(groat.InputError, match=f'{next(iter(choice))} is .*; dtype "int16" has .* only'):
        groat.Train(dtype="int16", **choice)
