# SPDX-License-Identifier: Apache-2.0
"""How long work tells how far it is: one kind of callback, from the planner to the command line."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Told (what is being done, how much of it is done, of how much: 0 where that is not known)."""


def silent(what: str, done: int, total: int) -> None:
    """The Progress of those who do not want to know."""
