# SPDX-License-Identifier: Apache-2.0
"""Tensors that lie in a slow memory while nobody reads them: copies, as steps of their own.

A tensor that is read long after it was written (a residual, a skip connection) takes room in a fast memory all the
time, or is slow to read and write.  Copied right after its first reader, it is written and read fast, and lies in the
slow memory only in between; where it is read often, a second copy fetches it back.  A copy is a RESHAPE to the same
shape.  Copies are added one by one as long as the plan becomes cheaper by them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from groat.graph import Graph, Op
from groat.ops import op_def
from groat.planner.lifetimes import lifetimes
from groat.planner.memories import READINGS, Placement, Region, place, traffic
from groat.planner.streams import Line, Schedule

GAP = 2
"""Steps that a tensor must lie unread before a copy is thought of."""


@dataclass(frozen=True)
class _Version:
    """A graph with its schedule, and the scratch that each step needs."""

    graph: Graph
    schedule: Schedule
    scratch: tuple[int, ...]

    def placement(self, regions: Sequence[Region], packing: str) -> Placement:
        live = lifetimes(self.graph, self.scratch, self.schedule)
        weights = traffic(self.graph, live, self.schedule, READINGS[packing])
        return place(live, weights, regions, thorough=False)


def spill(
    graph: Graph, schedule: Schedule, scratch_bytes: Sequence[int], regions: Sequence[Region], packing: str = "ref"
) -> tuple[Graph, Schedule]:
    """The graph with copies between memories, and its schedule; the same ones where no copy makes the plan cheaper.

    Args:
        scratch_bytes: what each op asks for beside its tensors.
        regions, packing: as of plan_memory.
    """
    best = _Version(graph, schedule, tuple(scratch_bytes))
    rank = best.placement(regions, packing).rank
    while True:
        versions = list(_versions(best))
        ranks = [version.placement(regions, packing).rank for version in versions]
        if not ranks or min(ranks) >= rank:
            return best.graph, best.schedule
        rank = min(ranks)
        best = versions[ranks.index(rank)]


def _versions(version: _Version) -> Iterator[_Version]:
    """All ways to add a copy: one away from where a tensor was, and the same with another one back."""
    graph, schedule = version.graph, version.schedule
    given = {n for s in schedule.streams for n, lines in s.lines.items() if lines[0].producer is None}
    outputs = {graph.root(number) for number in graph.outputs}
    uses: dict[int, list[tuple[int, int, int]]] = {graph.root(number): [(-1, -1, -1)] for number in graph.inputs}
    for step, op in enumerate(graph.ops):
        stream = schedule.stream_of(step)
        first, last = (step, step) if stream is None else (stream.first, stream.last)
        for number in op.outputs:
            uses[number] = [(first, last, number)]
        for number in op_def(op.kind).arguments(op):
            if graph.tensors[graph.root(number)].data is None:
                uses[graph.root(number)].append((first, last, number))
    for root, spans in uses.items():
        if root in given or root in outputs:
            continue
        for (_, last, _), (first, _, number) in itertools.pairwise(spans):
            later = {n for start, _, n in spans if start >= first}
            if first - last > GAP and later == {number}:
                away = _with_copy(version, number, last + 1)
                yield away
                yield _with_copy(away, max(away.graph.tensors), first + 1)


def _with_copy(version: _Version, number: int, position: int) -> _Version:
    """With a copy of a tensor, before the op at a position, for that one and all that follow."""
    graph = version.graph
    tensor, copy = graph.tensors[number], max(graph.tensors) + 1
    op = Op("reshape", (number,), (copy,), {"out_shape": tensor.shape, "apart": True})
    later = (
        replace(op, inputs=tuple(copy if n == number else n for n in op.inputs)) if number in op.inputs else op
        for op in graph.ops[position:]
    )
    return _Version(
        replace(graph, tensors={**graph.tensors, copy: tensor}, ops=(*graph.ops[:position], op, *later)),
        _moved(version.schedule, position, graph.root(number), copy),
        (*version.scratch[:position], 0, *version.scratch[position:]),
    )


def _moved(schedule: Schedule, position: int, number: int, copy: int) -> Schedule:
    """A schedule after an op was put before the one at a position, from where on a tensor is read as a copy."""

    def line(line: Line) -> Line:
        return line if line.producer is None else replace(line, producer=line.producer + 1)

    return Schedule(
        tuple(
            replace(
                s,
                first=s.first + 1,
                lines={written: tuple(map(line, lines)) for written, lines in s.lines.items()},
                over={k: (copy if under == number else under, below) for k, (under, below) in s.over.items()},
                units={step + 1: unit for step, unit in s.units.items()},
            )
            if s.first >= position
            else s
            for s in schedule.streams
        )
    )
