# SPDX-License-Identifier: Apache-2.0
"""Gradients of layers with weights: against PyTorch's automatic differentiation and against finite differences, worst
element, on every kernel set."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.support.gradient_cases import integers, layer_of
from tests.support.gradients import bounds, forward, found_gradients, step_of
from tests.support.layers import Layer

from groat import kernels
from groat.errors import InputError
from groat.isa import PACKINGS
from groat.ops.call import call_all
from groat.ops.gradients import ACCUMULATE

Array = npt.NDArray[Any]
SETTINGS = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
DTYPES = ("float32", "float16")


# ---- Layers ------------------------------------------------------------------------------------------------


@st.composite
def convolutions(draw: st.DrawFn) -> Layer:
    """Odd sizes, asymmetric padding, strides and dilations that differ by axis, groups, batches."""
    size = st.integers(1, 9)
    small = st.integers(1, 3)
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 3), (2, 2)]))
    reach = [(kernel[axis] - 1) * dilation[axis] + 1 for axis in range(2)]
    padding = tuple(draw(st.tuples(*[st.integers(0, min(r - 1, 3))] * 2)) for r in reach)
    depthwise = draw(st.booleans())
    groups = 1 if depthwise else draw(st.sampled_from([1, 1, 2, 3]))
    in_c = groups * draw(st.sampled_from([1, 2, 3, 4, 5, 8, 17]))
    out_c = in_c * draw(st.sampled_from([1, 1, 2, 3])) if depthwise else groups * draw(st.integers(1, 9))
    layer = Layer(
        x_shape=(draw(st.integers(1, 3)), draw(size), draw(size), in_c),
        out_c=out_c,
        kernel=kernel,
        stride=(draw(small), draw(small)),
        dilation=dilation,
        padding=(padding[0], padding[1]),
        groups=groups,
        depthwise=depthwise,
    )
    assume(min(layer.out_shape) > 0)
    # The last window touches the image: what lies in padding alone, groat.kernels refuses.
    for axis in range(2):
        last = (layer.out_shape[1 + axis] - 1) * layer.stride[axis]
        assume(last < layer.x_shape[1 + axis] + padding[axis][0])
    return layer


dense = st.builds(Layer, st.tuples(st.integers(1, 5), st.integers(1, 70)), st.integers(1, 20))
layers = st.one_of(convolutions(), convolutions(), dense)


def arrays(layer: Layer, dtype: str, seed: int) -> tuple[Array, Array, Array]:
    """(x, weights, dy)."""
    rng = np.random.default_rng(seed)
    shapes = (layer.x_shape, layer.weights_shape, layer.out_shape)
    x, weights, dy = (rng.normal(0, 1, shape).astype(dtype) for shape in shapes)
    return x, weights, dy


# ---- PyTorch -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("packing", PACKINGS)
def test_gradients_equal_those_of_pytorch(packing: str, dtype: str) -> None:
    worst = {"dx": 0.0, "dw": 0.0, "db": 0.0}

    @SETTINGS
    @given(layers, st.integers(0, 2**32 - 1))
    def check(layer: Layer, seed: int) -> None:
        x, weights, dy = arrays(layer, dtype, seed)
        expected = dict(zip(("dx", "dw", "db"), layer.gradients(x, weights, dy), strict=True))
        found = found_gradients(layer, x, weights, dy, isa=packing)
        for name, bound in bounds(layer, x, weights, dy).items():
            assert found[name].shape == expected[name].shape
            assert found[name].dtype == ("float32" if name == "db" else dtype)
            off = float(np.abs(found[name] - expected[name]).max())
            assert off <= bound, (name, layer)
            worst[name] = max(worst[name], off / bound if off > 0 else 0)

    check()
    assert worst["dw"] > 0.001, "the bound says nothing"
    assert worst["dx"] > 0.001, "the bound says nothing"


@pytest.mark.parametrize("packing", PACKINGS)
def test_float32_of_a_large_image(packing: str) -> None:
    """Many terms: 2,304 of each weight's gradient, 288 of each input's."""
    layer = Layer((1, 48, 48, 16), 32, (3, 3), padding=((1, 1), (1, 1)))
    x, weights, dy = arrays(layer, "float32", 1)
    x = np.maximum(x, 0)  # so that sums of many terms grow
    found = found_gradients(layer, x, weights, dy, isa=packing)
    for name, right in zip(("dx", "dw", "db"), layer.gradients(x, weights, dy), strict=True):
        assert np.abs(found[name] - right).max() <= 1e-5 * np.abs(right).max(), name


# ---- Finite differences -------------------------------------------------------------------------------------

DIFFERENCES = {
    "padded": Layer((1, 5, 4, 3), 2, (3, 3), (2, 1), padding=((1, 0), (0, 2))),
    "dilated": Layer((2, 6, 5, 2), 4, (2, 3), dilation=(3, 1), padding=((0, 1), (1, 1)), groups=2),
    "depthwise": Layer((1, 5, 6, 3), 6, (3, 2), (1, 2), padding=((1, 1), (1, 0)), depthwise=True),
    "dense": Layer((3, 7), 5),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_gradients_are_finite_differences(name: str) -> None:
    """Of the kernels' own outputs.  Layers are linear in x, weights and bias, so that a difference has no error but
    that of rounding, however wide it is."""
    layer = DIFFERENCES[name]
    x, weights, dy = arrays(layer, "float32", 5)
    found = found_gradients(layer, x, weights, dy)
    leaves = {"dx": x, "dw": weights, "db": np.zeros(layer.out_c, np.float32)}
    for gradient, leaf in leaves.items():
        differences = np.zeros(leaf.shape)
        for place in np.ndindex(*leaf.shape):
            ends = []
            for step in (-2, 2):
                moved = {key: value.copy() for key, value in leaves.items()}
                moved[gradient][place] += step
                ends.append(forward(layer, moved["dx"], moved["dw"], moved["db"]).astype(np.float64))
            differences[place] = ((ends[1] - ends[0]) * dy).sum() / 4
        assert np.abs(found[gradient] - differences).max() <= 1e-5 * np.abs(differences).max(), gradient


# ---- Forward with tensors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("packing", PACKINGS)
def test_weights_may_be_tensors(packing: str, dtype: str) -> None:
    """The same results as with constants, but for the order of sums."""

    @SETTINGS
    @given(layers, st.integers(0, 2**32 - 1), st.booleans())
    def check(layer: Layer, seed: int, with_bias: bool) -> None:
        x, weights, _ = arrays(layer, dtype, seed)
        bias = np.random.default_rng(seed).normal(0, 1, layer.out_c).astype(np.float32) if with_bias else None
        constants = forward(layer, x, weights, bias, isa=packing).astype(np.float32)
        tensors = forward(layer, x, weights, bias, trained=True, isa=packing).astype(np.float32)
        bound = 1e-5 if dtype == "float32" else 2**-10
        assert np.abs(tensors - constants).max() <= bound * max(float(np.abs(constants).max()), 0.1)

    check()


# ---- Steps -------------------------------------------------------------------------------------------------

STEPS = {**DIFFERENCES, "pointwise": Layer((1, 4, 4, 9), 7, (1, 1)), "one row": Layer((1, 40), 11)}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("packing", PACKINGS)
def test_a_step_of_gradient_descent(packing: str, dtype: str) -> None:
    for label, layer in STEPS.items():
        x, weights, dy = arrays(layer, dtype, 3)
        bias = np.random.default_rng(4).normal(0, 1, layer.out_c).astype(np.float32)
        _, dw, db = layer.gradients(x, weights, dy)
        allowed, lr, decay = bounds(layer, x, weights, dy), 0.125, 0.5
        for chosen in (bias, None):
            found = step_of(layer, x, dy, weights, chosen, lr=lr, decay=decay, isa=packing)
            np.testing.assert_array_equal(found[-1], np.float32([lr, 1, 0, 0]))
            old = weights.astype(np.float64)
            right = old - lr * (dw + decay * old)
            # Each image rounds what it stores, which lies between the old weights and the new ones, or not far off.
            most = float(np.abs(old).max() + np.abs(right).max())
            rounding = len(x) * (2**-11 if dtype == "float16" else 2**-23) * most
            assert np.abs(found[0] - right).max() <= lr * allowed["dw"] + rounding, label
            assert found[0].dtype == dtype
            if chosen is not None:
                expected = bias * (1 - lr * decay) - lr * db
                assert np.abs(found[1] - expected).max() <= lr * allowed["db"] + 1e-6, label


def with_one(array: Array, value: float) -> Array:
    """A copy whose last element is another."""
    copy = array.copy()
    copy.flat[-1] = value
    return copy


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("packing", PACKINGS)
def test_a_step_that_is_refused_changes_nothing(packing: str, dtype: str) -> None:
    for label, layer in STEPS.items():
        x, weights, dy = arrays(layer, dtype, 6)
        bias = np.ones(layer.out_c, np.float32)
        refused = {
            "no rate": (x, dy, 0.0),
            "dy is no number": (x, with_one(dy, np.nan), 0.1),
            "dy is infinite": (x, with_one(dy, -np.inf), 0.1),
            "x is infinite": (with_one(x, np.inf), dy, 0.1),
        }
        for why, (image, gradient, lr) in refused.items():
            found = step_of(layer, image, gradient, weights, bias, lr=lr, isa=packing)
            assert found[0].tobytes() == weights.tobytes(), (label, why)
            assert found[1].tobytes() == bias.tobytes(), (label, why)
            np.testing.assert_array_equal(found[2], np.float32([0, 1, 0, 0]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("packing", PACKINGS)
def test_gradients_add_up(packing: str, dtype: str) -> None:
    """Of integers and powers of two, so that all sums are exact."""
    rng = np.random.default_rng(9)
    for _ in range(20):
        layer = layer_of(rng, "conv_2d")
        x, dy = integers(rng, layer.x_shape, dtype), integers(rng, layer.out_shape, dtype)
        held, bias = integers(rng, layer.weights_shape, dtype), integers(rng, (layer.out_c,), "float32")
        weights = integers(rng, layer.weights_shape, dtype)
        attrs = {
            "kernel": layer.kernel,
            **layer.window,
            "groups": layer.groups,
            **{"mode": ACCUMULATE, "alpha": 0.5, "beta": 1.0, "decay": 0.0, "has_weights": True, "has_bias": True},
        }
        step, kind = np.float32([0.1, 0.25, 0, 0]), f"conv_2d_weight_grad_{dtype}"
        found = call_all(kind, [x, dy], attrs, "host", packing, state={0: held, 1: bias, 2: step})
        _, dw, db = layer.gradients(x, weights, dy)
        np.testing.assert_array_equal(found[0], held + 0.125 * dw)
        np.testing.assert_array_equal(found[1], bias + 0.125 * db)
        alone = {**attrs, "has_weights": False}
        found = call_all(kind, [dy], alone, "host", packing, state={0: bias, 1: step})
        np.testing.assert_array_equal(found[0], bias + 0.125 * db)
        step[0] = 0
        found = call_all(kind, [x, dy], attrs, "host", packing, state={0: held, 1: bias, 2: step})
        np.testing.assert_array_equal(found[0], held)


# ---- By hand, and errors -----------------------------------------------------------------------------------


def test_a_convolution_by_hand() -> None:
    x = np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3, 1)
    dy = np.array([[1, 0], [0, -1]], np.float32).reshape(1, 2, 2, 1)
    dw, db = kernels.conv2d_weight_grad_float(x, dy, kernel=2)
    np.testing.assert_array_equal(dw, np.array([[1 - 5, 2 - 6], [4 - 8, 5 - 9]]).reshape(1, 2, 2, 1))
    np.testing.assert_array_equal(db, [0])
    weights = np.array([[1, 2], [3, 4]], np.float32).reshape(1, 2, 2, 1)
    dx = kernels.conv2d_input_grad_float(weights, dy, in_shape=x.shape)
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 2, 0], [3, 4 - 1, -2], [0, -3, -4]])


def test_a_dense_layer_by_hand() -> None:
    x, dy = np.float32([[1, 2, 3]]), np.float32([[10, -1]])
    dw, db = kernels.fully_connected_weight_grad_float(x, dy)
    np.testing.assert_array_equal(dw, [[10, 20, 30], [-1, -2, -3]])
    np.testing.assert_array_equal(db, [10, -1])
    dx = kernels.fully_connected_input_grad_float(np.float32([[1, 0, 2], [0, 5, 0]]), dy)
    np.testing.assert_array_equal(dx, [[10, -5, 20]])


def test_pixels_that_no_window_reads_get_nothing() -> None:
    weights, dy = np.ones((1, 1, 1, 1), np.float32), np.ones((1, 2, 2, 1), np.float32)
    dx = kernels.conv2d_input_grad_float(weights, dy, in_shape=(1, 4, 5, 1), stride=(3, 4))
    expected = np.zeros((4, 5))
    expected[::3, ::4] = 1
    np.testing.assert_array_equal(dx[0, :, :, 0], expected)


X, DY = np.zeros((1, 4, 4, 2), np.float32), np.zeros((1, 2, 2, 3), np.float32)
W = np.zeros((3, 3, 3, 2), np.float32)

ERRORS: dict[str, tuple[Any, str]] = {
    "type": (
        lambda: kernels.conv2d_weight_grad_float(X, DY.astype(np.float16), kernel=3),
        "dy is float16; expected fl",
    ),
    "rank": (lambda: kernels.conv2d_weight_grad_float(X, DY[0], kernel=3), "expected 4 dimensions"),
    "size": (
        lambda: kernels.conv2d_weight_grad_float(X, DY, kernel=2),
        r"\(1, 2, 2, 3\); expected \(1, 3, 3",
    ),
    "groups": (lambda: kernels.conv2d_weight_grad_float(X, DY, kernel=3, groups=2), "do not divide into 2 groups"),
    "no rate": (lambda: kernels.conv2d_weight_grad_float(X, DY, kernel=3, weights=W), "expected lr, too"),
    "no weights": (lambda: kernels.conv2d_weight_grad_float(X, DY, kernel=3, lr=0.1), "needs the weights"),
    "shape of x": (lambda: kernels.conv2d_input_grad_float(W, DY, in_shape=(4, 4, 2)), "expected 4 dimensions"),
    "channels": (lambda: kernels.conv2d_input_grad_float(W, DY, in_shape=(1, 4, 4, 3)), "do not fit an input of 3 ch"),
    "batches": (lambda: kernels.conv2d_input_grad_float(W, DY, in_shape=(2, 4, 4, 2)), r"expected \(2, 2, 2, 3\)"),
    "multiplier": (lambda: kernels.depthwise_conv2d_weight_grad_float(X, DY, kernel=3), "expected a multiple of 2"),
    "depthwise": (
        lambda: kernels.depthwise_conv2d_input_grad_float(W[:1], DY, in_shape=(1, 4, 4, 2)),
        "do not fit an input of 2 channels",
    ),
    "padding": (
        lambda: kernels.conv2d_weight_grad_float(
            X, np.zeros((1, 8, 4, 3), np.float32), kernel=1, padding=((2, 2), (0, 0))
        ),
        "holds whole windows",
    ),
    "rows": (lambda: kernels.fully_connected_weight_grad_float(X[0, 0], DY[0, 0]), "expected as many rows"),
    "depth": (lambda: kernels.fully_connected_input_grad_float(W[0, 0], DY[0, 0, :, :2]), "as many output channels"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_arguments_that_do_not_fit(name: str) -> None:
    call, message = ERRORS[name]
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("isa", PACKINGS)
def test_the_sum_of_a_bias_may_be_more_than_float16_holds(isa: str) -> None:
    """As it is with a large loss scale: each gradient is finite, a few of them together are not."""
    dy = np.full((1, 8, 8, 12), 3000, np.float16)
    x = np.full((1, 8, 8, 3), 2.0**-10, np.float16)
    dw, db = kernels.conv2d_weight_grad_float(x, dy, kernel=3, padding="same", isa=isa)
    np.testing.assert_allclose(db, np.full(12, 64 * 3000.0), rtol=2**-9)  # some sets sum a few in float16
    assert np.isfinite(dw).all()
