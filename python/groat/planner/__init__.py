# SPDX-License-Identifier: Apache-2.0
"""Where everything lies in the arena: lifetimes first, then offsets."""

from groat.planner.lifetimes import Lifetime, lifetimes
from groat.planner.offsets import Plan, PlannedBuffer, plan_memory
from groat.planner.streams import Schedule, schedule_streams

__all__ = ["Lifetime", "Plan", "PlannedBuffer", "Schedule", "lifetimes", "plan_memory", "schedule_streams"]
