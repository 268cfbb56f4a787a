# SPDX-License-Identifier: Apache-2.0
"""In which memory each buffer lies, where there are several: what is read and written most in the fastest, as far as
that has room.

What a plan costs is the sum over all buffers of the bytes that are read and written there in one run, each weighted by
the cost of a byte in the memory that the buffer lies in.  Buffers are placed one by one, each in the cheapest memory
in which it finds room during its life; in several orders, of which the best is improved by moving single buffers to
its front or its end.  Deterministic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from groat.graph import Graph, Op, Tensor
from groat.ops import macs_of, op_def, op_row
from groat.ops.base import Rows
from groat.planner.lifetimes import Lifetime, lifetimes
from groat.planner.packing import round_up
from groat.planner.streams import PADDED, Schedule, Stream

STATE_TRAFFIC = 20
"""Bytes that the walk through a stream reads and writes in its state for each unit, about."""

ATTEMPTS = 200
"""Orders in which buffers are placed, at most."""


@dataclass(frozen=True)
class Region:
    """A memory that a model may use.

    Attributes:
        nbytes: how much of it; None: no bound.
        cost: of a byte that is read or written there, relative to other memories.
    """

    name: str = "arena"
    nbytes: int | None = None
    cost: float = 1.0


@dataclass(frozen=True)
class Reading:
    """How a kernel set reads what it works on.

    Attributes:
        per_mac: bytes that it reads for a multiply-accumulate in scratch, where it copies activations or keeps sums.
        in_place: it reads as many in the input itself unless windows stick out at a side of it; else each once.
    """

    per_mac: float = 1.0
    in_place: bool = True


_PLAIN = Reading()
READINGS = {
    "ref": Reading(1.0, in_place=True),
    "dsp": Reading(1.0, in_place=False),
    "mve": Reading(0.3, in_place=True),
    "rvv": Reading(0.5, in_place=True),
    "scalar": Reading(0.9, in_place=False),
}
"""Of each packing; rounded from what QemuRunner.traffic finds for the networks of MLPerf Tiny for images and keywords:
dsp 1.1 to 1.2, mve 0.3 to 0.6, rvv 0.3 to 1.2, scalar 0.7 to 1.1 bytes read and written for each.  `ref` runs on no
emulated target."""


@dataclass(frozen=True)
class Placement:
    """Where buffers lie.

    Attributes:
        regions: of each buffer, as an index.
        offsets: of each buffer, in its region.
        missing: bytes by which the regions are too small; 0: everything has its place.
        cost: of one run.
    """

    regions: tuple[int, ...]
    offsets: tuple[int, ...]
    missing: int
    cost: float

    @property
    def rank(self) -> tuple[int, float]:
        """Of two placements the one with the lower rank is better."""
        return self.missing, self.cost


def traffic(graph: Graph, live: Sequence[Lifetime], schedule: Schedule, reading: Reading = _PLAIN) -> list[int]:
    """Bytes that one run reads and writes in each buffer.

    Every op reads its inputs and writes its outputs once, and the caller those of the model; in a stream it reads, for
    each unit that it makes, all that its windows see.  What kernels read for their multiplications, `reading` says.
    """
    result = [0] * len(live)
    buffer_of = {number: index for index, buffer in enumerate(live) for number in buffer.tensors}
    scratch_of = {step: index for index, buffer in enumerate(live) for step in buffer.steps}
    for number in (*graph.inputs, *graph.outputs):
        if graph.root(number) in buffer_of:
            result[buffer_of[graph.root(number)]] += graph.tensors[number].nbytes
    for step, op in enumerate(graph.ops):
        reads = op_def(op.kind).arguments(op)
        inputs = [graph.tensors[number] for number in op.inputs]
        outputs = [graph.tensors[number] for number in op.outputs]
        stream = schedule.stream_of(step)
        pixels, lies = stream.units[step] if stream is not None else (0, PADDED)
        times = _times_read(op_def(op.kind).rows(op, inputs, outputs), pixels) if pixels > 0 else 1.0
        for number in (*reads, *op.outputs):
            if graph.root(number) in buffer_of:
                once = graph.tensors[number].nbytes
                result[buffer_of[graph.root(number)]] += int(once * times) if number in reads else once
        macs = macs_of(graph, op)
        itself = buffer_of.get(graph.root(reads[0])) if reads else None
        scratch = scratch_of.get(step)
        inside = reading.in_place and lies == PADDED and (stream is not None or not _sticks_out(op, inputs, outputs))
        if scratch is not None and not (inside and stream is not None):  # padded rows of a ring are read where they lie
            result[scratch] += int(macs * reading.per_mac) + (
                0 if inside or macs == 0 else int(inputs[0].nbytes * times)
            )
        if itself is not None and (inside or scratch is None):
            result[itself] += int(macs * reading.per_mac)
    for index, buffer in enumerate(live):
        if buffer.stream is not None:
            result[index] += STATE_TRAFFIC * _calls(graph, schedule.streams[buffer.stream])
    return result


def _calls(graph: Graph, stream: Stream) -> int:
    """How many units a stream makes."""
    total = 0
    for number, lines in stream.lines.items():
        _, height, width = (*graph.tensors[number].shape, 1, 1, 1)[:3]
        total += sum(len(range(line.first_row, height, line.row_step)) * -(-width // line.span) for line in lines)
    return total


def _times_read(rows: Rows | None, pixels: int) -> float:
    """How often an op reads what its windows see, if it makes so many pixels at a time."""
    if rows is None or rows.adds_up:
        return 1.0
    across = (rows.extent_w + (pixels - 1) * rows.stride_w) / (pixels * rows.stride_w)
    return max(1.0, rows.extent / rows.stride * across)


def _sticks_out(op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> bool:
    """Whether an op reads padding at the sides of an image, which is then copied."""
    images = all(len(tensor.shape) == 4 and tensor.shape[0] == 1 for tensor in (inputs[0], outputs[0]))
    rows = op_def(op.kind).rows(op, inputs, outputs) if images and op_row(op.kind).by_rows else None
    if rows is None or rows.cuts:
        return False
    right = (outputs[0].shape[2] - 1) * rows.stride_w + rows.extent_w - rows.pad_w
    return rows.pad_w > 0 or right > inputs[0].shape[2]


def cost_without_scratch(
    graph: Graph, schedule: Schedule, regions: Sequence[Region], reading: Reading = _PLAIN
) -> tuple[int, float]:
    """(bytes missing, cost) of a placement if scratch took no room and were in the fastest memory: about the best that
    can be hoped for."""
    live = lifetimes(graph, [1] * len(graph.ops), schedule)
    weights = traffic(graph, live, schedule, reading)
    tensors = [index for index, buffer in enumerate(live) if not buffer.steps]
    found = place([live[i] for i in tensors], [weights[i] for i in tensors], regions, thorough=False)
    loads = sum(weights[i] for i in range(len(live)) if live[i].steps)
    return found.missing, found.cost + loads * min(region.cost for region in regions)


def place(
    live: Sequence[Lifetime], weights: Sequence[int], regions: Sequence[Region], thorough: bool = True
) -> Placement:
    """Places buffers such that the cost is low and, before that, nothing is missing.

    Args:
        weights: bytes that are read and written in each buffer.
        thorough: improve the best of the usual orders.
    """
    best: Placement | None = None
    order: list[int] = []
    for key in _orders(weights):
        candidate = sorted(range(len(live)), key=lambda i: (*key(i, live[i]), i))
        found = _fill(candidate, live, weights, regions)
        if best is None or found.rank < best.rank:
            best, order = found, candidate
    assert best is not None
    attempts = ATTEMPTS if thorough else 0
    improved = True
    while improved and attempts > 0:
        improved = False
        for candidate in _moves(order, best, weights, regions):
            found = _fill(candidate, live, weights, regions)
            attempts -= 1
            if found.rank < best.rank:
                best, order, improved = found, candidate, True
                break
            if attempts == 0:
                break
    return best


Key = Callable[[int, Lifetime], tuple[float, ...]]


def _orders(weights: Sequence[int]) -> tuple[Key, ...]:
    """By traffic for each byte, for each byte and step, by traffic, and by size."""
    return (
        lambda i, b: (-weights[i] / max(b.nbytes, 1), b.first_step),
        lambda i, b: (-weights[i] / (max(b.nbytes, 1) * (b.last_step - b.first_step + 1)), b.first_step),
        lambda i, b: (-weights[i], b.first_step),
        lambda i, b: (-b.nbytes, b.first_step),
    )


def _moves(
    order: Sequence[int], found: Placement, weights: Sequence[int], regions: Sequence[Region]
) -> Iterator[list[int]]:
    """The order with a buffer that lies in a dear memory moved to its front, or one of a cheap memory to its end: those
    first that weigh most."""
    costs = [regions[r].cost for r in found.regions]
    cheapest = min(region.cost for region in regions)
    heaviest = sorted(order, key=lambda i: (-weights[i] * (costs[i] - cheapest), i))
    for index in heaviest:
        rest = [other for other in order if other != index]
        yield [index, *rest] if costs[index] > cheapest else [*rest, index]


def _fill(
    order: Sequence[int], live: Sequence[Lifetime], weights: Sequence[int], regions: Sequence[Region]
) -> Placement:
    """Places buffers in an order, each in the cheapest region that has room during its life, as low as can be."""
    cheapest_first = sorted(range(len(regions)), key=lambda r: (regions[r].cost, r))
    region_of, offsets = [0] * len(live), [0] * len(live)
    placed: list[list[int]] = [[] for _ in regions]
    missing, cost = 0, 0.0
    for index in order:
        buffer, size = live[index], round_up(live[index].nbytes)
        over: int | None = None
        for region in cheapest_first:
            offset = _lowest(buffer, size, [(live[i], offsets[i]) for i in placed[region]])
            limit = regions[region].nbytes
            beyond = 0 if limit is None else max(0, offset + size - limit)
            if over is None or beyond < over:
                over, region_of[index], offsets[index] = beyond, region, offset
            if beyond == 0:
                break
        missing = max(missing, over or 0)
        placed[region_of[index]].append(index)
        cost += weights[index] * regions[region_of[index]].cost
    return Placement(tuple(region_of), tuple(offsets), missing, cost)


def _lowest(buffer: Lifetime, size: int, others: Sequence[tuple[Lifetime, int]]) -> int:
    """The lowest offset that is free during a buffer's life."""
    blocked = sorted(
        (offset, offset + round_up(other.nbytes))
        for other, offset in others
        if buffer.first_step <= other.last_step and other.first_step <= buffer.last_step
    )
    offset = 0
    for start, end in blocked:
        if offset + size <= start:
            break
        offset = max(offset, end)
    return offset
