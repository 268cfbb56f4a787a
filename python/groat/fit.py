# SPDX-License-Identifier: Apache-2.0
"""Which way to run a model is taken: the first of the planner's that fits the RAM; and what to say where none does."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from groat.errors import FitError, InputError
from groat.graph import Graph
from groat.options import Options
from groat.pack.choose import Chosen
from groat.planner import Region, Way, spill, ways
from groat.planner.memories import READINGS, cost_without_scratch
from groat.planner.schedules import stretches_of
from groat.progress import Progress


class Packer(Protocol):
    """Packs a model for a target."""

    @property
    def packing(self) -> str:
        """Whose kernels run it."""

    def pack(self, way: Way, ram: int | None) -> Chosen:
        """Packs it for one way to run it; layouts of weights give way to others as far as an arena of `ram` bytes asks
        for it."""

    @property
    def progress(self) -> Progress:
        """Who wants to know how far planning is."""

    @property
    def known_ways(self) -> dict[tuple[object, ...], Remembered]:
        """Of the graph, found so far: to find them takes most of the time of planning."""

    def scratch_of(self, graph: Graph, least: bool) -> Callable[[int, int, int], int]:
        """What the kernels of a graph's ops ask for, as planner.streams.Streams wants to know: with the layouts of
        weights that they usually get, or with those that need the least."""


MUCH_WORK = 1.5
"""Multiply-accumulates, as a multiple of the model's own, that reports look at beside what the options allow."""


@dataclass(frozen=True)
class Fitted:
    """A way to run a model, and the model packed for it."""

    way: Way
    chosen: Chosen

    @property
    def arena_bytes(self) -> int:
        return self.chosen.plan.arena_bytes


class Remembered:
    """The ways to run a graph: each is found when it is first asked for, and only then."""

    def __init__(self, found: Iterator[Way]) -> None:
        self._found = found
        self._known: list[Way] = []

    def __iter__(self) -> Iterator[Way]:
        for index in itertools.count():
            if index == len(self._known):
                way = next(self._found, None)
                if way is None:
                    return
                self._known.append(way)
            yield self._known[index]


def ways_of(graph: Graph, options: Options, packer: Packer, budget: bool = False) -> Iterator[Way]:
    """The ways to run a graph among which these options choose, those with the fewest streams first.

    Args:
        budget: RAM is bounded, even if not by options.ram, so that streams need not take as little as they can.

    Raises InputError if an input or output cannot go row by row.
    """
    work = max(options.max_mac_overhead, MUCH_WORK)
    coarse = budget or options.ram is not None
    key = (options.schedule, options.input, options.outputs, work, coarse)
    if key not in packer.known_ways:
        by_rows = (options.input == "rows", options.outputs == "rows")
        packer.known_ways[key] = Remembered(
            ways(graph, options.schedule, by_rows[0], work, packer.scratch_of, by_rows[1], packer.progress, coarse)
        )
    try:
        yield from (way for way in packer.known_ways[key] if way.mac_overhead <= options.max_mac_overhead)
    except InputError:
        packer.known_ways.pop(key, None)  # or it would seem that there is none
        raise


def fit(
    graph: Graph,
    options: Options,
    packer: Packer,
    room: int | None,
    regions: Sequence[Region] = (Region(),),
    budget: bool = False,
) -> Fitted:
    """The first way whose arena takes at most options.ram bytes, or `room` if that is None.

    `budget` says that the room was asked for, as in ways_of.
    Where no arena is as small as `room`, the smallest is returned; so it is for patches, if no
    RAM is given.  For several memories, it is `cheapest`.

    Raises:
        InputError: an input or output cannot go row by row.
        FitError: no arena is as small as options.ram; its `facts` are those of `smallest_facts`.
    """
    if len(regions) > 1:
        return cheapest(ways_of(graph, options, packer, budget), packer, regions)
    bound = options.ram if options.ram is not None else room
    if options.ram is None and not budget and options.schedule == "patch":  # as little memory as that can
        least = smallest(ways_of(graph, options, packer, budget), packer)
        return Fitted(least.way, packer.pack(least.way, least.arena_bytes))
    for way in ways_of(graph, options, packer, budget):
        if bound is None or way.least_bytes <= bound:
            fitted = Fitted(way, packer.pack(way, bound))
            if bound is None or fitted.arena_bytes <= bound:
                return fitted
    least = smallest(ways_of(graph, options, packer, budget), packer)
    if options.ram is None:
        return least
    facts = smallest_facts(graph, options, packer, least)
    raise FitError(_sentence(graph, options.ram, facts), facts)


TRIES = 4
"""Ways that are packed to find the cheapest in several memories."""


def cheapest(found: Iterable[Way], packer: Packer, regions: Sequence[Region]) -> Fitted:
    """Of the ways that fit several memories, that which makes the least use of the slow ones; with copies from one
    memory to another where these pay.  The one that misses the fewest bytes if none fits.

    Ways are tried in the order of what they would cost if kernels' scratch took no room and were in the fastest memory.
    """
    best: Fitted | None = None
    rank = (0, 0.0)
    hopes = [(cost_without_scratch(way.graph, way.schedule, regions, READINGS[packer.packing]), way) for way in found]
    for done, (hope, way) in enumerate(sorted(hopes, key=lambda pair: pair[0])[:TRIES]):
        packer.progress("traffic", done, min(len(hopes), TRIES))
        if best is not None and hope >= rank:
            break
        plain = Fitted(way, packer.pack(way, None))
        scratch = [step.scratch_bytes for step in plain.chosen.steps.steps]
        graph, schedule = spill(way.graph, way.schedule, scratch, regions, packer.packing)
        candidates = [plain]
        if graph is not way.graph:
            copied = replace(way, graph=graph, schedule=schedule)
            candidates.append(Fitted(copied, packer.pack(copied, None)))
        for candidate in candidates:
            reached = candidate.chosen.plan.missing, candidate.chosen.plan.cost
            if best is None or reached < rank:
                best, rank = candidate, reached
    assert best is not None
    return best


def smallest(found: Iterable[Way], packer: Packer) -> Fitted:
    """The way with the smallest arena, of equals that with the fewest multiply-accumulates."""
    best: Fitted | None = None
    by_size = sorted(found, key=lambda way: way.least_bytes)
    for done, way in enumerate(by_size):
        packer.progress("smallest arena", done, len(by_size))
        if best is not None and (way.least_bytes, way.mac_overhead) >= (best.arena_bytes, best.way.mac_overhead):
            continue
        fitted = Fitted(way, packer.pack(way, 0))
        if best is None or (fitted.arena_bytes, way.mac_overhead) < (best.arena_bytes, best.way.mac_overhead):
            best = fitted
    assert best is not None
    return best


def trade_off(graph: Graph, options: Options, packer: Packer) -> list[dict[str, Any]]:
    """What memory costs in work: [{arena_bytes, mac_overhead}], from the fewest multiply-accumulates to the fewest
    bytes, of all schedules for this input that no other one beats in both."""
    found = ways_of(graph, replace(_with_more_work(options), schedule="auto"), packer)
    points: list[dict[str, Any]] = []
    by_work = sorted(found, key=lambda way: (way.mac_overhead, way.least_bytes))
    for done, way in enumerate(by_work):
        packer.progress("memory against work", done, len(by_work))
        if points and way.least_bytes >= points[-1]["arena_bytes"]:
            continue
        try:
            arena = packer.pack(way, 0).plan.arena_bytes
        except FitError:  # too little flash
            continue
        if points and arena >= points[-1]["arena_bytes"]:
            continue
        if points and points[-1]["mac_overhead"] == way.mac_overhead:
            points.pop()
        points.append({"arena_bytes": arena, "mac_overhead": way.mac_overhead})
    return points


def _with_more_work(options: Options) -> Options:
    return replace(options, max_mac_overhead=max(options.max_mac_overhead, MUCH_WORK))


def smallest_facts(graph: Graph, options: Options, packer: Packer, least: Fitted) -> dict[str, Any]:
    """What one needs to know where no arena is small enough.

    Returns a dict with the keys smallest_bytes (the smallest budget that works with these options), schedule (how, as
    planner.schedules.stretches_of) and helps: [{option, value, smallest_bytes}], other options with which a smaller
    one works, the best first.
    """
    helps = []
    others = {
        "schedule": replace(options, schedule="auto"),
        "input": replace(options, input="rows"),
        "max_mac_overhead": _with_more_work(options),
    }
    for option, other in others.items():
        if other == options:
            continue
        try:
            found = smallest(ways_of(graph, other, packer), packer)
        except (InputError, FitError):  # an input that cannot come row by row; too little flash
            continue
        if found.arena_bytes < least.arena_bytes:
            enough = math.ceil(found.way.mac_overhead * 1000) / 1000
            value = enough if option == "max_mac_overhead" else getattr(other, option)
            helps.append({"option": option, "value": value, "smallest_bytes": found.arena_bytes})
    return {
        "smallest_bytes": least.arena_bytes,
        "schedule": stretches_of(least.way.graph, least.chosen.plan),
        "helps": sorted(helps, key=lambda help: int(str(help["smallest_bytes"]))),
    }


def _sentence(graph: Graph, ram: int, facts: dict[str, Any]) -> str:
    helps = " or ".join(f"{h['option']}={h['value']} ({h['smallest_bytes']:,} bytes)" for h in facts["helps"])
    return (
        f"{graph.name}: no schedule needs as little as {ram:,} bytes of RAM; "
        f"the smallest budget that works is {facts['smallest_bytes']:,}: {in_words(facts['schedule'])}; "
        + (f"less is enough with {helps}" if helps else "no other schedule or input needs less")
    )


IN_WORDS = 6
"""Stretches of a schedule that are named."""


def in_words(stretches: Sequence[dict[str, Any]]) -> str:
    """A schedule in one line, for people: its beginning, if it is long."""
    parts = []
    for stretch in stretches:
        first, last = stretch["first_op"], stretch["last_op"]
        place = f"op {first}" if first == last else f"ops {first} to {last}"
        parts.append(f"{place} {'in a stream' if stretch['kind'] == 'stream' else 'layer by layer'}")
    if len(parts) > IN_WORDS + 1:
        parts[IN_WORDS:] = [f"and {len(parts) - IN_WORDS} more stretches"]
    return ", ".join(parts) or "nothing to do"
