# SPDX-License-Identifier: Apache-2.0
"""Several memories: the same bytes wherever a plan puts things, nothing outside its region, and little in slow ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from tests.golden import models
from tests.support.random_cnns import random_cnn
from tests.support.random_graphs import random_inputs
from tests.support.streams import Replay

import groat
from groat.analysis import analyze_model
from groat.compiler import compile_model, regions_of
from groat.errors import FitError, InputError
from groat.pack import pack_steps, read
from groat.passes import run_passes
from groat.planner import Region, Schedule, lifetimes, plan_memory, spill
from groat.planner.lifetimes import Lifetime
from groat.planner.memories import Reading, place, traffic
from groat.runners.host import HostRunner
from groat.targets import load_target

RESIDUAL = models.build("with_two_memories")

# ---- The same bytes -----------------------------------------------------------------------------------------


def compare(seed: int, schedule: str) -> tuple[int, int]:
    """Runs a network in one memory and in two, the fast one small: (regions, copies) of all plans."""
    model = random_cnn(seed)
    inputs = [random_inputs(model, seed + k) for k in range(2)]
    plain = compile_model(model)
    with HostRunner(plain.packed) as runner:
        wanted = [runner.run(x) for x in inputs]
    regions = copies = 0
    for part in (0.1, 0.3, 0.7):
        fast = int(plain.plan.arena_bytes * part)
        compiled = compile_model(model, schedule=schedule, memories=f"fast:{fast},slow")
        sizes = {region.name: region.nbytes for region in read(compiled.packed).regions}
        assert sizes.get("fast", 0) <= fast
        assert sum(sizes.values()) == compiled.plan.arena_bytes
        Replay(compiled.graph, compiled.packed, compiled.tensor_ids).run(compiled.plan)
        with HostRunner(compiled.packed) as runner:
            for ours, x in zip(wanted, inputs, strict=True):
                for a, b in zip(ours, runner.run(x), strict=True):
                    np.testing.assert_array_equal(a, b, f"random_cnn({seed}), {schedule}, fast:{fast}")
        regions += len(sizes)
        copies += len(compiled.report["copies"])
    return regions, copies


@pytest.mark.parametrize("schedule", ["layer", "stream", "auto"])
def test_random_networks_in_two_memories(schedule: str) -> None:
    found = [compare(seed, schedule) for seed in range(25)]
    assert sum(regions for regions, _ in found) > 100  # of 150: most use both
    if schedule == "layer":
        assert sum(copies for _, copies in found) > 5


@pytest.mark.slow
def test_many_random_networks_in_two_memories() -> None:
    for seed in range(30_000, 31_000):
        compare(seed, ("layer", "stream", "auto")[seed % 3])


def test_four_memories() -> None:
    model = groat.load(RESIDUAL)
    compiled = compile_model(model, "cortex-m55", schedule="layer", memories="sram1:1K,dtcm:512,ddr,sram2:2K")
    assert [memory["name"] for memory in compiled.report["memories"]] == ["sram1", "dtcm", "ddr", "sram2"]
    inputs = random_inputs(RESIDUAL, 1)
    with HostRunner(compiled.packed) as several, HostRunner(compile_model(model).packed) as one:
        np.testing.assert_array_equal(several.run(inputs)[0], one.run(inputs)[0])


# ---- How good a placement is ----------------------------------------------------------------------------------


def optimum(live: Sequence[Lifetime], weights: Sequence[int], fast: int, cost: float) -> float:
    """The least cost of all choices of what lies in a fast memory of so many bytes; no offsets are asked for, so that
    no placement can cost less."""
    fits = np.zeros((max(b.last_step for b in live) + 1, len(live)))
    for index, buffer in enumerate(live):
        fits[buffer.first_step : buffer.last_step + 1, index] = -(-buffer.nbytes // 16) * 16
    gain = np.array(weights) * (cost - 1.0)
    found = milp(-gain, constraints=LinearConstraint(fits, -np.inf, fast), integrality=1, bounds=Bounds(0, 1))
    assert found.success
    return float(cost * sum(weights) + found.fun)


def test_placements_cost_hardly_more_than_the_optimum() -> None:
    ratios = []
    for seed in range(40):
        graph = run_passes(groat.load(random_cnn(seed)).graph)
        scratch = [step.scratch_bytes for step in pack_steps(graph).steps]
        live = lifetimes(graph, scratch)
        weights = traffic(graph, live, Schedule())
        for part in (0.1, 0.25, 0.5):
            fast = int(plan_memory(graph, scratch).arena_bytes * part)
            found = place(live, weights, (Region("slow", None, 8.0), Region("fast", fast, 1.0)))
            ratios.append(found.cost / optimum(live, weights, fast, 8.0))
            assert found.missing == 0
    assert min(ratios) > 1 - 1e-6
    assert max(ratios) < 1.15
    assert float(np.mean(ratios)) < 1.005


def test_traffic_of_a_convolution() -> None:
    """Without scratch, so that the input is what the kernel reads again and again."""
    graph = run_passes(groat.load(RESIDUAL).graph)
    steps = pack_steps(graph).steps
    live = lifetimes(graph, [0] * len(steps))
    (x,) = graph.inputs
    index = next(i for i, buffer in enumerate(live) if x in buffer.tensors)
    for in_place in (False, True):
        weights = traffic(graph, live, Schedule(), Reading(0.25, in_place))
        assert weights[index] == 2 * 8 * 8 * 4 + 8 * 8 * 4 * 8 // 4


# ---- Copies -------------------------------------------------------------------------------------------------


def test_a_residual_goes_to_the_slow_memory_and_comes_back() -> None:
    compiled = compile_model(RESIDUAL, schedule="layer", memories="fast:2K,slow")
    graph = compiled.graph
    away, back = (step for step, op in enumerate(graph.ops) if op.kind == "reshape")
    buffers = [compiled.plan.buffers[compiled.plan.buffer_of[graph.ops[step].outputs[0]]] for step in (away, back)]
    names = [compiled.plan.regions[buffer.region].name for buffer in buffers]
    assert names == ["slow", "fast"]
    assert graph.ops[back].inputs == graph.ops[away].outputs
    assert len(compiled.report["copies"]) == 2

    plain = run_passes(groat.load(RESIDUAL).graph)
    regions = regions_of(load_target("host"), "fast:1K,slow")
    without = plan_memory(plain, [step.scratch_bytes for step in pack_steps(plain).steps], None, regions)
    assert compiled.plan.cost < without.cost


def test_no_copy_where_all_is_fast_or_nothing_is() -> None:
    graph = run_passes(groat.load(RESIDUAL).graph)
    scratch = [step.scratch_bytes for step in pack_steps(graph).steps]
    for fast, cost in ((1 << 20, 8.0), (0, 8.0), (1024, 1.0)):
        regions = (Region("fast", fast, 1.0), Region("slow", None, cost))
        assert spill(graph, Schedule(), scratch, regions)[0] is graph


# ---- What is asked for ----------------------------------------------------------------------------------------


def test_one_memory_of_several() -> None:
    report = compile_model(RESIDUAL, "cortex-m55", memories="dtcm").report
    assert [memory["name"] for memory in report["memories"]] == ["dtcm"]
    assert compile_model(RESIDUAL, "cortex-m55").report["memories"][0]["name"] == "sram2"
    whole = compile_model(RESIDUAL, "cortex-m4", memories="psram").plan.arena_bytes
    assert compile_model(RESIDUAL, "cortex-m4", memories=f"psram:{whole - 16}").plan.arena_bytes < whole


@pytest.mark.parametrize(
    ("memories", "message"),
    [
        ("flash:1K,sram", "target cortex-m4 has no memory 'flash' for activations; there are: sram, psram"),
        ("code", "no memory 'code'"),
        ("sram:4M,psram", "memories has 4,194,304 bytes of sram; cortex-m4 has 4,192,256 there"),
        ("sram:1K,sram", "memories names sram twice"),
        ("sram:much", "'much' is not a size"),
        ("", "no memory ''"),
    ],
)
def test_memories_that_are_none(memories: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compile_model(RESIDUAL, "cortex-m4", memories=memories)


def test_memories_and_ram_are_one_too_many() -> None:
    with pytest.raises(InputError, match="memories and ram both say what the arena may take"):
        compile_model(RESIDUAL, "cortex-m4", memories="sram:1K,psram", ram=1024)


def test_memories_that_are_too_small() -> None:
    with pytest.raises(FitError, match=r"the memories fast:256,slow:512 are too small by [\d,]+ bytes"):
        compile_model(RESIDUAL, memories="fast:256,slow:512")
    report = analyze_model(RESIDUAL, "host", memories="fast:256,slow:512")
    assert not report["fits"]
    assert report["ram_bytes"] == 768
    assert analyze_model(RESIDUAL, "host", memories="fast:256,slow:64K")["fits"]


def test_a_plan_is_the_same_every_time() -> None:
    first = compile_model(RESIDUAL, memories="fast:2K,slow")
    assert compile_model(RESIDUAL, memories="fast:2K,slow").packed == first.packed
