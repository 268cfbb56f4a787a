# SPDX-License-Identifier: Apache-2.0
"""Every error that Groat raises on purpose: one family, so that a script can catch it at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class GroatError(Exception):
    """Base of all errors below.  The command line turns it into one message and `exit_code`."""

    exit_code = 1


class InputError(GroatError, ValueError):
    """An argument or input array is wrong: shape, dtype, count or value."""

    exit_code = 2


class ModelError(GroatError):
    """A model file cannot be read: empty, cut, damaged, of another version, or contradictory."""

    exit_code = 3


class UnsupportedError(ModelError):
    """A model uses ops that Groat has no kernels for.

    Attributes:
        problems: one line for each op that is not supported: its index, tensors and the reason.
    """

    def __init__(self, model: str, problems: list[str]) -> None:
        self.problems = problems
        count = "1 op is" if len(problems) == 1 else f"{len(problems)} ops are"
        super().__init__(f"{model}: {count} not supported:\n" + "\n".join(f"  {line}" for line in problems))


class FitError(GroatError):
    """A model needs more memory than the target or the given budget has.

    Attributes:
        facts: what would fit, for reports: groat.fit.smallest_facts where RAM is too small; may be empty.
    """

    exit_code = 4

    def __init__(self, message: str, facts: Mapping[str, Any] | None = None) -> None:
        self.facts = dict(facts or {})
        super().__init__(message)


class MismatchError(GroatError):
    """Two runs that must agree byte for byte do not."""

    exit_code = 5


class ToolchainError(GroatError):
    """A compiler, emulator or package is missing or failed; the message names the command that installs it."""

    exit_code = 6


class RunnerError(GroatError):
    """A device, emulator or its firmware died, hung or answered nonsense."""

    exit_code = 7


class VerifyError(GroatError, AssertionError):
    """A graph broke one of its rules between two passes: a bug in Groat, not in the model."""

    exit_code = 8
