# SPDX-License-Identifier: Apache-2.0
"""Packing: no two blocks meet, the bound is one, and the solver proves what the greedy method reaches nearly always."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.support.packings import collisions, random_blocks, smallest, with_overlap
from tests.support.random_cnns import random_cnn
from tests.support.random_graphs import random_inputs
from tools.tflite_builder import Builder, Quant

import groat
from groat.errors import InputError
from groat.pack import pack_steps
from groat.passes import run_passes
from groat.planner import Effort, Plan, packing, plan_memory, solve, ways
from groat.planner.packing import ALIGN, ORDERS, Block, FirstFit, Packing, faults, lower_bound, pack, round_up
from groat.planner.solver import solve_packing
from groat.runners.host import HostRunner

ABOVE = 2184  # a seed whose blocks have no packing that reaches the bound
needs_solver = pytest.mark.skipif(importlib.util.find_spec("ortools") is None, reason="OR-tools is not installed")


def greedy_of(blocks: list[Block]) -> int:
    """The lowest of the plain orders, without a search."""
    fit = FirstFit(blocks)
    orders = [sorted(range(len(blocks)), key=lambda i, order=order: (*order(blocks[i]), i)) for order in ORDERS]
    return min(fit.place(order)[1] for order in orders)


def test_no_packing_has_blocks_that_meet() -> None:
    overlapping = searched = 0
    for seed in range(50):
        for blocks in (random_blocks(seed), with_overlap(random_blocks(seed), seed)):
            found = pack(blocks)
            assert collisions(blocks, found.offsets) == []
            assert faults(blocks, found.offsets) == []
            ends = [offset + block.nbytes for offset, block in zip(found.offsets, blocks, strict=True)]
            assert found.bound <= found.height == max(ends) <= greedy_of(blocks)
            assert all(offset >= 0 and offset % ALIGN == 0 for offset in found.offsets)
            searched += found.height < greedy_of(blocks)
            overlapping += found.height < pack([Block(b.nbytes, b.first, b.last) for b in blocks]).height
    assert searched > 5
    assert overlapping > 10


def test_faults_are_seen() -> None:
    """Two ways to look for them, on offsets that nobody chose."""
    wrong = 0
    for seed in range(200):
        blocks = with_overlap(random_blocks(seed, most=10, steps=6, units=8), seed)
        offsets = [(seed * 7 + 5 * i) % 11 * ALIGN for i in range(len(blocks))]
        assert sorted(faults(blocks, offsets)) == collisions(blocks, offsets)
        wrong += bool(faults(blocks, offsets))
    assert wrong > 100


def test_one_may_lie_over_another_from_a_distance_on() -> None:
    under = Block(64, 0, 1)
    for below, height in ((0, 64), (16, 80), (48, 112), (96, 128), (-32, 64)):
        found = pack([under, Block(64, 1, 2, over=0, below=below)])
        assert found == Packing(found.offsets, height, height)
    # Behind the block that it lies over there is no way but beyond it.
    fixed = pack([Block(32, 0, 9), under, Block(64, 1, 2, over=1, below=16), Block(16, 2, 3)])
    assert fixed.height == fixed.bound == 112


@needs_solver
def test_the_solver_finds_the_optimum_and_proves_it() -> None:
    """Against all packings of few small blocks; some of these have an optimum above the bound."""
    above = 0
    for seed in (*range(60), ABOVE):
        blocks = with_overlap(random_blocks(seed, most=8, steps=7, units=4), seed)
        blocks = blocks if len(blocks) <= 4 else [Block(b.nbytes, b.first, b.last) for b in blocks[:4]]
        start = pack(blocks)
        optimum = smallest(blocks, start.height)
        assert start.bound == lower_bound(blocks) <= optimum
        apart = tuple(sum(b.nbytes for b in blocks[:i]) for i in range(len(blocks)))
        found = solve_packing(blocks, Packing(apart, sum(b.nbytes for b in blocks), start.bound), Effort())
        assert found.height == found.bound == optimum, seed
        assert collisions(blocks, found.offsets) == []
        above += optimum > start.bound
    assert above > 0


@needs_solver
def test_the_greedy_method_reaches_nearly_always_what_the_solver_proves() -> None:
    reached = proven = 0
    for seed in range(200, 300):
        blocks = random_blocks(seed)
        start = pack(blocks)
        reached += start.height == start.bound
        if start.height > start.bound:
            found = solve_packing(blocks, start, Effort(2.0))
            assert collisions(blocks, found.offsets) == []
            assert start.bound <= found.bound <= found.height <= start.height
            assert found == solve_packing(blocks, start, Effort(2.0))  # every time
            proven += found.height == found.bound
    assert reached >= 95
    assert reached + proven >= 98


# ---- Plans -------------------------------------------------------------------------------------------------


def planned(seed: int, kind: str) -> Plan:
    (way,) = ways(run_passes(groat.load(random_cnn(seed)).graph), kind, False, 1.0)
    steps = pack_steps(way.graph, "ref", way.schedule)
    return plan_memory(way.graph, [step.scratch_bytes for step in steps.steps], way.schedule)


def test_plans_of_random_networks_are_optimal_without_a_solver() -> None:
    plans = [planned(seed, kind) for seed in range(60) for kind in ("layer", "stream")]
    assert all(plan.gap_bytes == plan.arena_bytes - plan.lower_bound for plan in plans)
    assert all(plan.optimal == (plan.gap_bytes == 0) for plan in plans)
    assert sum(plan.optimal for plan in plans) >= 116  # of 120


def test_a_scalar_is_no_row() -> None:
    """An output without dimensions, in a model that is asked to stream."""
    m = Builder()
    x = m.input((1, 4, 4, 2), quant=Quant(0.05))
    model = m.build([m.relu(m.mean(x, [0, 1, 2, 3], Quant(0.05)), Quant(0.05))])
    (way,) = ways(run_passes(groat.load(model).graph), "stream", False, 1.0)
    assert way.schedule.streams == ()


@needs_solver
def test_a_plan_is_solved_from_where_it_is() -> None:
    plan = planned(3, "layer")
    assert plan.optimal
    assert solve(plan) == plan
    # One that wastes memory: every buffer has its own.
    offsets = [sum(round_up(b.nbytes) for b in plan.buffers[:i]) for i in range(len(plan.buffers))]
    loose = replace(
        plan,
        buffers=tuple(replace(b, offset=o) for b, o in zip(plan.buffers, offsets, strict=True)),
        regions=(replace(plan.regions[0], nbytes=offsets[-1] + round_up(plan.buffers[-1].nbytes)),),
    )
    assert loose.gap_bytes > 0
    seen: list[tuple[int, int]] = []
    tight = solve(loose, Effort(), lambda arena, bound: seen.append((arena, bound)))
    assert (tight.arena_bytes, tight.optimal) == (plan.arena_bytes, True)
    assert seen[-1][0] == plan.arena_bytes


def test_without_or_tools_the_solver_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    message = r"OR-tools is not installed: pip install 'groat\[ortools\]', or use solver 'greedy'"
    with pytest.raises(InputError, match=message):
        solve(planned(3, "layer"))
    with pytest.raises(InputError, match=message):
        groat.compile(random_cnn(3), solver="cp-sat")


@needs_solver
def test_a_compiled_model_is_solved_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the greedy method is made a bad one: the same outputs from a smaller arena."""
    monkeypatch.setattr(packing, "ORDERS", (lambda b: (b.nbytes, b.first),))
    monkeypatch.setattr(packing, "WORK", 0)
    better = 0
    for seed in range(40):
        model = random_cnn(seed)
        greedy, solved = (groat.compile(model, solver=solver) for solver in ("greedy", "cp-sat"))
        assert solved.plan.arena_bytes == solved.plan.lower_bound == solved.report["arena_bytes"]
        assert solved.report["optimal"] is True
        assert greedy.report["optimal"] is True or greedy.report["optimal"] == greedy.plan.gap_bytes > 0
        if greedy.plan.optimal:
            assert solved.packed == greedy.packed
            continue
        better += 1
        inputs = random_inputs(model, seed)
        for ours, theirs in zip(run(solved, inputs), run(greedy, inputs), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert better > 2


def run(compiled: groat.Compiled, inputs: list[Any]) -> list[Any]:
    with HostRunner(compiled.packed) as runner:
        return list(runner.run(inputs))
