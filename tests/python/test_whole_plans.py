# SPDX-License-Identifier: Apache-2.0
"""Whole plans, layers and streams mixed: every byte that is read is the one that was written, whatever was asked for.

The replay (tests/support/streams.py) reads places from the packed model and knows nothing of the planner.  Plans with a
fault planted in them are seen by it, and refused by the runtime.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import hypothesis
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.random_branches import random_branches
from tests.support.random_cnns import random_cnn
from tests.support.random_graphs import random_inputs
from tests.support.streams import Replay, random_schedule

import groat
from groat import _core
from groat.errors import FitError, InputError
from groat.graph import Graph
from groat.options import INPUTS, SCHEDULES
from groat.pack import pack_steps, write
from groat.passes import run_passes
from groat.planner import Plan
from groat.planner.offsets import blocks_of
from groat.planner.packing import ALIGN, faults, round_up
from groat.targets import list_targets, load_target

TARGETS = sorted({load_target(name).packing: name for name in list_targets()}.values())


@dataclass(frozen=True)
class Wish:
    """A random network, and what is asked for it."""

    seed: int
    branches: bool
    schedule: str
    input: str
    target: str
    ram: float

    @property
    def model(self) -> bytes:
        return random_branches(self.seed) if self.branches else random_cnn(self.seed)


def wishes(seeds: int) -> st.SearchStrategy[Wish]:
    """`ram` is where the budget lies between nothing (0) and the arena of layer by layer (1)."""
    return st.builds(
        Wish,
        st.integers(0, seeds),
        st.booleans(),
        st.sampled_from(SCHEDULES),
        st.sampled_from(INPUTS),
        st.sampled_from(TARGETS),
        st.floats(0, 1),
    )


def check(wish: Wish) -> None:
    layers = groat.compile(wish.model, wish.target, schedule="layer")
    ram = int(wish.ram * layers.plan.arena_bytes)
    ways = {"schedule": wish.schedule, "input": wish.input}
    try:
        compiled = groat.compile(wish.model, wish.target, ram=ram, **ways)
    except InputError:
        hypothesis.assume(wish.input == "rows")
        return
    except FitError as refused:
        ram = refused.facts["smallest_bytes"]
        compiled = groat.compile(wish.model, wish.target, ram=ram, **ways)
        assert compiled.plan.arena_bytes == ram
    assert compiled.plan.arena_bytes <= ram
    assert compiled.plan.lower_bound <= compiled.plan.arena_bytes
    Replay(compiled.graph, compiled.packed, compiled.tensor_ids).run(compiled.plan)
    inputs = random_inputs(wish.model, wish.seed)
    with layers.on("host") as one, compiled.on("host") as other:
        for a, b in zip(one.runner.run(inputs), other.runner.run(inputs), strict=True):
            np.testing.assert_array_equal(a, b)


@given(wishes(100_000))
@settings(deadline=None, derandomize=True, database=None, max_examples=40)
def test_a_plan_for_any_bound_of_ram_is_replayed_and_gives_the_same_outputs(wish: Wish) -> None:
    check(wish)


@pytest.mark.slow
@given(wishes(2**31))
@settings(deadline=None, max_examples=5_000, suppress_health_check=list(hypothesis.HealthCheck))
def test_thousands_of_plans(wish: Wish) -> None:
    check(wish)


# ---- Planted faults ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A graph with layers and streams, planned."""

    graph: Graph
    plan: Plan

    def seen(self, plan: Plan) -> tuple[bool, bool]:
        """Whether a changed plan is (seen by the replay, refused by groat_open)."""
        steps = pack_steps(self.graph, "ref", plan.schedule)
        packed, ids = write(self.graph, steps, plan, bytes(32))
        refused = _core.Model.open_status(packed, plan.arena_bytes) != 0
        try:
            Replay(self.graph, packed, ids).run(plan)
        except AssertionError:
            return True, refused
        return False, refused


def cases(count: int) -> Iterator[Case]:
    for seed in range(count):
        graph = run_passes(groat.load(random_branches(seed) if seed % 2 else random_cnn(seed)).graph)
        found = random_schedule(graph, seed, rows_in=False)
        assert found is not None
        case = Case(graph, found[0])
        assert case.seen(case.plan) == (False, False)
        yield case


def moved(plan: Plan, offsets: list[int]) -> Plan:
    buffers = tuple(replace(b, offset=offset) for b, offset in zip(plan.buffers, offsets, strict=True))
    size = max(b.offset + round_up(b.nbytes) for b in buffers)
    return replace(plan, buffers=buffers, regions=(replace(plan.regions[0], nbytes=size),))


def test_an_offset_that_is_off_by_one_is_seen() -> None:
    """Every buffer moved by one unit towards each of its neighbours."""
    seen = refused = wrong = 0
    for case in cases(8):
        offsets = [b.offset for b in case.plan.buffers]
        for index, offset in enumerate(offsets):
            for shift in (-ALIGN, ALIGN):
                if offset + shift < 0:
                    continue
                changed = [*offsets[:index], offset + shift, *offsets[index + 1 :]]
                meets = bool(faults(blocks_of(case.plan.buffers), changed))
                replayed, closed = case.seen(moved(case.plan, changed))
                assert closed == meets, (index, shift, case.plan)
                assert meets or not replayed
                wrong, seen, refused = wrong + meets, seen + replayed, refused + closed
    assert refused == wrong > 60
    # The last bytes of a buffer may be none of its tensor's, and some tensors nobody reads.
    assert seen > 0.6 * wrong


def test_a_lifetime_that_is_too_short_is_seen() -> None:
    """Every buffer forgotten one step too early, or begun one too late, and another laid where that makes room."""
    refused = wrong = seen = 0
    for case in cases(14):
        buffers = case.plan.buffers
        for index, buffer in enumerate(buffers):
            ends = (replace(buffer, last_step=buffer.last_step - 1), replace(buffer, first_step=buffer.first_step + 1))
            for short in ends if buffer.first_step < buffer.last_step else ():
                changed = replace(case.plan, buffers=(*buffers[:index], short, *buffers[index + 1 :]))
                blocks, real = blocks_of(changed.buffers), blocks_of(buffers)
                for other in range(len(buffers)):
                    if other == index or blocks[other].meets(blocks[index]) or not real[other].meets(real[index]):
                        continue
                    offsets = [b.offset for b in buffers]
                    offsets[other] = offsets[index]
                    replayed, closed = case.seen(moved(changed, offsets))
                    refused, wrong, seen = refused + closed, wrong + 1, seen + replayed
    assert refused == wrong > 15
    assert seen > 0.8 * wrong
