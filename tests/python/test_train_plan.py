# SPDX-License-Identifier: Apache-2.0
"""Which layers to train under bounds: the knapsack against all subsets, and plans that keep to their bounds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.float_nets import Net, digits_net

import groat
from groat.graph import Graph
from groat.train.loop import Data
from groat.train.plan import BUCKETS, Choice, knapsack, plan_training


@st.composite
def choices(draw: st.DrawFn) -> list[Choice]:
    found = []
    for layer in range(draw(st.integers(1, 4))):
        for number in range(draw(st.integers(1, 2))):
            benefit = draw(st.floats(0.01, 10))
            found.append(
                Choice(f"{layer}/{number}", layer, benefit, draw(st.integers(0, 900)), draw(st.integers(0, 900)))
            )
    return found


@given(choices(), st.one_of(st.none(), st.integers(1, 2000)), st.one_of(st.none(), st.integers(1, 2000)))
@settings(deadline=None, max_examples=150)
def test_no_subset_is_better(found: list[Choice], ram: int | None, macs: int | None) -> None:
    picked = knapsack(found, 0, ram, macs)

    def cost(subset: tuple[Choice, ...], of: str, bound: int) -> int:
        return sum(-(-getattr(choice, of) * BUCKETS // bound) for choice in subset)

    def allowed(subset: tuple[Choice, ...]) -> bool:
        layers = [choice.layer for choice in subset]
        return (
            0 in layers
            and len(set(layers)) == len(layers)
            and (ram is None or cost(subset, "parameter_bytes", ram) <= BUCKETS)
            and (macs is None or cost(subset, "update_macs", macs) <= BUCKETS)
        )

    subsets = [s for n in range(1, len(found) + 1) for s in itertools.combinations(found, n) if allowed(s)]
    best = max((sum(choice.benefit for choice in subset) for subset in subsets), default=0.0)
    assert sum(choice.benefit for choice in picked) == pytest.approx(best)
    if picked:
        assert ram is None or sum(choice.parameter_bytes for choice in picked) <= ram
        assert macs is None or sum(choice.update_macs for choice in picked) <= macs


def task() -> tuple[Graph, Data]:
    """A network that can only be right by its weights: which of two rows is brighter."""
    net = Net((6, 6, 1), 4)
    net.conv(4)
    net.conv(8, stride=2)
    net.dense(2)
    net.softmax()
    rng = np.random.default_rng(0)
    x = rng.random((160, 6, 6, 1)).astype(np.float32)
    y = (x[:, 1].mean(axis=(1, 2)) > x[:, 4].mean(axis=(1, 2))).astype(np.int32)
    return net.graph("task"), Data(x[:120], y[:120], x[120:], y[120:])


def test_a_plan_keeps_its_bounds_and_says_what_it_measured() -> None:
    graph, data = task()
    everything = groat.compile(graph, train=groat.Train())
    ram = everything.plan.arena_bytes * 3 // 4
    plan = plan_training(graph, data, ram=ram, lr=0.05, steps=60)
    assert plan.arena_bytes <= ram
    assert plan.chosen
    assert groat.compile(graph, train=groat.Train(layers=plan.chosen)).plan.arena_bytes == plan.arena_bytes
    report = plan.report
    assert [row["name"] for row in report["choices"] if row["chosen"]] == sorted(plan.chosen)
    assert {row["name"] for row in report["choices"]} >= {"conv_2d_0", "conv_2d_0:bias", "fully_connected_2"}


def test_bounds_that_nothing_keeps() -> None:
    graph, data = task()
    with pytest.raises(groat.FitError, match="no layer can be trained with these bounds"):
        plan_training(graph, data, ram=100, steps=20)
    with pytest.raises(groat.InputError, match="needs a bound"):
        plan_training(graph, data)


def test_layers_that_learn_by_themselves_are_not_judged() -> None:
    data = Data(
        np.zeros((2, 8, 8, 1), np.float32), np.zeros(2, np.int32), np.zeros((2, 8, 8, 1)), np.zeros(2, np.int32)
    )
    with pytest.raises(groat.InputError, match="judges layers by the one loss"):
        plan_training(digits_net(), data, "host", groat.Train(algorithm="forward-forward"), ram=100_000)
