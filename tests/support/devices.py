# SPDX-License-Identifier: Apache-2.0
"""The emulated targets, for tests that run on each of them."""

from __future__ import annotations

import pytest

from groat import toolchain
from groat.targets import Target, list_targets, load_target

DEVICES = [name for name in list_targets() if name != "host"]


def device(name: str) -> Target:
    """A target whose compiler and emulator are here; skips the test if they are not."""
    target = load_target(name)
    missing = toolchain.check(target)
    if missing:
        needed = ", ".join(tool.what for tool in missing)
        pytest.skip(f"{needed} missing: {toolchain.install_command([tool.what for tool in missing])}")
    return target
