# SPDX-License-Identifier: Apache-2.0
"""Which tensors share a buffer, and from which step to which each buffer holds something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from groat.graph import Graph
from groat.ops import op_def, op_row
from groat.planner.streams import STATE_BYTES, Schedule, Stream


@dataclass
class Lifetime:
    """A buffer before it has a place.

    Attributes:
        tensors: those that lie in it, in the order they are written; empty for scratch and state.
        first_step, last_step: inclusive.  An input lives from the first step of its program, an output to the last; a
            state is alive throughout.
        steps: whose scratch this is; those of one stream share it.
        stream: whose state this is (index in the schedule), or None.
        over: index of a buffer that this one may lie over if it starts at least `below` bytes before it, since what is
            written there is read no more; None for most.  `below` is a multiple of 16, and may be negative.
    """

    tensors: list[int]
    nbytes: int
    first_step: int
    last_step: int
    steps: tuple[int, ...] = ()
    stream: int | None = None
    over: int | None = None
    below: int = 0


def lifetimes(graph: Graph, scratch_bytes: Sequence[int], schedule: Schedule | None = None) -> list[Lifetime]:
    """Buffers of a graph whose ops run in their order, with the scratch that each step needs.

    An output takes over an input's buffer where the op allows it and nothing reads the input afterwards.  Whatever a
    stream touches is alive from its first step to its last.
    """
    schedule = schedule if schedule is not None else Schedule()
    stream_at: dict[int, Stream] = {s.first + i: s for s in schedule.streams for i in range(s.count)}
    last_use: dict[int, int] = {}
    for step, op in enumerate(graph.ops):
        for number in op_def(op.kind).arguments(op):
            last_use[graph.root(number)] = stream_at[step].last if step in stream_at else step
    for program in graph.programs:
        for number in program.outputs:
            last_use[graph.root(number)] = program.last

    result: list[Lifetime] = []
    buffer_of: dict[int, Lifetime] = {}
    given = {number for s in schedule.streams for number, lines in s.lines.items() if lines[0].producer is None}

    def new(number: int, first: int, nbytes: int | None = None) -> None:
        last = last_use.get(number, first)
        size = graph.tensors[number].nbytes if nbytes is None else nbytes
        buffer_of[number] = Lifetime([number], size, first, last)
        result.append(buffer_of[number])

    for number in graph.states:
        last_use[number] = len(graph.ops) - 1
        new(number, 0)
    inputs = {program.first: program.inputs for program in graph.programs}
    for step, op in enumerate(graph.ops):
        for number in inputs.get(step, ()):
            if graph.root(number) not in given and graph.root(number) not in buffer_of:
                new(graph.root(number), step)
        if step in stream_at:
            if step == stream_at[step].first:
                before = dict(buffer_of)
                result += _of_stream(graph, stream_at[step], scratch_bytes, last_use, buffer_of)
                result[-1].stream = schedule.streams.index(stream_at[step])
                for number, (under, below) in stream_at[step].over.items():
                    buffer_of[number].over = next(i for i, b in enumerate(result) if b is before[under])
                    buffer_of[number].below = below
            continue
        if not _takes_over(graph, step, last_use, buffer_of):
            for number in op.outputs:
                if number not in graph.states:
                    new(number, step)
        if scratch_bytes[step] > 0:
            result.append(Lifetime([], scratch_bytes[step], step, step, (step,)))
    return result


def _takes_over(graph: Graph, step: int, last_use: dict[int, int], buffer_of: dict[int, Lifetime]) -> bool:
    """Lets the output of an op lie in the buffer of an input, if it may."""
    op = graph.ops[step]
    if not op_row(op.kind).inplace or len(op.outputs) > 1 or op.outputs[0] in graph.states:
        return False
    inputs = [graph.tensors[number] for number in op.inputs]
    outputs = [graph.tensors[number] for number in op.outputs]
    for index in op_def(op.kind).inplace(op, inputs, outputs):
        buffer = buffer_of.get(graph.root(op.inputs[index]))
        # Outputs of the graph end with the last step, but must stay readable after it.
        outs = (number for program in graph.programs for number in program.outputs)
        kept = buffer is not None and any(graph.root(out) in buffer.tensors for out in outs)
        if buffer is not None and buffer.last_step == step and not kept:
            number = op.outputs[0]
            buffer.tensors.append(number)
            buffer.last_step = last_use.get(number, step)
            buffer_of[number] = buffer
            return True
    return False


def _of_stream(
    graph: Graph,
    stream: Stream,
    scratch_bytes: Sequence[int],
    last_use: dict[int, int],
    buffer_of: dict[int, Lifetime],
) -> list[Lifetime]:
    """Buffers of a stream: of its lines, of its scratch, and last of its state."""
    result: list[Lifetime] = []
    for number in stream.lines:
        leader = stream.shares.get(number, number)
        buffer = buffer_of.get(leader)
        if buffer is None:
            buffer = Lifetime([], 0, stream.first, stream.last)
            buffer_of[leader] = buffer
            result.append(buffer)
        buffer.tensors.append(number)
        buffer.nbytes = max(buffer.nbytes, stream.nbytes[number])
        buffer.last_step = max(buffer.last_step, last_use.get(number, stream.last))
        buffer_of[number] = buffer
    steps = range(stream.first, stream.last + 1)
    # Sums live from row to row, so that scratch is nobody else's.
    sums = [step for step in steps if adds_up(graph, step)]
    shared = tuple(step for step in steps if step not in sums and scratch_bytes[step] > 0)
    for owners in [(step,) for step in sums] + ([shared] if shared else []):
        size = max(scratch_bytes[step] for step in owners)
        result.append(Lifetime([], size, stream.first, stream.last, owners))
    lines = sum(len(of_tensor) for of_tensor in stream.lines.values())
    result.append(Lifetime([], STATE_BYTES * lines, stream.first, stream.last))
    return result


def adds_up(graph: Graph, step: int) -> bool:
    """Whether an op of a stream keeps sums from row to row, in what it calls scratch."""
    op = graph.ops[step]
    inputs = [graph.tensors[number] for number in op.inputs]
    rows = op_def(op.kind).rows(op, inputs, [graph.tensors[number] for number in op.outputs])
    return rows is not None and rows.adds_up
