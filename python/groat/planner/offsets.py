# SPDX-License-Identifier: Apache-2.0
"""The arena: every buffer with its lifetime and its offset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from groat.errors import InputError
from groat.graph import Graph
from groat.planner.lifetimes import Lifetime, lifetimes
from groat.planner.memories import READINGS, Region, place, traffic
from groat.planner.packing import Block, pack, round_up
from groat.planner.streams import Schedule


@dataclass(frozen=True)
class PlannedBuffer:
    """A buffer with its place: Lifetime plus `offset` in a region, a multiple of 16."""

    tensors: tuple[int, ...]
    nbytes: int
    offset: int
    first_step: int
    last_step: int
    steps: tuple[int, ...] = ()
    stream: int | None = None
    region: int = 0
    over: int | None = None
    below: int = 0


@dataclass(frozen=True)
class PlannedRegion:
    """What lies in one memory.

    Attributes:
        nbytes: its size, a multiple of 16.
        lower_bound: the best that is proven: it cannot be smaller with these buffers in it.  Without a solver, the most
            bytes alive in any one step, rounded up buffer by buffer.
        cost: of a byte that is read or written there, relative to other memories.
        traffic_bytes: that one run reads and writes there (planner.memories.traffic).
        room: bytes that there are; None: no limit.
    """

    name: str
    nbytes: int
    lower_bound: int
    cost: float = 1.0
    traffic_bytes: int = 0
    room: int | None = None


@dataclass(frozen=True)
class Plan:
    """Where everything lies.

    Attributes:
        regions: one in each memory that is used.
        buffer_of: tensor number (never a view) -> index in `buffers`.
        scratch_of: step -> index in `buffers`.
        state_of: stream (index in the schedule) -> index in `buffers`.
        schedule: which steps run together.
    """

    buffers: tuple[PlannedBuffer, ...]
    regions: tuple[PlannedRegion, ...]
    buffer_of: dict[int, int]
    scratch_of: dict[int, int]
    state_of: dict[int, int] = field(default_factory=dict)
    schedule: Schedule = field(default_factory=Schedule)

    @property
    def arena_bytes(self) -> int:
        """Of all regions."""
        return sum(region.nbytes for region in self.regions)

    @property
    def lower_bound(self) -> int:
        """Of all regions."""
        return sum(region.lower_bound for region in self.regions)

    @property
    def gap_bytes(self) -> int:
        """By how much a smaller plan with these lifetimes might be smaller."""
        return self.arena_bytes - self.lower_bound

    @property
    def optimal(self) -> bool:
        """Whether it is proven that no plan with these lifetimes is smaller."""
        return self.gap_bytes == 0

    @property
    def missing(self) -> int:
        """Bytes by which a region is too small; the plan then goes beyond it."""
        return max((r.nbytes - r.room for r in self.regions if r.room is not None and r.nbytes > r.room), default=0)

    @property
    def cost(self) -> float:
        """Bytes that one run reads and writes, each weighted by the cost of its memory."""
        return sum(region.traffic_bytes * region.cost for region in self.regions)

    def alive(self, step: int) -> list[PlannedBuffer]:
        """The buffers that hold something during a step, largest first."""
        found = [b for b in self.buffers if b.first_step <= step <= b.last_step]
        return sorted(found, key=lambda b: (-b.nbytes, b.offset))

    @property
    def peak_step(self) -> int:
        """The first step in which the most bytes are alive."""
        steps = range(max(b.last_step for b in self.buffers) + 1)
        return max(steps, key=lambda step: (sum(b.nbytes for b in self.alive(step)), -step))


def blocks_of(
    buffers: Sequence[Lifetime] | Sequence[PlannedBuffer], chosen: Sequence[int] | None = None
) -> list[Block]:
    """What packing needs to know of buffers, or of those that lie in one region."""
    chosen = range(len(buffers)) if chosen is None else chosen
    index_of = {index: position for position, index in enumerate(chosen)}
    found = [buffers[index] for index in chosen]
    return [
        Block(b.nbytes, b.first_step, b.last_step, None if b.over is None else index_of.get(b.over), b.below)
        for b in found
    ]


def plan_memory(
    graph: Graph,
    scratch_bytes: Sequence[int],
    schedule: Schedule | None = None,
    regions: Sequence[Region] = (Region(),),
    packing: str = "ref",
) -> Plan:
    """Plans the arena of a graph whose ops run in their order.

    Args:
        scratch_bytes: what each op of the graph asks for beside its tensors.
        schedule: which of them run together row by row; default: none.
        regions: the memories that may be used.
        packing: whose kernels run: they decide what is read and written where.
    """
    schedule = schedule if schedule is not None else Schedule()
    live = lifetimes(graph, scratch_bytes, schedule)
    weights = traffic(graph, live, schedule, READINGS[packing])
    region_of = [0] * len(live)
    offsets = [0] * len(live)
    states = range(len(graph.states))  # the first buffers; they lie at the start of the first region
    start = 0
    for i in states:
        offsets[i] = start
        start += round_up(live[i].nbytes)
    if len(regions) > 1:
        if graph.states:
            raise InputError(f"{graph.name} keeps states from run to run; that goes with one memory only")
        placement = place(live, weights, regions)
        region_of, offsets = list(placement.regions), list(placement.offsets)
    planned: list[PlannedRegion] = []
    for index, region in enumerate(regions):
        members = [i for i in range(len(states), len(live)) if region_of[i] == index]
        if not members:
            continue
        size = max(offsets[i] + round_up(live[i].nbytes) for i in members)
        packed = pack(blocks_of(live, members))
        if len(regions) == 1 or packed.height < size:
            size = start + packed.height
            for i, offset in zip(members, packed.offsets, strict=True):
                offsets[i] = start + offset
        for i in members:
            region_of[i] = len(planned)
        moved = sum(weights[i] for i in members)
        planned.append(PlannedRegion(region.name, size, start + packed.bound, region.cost, moved, region.nbytes))

    def over(b: Lifetime, region: int) -> int | None:
        return b.over if b.over is not None and region_of[b.over] == region else None

    return Plan(
        buffers=tuple(
            PlannedBuffer(
                tuple(b.tensors),
                b.nbytes,
                offset,
                b.first_step,
                b.last_step,
                b.steps,
                b.stream,
                region,
                over(b, region),
                b.below,
            )
            for b, offset, region in zip(live, offsets, region_of, strict=True)
        ),
        regions=tuple(planned),
        buffer_of={number: index for index, b in enumerate(live) for number in b.tensors},
        scratch_of={step: index for index, b in enumerate(live) for step in b.steps},
        state_of={b.stream: index for index, b in enumerate(live) if b.stream is not None},
        schedule=schedule,
    )
