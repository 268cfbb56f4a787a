# SPDX-License-Identifier: Apache-2.0
"""Where the files are that firmware is built from: the checkout of this package, or its own copy."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from groat.errors import ToolchainError

_PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Sources:
    """The folders `runtime` and `firmware`, and the list of Debian packages."""

    runtime: Path
    firmware: Path
    debian_packages: Path


@functools.cache
def find_sources() -> Sources:
    """The sources of this package; ToolchainError if the installation lacks them."""
    candidates = [_PACKAGE.parent.parent, _PACKAGE / "_sources"]
    for root in candidates:
        sources = Sources(root / "runtime", root / "firmware", root / "tools" / "debian-packages.txt")
        if sources.runtime.is_dir() and sources.firmware.is_dir() and sources.debian_packages.is_file():
            return sources
    places = " nor ".join(str(root) for root in candidates)
    raise ToolchainError(f"the C sources of Groat are neither under {places}; install the package again")
