# SPDX-License-Identifier: Apache-2.0
"""What was built or downloaded once is kept in one folder, which may be removed at any time."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """GROAT_CACHE_DIR, or groat in the user's cache folder."""
    chosen = os.environ.get("GROAT_CACHE_DIR")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "groat"
