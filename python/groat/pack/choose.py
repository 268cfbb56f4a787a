# SPDX-License-Identifier: Apache-2.0
"""Which layout each layer gets: the fewest instructions, or bytes, within the memories there are.

Kernel sets offer several layouts of a layer's weights (groat.pack.layouts).  `size` takes the smallest, `balanced` the
fastest of those that keep to one byte a weight, `speed` the fastest of all.  Where a budget of flash does not allow the
fastest of every layer, the best of all combinations is found exactly, by dynamic programming over bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from groat.errors import FitError
from groat.graph import Graph
from groat.options import Optimize
from groat.pack import structs
from groat.pack.layouts import Candidate
from groat.pack.writer import Offered, PackedSteps, pack_steps, write
from groat.planner import Plan, Region, Schedule, plan_memory

Offers = Sequence[Sequence[Candidate]]  # of each step; none for a step without weights


@dataclass(frozen=True)
class Chosen:
    """A packed model whose layouts were chosen.  Attributes as of pack_steps, plan_memory and write."""

    steps: PackedSteps
    plan: Plan
    packed: bytes
    tensor_ids: dict[int, int]


def aligned_bytes(candidate: Candidate) -> int:
    """What a candidate's constants take in the file."""
    align = structs.constants().GROAT_ALIGN
    sizes = (len(data) for part in candidate.packed for data in (part.weights, part.channels))
    return sum(-(-size // align) * align for size in sizes)


def _cost(candidate: Candidate, optimize: Optimize) -> int:
    return aligned_bytes(candidate) if optimize == "size" else candidate.instructions or 0


def choose(offers: Offers, optimize: Optimize, room: int | None) -> list[int]:
    """The index of the best candidate for each step: the least sum of costs whose bytes fit `room`.

    Of equal sums the smaller bytes win, then the first.  Where not even the smallest candidates fit, they are returned.
    """
    align = structs.constants().GROAT_ALIGN
    kept = [_worth_it(step, optimize) for step in offers]
    smallest = [_least(step, kept[i], "size") for i, step in enumerate(offers)]
    picks = [_least(step, kept[i], optimize) for i, step in enumerate(offers)]
    base = sum(aligned_bytes(step[pick]) for step, pick in zip(offers, smallest, strict=True) if step)
    wanted = sum(aligned_bytes(step[pick]) for step, pick in zip(offers, picks, strict=True) if step)
    if room is None or wanted <= room:
        return picks
    if base > room:
        return smallest
    # best[b]: the least cost of the steps so far with at most b units of bytes beyond the smallest candidates.
    units = (room - base) // align
    best = np.zeros(units + 1, np.int64)
    taken: list[np.ndarray] = []
    for index, step in enumerate(offers):
        choice = np.full(units + 1, -1, np.int16)
        totals = np.full(units + 1, np.iinfo(np.int64).max, np.int64)
        for number in kept[index]:
            extra = (aligned_bytes(step[number]) - aligned_bytes(step[smallest[index]])) // align
            if extra > units:
                continue
            total = best[: units + 1 - extra] + _cost(step[number], optimize)
            better = total < totals[extra:]
            totals[extra:][better] = total[better]
            choice[extra:][better] = number
        if step:
            best = totals
        taken.append(choice)
    left = int(np.flatnonzero(best == best[units])[0])
    result = [0] * len(offers)
    for index in reversed(range(len(offers))):
        if offers[index]:
            result[index] = int(taken[index][left])
            step = offers[index]
            left -= (aligned_bytes(step[result[index]]) - aligned_bytes(step[smallest[index]])) // align
    return result


def _worth_it(step: Sequence[Candidate], optimize: Optimize) -> list[int]:
    """The candidates that a way to optimize allows, the smallest first; none that costs as much as a smaller one."""
    if optimize != "size" and any(candidate.instructions is None for candidate in step):
        return [0]  # nothing to compare: the usual one
    allowed = [i for i, candidate in enumerate(step) if optimize == "speed" or not candidate.widened]
    allowed.sort(key=lambda i: (aligned_bytes(step[i]), _cost(step[i], optimize), i))
    kept: list[int] = []
    for number in allowed:
        if not kept or _cost(step[number], optimize) < _cost(step[kept[-1]], optimize):
            kept.append(number)
    return kept


def _least(step: Sequence[Candidate], kept: Sequence[int], optimize: Optimize) -> int:
    """Of candidates ordered as by _worth_it; 0 where there are none."""
    if not step:
        return 0
    return kept[0] if optimize == "size" else kept[-1]


def pack_model(
    graph: Graph,
    packing: str,
    source_hash: bytes,
    optimize: Optimize = "balanced",
    flash: int | None = None,
    room: int | None = None,
    regions: Sequence[Region] = (Region(),),
    streams: Schedule | None = None,
    remembered: Offered | None = None,
) -> Chosen:
    """Chooses layouts, plans the arena and writes the packed model.

    Args:
        flash: bytes that the packed model may take; more is an error.
        room: bytes that the target has for it: layouts are chosen to fit, but a model that is larger anyway is not
            refused here, since firmware may place it elsewhere.
        regions: the memories that the arena may take; where they do not suffice, layouts give way to others as far as
            that helps.
        streams: of the graph, if any: strips of several rows do not go into them.
        remembered: what there is to choose from, kept from one schedule of a model to the next.

    Raises FitError if no choice fits `flash`.
    """
    packed = pack_steps(graph, packing, streams, remembered=remembered)
    offers: list[list[Candidate]] = [list(step.candidates) for step in packed.steps]
    limit = flash if flash is not None else room
    chosen = _within(graph, packing, source_hash, offers, optimize, limit, streams, regions)
    while chosen.plan.missing > 0:
        heavy = _heaviest_at_peak(chosen)
        for step in heavy:
            offers[step] = [c for c in offers[step] if c is not chosen.steps.steps[step].chosen]
        if not heavy or not all(_worth_it(offers[step], optimize) for step in heavy):
            break
        without = _within(graph, packing, source_hash, offers, optimize, limit, streams, regions)
        if without.plan.missing >= chosen.plan.missing:
            break
        chosen = without
    if flash is not None and len(chosen.packed) > flash:
        raise FitError(
            f"{graph.name}: the packed model takes at least {len(chosen.packed):,} bytes of flash; "
            f"the budget is {flash:,}"
        )
    return chosen


def _heaviest_at_peak(chosen: Chosen) -> list[int]:
    """The steps with weights whose scratch is what is most of it where the most bytes are alive."""
    plan, steps = chosen.plan, chosen.steps.steps
    alive = {step for buffer in plan.alive(plan.peak_step) for step in buffer.steps}
    most = max((steps[step].scratch_bytes for step in alive), default=0)
    return sorted(step for step in alive if steps[step].scratch_bytes == most and steps[step].chosen)


def _within(
    graph: Graph,
    packing: str,
    source_hash: bytes,
    offers: Offers,
    optimize: Optimize,
    limit: int | None,
    streams: Schedule | None,
    regions: Sequence[Region],
) -> Chosen:
    """The best choice whose file takes at most `limit` bytes; the smallest if there is none."""

    def build(picks: Sequence[int]) -> Chosen:
        picked = [step[pick] if step else None for step, pick in zip(offers, picks, strict=True)]
        steps = pack_steps(graph, packing, streams, picked)
        plan = plan_memory(graph, [step.scratch_bytes for step in steps.steps], streams, regions, packing)
        return Chosen(steps, plan, *write(graph, steps, plan, source_hash))

    smallest = choose(offers, optimize, 0)
    chosen = build(choose(offers, optimize, None))
    if limit is None or len(chosen.packed) <= limit:
        return chosen
    # All but these constants takes the same bytes whatever is chosen, or a little less where layers share constants
    # or need no scratch: what is over, the next choice must save.
    least = build(smallest)
    constants = sum(aligned_bytes(step[pick]) for step, pick in zip(offers, smallest, strict=True) if step)
    room = limit - (len(least.packed) - constants)
    while room > constants:
        chosen = build(choose(offers, optimize, room))
        over = len(chosen.packed) - limit
        if over <= 0:
            return chosen
        room -= over
    return least
