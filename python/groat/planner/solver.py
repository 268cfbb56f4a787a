# SPDX-License-Identifier: Apache-2.0
"""Offsets by a constraint solver: the smallest arena with a proof, or how far from it at most.

OR-tools' CP-SAT, which is an extra (`pip install 'groat[ortools]'`).  The same plan gives the same result: one worker,
a fixed seed, and a limit of the solver's own measure of work instead of a clock.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace

from groat.errors import InputError
from groat.planner.offsets import Plan, blocks_of
from groat.planner.packing import ALIGN, Block, Packing, gap

SEED = 1

Progress = Callable[[int, int], None]
"""Told of each smaller arena that is found: (its bytes, the best lower bound so far)."""


def require_solver(asked: str = "solver is 'cp-sat'", instead: str = "use solver 'greedy'") -> None:
    """InputError unless OR-tools is installed; `asked` says what needs it, `instead` what does without."""
    if importlib.util.find_spec("ortools") is None:
        raise InputError(f"{asked}, but OR-tools is not installed: pip install 'groat[ortools]', or {instead}")


@dataclass
class Effort:
    """What the solver may still spend, in its own units: one to four seconds each."""

    left: float = 10.0


def solve(plan: Plan, effort: Effort | None = None, progress: Progress | None = None) -> Plan:
    """The plan with the lowest offsets that the solver finds for the same lifetimes, and its proven bound.

    Never worse than `plan`, which it starts from; what is proven already stays as it is.

    Args:
        effort: what it may spend; less is left of it afterwards.

    Raises InputError if OR-tools is not installed.
    """
    require_solver()
    effort = effort if effort is not None else Effort()
    buffers, regions = list(plan.buffers), list(plan.regions)
    for number, region in enumerate(regions):
        inside = [index for index, buffer in enumerate(buffers) if buffer.region == number]
        start = Packing(tuple(buffers[i].offset for i in inside), region.nbytes, region.lower_bound)
        if start.height == start.bound:
            continue
        found = solve_packing(blocks_of(buffers, inside), start, effort, progress)
        for index, offset in zip(inside, found.offsets, strict=True):
            buffers[index] = replace(buffers[index], offset=offset)
        regions[number] = replace(region, nbytes=found.height, lower_bound=found.bound)
    return replace(plan, buffers=tuple(buffers), regions=tuple(regions))


def solve_packing(blocks: list[Block], start: Packing, effort: Effort, progress: Progress | None = None) -> Packing:
    """As `solve`, for blocks; `start` is a packing of them."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    # All in units of ALIGN.
    sizes = [block.size // ALIGN for block in blocks]
    height = start.height // ALIGN
    offsets = [model.new_int_var(0, height - size, "") for size in sizes]
    top = model.new_int_var(start.bound // ALIGN, height, "")
    for offset, size in zip(offsets, sizes, strict=True):
        model.add(offset + size <= top)

    # Rectangles end where another may lie over them; from there on they keep apart pair by pair.
    ends = [block.last + 1 for block in blocks]
    for block in blocks:
        if block.over is not None and block.meets(blocks[block.over]):
            ends[block.over] = min(ends[block.over], max(block.first, blocks[block.over].first))
    boxes = [index for index, block in enumerate(blocks) if block.first < ends[index]]
    model.add_no_overlap_2d(
        [model.new_fixed_size_interval_var(blocks[i].first, ends[i] - blocks[i].first, "") for i in boxes],
        [model.new_fixed_size_interval_var(offsets[i], sizes[i], "") for i in boxes],
    )
    for high, block in enumerate(blocks):
        for low in range(high):
            other = blocks[low]
            if not block.meets(other) or max(block.first, other.first) < min(ends[high], ends[low]):
                continue
            below = model.new_bool_var("")
            model.add(offsets[low] + gap(blocks, low, high) // ALIGN <= offsets[high]).only_enforce_if(below)
            model.add(offsets[high] + gap(blocks, high, low) // ALIGN <= offsets[low]).only_enforce_if(~below)
    for offset, hint in zip(offsets, start.offsets, strict=True):
        model.add_hint(offset, hint // ALIGN)
    model.minimize(top)

    class Report(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            if progress is not None:
                progress(round(self.objective_value) * ALIGN, round(self.best_objective_bound) * ALIGN)

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = SEED
    solver.parameters.max_deterministic_time = effort.left
    status = solver.solve(model, Report())
    effort.left = max(effort.left - solver.response_proto.deterministic_time, 0.0)
    bound = max(start.bound, round(solver.best_objective_bound) * ALIGN)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE) or solver.value(top) >= height:
        return Packing(start.offsets, start.height, min(bound, start.height))
    return Packing(tuple(solver.value(offset) * ALIGN for offset in offsets), solver.value(top) * ALIGN, bound)
