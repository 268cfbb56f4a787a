# SPDX-License-Identifier: Apache-2.0
"""From a packed model to a board that serves it: the image, the tool and the device to flash it with, the check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from groat import firmware
from groat.boards import Board, FlashMethod
from groat.errors import InputError, RunnerError, ToolchainError
from groat.flash import devices
from groat.flash.devices import Device
from groat.flash.serving import Served, check_flashed
from groat.flash.tools import TOOLS, Image, Step, Tool, carry_out
from groat.pack import reader
from groat.progress import Progress, silent
from groat.runners.board import image_for

EMULATOR = "qemu"


# ---- The image -----------------------------------------------------------------------------------------


def build(board: Board, packed: bytes, every_op: bool = False, public_key: bytes | None = None) -> firmware.Image:
    """Firmware for a board that serves a model, which is linked in.

    Args:
        every_op: link all ops, so that other models may take this one's place; else those of this model.
        public_key: of those that come later, only what its owner signed is served (groat.signing).

    Raises:
        InputError: no firmware is built for the board here.
        FitError: it does not fit.
        ToolchainError: a compiler is missing.
    """
    if board.target.compiler is None:
        raise InputError(
            f"no firmware is built here for {board.name} ({board.title}); build it with its maker's tools "
            "(docs/BOARDS.md) and name the file with --firmware"
        )
    return image_for(board.target, packed, every_op, public_key)


# ---- The tool and the device ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """A way to flash a board, and what through; without a device, the emulator, or whatever is attached."""

    tool: str
    method: FlashMethod
    device: Device | None = None

    def steps(self, image: Image) -> list[Step]:
        """What writes and verifies an image."""
        return TOOLS[self.tool].steps(self.method, image, self.device)


def methods_of(board: Board, tool: str | None) -> list[FlashMethod]:
    """The ways to flash a board in its description's order, or the one with a tool; InputError if there is none."""
    methods = [method for method in board.flash if tool in (None, method.tool)]
    if not methods:
        names = ", ".join(method.tool for method in board.flash) or "none"
        raise InputError(f"{board.name} is not flashed with {tool}; its tools are: {names}")
    return methods


def choose(board: Board, tool: str | None = None, probe: str | None = None, port: str | None = None) -> Choice:
    """The first way to flash a board whose tool is installed and that finds the board.

    The emulator is taken where the board is nothing else, or when it is named; never in the place of a board that is
    not there.

    Args:
        tool: a name of TOOLS, or "qemu".
        probe: serial number of the debug probe or boot loader, or the drive.
        port: the serial port, where the tool writes through that.

    Raises:
        InputError: the board is not flashed with the tool; several devices are found, which the message lists.
        ToolchainError: no tool is installed; the message says how to install each.
        RunnerError: no device is found; the message says what was looked for and what there is.
    """
    methods = methods_of(board, tool)
    if methods[0].tool == EMULATOR:
        return Choice(EMULATOR, methods[0])
    methods = [method for method in methods if method.tool != EMULATOR]
    missing = [TOOLS[method.tool] for method in methods if not TOOLS[method.tool].present]
    if len(missing) == len(methods):
        lines = "\n".join(f"  {line.name}: {line.install}" for line in missing)
        raise ToolchainError(
            f"no tool that flashes {board.name} is installed or on PATH; any of these is enough:\n{lines}"
        )
    looked = []
    for method in methods:
        row = TOOLS[method.tool]
        if not row.present:
            looked.append(f"{row.name}: not installed ({row.install})")
            continue
        found = row.finds()
        named = port if row.name == "esptool" else probe
        fitting = [d for d in found if d.id == named] if named else [d for d in found if row.fits(method, d)]
        if len(fitting) > 1:
            raise InputError(_several(board, row, fitting))
        if fitting:
            return Choice(row.name, method, fitting[0])
        looked.append(_not_there(row, method, named, found))
    raise RunnerError(f"no {board.name} is found:\n" + "\n".join(f"  {line}" for line in looked))


def _several(board: Board, row: Tool, found: Iterable[Device]) -> str:
    option = "--port" if row.name == "esptool" else "--probe"
    lines = "\n".join(f"  {device}" for device in found)
    return f"several may be the {board.name} that {row.name} shall flash; name one with {option}:\n{lines}"


def _not_there(row: Tool, method: FlashMethod, named: str | None, found: Iterable[Device]) -> str:
    wanted = named or method.drive or " or ".join(method.usb)
    there = ", ".join(map(str, found)) or "none"
    return f"{row.name}: {row.goes_through}, {wanted}, is not there; there are: {there}"


def dry_choice(board: Board, tool: str | None = None, probe: str | None = None, port: str | None = None) -> Choice:
    """What `choose` would choose; where no device is attached, or no tool is installed, the first way for the only
    device that there may be.

    Raises InputError as `choose`.
    """
    try:
        return choose(board, tool, probe, port)
    except (RunnerError, ToolchainError):
        method = methods_of(board, tool)[0]
        named = port if method.tool == "esptool" else probe
        return Choice(method.tool, method, Device(named, "", serial=named) if named else None)


def find_port(board: Board, port: str | None = None, choice: Choice | None = None) -> str:
    """The serial port that a board answers at.

    It is the one that is named; or that of the probe which the board is flashed through; or the only one whose USB ids
    the board's description has.

    Raises InputError, with all ports, if there is none or several.
    """
    if port is not None:
        return port
    ports = devices.serial_ports()
    device = None if choice is None else choice.device
    if choice is not None and device is not None and choice.tool == "esptool":
        return device.id
    if device is not None and device.serial:
        same = [p.id for p in ports if p.serial == device.serial]
        if len(same) == 1:
            return same[0]
    ids = {usb for method in board.flash for usb in method.usb}
    fitting = [p for p in ports if p.usb in ids]
    if len(fitting) == 1:
        return fitting[0].id
    count = "several serial ports" if fitting else "no serial port"
    there = "\n".join(f"  {p}" for p in (fitting or ports)) or "  none"
    raise InputError(f"{count} may be the one that {board.name} answers at; name it with --port; there are:\n{there}")


# ---- Flashing ------------------------------------------------------------------------------------------


def flash(
    board: Board, choice: Choice, image: Image, packed: bytes, port: str, progress: Progress = silent
) -> tuple[list[Step], Served]:
    """Writes an image onto a board, verifies it, and sees that the board serves the model; what was done, and what
    the board says.

    Raises:
        ToolchainError: the tool is missing.
        RunnerError: it failed or took too long, what was written does not read back; the board does not answer,
            is another one, or serves another model.
        ModelError: the firmware refuses the model.
    """
    steps = choice.steps(image)
    carry_out(steps, progress)
    return steps, check_flashed(port, board, packed, progress)


def prepare(
    board: Board,
    method: FlashMethod,
    packed: bytes,
    file: Path | None = None,
    every_op: bool = False,
    public_key: bytes | None = None,
) -> Image:
    """What a way of flashing writes onto a board so that it serves a model: firmware that is built, or a file.

    Raises:
        InputError: the model is packed for other kernels than the board's; and as `build` and Image.read.
        FitError, ToolchainError: as `build`.
    """
    packing = reader.read(packed).packing
    if packing != board.target.packing:
        raise InputError(
            f"the model is packed for {packing!r} kernels; {board.name} has {board.target.packing!r}: "
            f"compile it with --target {board.name}"
        )
    file = file if file is not None else build(board, packed, every_op, public_key).path
    address = method.address
    if address is None and any(memory.purpose == "code" for memory in board.target.memories):
        address = board.target.memory("code").origin
    return Image.read(file, address)
