# SPDX-License-Identifier: Apache-2.0
"""QEMU's monitor: a way to look at the machine, and to push its reset button."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

from groat.targets import Target

TIMEOUT_SECONDS = 30


def with_monitor(target: Target, path: Path) -> Target:
    """The same with a monitor at a socket."""
    assert target.qemu is not None
    more = ("-qmp", f"unix:{path},server=on,wait=off")
    return replace(target, qemu=replace(target.qemu, args=(*target.qemu.args, *more)))


class Monitor:
    """A conversation with QEMU, not with the firmware."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(TIMEOUT_SECONDS)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("r", encoding="utf-8")
        self._lines.readline()  # the greeting
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments: object) -> Any:
        self._socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = json.loads(self._lines.readline())
            if "event" not in answer:
                return answer["return"]

    def word_at(self, address: int) -> int:
        """A word of memory or a register, by its physical address."""
        said = self.ask("human-monitor-command", **{"command-line": f"xp /1wx {address:#x}"})
        return int(said.split(":")[1], 16)

    def reset(self) -> None:
        self.ask("system_reset")

    def close(self) -> None:
        self._lines.close()
        self._socket.close()
