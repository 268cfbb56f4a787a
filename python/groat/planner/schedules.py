# SPDX-License-Identifier: Apache-2.0
"""The ways in which a graph can be run, from the fewest streams to the fewest bytes.

Nothing here knows a device: scratch, and so the arena, comes with the kernels (groat.fit).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from groat.errors import InputError
from groat.graph import Graph
from groat.ops import macs_of
from groat.planner.choice import choose
from groat.planner.groups import in_groups, wide_pairs
from groat.planner.lifetimes import adds_up, lifetimes
from groat.planner.offsets import Plan, PlannedBuffer, blocks_of
from groat.planner.order import best_order, in_order
from groat.planner.packing import lower_bound
from groat.planner.recompute import with_less_memory
from groat.planner.streams import PADDED, PATCHES, ROWS, Schedule, Streams, Stretch
from groat.progress import Progress, silent

Scratch = Callable[[int, int, int], int]

UNBOUNDED = 1 << 62
GROUPS = 4  # of channels, where a wide tensor is made in groups
STEPS = 32  # by such a part of it, at least, each way has fewer bytes alive than the one before


@dataclass(frozen=True)
class Way:
    """A way to run a graph.

    Attributes:
        graph: its ops in the order in which they run.
        mac_overhead: multiply-accumulates as a multiple of the graph's own; more than 1 where rows are made again.
    """

    graph: Graph
    schedule: Schedule
    mac_overhead: float = 1.0

    @functools.cached_property
    def least_bytes(self) -> int:
        """What an arena has at least, whatever scratch its kernels need."""
        return lower_bound(blocks_of(lifetimes(self.graph, [0] * len(self.graph.ops), self.schedule)))


def ways(
    graph: Graph,
    kind: str,
    rows_in: bool,
    max_mac_overhead: float,
    scratch_of: Callable[[Graph, bool], Scratch] | None = None,
    rows_out: bool = False,
    progress: Progress = silent,
    coarse: bool = False,
) -> Iterator[Way]:
    """The ways of a kind to run a graph, found as they are asked for.

    Args:
        graph: after all passes.
        kind: "layer": op by op, but for what takes an input or gives an output by rows; "stream": rows of several ops
            together, with the fewest bytes alive; "patch": the same in patches of rows, with wide tensors in groups
            of channels and, as far as `max_mac_overhead` allows, rows that are made again, where that saves memory;
            "auto": from the first to the last, each with fewer bytes alive than the one before.
        rows_in: inputs come row by row and have no memory of their own.
        max_mac_overhead: no way takes more.
        scratch_of: what the kernels of a graph's ops ask for, as Streams wants to know; with the layouts of weights
            that they usually get, or (True) with those that need the least.
        rows_out: outputs go row by row and have no memory of their own.
        progress: told for each schedule that is tried how many ops have their place in it (each is looked at twice).
        coarse: of streams and patches, too, first those with few and large parts, each with fewer bytes alive than the
            one before: for who has a budget of RAM, and need not save more than that.

    Raises InputError if an input or output cannot go row by row.
    """
    if graph.named:  # several programs: their ops stay where they are
        if kind not in ("auto", "layer") or rows_in or rows_out:
            raise InputError(f"{graph.name} has programs that train: it runs layer by layer, on tensors that are whole")
        yield Way(graph, Schedule())
        if scratch_of is not None:
            own = sum(macs_of(graph, op) for op in graph.ops)
            for less in with_less_memory(graph, lambda found: _scratch_of_all(found, scratch_of)):
                yield Way(less, Schedule(), sum(macs_of(less, op) for op in less.ops) / own)
        return
    orders = _orders(graph, scratch_of(graph, False) if scratch_of is not None else None)
    layers = not (rows_in or rows_out)
    if kind in ("layer", "auto") and layers:
        yield Way(orders[0], Schedule())
        if kind == "layer":
            return

    def streams_of(graph: Graph) -> Streams:
        scratch = scratch_of(graph, kind in ("patch", "auto")) if scratch_of is not None else None
        return Streams(graph, rows_in, rows_out, scratch)

    numbers = itertools.count(1)

    def plan_of(streams: Streams, bound: int = 0, cuts: Sequence[int] = PATCHES) -> _Plan:
        what = f"schedule {next(numbers)}"
        return _Plan(streams, choose(streams, bound, cuts, functools.partial(progress, what)))

    of_kind = {"auto": (ROWS, PATCHES), "patch": (PATCHES,)}.get(kind, (ROWS,))
    streams = _streams([streams_of(order) for order in orders], of_kind[-1], plan_of)
    graph = streams.graph
    if kind == "layer":
        yield plan_of(streams, UNBOUNDED, ROWS).way
        return
    bound = max(streams.single(position) or 0 for position in range(len(graph.ops))) - 1 if layers else UNBOUNDED
    least = bound + 1
    plan = None
    for cuts in of_kind if coarse or kind == "auto" else ():
        while True:
            found = plan_of(streams, bound, cuts)
            if found.peak < least or (plan is None and kind != "auto"):
                yield found.way
                least = found.peak
            plan = found
            if plan.peak > bound:  # there is no less
                break
            bound = plan.peak - max(plan.peak // STEPS, 1)
    if plan is None:
        plan = plan_of(streams, 0, of_kind[-1])
        yield plan.way
    if kind == "stream":
        return
    while (narrower := _narrower(plan, lambda split: plan_of(streams_of(split)))) is not None:
        plan = narrower
        yield plan.way
    while (again := _again(plan, plan_of, max_mac_overhead)) is not None:
        plan = again
        yield plan.way


def _scratch_of_all(graph: Graph, scratch_of: Callable[[Graph, bool], Scratch]) -> list[int]:
    """What the kernel of each op asks for, with the usual layouts."""
    scratch = scratch_of(graph, False)
    return [scratch(position, 0, 0) for position in range(len(graph.ops))]


class _Plan:
    """A graph in stretches.

    Attributes:
        peak: the most bytes alive at any time.
    """

    def __init__(self, streams: Streams, stretches: Sequence[Stretch]) -> None:
        self.streams, self.stretches = streams, stretches
        self.peak = max(streams.bytes_alive(stretch) for stretch in stretches)

    @property
    def way(self) -> Way:
        schedule = self.streams.schedule(self.stretches)
        return Way(self.streams.graph, schedule, _mac_overhead(self.streams.graph, schedule))


def _mac_overhead(graph: Graph, schedule: Schedule) -> float:
    """The multiply-accumulates of a run, as a multiple of the graph's own."""
    own = sum(macs_of(graph, op) for op in graph.ops)
    extra = 0.0
    for stream in schedule.streams:
        for number, lines in stream.lines.items():
            if lines[0].taps > 0 and lines[0].producer is not None:
                height = graph.tensors[number].shape[1]
                rows = sum(len(range(line.first_row, height, line.row_step)) for line in lines)
                extra += macs_of(graph, graph.ops[lines[0].producer]) * (rows / height - 1)
    return 1 + extra / own if own else 1.0


def _again(plan: _Plan, plan_of: Callable[[Streams], _Plan], max_mac_overhead: float) -> _Plan | None:
    """The plan with the rows of one more tensor of its peak made again for each window, that with the least memory;
    None where that saves little or takes too much work."""
    if max_mac_overhead <= 1:
        return None
    peak = next(stretch for stretch in plan.stretches if plan.streams.bytes_alive(stretch) == plan.peak)
    best: _Plan | None = None
    for number in plan.streams.worth_making_again(peak):
        found = plan_of(plan.streams.made_again(number))
        if found.peak < (best or plan).peak and found.way.mac_overhead <= max_mac_overhead:
            best = found
    return best if best is not None and best.peak <= plan.peak - plan.peak // STEPS else None


def _narrower(plan: _Plan, plan_of: Callable[[Graph], _Plan]) -> _Plan | None:
    """The plan with a wide tensor of its peak in groups of channels; None where that saves little."""
    graph = plan.streams.graph
    peak = next(stretch for stretch in plan.stretches if plan.streams.bytes_alive(stretch) == plan.peak)
    best: _Plan | None = None
    for wide, depthwise in wide_pairs(graph, peak.first, peak.end):
        split = in_groups(graph, wide, depthwise, GROUPS)
        if split is None:
            continue
        found = plan_of(split)
        if found.peak < (best or plan).peak:
            best = found
    return best if best is not None and best.peak <= plan.peak - plan.peak // STEPS else None


def _orders(graph: Graph, scratch: Scratch | None) -> list[Graph]:
    """The graph in the order that needs the least memory op by op; and as it is, if that is another."""
    alone = tuple(scratch(position, 0, PADDED) if scratch is not None else 0 for position in range(len(graph.ops)))
    order = _order_of(graph, alone)
    return [graph] if order == tuple(range(len(graph.ops))) else [in_order(graph, order), graph]


@functools.lru_cache(maxsize=4)  # one model is looked at in several ways
def _order_of(graph: Graph, scratch_bytes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(best_order(graph, scratch_bytes))


def _streams(
    candidates: Sequence[Streams], cuts: Sequence[int], plan_of: Callable[[Streams, int, Sequence[int]], _Plan]
) -> Streams:
    """The streams of the order in which they can have the fewest bytes alive; of equals the first."""
    if len(candidates) == 1:
        return candidates[0]
    peaks = []
    for index, streams in enumerate(candidates):
        try:
            peaks.append((plan_of(streams, 0, cuts).peak, index))
        except InputError:  # an input or output cannot go by rows in this order
            continue
    return candidates[min(peaks)[1]] if peaks else candidates[-1]


def without_scratch(graph: Graph, scratch_bytes: Sequence[int], schedule: Schedule) -> list[int]:
    """Of what ops ask for beside their tensors, that which is no kernel's scratch: the sums of a stream."""
    return [
        nbytes if schedule.stream_of(step) is not None and adds_up(graph, step) else 0
        for step, nbytes in enumerate(scratch_bytes)
    ]


def role_of(graph: Graph, plan: Plan, buffer: PlannedBuffer) -> str:
    """What a buffer is for: a whole "tensor", a "ring" of some rows of one, "scratch" of kernels, "sums" that a stream
    adds up, or the "state" of a stream."""
    if buffer.tensors:
        whole = max(graph.tensors[number].nbytes for number in buffer.tensors)
        return "tensor" if buffer.nbytes >= whole else "ring"
    if buffer.stream is not None:
        return "state"
    sums = [plan.schedule.stream_of(step) is not None and adds_up(graph, step) for step in buffer.steps]
    return "sums" if all(sums) else "scratch"


def stretches_of(graph: Graph, plan: Plan) -> list[dict[str, Any]]:
    """How a plan runs a graph, for reports.

    A dict for each stream and for each run of ops between two, with the keys kind ("layer" or "stream"), first_op,
    last_op, bytes (the most alive at any time in it) and, for a stream, lines: [{tensor, slots (units that it has
    memory for; 0: all), units (of a row), rows, bytes}], those
    that share a buffer with another left out.
    """
    result: list[dict[str, Any]] = []
    step = 0
    while step < len(graph.ops):
        stream = plan.schedule.stream_of(step)
        last = step
        if stream is not None:
            last = stream.last
        else:
            while last + 1 < len(graph.ops) and plan.schedule.stream_of(last + 1) is None:
                last += 1
        most = max(sum(b.nbytes for b in plan.alive(at)) for at in range(step, last + 1))
        result.append({"kind": "layer", "first_op": step, "last_op": last, "bytes": most})
        if stream is not None:
            result[-1] |= {
                "kind": "stream",
                "lines": [
                    {
                        "tensor": graph.tensors[number].name,
                        "slots": sum(line.slots for line in lines),
                        "units": -(-(*graph.tensors[number].shape, 1, 1)[2] // lines[0].span),
                        "rows": (*graph.tensors[number].shape, 1, 1)[1],
                        "bytes": stream.nbytes[number],
                    }
                    for number, lines in stream.lines.items()
                    if number not in stream.shares
                ],
            }
        step = last + 1
    return result
