# SPDX-License-Identifier: Apache-2.0
"""All boards, with what flashes them and which of them are attached or on."""

from __future__ import annotations

from typing import Any

from groat import toolchain
from groat.boards import Board, board_names, load_board
from groat.errors import GroatError
from groat.flash import devices, emulated
from groat.flash.flashing import EMULATOR
from groat.flash.process import output_of
from groat.flash.tools import TOOLS, Tool
from groat.toolchain import Missing

_VERSION_SECONDS = 30.0


def list_boards() -> list[dict[str, Any]]:
    """A row for each board.

    Keys: name, title, chip, core, status, ram_bytes, flash_bytes, memories [{name,
    purpose, bytes}], slots (whether its flash has some for models), tools [{tool, installed}], attached: devices that
    may be the board, or its port if it is emulated and on.
    """
    found = [*devices.usb_devices(), *devices.uf2_drives()]
    return [_row(load_board(name), found) for name in board_names()]


def _row(board: Board, found: list[devices.Device]) -> dict[str, Any]:
    target = board.target
    return {
        "name": board.name,
        "title": board.title,
        "chip": board.chip,
        "core": target.core,
        "status": board.status,
        "ram_bytes": target.ram_bytes,
        "flash_bytes": target.flash_bytes,
        "memories": [{"name": m.name, "purpose": m.purpose, "bytes": m.length} for m in target.memories],
        "slots": target.slots is not None,
        "tools": [{"tool": method.tool, "installed": _is_there(board, method.tool)} for method in board.flash],
        "attached": _attached(board, found),
    }


def _is_there(board: Board, tool: str) -> bool:
    if tool == EMULATOR:
        return board.target.qemu is not None and devices.present(board.target.qemu.command)
    return TOOLS[tool].present


def _attached(board: Board, found: list[devices.Device]) -> list[str]:
    methods = [method for method in board.flash if method.tool != EMULATOR]
    rows = [str(d) for d in found if any(TOOLS[m.tool].fits(m, d) for m in methods)]
    port = emulated.running(emulated.folder_of(board.name))
    return rows if port is None else [*rows, f"serial:{port}"]


# ---- For `groat doctor` --------------------------------------------------------------------------------


def flash_tools() -> tuple[list[toolchain.Tool], list[Missing]]:
    """The tools that flash and are on PATH; those that are not, with what for and how to install them."""
    programs = [tool for tool in TOOLS.values() if tool.program]
    there = [toolchain.Tool(t.program, toolchain.require(t.program, ""), _version(t)) for t in programs if t.present]
    missing = [Missing(t.program, f"flashing {_boards_of(t.name)}", t.install) for t in programs if not t.present]
    return there, missing


def _boards_of(tool: str) -> str:
    boards = map(load_board, board_names())
    return ", ".join(board.name for board in boards if any(method.tool == tool for method in board.flash))


def _version(tool: Tool) -> str:
    try:
        text = output_of([tool.program, tool.asks_version], f"asking {tool.program} for its version", _VERSION_SECONDS)
    except GroatError as error:
        return f"unknown: {str(error).splitlines()[0]}"
    return next((line.strip() for line in text.splitlines() if line.strip()), "unknown")
