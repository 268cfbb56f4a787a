# SPDX-License-Identifier: Apache-2.0
"""Offsets for buffers that live at the same time: greedy, deterministic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from groat.graph import Graph
from groat.planner.lifetimes import Lifetime, lifetimes
from groat.planner.streams import Schedule

ALIGN = 16


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


@dataclass(frozen=True)
class PlannedRegion:
    """What lies in one memory; its size is a multiple of 16."""

    name: str
    nbytes: int


@dataclass(frozen=True)
class Plan:
    """Where everything lies.

    Attributes:
        regions: one in each memory that is used.
        lower_bound: the most bytes alive in any one step, rounded up buffer by buffer; no plan with these lifetimes
            can be smaller.
        buffer_of: tensor number (never a view) -> index in `buffers`.
        scratch_of: step -> index in `buffers`.
        state_of: stream (index in the schedule) -> index in `buffers`.
        schedule: which steps run together.
    """

    buffers: tuple[PlannedBuffer, ...]
    regions: tuple[PlannedRegion, ...]
    lower_bound: int
    buffer_of: dict[int, int]
    scratch_of: dict[int, int]
    state_of: dict[int, int] = field(default_factory=dict)
    schedule: Schedule = field(default_factory=Schedule)

    @property
    def arena_bytes(self) -> int:
        """Of all regions."""
        return sum(region.nbytes for region in self.regions)

    def alive(self, step: int) -> list[PlannedBuffer]:
        """The buffers that hold something during a step, largest first."""
        found = [b for b in self.buffers if b.first_step <= step <= b.last_step]
        return sorted(found, key=lambda b: (-b.nbytes, b.offset))

    @property
    def peak_step(self) -> int:
        """The first step in which the most bytes are alive."""
        steps = range(max(b.last_step for b in self.buffers) + 1)
        return max(steps, key=lambda step: (sum(b.nbytes for b in self.alive(step)), -step))


def _round_up(nbytes: int) -> int:
    return nbytes + -nbytes % ALIGN


def _overlap(a: Lifetime, b: Lifetime) -> bool:
    return a.first_step <= b.last_step and b.first_step <= a.last_step


def _first_fit(order: Sequence[int], live: Sequence[Lifetime]) -> tuple[list[int], int]:
    """Places buffers in an order, each at the lowest offset that is free during its life."""
    offsets = [0] * len(live)
    placed: list[int] = []
    for index in order:
        blocked = sorted(
            (offsets[other], offsets[other] + _round_up(live[other].nbytes))
            for other in placed
            if _overlap(live[index], live[other])
        )
        offset, size = 0, _round_up(live[index].nbytes)
        for start, end in blocked:
            if offset + size <= start:
                break
            offset = max(offset, end)
        offsets[index] = offset
        placed.append(index)
    arena = max((offsets[i] + _round_up(live[i].nbytes) for i in placed), default=0)
    return offsets, arena


# Orders in which to place buffers; none is best for every graph.
ORDERS: tuple[Callable[[Lifetime], tuple[int, ...]], ...] = (
    lambda b: (-b.nbytes, b.first_step),
    lambda b: (-b.nbytes * (b.last_step - b.first_step + 1), b.first_step),
    lambda b: (-(b.last_step - b.first_step), -b.nbytes, b.first_step),
    lambda b: (b.first_step, -b.nbytes),
)


def plan_memory(graph: Graph, scratch_bytes: Sequence[int], schedule: Schedule | None = None) -> Plan:
    """Plans the arena of a graph whose ops run in their order.

    Args:
        scratch_bytes: what each op of the graph asks for beside its tensors.
        schedule: which of them run together row by row; default: none.
    """
    schedule = schedule if schedule is not None else Schedule()
    live = lifetimes(graph, scratch_bytes, schedule)
    indices = range(len(live))
    candidates = [_first_fit(sorted(indices, key=lambda i: (*order(live[i]), i)), live) for order in ORDERS]
    offsets, arena = min(candidates, key=lambda candidate: candidate[1])
    steps = range(len(graph.ops))
    alive = [sum(_round_up(b.nbytes) for b in live if b.first_step <= step <= b.last_step) for step in steps]
    return Plan(
        buffers=tuple(
            PlannedBuffer(tuple(b.tensors), b.nbytes, offset, b.first_step, b.last_step, b.steps, b.stream)
            for b, offset in zip(live, offsets, strict=True)
        ),
        regions=(PlannedRegion("arena", arena),),
        lower_bound=max(alive, default=0),
        buffer_of={number: index for index, b in enumerate(live) for number in b.tensors},
        scratch_of={step: index for index, b in enumerate(live) for step in b.steps},
        state_of={b.stream: index for index, b in enumerate(live) if b.stream is not None},
        schedule=schedule,
    )
