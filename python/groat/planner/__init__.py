# SPDX-License-Identifier: Apache-2.0
"""Where everything lies in the arena: lifetimes first, then offsets."""

from groat.planner.lifetimes import Lifetime, lifetimes
from groat.planner.memories import Region
from groat.planner.offsets import Plan, PlannedBuffer, plan_memory
from groat.planner.schedules import Way, ways
from groat.planner.solver import Effort, require_solver, solve
from groat.planner.spills import spill
from groat.planner.streams import Schedule

__all__ = [
    "Effort",
    "Lifetime",
    "Plan",
    "PlannedBuffer",
    "Region",
    "Schedule",
    "Way",
    "lifetimes",
    "plan_memory",
    "require_solver",
    "solve",
    "spill",
    "ways",
]
