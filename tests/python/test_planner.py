# SPDX-License-Identifier: Apache-2.0
"""The planner, replayed: every read finds what was written for it, in a packed model and byte by byte.

The replay knows nothing of how the planner works.  It reads places from the packed model, as the device does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.graphs import kinds, pack_as_is, random_int8
from tests.support.random_graphs import random_model
from tools.tflite_builder import Builder, Quant, Tensor

import groat
from groat import _core
from groat.graph import Graph
from groat.ops import op_def, op_row
from groat.pack import pack_steps, structs, write
from groat.passes import run_passes
from groat.planner import Lifetime, Plan, Schedule, lifetimes, offsets, plan_memory
from groat.targets import list_targets, load_target

Array = npt.NDArray[Any]
Place = tuple[int, int]  # offset and length in the arena

ALIGN = 16
X = Quant(0.05, -7)


# ---- The replay --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """What one step touches: places in the arena; a constant has none."""

    reads: tuple[Place | None, ...]
    writes: tuple[Place, ...]
    scratch: Place | None


@dataclass(frozen=True)
class Layout:
    """Where a packed model has everything."""

    arena_bytes: int
    inputs: tuple[Place, ...]
    outputs: tuple[Place, ...]
    steps: tuple[Step, ...]


def layout_of(packed: bytes) -> Layout:
    """Reads the tables of a packed model."""
    header = structs.record(packed, "groat_header", 0)

    def rows(struct: str, section: Any) -> Any:
        return structs.table(packed, struct, section.offset, section.count)

    buffers, tensors = rows("groat_buffer", header.buffers), rows("groat_tensor", header.tensors)
    args, steps = rows("uint16_t", header.args), rows("groat_step", header.steps)
    # One region behind the other.
    bases = [0, *np.cumsum([region.bytes for region in rows("groat_region", header.regions)])]

    def buffer(index: int) -> Place | None:
        found = buffers[index]
        if found.region == structs.constants().GROAT_REGION_FILE:
            return None
        start = bases[found.region - 1] + found.offset
        assert start + found.bytes <= bases[found.region], "beyond the region"
        return int(start), found.bytes

    def places(first: int, count: int) -> tuple[Any, ...]:
        return tuple(buffer(tensors[args[first + i]].buffer) for i in range(count))

    program = structs.record(packed, "groat_program", header.programs.offset)
    io = places(program.args, program.inputs + program.outputs)
    none = structs.constants().GROAT_NONE
    return Layout(
        int(bases[-1]),
        io[: program.inputs],
        io[program.inputs :],
        tuple(
            Step(
                places(step.args, step.inputs),
                places(step.args + step.inputs, step.outputs),
                None if step.scratch == none else buffer(step.scratch),
            )
            for step in steps
        ),
    )


class Arena:
    """Who wrote each byte last."""

    def __init__(self, size: int) -> None:
        self.owner = np.full(size, -1, np.int64)

    def write(self, place: Place, owner: int) -> None:
        offset, length = place
        assert offset + length <= len(self.owner), "beyond the arena"
        self.owner[offset : offset + length] = owner

    def holds(self, place: Place, owner: int) -> bool:
        offset, length = place
        return bool((self.owner[offset : offset + length] == owner).all())


def meet(a: Place, b: Place) -> bool:
    return a[0] < b[0] + b[1] and b[0] < a[0] + a[1]


def replay(graph: Graph, layout: Layout) -> str | None:
    """What first goes wrong when the steps run in this layout; None if nothing does."""
    arena = Arena(layout.arena_bytes)
    for number, place in zip(graph.inputs, layout.inputs, strict=True):
        arena.write(place, graph.root(number))
    for number, place in zip(graph.inputs, layout.inputs, strict=True):
        if not arena.holds(place, graph.root(number)):
            return f"input {number} shares memory with another"
    for index, (op, step) in enumerate(zip(graph.ops, layout.steps, strict=True)):
        reads = op_def(op.kind).arguments(op)
        for number, place in zip(reads, step.reads, strict=True):
            root = graph.root(number)
            if (place is None) != (graph.tensors[root].data is not None):
                return f"step {index}: tensor {number} is a constant on one side only"
            if place is not None and not arena.holds(place, root):
                return f"step {index}: tensor {number} was overwritten before it is read"
        for number, place in zip(op.outputs, step.writes, strict=True):
            if place[1] < graph.tensors[number].nbytes:
                return f"step {index}: tensor {number} has too little memory"
            for position, (source, other) in enumerate(zip(reads, step.reads, strict=True)):
                if other is not None and meet(place, other) and not may_share(graph, index, position, place == other):
                    return f"step {index}: tensor {number} is written where tensor {source} is still read"
            if step.scratch is not None and meet(place, step.scratch):
                return f"step {index}: tensor {number} shares memory with scratch"
        if step.scratch is not None:
            if any(place is not None and meet(place, step.scratch) for place in step.reads):
                return f"step {index}: scratch overwrites what is read"
            arena.write(step.scratch, -2)
        for number, place in zip(op.outputs, step.writes, strict=True):
            arena.write(place, number)
    for number, place in zip(graph.outputs, layout.outputs, strict=True):
        if not arena.holds(place, graph.root(number)):
            return f"output {number} was overwritten before the end"
    return None


def may_share(graph: Graph, step: int, position: int, same_place: bool) -> bool:
    """Whether an op may write over this argument: the very same bytes, and its kernel allows it.

    The rule is stated here once more, by kind of op, so that the ops' own word is not taken for it.
    """
    op = graph.ops[step]
    source, result = graph.tensors[op.inputs[position]], graph.tensors[op.outputs[0]]
    if op.kind == "depthwise_conv_2d":  # row by row, from padded copies of the rows that a window still needs
        height, width = graph.tensors[op.inputs[1]].shape[1:3]
        large = max(height, width) > 7 or max(source.shape[1:3]) * max(height, width) > 144
        alike = source.shape == result.shape and source.shape[3] % 4 == 0 and op.attrs["stride"] == (1, 1)
        return same_place and alike and width > 1 and not large
    elementwise = op.kind in ("add", "mul", "lut", "softmax", "reshape")
    return same_place and elementwise and source.nbytes == result.nbytes and op_row(op.kind).inplace


def packed_with(graph: Graph, plan: Plan) -> Layout:
    return layout_of(write(graph, pack_steps(graph), plan, bytes(32))[0])


def planned(graph: Graph) -> Plan:
    return plan_memory(graph, [step.scratch_bytes for step in pack_steps(graph).steps])


def optimised(seed: int) -> Graph:
    return run_passes(groat.load(random_model(seed)).graph)


def test_no_step_of_a_random_model_finds_its_inputs_overwritten() -> None:
    shared = 0
    for seed in range(600):
        compiled = groat.compile(random_model(seed))
        layout = layout_of(compiled.packed)
        assert replay(compiled.graph, layout) is None, f"random_model({seed})"
        shared += sum(place in step.reads for step in layout.steps for place in step.writes)
        graph, packed = pack_as_is(groat.load(random_model(seed)).graph)
        assert replay(graph, layout_of(packed)) is None, f"random_model({seed}) as it is"
    assert shared > 50  # outputs do take over the memory of inputs


@pytest.mark.parametrize("target", [name for name in list_targets() if load_target(name).packing != "ref"])
def test_nor_does_one_with_the_scratch_of_another_kernel_set(target: str) -> None:
    for seed in range(100):
        compiled = groat.compile(random_model(seed), target)
        assert replay(compiled.graph, layout_of(compiled.packed)) is None, f"random_model({seed})"


# ---- The replay sees faults --------------------------------------------------------------------------------


def residual() -> Graph:
    """x is read again after memory has been needed for something else."""
    m = Builder()
    x = m.max_pool_2d(m.input((1, 8, 8, 4), quant=X), (2, 2))
    large = m.pad(m.transpose(x, (0, 2, 1, 3)), ((0, 0), (3, 3), (3, 3), (0, 0)))
    y = m.max_pool_2d(large, (7, 7), stride=(1, 1))
    return run_passes(groat.load(m.build([m.add(x, y, Quant(0.1))])).graph)


def test_a_lifetime_cut_short_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = residual()
    assert replay(graph, packed_with(graph, planned(graph))) is None
    x = graph.ops[0].outputs[0]
    real = lifetimes

    def cut(graph: Graph, scratch_bytes: Sequence[int], schedule: Schedule | None = None) -> list[Lifetime]:
        found = real(graph, scratch_bytes, schedule)
        (victim,) = (life for life in found if x in life.tensors)
        victim.last_step = 1
        return found

    monkeypatch.setattr(offsets, "lifetimes", cut)
    assert replay(graph, packed_with(graph, planned(graph))) == f"step 4: tensor {x} was overwritten before it is read"


def moved(plan: Plan, index: int, offset: int) -> Plan:
    buffers = list(plan.buffers)
    buffers[index] = replace(buffers[index], offset=offset)
    end = max(b.offset + b.nbytes for b in buffers)
    region = replace(plan.regions[0], nbytes=max(plan.arena_bytes, end + -end % ALIGN))
    return replace(plan, buffers=tuple(buffers), regions=(region,))


def overlaps(plan: Plan) -> Iterator[tuple[int, int]]:
    """Pairs of buffers that live at the same time."""
    for i, a in enumerate(plan.buffers):
        for j, b in enumerate(plan.buffers):
            if i != j and a.first_step <= b.last_step and b.first_step <= a.last_step:
                yield i, j


def test_a_buffer_moved_onto_another_is_seen() -> None:
    """Every pair of buffers that live together, in many models.  The runtime must refuse each of them too."""
    count = 0
    overlap = next(code for name, code, _ in _core.status_table() if name == "E_OVERLAP")
    for seed in range(60):
        graph = optimised(seed)
        plan = planned(graph)
        for i, j in overlaps(plan):
            bad = moved(plan, i, plan.buffers[j].offset)
            packed = write(graph, pack_steps(graph), bad, bytes(32))[0]
            unread = not any(graph.consumers(n) or n in graph.outputs for b in (i, j) for n in plan.buffers[b].tensors)
            assert unread or replay(graph, layout_of(packed)) is not None, f"random_model({seed}), {i} on {j}"
            assert _core.Model.open_status(packed, bad.arena_bytes) == overlap
            count += 1
    assert count > 300


# ---- Lifetimes ---------------------------------------------------------------------------------------------


def spans(graph: Graph) -> dict[int, tuple[int, int]]:
    """From where to where each tensor that has memory holds something: by definition, tensor by tensor."""
    last = len(graph.ops) - 1
    result = {}
    for number, tensor in graph.tensors.items():
        if number in graph.views or tensor.data is not None:
            continue
        writers = [step for step, op in enumerate(graph.ops) if number in op.outputs]
        readers = [
            step
            for step, op in enumerate(graph.ops)
            if any(graph.root(read) == number for read in op_def(op.kind).arguments(op))
        ]
        if number in graph.inputs:
            writers = [0]
        if not writers:
            continue
        ends = [*writers, *readers, *([last] if number in map(graph.root, graph.outputs) else [])]
        result[number] = (writers[0], max(ends))
    return result


def test_lifetimes_are_exact() -> None:
    joined = 0
    for seed in range(200):
        graph = optimised(seed)
        wanted = spans(graph)
        plan = planned(graph)
        assert sorted(n for b in plan.buffers for n in b.tensors) == sorted(wanted)
        for buffer in plan.buffers:
            if buffer.steps:
                (step,) = buffer.steps
                assert (buffer.first_step, buffer.last_step, buffer.tensors) == (step, step, ())
                continue
            chain = [wanted[number] for number in buffer.tensors]
            # Each tensor ends where the next begins: the op that takes its memory over.
            assert all(chain[i][1] == chain[i + 1][0] for i in range(len(chain) - 1))
            assert (buffer.first_step, buffer.last_step) == (chain[0][0], chain[-1][1])
            assert {graph.tensors[number].nbytes for number in buffer.tensors} == {buffer.nbytes}
            joined += len(chain) - 1
    assert joined > 50


def chain_of(*names: str) -> Graph:
    m = Builder()
    x: Tensor = m.input((1, 4, 4, 4), quant=X)
    for name in names:
        if name == "softmax":
            x = m.softmax(x)
        elif name == "logistic":
            x = m.logistic(x)
        elif name == "add":
            x = m.add(x, x, Quant(0.1))
        else:
            x = m.transpose(x, (0, 2, 1, 3))
    return run_passes(groat.load(m.build([x])).graph)


def buffer_count(graph: Graph) -> int:
    return sum(bool(b.tensors) for b in planned(graph).buffers)


def test_an_output_takes_over_what_is_read_for_the_last_time() -> None:
    graph = chain_of("softmax", "logistic", "add")
    assert kinds(graph) == ["softmax", "lut", "add"]
    plan = planned(graph)
    assert buffer_count(graph) == 1
    assert plan.buffers[0].tensors == (graph.inputs[0], *(op.outputs[0] for op in graph.ops))
    assert plan.arena_bytes == 64


def test_an_op_that_cannot_work_in_place_gets_memory_of_its_own() -> None:
    graph = chain_of("transpose")
    plan = planned(graph)
    assert buffer_count(graph) == 2
    assert plan.arena_bytes == 128


def test_what_is_read_again_or_is_an_output_is_not_taken_over() -> None:
    m = Builder()
    x = m.input((1, 4, 4, 4), quant=X)
    first = m.logistic(x)
    again = run_passes(groat.load(m.build([m.add(x, first, Quant(0.1))])).graph)
    assert planned(again).buffers[0].tensors[:2] == (x.index, again.ops[1].outputs[0])

    m = Builder()
    first = m.logistic(m.input((1, 4, 4, 4), quant=X))
    kept = run_passes(groat.load(m.build([first, m.softmax(first)])).graph)
    plan = planned(kept)
    assert plan.buffer_of[kept.outputs[0]] != plan.buffer_of[kept.outputs[1]]


def test_a_repeated_operand_is_not_taken_over() -> None:
    m = Builder()
    x, bias = m.input((1, 4, 4, 4), quant=X), m.input((4,), quant=X)
    graph = run_passes(groat.load(m.build([m.add(bias, x, Quant(0.1))])).graph)
    plan = planned(graph)
    assert plan.buffer_of[graph.outputs[0]] == plan.buffer_of[x.index] != plan.buffer_of[bias.index]


def test_constants_take_no_arena() -> None:
    m = Builder()
    x = m.input((1, 4, 4, 4), quant=X)
    big = m.constant(random_int8(np.random.default_rng(0), (1, 4, 4, 4)), X)
    plan = planned(run_passes(groat.load(m.build([m.add(x, big, Quant(0.1))])).graph))
    assert plan.arena_bytes == 64


def test_an_unused_input_lives_at_the_start_only() -> None:
    m = Builder()
    m.input((1, 64), quant=X)
    x = m.input((1, 64), quant=X)
    y = m.reshape(m.transpose(m.reshape(x, (8, 8)), (1, 0)), (1, 64))
    for name in ("softmax", "relu"):
        y = getattr(m, name)(y)
    graph = run_passes(groat.load(m.build([m.transpose(m.reshape(y, (8, 8)), (1, 0))])).graph)
    plan = planned(graph)
    assert (plan.buffers[0].first_step, plan.buffers[0].last_step) == (0, 0)
    assert plan.arena_bytes == 3 * 64


# ---- Size and order ----------------------------------------------------------------------------------------


def test_an_arena_of_one_byte_less_is_refused() -> None:
    small = next(code for name, code, _ in _core.status_table() if name == "E_ARENA_TOO_SMALL")
    for seed in range(100):
        compiled = groat.compile(random_model(seed))
        size = compiled.plan.arena_bytes
        assert compiled.report["arena_bytes"] == size == _core.Model(compiled.packed).arena_bytes
        assert _core.Model.open_status(compiled.packed, size) == 0
        assert _core.Model.open_status(compiled.packed, size - 1) == small


def test_the_arena_is_never_below_its_bound_and_mostly_at_it() -> None:
    optimal = 0
    for seed in range(300):
        plan = planned(optimised(seed))
        ends = [b.offset + b.nbytes for b in plan.buffers]
        assert plan.lower_bound <= plan.arena_bytes
        assert max(ends) <= plan.arena_bytes < max(ends) + ALIGN
        assert all(b.offset % ALIGN == 0 for b in plan.buffers)
        alive = sum(b.nbytes for b in plan.alive(plan.peak_step))
        assert alive <= plan.lower_bound
        assert all(sum(b.nbytes for b in plan.alive(step)) <= alive for step in range(plan.peak_step + 3))
        optimal += plan.arena_bytes == plan.lower_bound
    assert optimal > 250


def test_a_plan_is_the_same_every_time() -> None:
    for seed in range(50):
        assert planned(optimised(seed)) == planned(optimised(seed))
