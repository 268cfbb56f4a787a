# SPDX-License-Identifier: Apache-2.0
"""The order of ops: as few bytes alive as in the best of all orders, and the same outputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from tests.support.random_branches import random_branches
from tests.support.random_cnns import random_cnn
from tests.support.random_graphs import random_inputs
from tools.tflite_builder import Builder, Quant

import groat
from groat.graph import Graph, verify
from groat.ops import op_def
from groat.oracle.tflm import Tflm, is_installed
from groat.pack import pack_steps
from groat.passes import run_passes
from groat.planner import Plan, plan_memory
from groat.planner.order import best_order, in_order


def imported(model: bytes) -> Graph:
    return run_passes(groat.load(model).graph)


def scratch_of(graph: Graph) -> list[int]:
    return [step.scratch_bytes for step in pack_steps(graph).steps]


def planned(graph: Graph) -> Plan:
    return plan_memory(graph, scratch_of(graph))


def ordered(graph: Graph, *limits: int) -> Graph:
    """The graph in its best order; the same object if that is its own."""
    scratch = scratch_of(graph)
    order = best_order(graph, scratch, *limits)
    assert best_order(graph, scratch, *limits) == order
    return graph if order == list(range(len(graph.ops))) else in_order(graph, order)


def orders(graph: Graph, most: int) -> Iterator[list[int]]:
    """All orders in which the ops can run, by definition; at most so many."""
    needs = [
        {
            other
            for other, maker in enumerate(graph.ops)
            if any(graph.root(number) in maker.outputs for number in op_def(op.kind).arguments(op))
        }
        for op in graph.ops
    ]

    def grow(order: list[int]) -> Iterator[list[int]]:
        if len(order) == len(needs):
            yield order
        for position, needed in enumerate(needs):
            if position not in order and needed <= set(order):
                yield from grow([*order, position])

    for count, order in enumerate(grow([])):
        if count == most:
            return
        yield order


def test_it_is_the_best_of_all_orders() -> None:
    better = 0
    for seed in range(60):
        graph = imported(random_branches(seed, blocks=1) if seed % 4 else random_cnn(seed))
        all_orders = list(orders(graph, 400))
        if len(all_orders) == 400:
            continue
        scratch = scratch_of(graph)
        least = min(
            plan_memory(in_order(graph, order), [scratch[i] for i in order]).lower_bound for order in all_orders
        )
        found = ordered(graph)
        assert planned(found).lower_bound == least, seed
        assert (found is graph) == (planned(graph).lower_bound == least), seed
        better += found is not graph
    assert better > 8


def test_outputs_are_the_same_in_less_memory() -> None:
    better = 0
    for seed in range(100, 140):
        model = random_branches(seed)
        graph = imported(model)
        found = ordered(graph)
        if found is graph:
            continue
        better += 1
        assert planned(found).arena_bytes < planned(graph).arena_bytes
        assert sorted(map(id, found.ops)) == sorted(map(id, graph.ops))
        verify(found, "best_order")
        inputs = random_inputs(model, seed)
        ours, theirs = (groat.compile(each, schedule="layer").on("host") for each in (found, graph))
        with ours, theirs:
            wanted = theirs.runner.run(inputs)
            results = [wanted, ours.runner.run(inputs)]
        if is_installed():
            results.append(Tflm(model).run(inputs))
        for result in results[1:]:
            for a, b in zip(wanted, result, strict=True):
                np.testing.assert_array_equal(a, b, f"random_branches({seed})")
    assert better > 15


def test_a_beam_takes_over_where_there_are_too_many_sets() -> None:
    reached = 0
    for seed in range(40):
        graph = imported(random_branches(seed))
        exact, beam, narrow = (
            planned(ordered(graph, *limits)).lower_bound for limits in ((10_000, 1), (0, 50), (0, 1))
        )
        assert exact <= beam <= planned(graph).lower_bound
        assert exact <= narrow <= planned(graph).lower_bound
        reached += exact == beam < planned(graph).lower_bound
    assert reached > 10


def test_where_there_is_one_order_the_graph_is_the_same() -> None:
    m = Builder()
    x = m.input((1, 8, 8, 4), quant=Quant(0.05))
    for _ in range(4):
        x = m.conv_2d(x, np.ones((4, 3, 3, 4), np.int8), None, Quant(0.01), Quant(0.05))
    graph = imported(m.build([x]))
    assert ordered(graph) is graph


def test_what_waits_is_made_small_first() -> None:
    """A long connection that ends in a pool: the pool runs before the rest, though the file has it last."""
    m = Builder()
    x = m.input((1, 12, 12, 1), quant=Quant(0.05))
    wide = m.conv_2d(x, np.ones((16, 3, 3, 1), np.int8), None, Quant(0.01), Quant(0.05), padding="SAME")
    y = m.conv_2d(wide, np.ones((8, 3, 3, 16), np.int8), None, Quant(0.01), Quant(0.05), stride=(2, 2), padding="SAME")
    y = m.conv_2d(y, np.ones((64, 1, 1, 8), np.int8), None, Quant(0.01), Quant(0.05))
    y = m.conv_2d(y, np.ones((8, 1, 1, 64), np.int8), None, Quant(0.01), Quant(0.05))
    small = m.max_pool_2d(wide, (2, 2), stride=(2, 2))
    graph = imported(m.build([m.concatenation([y, small], 3)]))
    assert [op.kind for op in graph.ops].index("max_pool_2d") == 4
    assert [op.kind for op in ordered(graph).ops].index("max_pool_2d") <= 2


@pytest.mark.slow
def test_many_orders() -> None:
    for seed in range(1000, 3000):
        graph = imported(random_branches(seed) if seed % 2 else random_cnn(seed))
        found = ordered(graph)
        assert found is graph or planned(found).arena_bytes < planned(graph).arena_bytes
