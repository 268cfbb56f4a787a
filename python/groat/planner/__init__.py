# SPDX-License-Identifier: Apache-2.0
"""Where everything lies in the arena: lifetimes first, then offsets."""

from groat.planner.lifetimes import Lifetime, lifetimes
from groat.planner.offsets import Plan, PlannedBuffer, plan_memory

__all__ = ["Lifetime", "Plan", "PlannedBuffer", "lifetimes", "plan_memory"]
