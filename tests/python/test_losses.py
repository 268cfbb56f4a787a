# SPDX-License-Identifier: Apache-2.0
"""Losses, optimizers and the gradients of ops without weights: against PyTorch's automatic differentiation, and against
finite differences of the kernels' own outputs; worst element.

An op's `gradients` is run by a tape that calls each op that it appends at once, with groat.kernels' own way of calling;
so what is compared is what the compiler puts into a training step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.training_cases import pooling

from groat import kernels
from groat.errors import InputError
from groat.graph.ir import Graph, Op, State, Tensor
from groat.graph.verify import verify
from groat.isa import PACKINGS
from groat.ops import op_def
from groat.ops.base import NotDifferentiable, Shape
from groat.ops.call import call_all
from groat.ops.gradients import PLAIN
from groat.pack import pack_steps, write
from groat.planner import plan_memory
from groat.runners.host import HostRunner

Array = npt.NDArray[Any]
Rng = np.random.Generator
SETTINGS = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
DTYPES = ("float32", "float16")
NO_CLAMP = {"act_min": -np.inf, "act_max": np.inf}

# Of a tensor's largest value.  float16: each gradient is the result of at most three ops, each of which computes in
# float32 and rounds once, by half of 2^-10 relative; what it is computed from was rounded once, too.
BOUND = {"float32": 1e-5, "float16": 4 * 2.0**-11}


NEAR = 2.0**-8  # a limit, for results of float16


class Eager:
    """A tape whose ops run when they are appended."""

    def __init__(self, isa: str, on: str = "host") -> None:
        self.isa, self.on = isa, on
        self.values: list[Array] = []
        self.of: Op | None = None
        self.updated: dict[int, int] = {}

    def add(self, value: Array) -> int:
        self.values.append(value)
        return len(self.values) - 1

    def run(self, op: Op, dtypes: Sequence[str] | None = None) -> Op:
        """The op with the numbers of its outputs."""
        inputs = [self.values[number] for number in op.inputs]
        found = call_all(op.kind, inputs, op.attrs, self.on, self.isa, dtypes=dtypes)
        return replace(op, outputs=tuple(self.add(value) for value in found))

    def tensor(self, number: int) -> Tensor:
        value = self.values[number]
        return Tensor(f"tensor {number}", value.shape, str(value.dtype))

    def wanted(self, index: int) -> bool:
        return self.of is None or not self.of.kind.startswith("group_norm") or index == 0

    def op(
        self,
        kind: str,
        inputs: Sequence[int],
        shape: Shape,
        attrs: Mapping[str, Any] | None = None,
        dtype: str | None = None,
    ) -> int:
        done = self.run(Op(kind, tuple(inputs), (), attrs or {}), None if dtype is None else (dtype,))
        assert self.values[done.outputs[0]].shape == tuple(shape)
        return done.outputs[0]

    def update(
        self, kind: str, inputs: Sequence[int], parameters: Sequence[int], attrs: Mapping[str, Any] | None = None
    ) -> None:
        done = self.run(Op(kind, tuple(inputs), (), {**(attrs or {}), **PLAIN}))
        self.updated = dict(zip(parameters, done.outputs, strict=True))

    def as_type(self, number: int, dtype: str) -> int:
        value = self.values[number]
        return number if value.dtype == dtype else self.op("cast", (number,), value.shape, {"dtype": dtype}, dtype)

    def through_clamp(self, dy: int) -> int:
        assert self.of is not None
        limits = {name: self.of.attrs[name] for name in NO_CLAMP}
        if limits == NO_CLAMP:
            return dy
        kind = f"clamp_grad_{self.values[dy].dtype}"
        return self.op(kind, (dy, self.of.outputs[0]), self.values[dy].shape, limits)


def gradients_of(
    kind: str, inputs: Sequence[Array], attrs: Mapping[str, Any], dy: Array, isa: str, dtype: str | None = None
) -> list[Array]:
    """The gradients of an op's inputs from `dy`, that of its output."""
    tape = Eager(isa)
    given = Op(kind, tuple(tape.add(value) for value in inputs), (), attrs)
    op = tape.run(op_def(kind).for_training(given), None if dtype is None else (dtype,))
    tape.of = op
    found = op_def(op.kind).gradients(op, tape.add(dy), tape)
    found |= tape.updated
    assert set(found) == set(range(len(inputs)))
    return [tape.values[found[index]] for index in range(len(inputs))]


def agree(found: Array, right: Array, dtype: str, terms: float = 0.0) -> None:
    """`terms`: how large what is added up may be, where it cancels."""
    assert found.shape == right.shape
    assert str(found.dtype) in (dtype, "float32")
    largest = max(float(np.abs(right).max()), terms)
    assert np.abs(found.astype(np.float64) - right).max() <= BOUND[dtype] * largest + (dtype == "float16") * 2.0**-24


# ---- Ops without weights -----------------------------------------------------------------------------------


def image(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 3, 1, 2)


def pool(x: torch.Tensor, attrs: Mapping[str, Any], most: bool) -> torch.Tensor:
    """As PyTorch pools; padding counts neither as a place nor as a maximum."""
    (top, bottom), (left, right) = attrs["padding"]
    planes = torch.nn.functional.pad(image(x), (left, right, top, bottom), value=-torch.inf if most else 0.0)
    if most:
        return torch.nn.functional.max_pool2d(planes, attrs["kernel"], attrs["stride"]).permute(0, 2, 3, 1)
    ones = torch.nn.functional.pad(torch.ones_like(image(x)), (left, right, top, bottom))
    sums, counts = (
        torch.nn.functional.avg_pool2d(t, attrs["kernel"], attrs["stride"], divisor_override=1) for t in (planes, ones)
    )
    return (sums / counts).permute(0, 2, 3, 1)


def hardtanh(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """A clamp whose gradient is 0 at its ends, as that of RELU and RELU6."""
    return torch.nn.functional.hardtanh(x, low, high)


def shape_of(rng: Rng, rank: int, most: int = 5) -> tuple[int, ...]:
    return tuple(int(size) for size in rng.integers(1, most + 1, rank))


def pool_case(rng: Rng, most: bool) -> Any:
    in_shape, _, window = pooling(rng)
    attrs = {**window, "dilation": (1, 1)}
    clamp = {"act_min": -0.5, "act_max": 0.5} if rng.random() < 0.3 else NO_CLAMP
    limits = {**attrs, **clamp}
    return [in_shape], limits, lambda x: hardtanh(pool(x, attrs, most), clamp["act_min"], clamp["act_max"])


def operands_case(rng: Rng, times: bool) -> Any:
    whole = shape_of(rng, int(rng.integers(1, 5)))
    other = tuple(1 if rng.random() < 0.4 else size for size in whole)[int(rng.integers(0, len(whole))) :]
    shapes = [whole, other] if rng.random() < 0.5 else [other, whole]
    clamp = {"act_min": 0.0, "act_max": 1.0} if rng.random() < 0.4 else NO_CLAMP

    def compute(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return hardtanh(a * b if times else a + b, clamp["act_min"], clamp["act_max"])

    return shapes, clamp, compute


def mean_case(rng: Rng) -> Any:
    shape = shape_of(rng, int(rng.integers(1, 5)), 6)
    axes = tuple(sorted(rng.permutation(len(shape))[: int(rng.integers(1, len(shape) + 1))].tolist()))
    keep = bool(rng.random() < 0.5)
    return [shape], {"axes": axes, "keep_dims": keep}, lambda x: x.mean(dim=axes, keepdim=keep)


def softmax_case(rng: Rng) -> Any:
    beta = float(np.float32(np.exp(rng.uniform(-1, 1))))
    shape = (*shape_of(rng, int(rng.integers(0, 3))), int(rng.integers(2, 30)))
    return [shape], {"beta": beta}, lambda x: torch.softmax(beta * x, -1)


def sigmoid_case(rng: Rng) -> Any:
    tanh = bool(rng.random() < 0.5)
    return [shape_of(rng, 2)], {"tanh": tanh}, torch.tanh if tanh else torch.sigmoid


def clamp_case(rng: Rng) -> Any:
    low, high = [(0.0, np.inf), (0.0, 6.0), (-0.3, 0.7)][int(rng.integers(3))]
    return [shape_of(rng, 3)], {"act_min": low, "act_max": high}, lambda x: hardtanh(x, low, high)


def pad_case(rng: Rng) -> Any:
    shape = shape_of(rng, int(rng.integers(1, 5)))
    padding = tuple(tuple(int(n) for n in rng.integers(0, 3, 2)) for _ in shape)
    flat = [n for pair in reversed(padding) for n in pair]
    return [shape], {"padding": padding, "value": 0}, lambda x: torch.nn.functional.pad(x, flat)


def concatenation_case(rng: Rng) -> Any:
    shape = shape_of(rng, int(rng.integers(1, 5)))
    axis = int(rng.integers(len(shape)))
    shapes = [(*shape[:axis], int(size), *shape[axis + 1 :]) for size in rng.integers(1, 5, int(rng.integers(2, 4)))]
    return shapes, {"axis": axis}, lambda *x: torch.cat(x, axis)


def transpose_case(rng: Rng) -> Any:
    shape = shape_of(rng, int(rng.integers(1, 6)))
    permutation = tuple(rng.permutation(len(shape)).tolist())
    return [shape], {"permutation": permutation}, lambda x: x.permute(permutation)


def reshape_case(rng: Rng) -> Any:
    shape = shape_of(rng, 3)
    out = (shape[0] * shape[2], shape[1])
    return [shape], {"out_shape": out}, lambda x: x.reshape(out)


def slice_case(rng: Rng) -> Any:
    whole = shape_of(rng, 3)
    shape = tuple(int(rng.integers(1, size + 1)) for size in whole)
    begin = tuple(int(rng.integers(0, w - s + 1)) for w, s in zip(whole, shape, strict=True))
    box = tuple(np.s_[b : b + s] for b, s in zip(begin, shape, strict=True))
    return [whole], {"begin": begin, "shape": shape}, lambda x: x[box]


def group_norm_case(rng: Rng) -> Any:
    groups = int(rng.integers(1, 4))
    shape = (*shape_of(rng, int(rng.integers(1, 4))), groups * int(rng.integers(8, 12)))
    clamp = {"act_min": -0.5, "act_max": 0.5} if rng.random() < 0.3 else NO_CLAMP
    attrs = {"groups": groups, "epsilon": float(np.float32(1e-5)), "stats": False, **clamp}

    def compute(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
        y = torch.nn.functional.group_norm(x.movedim(-1, 1), groups, gamma, beta, attrs["epsilon"])
        return hardtanh(y.movedim(1, -1), clamp["act_min"], clamp["act_max"])

    return [shape, shape[-1:], shape[-1:]], attrs, compute


FLOAT_OPS: dict[str, Callable[[Rng], Any]] = {
    "average_pool_2d": lambda rng: pool_case(rng, False),
    "max_pool_2d": lambda rng: pool_case(rng, True),
    "add": lambda rng: operands_case(rng, False),
    "mul": lambda rng: operands_case(rng, True),
    "mean": mean_case,
    "softmax": softmax_case,
    "sigmoid": sigmoid_case,
    "clamp": clamp_case,
    "group_norm": group_norm_case,
}
MOVING_OPS: dict[str, Callable[[Rng], Any]] = {
    "pad": pad_case,
    "concatenation": concatenation_case,
    "transpose": transpose_case,
    "reshape": reshape_case,
    "slice": slice_case,
}
CASES = {**FLOAT_OPS, **MOVING_OPS}


def terms_of(kind: str, inputs: Sequence[Array], dy: Array, attrs: Mapping[str, Any]) -> float:
    """How large the terms of a gradient are that may cancel: sums over axes are a random walk, softmax's gradient is a
    difference of two products of its output, and 1 - y one of the logistic function's, which is near 1."""
    if kind in ("add", "mul"):
        walk = float(np.sqrt((dy.astype(np.float64) ** 2).sum()))
        return walk * (max(float(np.abs(value).max()) for value in inputs) if kind == "mul" else 1)
    if kind in ("softmax", "sigmoid"):
        return float(np.abs(dy).max()) * (attrs["beta"] if kind == "softmax" else 1)
    return 0.0


def by_pytorch(inputs: Sequence[Array], compute: Callable[..., torch.Tensor], dy: Array) -> list[Array]:
    """In double precision."""
    leaves = [torch.tensor(value.astype(np.float64), requires_grad=True) for value in inputs]
    compute(*leaves).backward(torch.tensor(dy.astype(np.float64)))
    return [np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy() for leaf in leaves]


def drawn(kind: str, dtype: str, seed: int) -> Any:
    """(op, inputs, attrs, PyTorch's function, gradient of the output)."""
    rng = np.random.default_rng(seed)
    shapes, attrs, compute = CASES[kind](rng)
    inputs = [rng.normal(0, 1, shape).astype(dtype) for shape in shapes]
    if kind == "group_norm":
        inputs[1:] = [value.astype(np.float32) for value in inputs[1:]]
    y = compute(*(torch.tensor(value.astype(np.float64)) for value in inputs)).numpy()
    dy = rng.normal(0, 1, y.shape).astype(dtype)
    if kind != "clamp":  # where rounding decides whether a result is at a limit
        for end in (attrs.get("act_min", -np.inf), attrs.get("act_max", np.inf)):
            dy[np.abs(y - end) < NEAR] = 0
    return kind + (f"_{dtype}" if kind in FLOAT_OPS else ""), inputs, attrs, compute, dy


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", CASES)
def test_gradients_equal_those_of_pytorch(kind: str, dtype: str) -> None:
    @SETTINGS
    @given(st.integers(0, 2**32 - 1), st.sampled_from(PACKINGS))
    def check(seed: int, isa: str) -> None:
        op, inputs, attrs, compute, dy = drawn(kind, dtype, seed)
        found = gradients_of(op, inputs, attrs, dy, isa)
        for gradient, right in zip(found, by_pytorch(inputs, compute, dy), strict=True):
            agree(gradient, right, dtype, terms_of(kind, inputs, dy, attrs))

    check()


@pytest.mark.parametrize("kind", CASES)
def test_gradients_are_finite_differences(kind: str) -> None:
    """Of the kernels' own outputs in float32, at inputs a step and more away from kinks; the step is as wide as the
    third derivative of sigmoid and softmax allows."""
    for seed in range(3):
        op, inputs, attrs, _, dy = drawn(kind, "float32", seed)
        rng, step = np.random.default_rng(seed), 2.0**-7
        # Distinct values, a multiple of 1/16 and a bit from each other and from limits.
        places = rng.permutation(sum(value.size for value in inputs)) - sum(value.size for value in inputs) // 2
        parts = np.split((places / 16 + 1 / 32).astype(np.float32), np.cumsum([value.size for value in inputs])[:-1])
        inputs = [part.reshape(value.shape) for part, value in zip(parts, inputs, strict=True)]
        if kind in ("softmax", "sigmoid"):
            inputs = [value / 4 for value in inputs]
        if kind in ("average_pool_2d", "add", "mul", "group_norm"):  # results may lie at a limit
            attrs = {**attrs, **NO_CLAMP}

        def loss(values: Sequence[Array], op: str = op, attrs: Any = attrs, dy: Array = dy) -> float:
            (y,) = call_all(op, list(values), attrs, "host", None, dtypes=("float32",))
            return float((y.astype(np.float64) * dy).sum())

        found = gradients_of(op, inputs, attrs, dy, "ref")
        for index, gradient in enumerate(found):
            difference = np.zeros(gradient.shape)
            for place in np.ndindex(*gradient.shape):
                ends = []
                for move in (-step, step):
                    moved = [value.copy() for value in inputs]
                    moved[index][place] += move
                    ends.append(loss(moved))
                difference[place] = (ends[1] - ends[0]) / (2 * step)
            # Rounding of y, over the step; of sigmoid and softmax a sixth of step^2 times the third derivative, too.
            largest = max(float(np.abs(difference).max()), float(np.abs(dy).max()))
            # A group's statistics are rounded, too, for all its outputs alike.
            assert np.abs(gradient - difference).max() <= (1e-3 if kind == "group_norm" else 2e-4) * largest


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_cast_passes_its_gradient_on(packing: str) -> None:
    x = np.linspace(-2, 2, 7).astype(np.float32)
    (found,) = gradients_of("cast", [x], {"dtype": "float16"}, np.ones(7, np.float16), packing, "float16")
    assert found.dtype == np.float32
    assert (found == 1).all()


def test_a_mask_is_a_clamp_in_bits() -> None:
    rng = np.random.default_rng(1)
    for dtype in DTYPES:
        for size in (1, 7, 8, 9, 100):
            y = kernels.clamp_float(rng.normal(0, 2, size).astype(dtype), act_min=0.0, act_max=1.5)
            dy = rng.normal(0, 1, size).astype(dtype)
            mask = kernels.clamp_mask_float(y, act_min=0.0, act_max=1.5)
            assert mask.nbytes == (size + 7) // 8
            found = kernels.clamp_grad_mask_float(dy, mask)
            assert found.tobytes() == kernels.clamp_grad_float(dy, y, act_min=0.0, act_max=1.5).tobytes()


def test_the_first_maximum_wins() -> None:
    x = np.zeros((1, 4, 4, 1), np.float32)
    y, index = kernels.max_pool2d_index_float(x, 2)
    assert (y == 0).all()
    assert (index == 0).all()
    dx = kernels.max_pool2d_grad_float(np.ones((1, 2, 2, 1), np.float32), index, x.shape, 2)
    assert (dx[0, :, :, 0] == np.kron(np.eye(2) + np.eye(2)[::-1], [[1, 0], [0, 0]])).all()


def test_a_window_of_more_places_than_a_byte_counts_has_no_gradient() -> None:
    op = Op("max_pool_2d_float32", (0,), (), {"kernel": (16, 17)})
    with pytest.raises(NotDifferentiable, match="its window has 272 places; at most 256 have a number of one byte"):
        op_def(op.kind).for_training(op)


# ---- Losses -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_equals_that_of_pytorch(dtype: str) -> None:
    @SETTINGS
    @given(st.integers(1, 6), st.integers(1, 40), st.sampled_from([0.01, 1, 20]), st.integers(0, 2**32 - 1))
    def check(rows: int, classes: int, spread: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        logits = (spread * rng.normal(0, 1, (rows, classes))).astype(dtype)
        labels = rng.integers(0, classes, rows).astype(np.int32)
        if rng.random() < 0.5:  # sure of themselves, and right
            logits[np.arange(rows), labels] = logits.max() + np.dtype(dtype).type(4)
        loss, found = kernels.softmax_cross_entropy_float(logits, labels, isa=PACKINGS[seed % len(PACKINGS)])
        leaf = torch.tensor(logits.astype(np.float64), requires_grad=True)
        right = torch.nn.functional.cross_entropy(leaf, torch.tensor(labels.astype(np.int64)))
        right.backward()
        assert leaf.grad is not None
        assert loss.dtype == np.float32
        assert abs(float(loss[0]) - right.item()) <= 1e-5 * right.item() + 1e-12
        agree(found, leaf.grad.numpy(), dtype)

    check()


@pytest.mark.parametrize("dtype", DTYPES)
def test_mean_squared_error_equals_that_of_pytorch(dtype: str) -> None:
    rng = np.random.default_rng(3)
    for shape in ((1,), (7, 3), (2, 3, 4, 5), (640,)):
        y, target = (rng.normal(0, 1, shape).astype(dtype) for _ in range(2))
        leaf = torch.tensor(y.astype(np.float64), requires_grad=True)
        right = torch.nn.functional.mse_loss(leaf, torch.tensor(target.astype(np.float64)))
        right.backward()
        assert leaf.grad is not None
        loss, found = kernels.mean_squared_error_float(y, target)
        assert abs(float(loss[0]) - right.item()) <= 1e-5 * right.item()
        agree(found, leaf.grad.numpy(), dtype)


def test_losses_are_finite_differences() -> None:
    rng = np.random.default_rng(4)
    x, step = rng.normal(0, 1, (3, 5)).astype(np.float32), 2.0**-8
    target, labels = rng.normal(0, 1, (3, 5)).astype(np.float32), np.int32([4, 0, 2])
    losses: list[Callable[[Array], tuple[Array, Array]]] = [
        lambda value: kernels.softmax_cross_entropy_float(value, labels),
        lambda value: kernels.mean_squared_error_float(value, target),
    ]
    for loss in losses:
        gradient = loss(x)[1]
        for place in np.ndindex(*x.shape):
            ends = []
            for move in (-step, step):
                moved = x.copy()
                moved[place] += move
                ends.append(float(loss(moved)[0][0]))
            assert abs((ends[1] - ends[0]) / (2 * step) - gradient[place]) <= 2e-4 * np.abs(gradient).max()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_loss_scale_multiplies_the_gradient_alone(dtype: str) -> None:
    x, labels = np.array([[1, 2, 3]], dtype), np.int32([0])
    loss, gradient = kernels.softmax_cross_entropy_float(x, labels)
    scaled_loss, scaled = kernels.softmax_cross_entropy_float(x, labels, scale=1024.0)
    assert scaled_loss == loss
    np.testing.assert_allclose(scaled.astype(np.float64), 1024 * gradient.astype(np.float64), rtol=2**-10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("label", [-1, 3, -(1 << 31), (1 << 31) - 1])
def test_a_label_that_is_no_class_refuses_the_step(label: int, dtype: str) -> None:
    x = np.ones((2, 3), dtype)
    loss, gradient = kernels.softmax_cross_entropy_float(x, np.int32([0, label]))
    assert np.isnan(loss[0])
    assert (gradient == 0).all()
    step = kernels.step(0.1, loss)
    np.testing.assert_array_equal(step, [0, 1, 1, 0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_not_finite_refuse_the_step(value: float) -> None:
    for dtype in DTYPES:
        x = np.array([[1, value, 0]], dtype)
        for loss, gradient in (
            kernels.softmax_cross_entropy_float(x, np.int32([0])),
            kernels.mean_squared_error_float(x, np.zeros_like(x)),
        ):
            assert not np.isfinite(loss[0])
            assert (gradient == 0).all()
            assert kernels.step(0.1, loss)[0] == 0


@pytest.mark.parametrize("lr", [0.0, -0.1, np.nan, np.inf])
def test_a_learning_rate_that_is_not_positive_refuses_the_step(lr: float) -> None:
    np.testing.assert_array_equal(kernels.step(lr, 1.0, scale=4.0), [0, 0.25, 1, 0])


# ---- Optimizers ----------------------------------------------------------------------------------------------

STEPS = 12


def gradients_over_time(shape: tuple[int, ...]) -> list[Array]:
    rng = np.random.default_rng(5)
    return [(rng.normal(0, 1, shape) * 10 ** rng.uniform(-2, 0)).astype(np.float32) for _ in range(STEPS)]


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 0.0), (0.0, 0.1), (0.9, 0.0), (0.9, 0.05)])
def test_sgd_is_that_of_pytorch(momentum: float, decay: float, packing: str) -> None:
    w = np.random.default_rng(6).normal(0, 1, (5, 7)).astype(np.float32)
    velocity = np.zeros_like(w) if momentum else None
    leaf = torch.tensor(w.astype(np.float64), requires_grad=True)
    theirs = torch.optim.SGD([leaf], lr=0.05, momentum=momentum, weight_decay=decay)
    for gradient in gradients_over_time(w.shape):
        options = {"momentum": momentum} if momentum else {}
        w, step, *rest = kernels.sgd_float(w, gradient, 0.05, velocity=velocity, decay=decay, isa=packing, **options)
        velocity = rest[0] if rest else None
        leaf.grad = torch.tensor(gradient.astype(np.float64))
        theirs.step()
        assert step[0] == np.float32(0.05)
        assert np.abs(w - leaf.detach().numpy()).max() <= 1e-5 * np.abs(w).max()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_adam_is_that_of_pytorch(decay: float, dtype: str) -> None:
    w = np.random.default_rng(7).normal(0, 1, (4, 9)).astype(dtype)
    state: list[Array] = [np.zeros_like(w), np.zeros(w.shape, np.float32), np.zeros(2, np.float32)]
    leaf = torch.tensor(w.astype(np.float64), requires_grad=True)
    theirs = torch.optim.Adam([leaf], lr=0.01, weight_decay=decay)
    for count, gradient in enumerate(gradients_over_time(w.shape), 1):
        w, _, *state = kernels.adam_float(w, gradient.astype(dtype), 0.01, *state, decay=decay)
        leaf.grad = torch.tensor(gradient.astype(dtype).astype(np.float64))
        theirs.step()
        # Each step rounds w once in float16, by half of its last place; m, rounded too, moves it less.
        bound = 1e-5 if dtype == "float32" else 2.0**-11 * (count + 1)
        assert np.abs(w.astype(np.float64) - leaf.detach().numpy()).max() <= bound * np.abs(w).max()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_infinite_gradient_changes_no_parameter(value: float, dtype: str) -> None:
    w, gradient, v = np.ones((3, 3), dtype), np.ones((3, 3), dtype), np.full((3, 3), 2, dtype)
    gradient[2, 2] = value
    after, step, velocity = kernels.sgd_float(w, gradient, 0.1, velocity=v, momentum=0.9)
    assert (after == w).all()
    assert (velocity == v).all()
    assert step[0] == 0
    squares, correction = np.ones((3, 3), np.float32), np.float32([0.1, 0.2])
    after, step, *state = kernels.adam_float(w, gradient, 0.1, v, squares, correction)
    assert (after == w).all()
    assert step[0] == 0
    for found, before in zip(state, (v, squares, correction), strict=True):
        assert found.tobytes() == before.tobytes()


def test_float16_parameters_never_become_infinite() -> None:
    w, gradient = np.full(4, 60000, np.float16), np.full(4, -60000, np.float16)
    after, _, velocity = kernels.sgd_float(w, gradient, 1.0, velocity=gradient, momentum=0.9)
    assert (after == np.float16(65504)).all()
    assert (velocity == np.float16(-65504)).all()


@pytest.mark.parametrize("use", ["clear", "velocity"])
@pytest.mark.parametrize("broken", [False, True])
def test_what_becomes_of_a_gradient(use: str, broken: bool) -> None:
    """It is a tensor that keeps its contents, as where gradients of several samples are added up."""
    w, g = np.float32([1, 2, 3]), np.float32([10, 20, np.inf if broken else 30])
    tensors = {0: Tensor("lr", (1,), "float32"), 1: Tensor("loss", (1,), "float32"), 2: Tensor("step", (4,), "float32")}
    tensors |= {3: Tensor("w", (3,), "float32"), 4: Tensor("gradient", (3,), "float32")}
    attrs = {"decay": 0.25, "momentum": None, "gradient": use}
    ops = (Op("step", (0, 1), (2,)), Op("sgd_float32", (4,), (3, 2, 4), attrs))
    states = {3: State(w), 4: State(g, "optimizer"), 2: State(np.zeros(4, np.float32), "optimizer")}
    graph = verify(Graph("one step", tensors, ops, (0, 1), (3, 2, 4), states=states))
    steps = pack_steps(graph, "ref")
    packed, _ = write(graph, steps, plan_memory(graph, [step.scratch_bytes for step in steps.steps]), bytes(32))
    with HostRunner(packed) as runner:
        after, told, left = runner.run([np.float32([0.5]), np.float32([1])])
    d = g + np.float32(0.25) * w
    assert (after == (w if broken else w - np.float32(0.5) * d)).all()
    assert told[0] == (0 if broken else 0.5)
    assert (left == (d if use == "velocity" and not broken else 0)).all()


def test_a_loss_scale_adapts() -> None:
    scale, good = np.float32([1024, 0]), np.float32([0.1, 1 / 1024, 0, 0])
    for _ in range(3):
        scale = kernels.loss_scale(scale, good, interval=3, maximum=2048.0)
    np.testing.assert_array_equal(scale, [2048, 0])
    for _ in range(3):
        scale = kernels.loss_scale(scale, good, interval=3, maximum=2048.0)
    np.testing.assert_array_equal(scale, [2048, 0])
    infinite, refused = np.float32([0, 1, 0, 0]), np.float32([0, 1, 1, 0])
    np.testing.assert_array_equal(kernels.loss_scale(np.float32([1024, 2]), refused), [1024, 2])
    for expected in (512, 256):
        scale = kernels.loss_scale(np.float32([2 * expected, 2]), infinite)
        np.testing.assert_array_equal(scale, [expected, 0])
    np.testing.assert_array_equal(kernels.loss_scale(np.float32([1, 0]), infinite), [1, 0])


X = np.zeros((2, 3), np.float32)
ERRORS: dict[str, tuple[Callable[[], Any], str]] = {
    "labels": (
        lambda: kernels.softmax_cross_entropy_float(X, np.int32([1])),
        "labels has 1 values; expected one for each of 2 rows",
    ),
    "type of labels": (lambda: kernels.softmax_cross_entropy_float(X, np.int64([0, 1])), "labels is int64; expected i"),
    "target": (lambda: kernels.mean_squared_error_float(X, X[:1]), r"target has shape \[1, 3\]; expected \[2, 3\]"),
    "scale": (lambda: kernels.mean_squared_error_float(X, X, scale=0.0), "scale is 0.0; expected a positive number"),
    "rate": (lambda: kernels.sgd_float(X, X, -1.0), "lr is -1.0; expected a number from 0 on"),
    "momentum": (
        lambda: kernels.sgd_float(X, X, 1.0, velocity=X, momentum=1.0),
        "momentum is 1.0; expected .* below 1",
    ),
    "gradient": (lambda: kernels.sgd_float(X, X.astype(np.float16), 1.0), "gradient is float16; expected float32"),
    "interval": (lambda: kernels.loss_scale(X[0, :2], np.zeros(4, np.float32), interval=0), "interval is 0"),
    "places": (lambda: kernels.max_pool2d_index_float(np.zeros((1, 20, 20, 1), np.float32), 17), "17 x 17 places"),
    "window": (
        lambda: kernels.average_pool2d_grad_float(np.zeros((1, 3, 2, 1), np.float32), (1, 4, 4, 1), 2),
        r"dy has shape \[1, 3, 2, 1\]; expected \[1, 2, 2, 1\]",
    ),
    "box": (lambda: kernels.slice(X, (0, 1), (2, 3)), "does not fit"),
    "sum": (lambda: kernels.sum_to_float(X, (4,)), "shape mismatch|does not broadcast"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_arguments_are_told(name: str) -> None:
    call, message = ERRORS[name]
    with pytest.raises(InputError, match=message):
        call()
