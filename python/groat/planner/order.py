# SPDX-License-Identifier: Apache-2.0
"""In which order the ops run: of all orders that the graph allows, one with the fewest bytes alive at any time.

Branches may run one after the other or side by side, and what waits meanwhile takes memory.  What is alive depends
only on which ops have run, not on their order, so an order is a path through sets of ops.  The search takes the set
whose path has the lowest peak, of these the largest: the first path to the end is the best there is.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from groat.graph import Graph
from groat.ops import op_def, op_row
from groat.planner.offsets import plan_memory
from groat.planner.packing import round_up

SETS = 10_000  # that the exact search looks at, before a beam takes over
BEAM = 50  # sets of each size that the beam keeps


@dataclass(frozen=True)
class _Op:
    """An op as the search sees it.

    Attributes:
        needs: the ops that run before it, as bits.
        reads: tensors that it reads and that have memory.
        writes: bytes of its outputs; kept: of those that are read later.
        scratch: bytes.
        over: tensors of which its output may take over one, if it is the last to read it.
    """

    needs: int
    reads: tuple[int, ...]
    writes: int
    kept: int
    scratch: int
    over: tuple[int, ...]


class _Orders:
    """Sets of ops, as bits, and what is alive between and in their steps."""

    def __init__(self, graph: Graph, scratch_bytes: Sequence[int]) -> None:
        outputs = {graph.root(number) for number in graph.outputs}
        inputs = {graph.root(number) for number in graph.inputs}
        maker = {
            number: 1 << position
            for position, op in enumerate(graph.ops)
            for number in op.outputs
            if number not in graph.states
        }
        waits = _around_states(graph)
        self._bytes = {number: round_up(graph.tensors[number].nbytes) for number in (*maker, *inputs)}
        self._readers = dict.fromkeys(self._bytes, 0)
        reads = [
            tuple(dict.fromkeys(n for n in map(graph.root, op_def(op.kind).arguments(op)) if n in self._bytes))
            for op in graph.ops
        ]
        for position, numbers in enumerate(reads):
            for number in numbers:
                self._readers[number] |= 1 << position
        # An output of the graph waits for a reader that never comes.
        for number in outputs & self._readers.keys():
            self._readers[number] |= 1 << len(graph.ops)
        self.count = len(graph.ops)
        self.unread = sum(self._bytes[number] for number in inputs if not self._readers[number])
        self.start = sum(self._bytes[number] for number in inputs) - self.unread
        self._ops = []
        for position, op in enumerate(graph.ops):
            tensors = [graph.tensors[number] for number in op.inputs]
            results = [graph.tensors[number] for number in op.outputs]
            over = op_def(op.kind).inplace(op, tensors, results) if op_row(op.kind).inplace else ()
            self._ops.append(
                _Op(
                    sum({maker[number] for number in reads[position] if number in maker}) | waits[position],
                    reads[position],
                    sum(self._bytes[number] for number in op.outputs if number in maker),
                    sum(self._bytes[number] for number in op.outputs if number in maker and self._readers[number]),
                    round_up(scratch_bytes[position]),
                    tuple(n for n in (graph.root(op.inputs[index]) for index in over) if n in self._bytes),
                )
            )

    def ready(self, done: int) -> Iterator[int]:
        """The ops that can run next."""
        return (position for position, op in enumerate(self._ops) if not done >> position & 1 and op.needs & ~done == 0)

    def step(self, done: int, alive: int, position: int) -> tuple[int, int]:
        """(bytes alive while an op runs, and after it), of which `alive` were so before."""
        op, after = self._ops[position], done | 1 << position
        freed = {number for number in op.reads if self._readers[number] & ~after == 0}
        taken = any(number in freed for number in op.over)
        peak = alive + op.scratch + (0 if taken else op.writes) + (0 if done else self.unread)
        return peak, alive + op.kept - sum(self._bytes[number] for number in freed)

    def least(self) -> int:
        """What every order has alive at some time: all that one op needs at once."""
        return max(
            (
                sum(self._bytes[number] for number in op.reads) + op.scratch + (0 if op.over else op.writes)
                for op in self._ops
            ),
            default=0,
        )

    def peak(self, order: Sequence[int]) -> int:
        """The most bytes alive in an order."""
        done, alive, most = 0, self.start, 0
        for position in order:
            peak, alive = self.step(done, alive, position)
            done |= 1 << position
            most = max(most, peak)
        return most

    def best_below(self, limit: int, sets: int) -> tuple[list[int] | None, bool]:
        """(an order with the lowest peak below `limit`; None if none is known, whether that is certain)."""
        everything = (1 << self.count) - 1
        came_from: dict[int, tuple[int, int]] = {}
        peaks = {0: 0}
        queue = [(0, 0, 0, self.start)]  # peak, minus how many have run, which, bytes alive
        looked = 0
        while queue:
            peak, _, done, alive = heapq.heappop(queue)
            if peak > peaks[done]:
                continue
            if done == everything:
                return _path(came_from, done), True
            looked += 1
            if looked > sets:
                return None, False
            for position in self.ready(done):
                during, after = self.step(done, alive, position)
                most, now = max(peak, during), done | 1 << position
                if most < min(peaks.get(now, limit), limit):
                    peaks[now] = most
                    came_from[now] = (done, position)
                    heapq.heappush(queue, (most, -now.bit_count(), now, after))
        return None, True

    def beam_below(self, limit: int, width: int) -> list[int] | None:
        """An order with a peak below `limit` that keeps only so many sets of each size, those with the lowest peak and
        the fewest bytes alive."""
        came_from: dict[int, tuple[int, int]] = {}
        level = [(0, self.start, 0)]  # peak, bytes alive, which have run
        for _ in range(self.count):
            found: dict[int, tuple[int, int]] = {}
            for peak, alive, done in level:
                for position in self.ready(done):
                    during, after = self.step(done, alive, position)
                    most, now = max(peak, during), done | 1 << position
                    if most < min(found[now][0] if now in found else limit, limit):
                        found[now] = (most, after)
                        came_from[now] = (done, position)
            level = sorted((peak, alive, done) for done, (peak, alive) in found.items())[:width]
        return _path(came_from, level[0][2]) if level else None


def _around_states(graph: Graph) -> list[int]:
    """For each op, as bits, those before it that must stay so, since one writes a state that the other reads or writes;
    states take memory all the time."""
    waits = [0] * len(graph.ops)
    for state in graph.states:
        touch = [
            (position, state in op.outputs)
            for position, op in enumerate(graph.ops)
            if state in op.outputs or state in map(graph.root, op.inputs)
        ]
        for (first, writes), (second, also) in itertools.combinations(touch, 2):
            if writes or also:
                waits[second] |= 1 << first
    return waits


def _path(came_from: dict[int, tuple[int, int]], done: int) -> list[int]:
    order = []
    while done:
        done, position = came_from[done]
        order.append(position)
    return order[::-1]


def best_order(graph: Graph, scratch_bytes: Sequence[int], sets: int = SETS, beam: int = BEAM) -> list[int]:
    """Positions of all ops in an order that needs a smaller arena when they run one by one; the given order if none is
    known.

    Args:
        scratch_bytes: what each op asks for beside its tensors.
        sets, beam: how far the search goes.
    """
    given = list(range(len(graph.ops)))
    orders = _Orders(graph, scratch_bytes)
    peak = orders.peak(given)
    if peak <= orders.least():
        return given
    order, certain = orders.best_below(peak, sets)
    if not certain:
        order = orders.beam_below(peak, beam)
    if order is None:
        return given
    better = plan_memory(in_order(graph, order), [scratch_bytes[position] for position in order])
    return order if better.arena_bytes < plan_memory(graph, scratch_bytes).arena_bytes else given


def in_order(graph: Graph, order: Sequence[int]) -> Graph:
    """The graph with its ops in another order."""
    return graph.with_ops(tuple(graph.ops[position] for position in order))
