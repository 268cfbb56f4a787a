# SPDX-License-Identifier: Apache-2.0
"""The compiler's rewrites: each does what it is for, leaves alone what it may not touch, and changes no output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.graphs import evaluate, kinds, random_int8, run_as_is, the_op
from tests.support.random_graphs import random_inputs, random_model
from tools.tflite_builder import Builder, Pair, Quant, Tensor

import groat
from groat.errors import VerifyError
from groat.graph import Graph, verify
from groat.passes import PASSES, run_passes
from groat.passes.fold_clamps import fold_clamps
from groat.passes.fold_pads import fold_pads
from groat.passes.keep_outputs import keep_outputs
from groat.passes.reshapes_to_views import reshapes_to_views

Array = npt.NDArray[Any]

X = Quant(0.05, -7)
ZERO = X.zero_points[0]


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def load(builder: Builder, *outputs: Tensor) -> Graph:
    return groat.load(builder.build(outputs)).graph


def inputs_of(graph: Graph) -> list[Array]:
    generator = rng()
    return [generator.integers(-128, 128, graph.tensors[n].shape).astype(np.int8) for n in graph.inputs]


def assert_same_outputs(before: Graph, after: Graph) -> None:
    """The rewritten graph computes the same, by the C kernels and by NumPy, and its outputs vary."""
    inputs = inputs_of(before)
    expected = run_as_is(before, inputs)
    assert all(len(np.unique(y)) > 1 for y in expected)
    for found, right in zip(run_as_is(verify(after), inputs), expected, strict=True):
        np.testing.assert_array_equal(found, right)
    values = evaluate(after, inputs)
    for number, right in zip(after.outputs, expected, strict=True):
        np.testing.assert_array_equal(values[number], right)


def add_conv(
    m: Builder, x: Tensor, kernel: Pair = (3, 3), depthwise: bool = False, quant: Quant | None = None, **options: Any
) -> Tensor:
    channels = x.shape[3]
    options = {"padding": "VALID", **options}
    quant = quant or Quant(0.2, 3)
    if depthwise:
        return m.depthwise_conv_2d(x, random_int8(rng(), (1, *kernel, channels)), None, Quant(0.02), quant, **options)
    return m.conv_2d(x, random_int8(rng(), (4, *kernel, channels)), None, Quant(0.01), quant, **options)


# ---- fold_pads ---------------------------------------------------------------------------------------------

Borders = Sequence[Pair]
AROUND: Borders = ((0, 0), (1, 1), (1, 1), (0, 0))


def padded(borders: Borders, value: float | None = None, **conv: Any) -> Graph:
    m = Builder()
    x = m.input((2, 5, 6, 3), quant=X)
    return load(m, add_conv(m, m.pad(x, borders, value), **conv))


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize(
    ("borders", "conv", "padding"),
    [
        (AROUND, {}, ((1, 1), (1, 1))),
        (((0, 0), (2, 0), (0, 2), (0, 0)), {}, ((2, 0), (0, 2))),
        (((0, 0), (0, 1), (0, 1), (0, 0)), {"stride": (2, 2)}, ((0, 1), (0, 1))),
        (AROUND, {"padding": "SAME"}, ((2, 2), (2, 2))),
        (((0, 0), (3, 4), (2, 1), (0, 0)), {"dilation": (2, 2)}, ((3, 4), (2, 1))),
        (((0, 0), (0, 0), (1, 0), (0, 0)), {"kernel": (1, 2)}, ((0, 0), (1, 0))),
    ],
)
def test_a_pad_joins_the_convolution_after_it(
    borders: Borders, conv: dict[str, Any], padding: tuple[Pair, Pair], depthwise: bool
) -> None:
    before = padded(borders, depthwise=depthwise, **conv)
    after = fold_pads(before)
    kind = "depthwise_conv_2d" if depthwise else "conv_2d"
    assert kinds(before) == ["pad", kind]
    assert kinds(after) == [kind]
    assert the_op(after, kind).attrs["padding"] == padding
    assert_same_outputs(before, after)


@pytest.mark.parametrize(
    ("borders", "value", "conv"),
    [
        pytest.param(AROUND, ZERO + 1, {}, id="another value than zero"),
        pytest.param(((1, 0), (1, 1), (1, 1), (0, 0)), None, {}, id="in the batch"),
        pytest.param(((0, 0), (1, 1), (1, 1), (0, 1)), None, {}, id="in the channels"),
        pytest.param(((0, 0), (3, 0), (0, 0), (0, 0)), None, {}, id="a whole window above"),
        pytest.param(((0, 0), (0, 0), (0, 3), (0, 0)), None, {}, id="a whole window at the right"),
        pytest.param(((0, 0), (2, 0), (0, 0), (0, 0)), None, {"padding": "SAME"}, id="a whole window together"),
        pytest.param(AROUND, None, {"kernel": (1, 1)}, id="nothing but padding under a small window"),
    ],
)
def test_a_pad_stays_where_the_convolution_cannot_stand_for_it(
    borders: Borders, value: float | None, conv: dict[str, Any]
) -> None:
    before = padded(borders, value, **conv)
    after = fold_pads(before)
    assert kinds(after) == ["pad", "conv_2d"]
    assert_same_outputs(before, after)


def test_a_stored_value_that_is_the_zero_point_is_padding() -> None:
    before = padded(AROUND, ZERO)
    after = fold_pads(before)
    assert kinds(after) == ["conv_2d"]
    assert_same_outputs(before, after)


def test_a_pad_of_several_convolutions_joins_each_of_them() -> None:
    m = Builder()
    pad = m.pad(m.input((1, 5, 6, 3), quant=X), AROUND)
    before = load(m, add_conv(m, pad), add_conv(m, pad, (2, 2), depthwise=True))
    after = fold_pads(before)
    assert kinds(after) == ["conv_2d", "depthwise_conv_2d"]
    assert_same_outputs(before, after)


def test_a_pad_that_others_read_stays_for_them_alone() -> None:
    m = Builder()
    pad = m.pad(m.input((1, 5, 6, 3), quant=X), AROUND)
    before = load(m, add_conv(m, pad), m.max_pool_2d(pad, (2, 2)))
    after = fold_pads(before)
    assert kinds(after) == ["pad", "conv_2d", "max_pool_2d"]
    assert the_op(after, "conv_2d").inputs[0] == before.inputs[0]
    assert_same_outputs(before, after)


def test_a_pad_that_is_an_output_stays() -> None:
    m = Builder()
    pad = m.pad(m.input((1, 5, 6, 3), quant=X), AROUND)
    before = load(m, pad, add_conv(m, pad))
    after = fold_pads(before)
    assert kinds(after) == ["pad", "conv_2d"]
    assert_same_outputs(before, after)


def test_of_two_pads_in_a_row_the_second_joins() -> None:
    m = Builder()
    first = m.pad(m.input((1, 5, 6, 3), quant=X), AROUND)
    before = load(m, add_conv(m, m.pad(first, ((0, 0), (1, 0), (0, 1), (0, 0)))))
    after = fold_pads(before)
    assert kinds(after) == ["pad", "conv_2d"]
    assert_same_outputs(before, after)


@pytest.mark.parametrize("kind", ["average_pool_2d", "max_pool_2d"])
def test_a_pad_before_a_pool_stays(kind: str) -> None:
    m = Builder()
    pad = m.pad(m.input((1, 5, 6, 3), quant=X), AROUND)
    before = load(m, getattr(m, kind)(pad, (2, 2), stride=(1, 1)))
    assert kinds(fold_pads(before)) == ["pad", kind]


# ---- fold_clamps -------------------------------------------------------------------------------------------


def clamped(y: Quant, kind: str = "relu", relu_quant: Quant | None = None, **conv: Any) -> Graph:
    m = Builder()
    conv_y = add_conv(m, m.input((1, 5, 6, 3), quant=X), quant=y, **conv)
    return load(m, m.relu(conv_y, relu_quant) if kind == "relu" else m.relu6(conv_y))


@pytest.mark.parametrize(
    ("y", "kind", "activation", "limits"),
    [
        (Quant(0.2, 3), "relu", "NONE", (3, 127)),
        (Quant(0.2, -128), "relu", "NONE", (-128, 127)),
        (Quant(0.1, -20), "relu6", "NONE", (-20, 40)),
        (Quant(0.1, -20), "relu6", "RELU_N1_TO_1", (-20, -10)),
        (Quant(0.1, -20), "relu", "RELU6", (-20, 40)),
    ],
)
def test_a_clamp_joins_the_op_before_it(y: Quant, kind: str, activation: str, limits: Pair) -> None:
    before = clamped(y, kind, activation=activation)
    after = fold_clamps(before)
    assert kinds(before) == ["conv_2d", "lut"]
    assert kinds(after) == ["conv_2d"]
    attrs = the_op(after, "conv_2d").attrs
    assert (attrs["act_min"], attrs["act_max"]) == limits
    assert after.ops[0].outputs == before.outputs
    assert_same_outputs(before, after)


def two_operands(m: Builder, kind: str) -> Tensor:
    a, b = m.input((1, 4, 4, 2), quant=X), m.input((1, 4, 4, 2), quant=X)
    return m.add(a, b, Quant(0.08, 3)) if kind == "add" else m.mul(a, b, Quant(0.03, -9))


@pytest.mark.parametrize(
    "kind", ["depthwise_conv_2d", "fully_connected", "average_pool_2d", "max_pool_2d", "add", "mul"]
)
def test_every_op_with_a_clamp_takes_one_over(kind: str) -> None:
    m = Builder()
    if kind in ("add", "mul"):
        y = two_operands(m, kind)
    elif kind == "fully_connected":
        y = m.fully_connected(m.input((4, 6), quant=X), random_int8(rng(), (5, 6)), None, Quant(0.02), Quant(0.1, 3))
    else:
        x = m.input((1, 5, 6, 3), quant=X)
        y = add_conv(m, x, depthwise=True) if kind == "depthwise_conv_2d" else getattr(m, kind)(x, (2, 2))
    before = load(m, m.relu(y))
    after = fold_clamps(before)
    assert kinds(after) == [kind]
    assert_same_outputs(before, after)


def test_two_clamps_in_a_row_both_join() -> None:
    m = Builder()
    y = add_conv(m, m.input((1, 5, 6, 3), quant=X), quant=Quant(0.1, -20))
    before = load(m, m.relu(m.relu6(y)))
    after = fold_clamps(before)
    assert kinds(after) == ["conv_2d"]
    assert_same_outputs(before, after)


def test_a_table_that_is_no_clamp_stays() -> None:
    for before in (
        clamped(Quant(0.2, 3), relu_quant=Quant(0.1, 3)),
        clamped(Quant(0.2, 3), relu_quant=Quant(0.2, 4)),
    ):
        assert kinds(fold_clamps(before)) == ["conv_2d", "lut"]
        assert_same_outputs(before, fold_clamps(before))
    m = Builder()
    sigmoid = load(m, m.logistic(add_conv(m, m.input((1, 5, 6, 3), quant=X))))
    assert kinds(fold_clamps(sigmoid)) == ["conv_2d", "lut"]


def test_a_table_with_one_entry_off_stays() -> None:
    before = clamped(Quant(0.2, 3))
    lut = the_op(before, "lut")
    for index in (0, 2, 64, 128, 255):
        table = lut.attrs["table"].copy()
        table[index] ^= 1
        ops = tuple(replace(op, attrs={**op.attrs, "table": table}) if op is lut else op for op in before.ops)
        assert kinds(fold_clamps(before.with_ops(ops))) == ["conv_2d", "lut"]


def test_a_change_to_unsigned_stays() -> None:
    m = Builder()
    y = add_conv(m, m.input((1, 5, 6, 3), quant=X), quant=Quant(0.2, -128))
    before = load(m, m.quantize(y, Quant(0.2, 0), "uint8"))
    assert kinds(fold_clamps(before)) == ["conv_2d", "lut"]


def test_a_clamp_of_what_others_read_too_stays() -> None:
    m = Builder()
    y = add_conv(m, m.input((1, 5, 6, 3), quant=X))
    before = load(m, m.relu(y), m.max_pool_2d(y, (2, 2)))
    assert kinds(fold_clamps(before)) == ["conv_2d", "lut", "max_pool_2d"]
    assert_same_outputs(before, fold_clamps(before))


def test_a_clamp_of_what_is_an_output_stays() -> None:
    m = Builder()
    y = add_conv(m, m.input((1, 5, 6, 3), quant=X))
    before = load(m, y, m.relu(y))
    assert kinds(fold_clamps(before)) == ["conv_2d", "lut"]
    assert_same_outputs(before, fold_clamps(before))


def test_a_clamp_of_an_input_or_of_an_op_without_one_stays() -> None:
    m = Builder()
    x = m.input((1, 4, 4, 2), quant=X)
    before = load(m, m.relu(x), m.relu(m.transpose(x, (0, 2, 1, 3))))
    assert kinds(fold_clamps(before)) == ["lut", "transpose", "lut"]


# ---- reshapes_to_views and keep_outputs --------------------------------------------------------------------


def test_a_reshape_becomes_a_view_and_so_does_one_of_it() -> None:
    m = Builder()
    x = m.input((1, 4, 6, 2), quant=X)
    flat = m.reshape(m.reshape(m.max_pool_2d(x, (2, 2)), (2, 6)), (1, 12))
    before = load(m, m.softmax(flat))
    after = reshapes_to_views(before)
    assert kinds(after) == ["max_pool_2d", "softmax"]
    pool, softmax = after.ops
    assert after.root(softmax.inputs[0]) == pool.outputs[0]
    assert after.tensors[softmax.inputs[0]].shape == (1, 12)
    assert_same_outputs(before, keep_outputs(after))


def reshaped_ends() -> dict[str, Graph]:
    """Graphs whose outputs are no op's result of their own."""

    def graph(build: Any) -> Graph:
        m = Builder()
        x = m.input((1, 4, 6, 2), quant=X)
        return load(m, *build(m, x))

    def twice(m: Builder, x: Tensor) -> list[Tensor]:
        y = m.max_pool_2d(x, (2, 2))
        return [y, y]

    def view_and_itself(m: Builder, x: Tensor) -> list[Tensor]:
        y = m.max_pool_2d(x, (2, 2))
        return [y, m.reshape(y, (12,)), m.reshape(y, (2, 6))]

    def constant(m: Builder, x: Tensor) -> list[Tensor]:
        return [m.constant(np.arange(6, dtype=np.int8), X), m.relu(x)]

    def reshaped_constant(m: Builder, x: Tensor) -> list[Tensor]:
        return [m.reshape(m.constant(np.arange(6, dtype=np.int8), X), (2, 3)), m.relu(x)]

    def input_and_use(m: Builder, x: Tensor) -> list[Tensor]:
        return [x, m.relu(x), m.reshape(x, (48,))]

    return {
        "the input": graph(lambda m, x: [x]),
        "the input twice": graph(lambda m, x: [x, x]),
        "the input reshaped": graph(lambda m, x: [m.reshape(x, (8, 6))]),
        "the input, and used": graph(input_and_use),
        "a result twice": graph(twice),
        "a result and its views": graph(view_and_itself),
        "a constant": graph(constant),
        "a constant reshaped": graph(reshaped_constant),
    }


ENDS = reshaped_ends()


@pytest.mark.parametrize("graph", ENDS.values(), ids=ENDS)
def test_every_output_has_bytes_of_its_own(graph: Graph) -> None:
    after = run_passes(graph)
    roots = [after.root(number) for number in after.outputs]
    assert len(set(roots)) == len(roots)
    assert not set(roots) & {after.root(number) for number in after.inputs}
    assert all(after.tensors[root].data is None for root in roots)
    assert [after.tensors[n].shape for n in after.outputs] == [graph.tensors[n].shape for n in graph.outputs]
    inputs = inputs_of(graph)
    values = evaluate(graph, inputs)
    compiled = groat.compile(graph)
    found = compiled.run(*inputs)
    for y, number in zip(found if isinstance(found, list) else [found], graph.outputs, strict=True):
        np.testing.assert_array_equal(y, values[number])


def test_an_output_that_is_a_result_is_not_copied() -> None:
    m = Builder()
    x = m.input((1, 4, 6, 2), quant=X)
    pool = m.max_pool_2d(x, (2, 2))
    after = run_passes(load(m, m.reshape(pool, (12,)), m.relu(pool)))
    assert kinds(after) == ["max_pool_2d", "lut"]


def test_an_input_that_a_later_step_overwrites_is_still_the_output() -> None:
    """Its memory would be free after the first step."""
    m = Builder()
    x = m.input((1, 8, 8, 2), quant=X)
    y = m.relu(m.transpose(m.relu(x), (0, 2, 1, 3)))
    graph = load(m, x, y)
    inputs = inputs_of(graph)
    np.testing.assert_array_equal(groat.compile(graph).run(*inputs)[0], inputs[0])


# ---- All together ------------------------------------------------------------------------------------------


def test_the_list_is_what_runs_and_each_is_verified() -> None:
    model = random_model(5)
    seen: list[str] = []
    groat.compile(model, after_each=lambda name, graph: seen.append(name))
    assert seen == [rewrite.__name__ for rewrite in PASSES]


def test_passes_change_no_output_of_random_models() -> None:
    for seed in range(150):
        model = random_model(seed)
        graph = groat.load(model).graph
        inputs = random_inputs(model, seed)
        current, expected = graph, run_as_is(graph, inputs)
        for rewrite in PASSES:
            current = verify(rewrite(current), rewrite.__name__)
            for found, right in zip(run_as_is(current, inputs), expected, strict=True):
                assert found.tobytes() == right.tobytes(), f"random_model({seed}) after {rewrite.__name__}"


def test_passes_have_nothing_left_to_do() -> None:
    for seed in range(60):
        once = run_passes(groat.load(random_model(seed)).graph)
        assert kinds(run_passes(once)) == kinds(once)


def test_the_verifier_sees_a_broken_pass() -> None:
    m = Builder()
    x = m.input((1, 4, 6, 2), quant=X)
    graph = load(m, m.relu(m.max_pool_2d(x, (2, 2))))
    pool, lut = graph.ops
    number = pool.outputs[0]
    small = replace(graph.tensors[number], shape=(1, 1, 1, 1))
    constant = replace(graph.tensors[number], data=np.zeros((1, 2, 3, 2), np.int8))
    ill_data = replace(graph.tensors[number], data=np.zeros((1, 2, 3, 2), np.float32))
    broken = {
        "before it is written": graph.with_ops((lut, pool)),
        "which is not its own": graph.with_ops((pool, pool, lut)),
        "gives shapes": replace(graph, tensors={**graph.tensors, number: small}),
        "never written": graph.with_ops((pool,)),
        "writes tensor": replace(graph, tensors={**graph.tensors, number: constant}),
        "holds float32": replace(graph, tensors={**graph.tensors, number: ill_data}),
        "of another size": replace(graph, views={number: graph.inputs[0]}),
    }
    for message, bad in broken.items():
        with pytest.raises(VerifyError, match=message):
            verify(bad, "a pass")
    assert verify(graph) is graph
