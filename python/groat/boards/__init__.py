# SPDX-License-Identifier: Apache-2.0
"""The boards: what each file beside this one says, as frozen dataclasses.

A board is data: the core of a target (groat.targets) on a machine of its own, and how an image comes onto it.  Its
name is a target's name wherever one is asked for.  docs/PORTING.md says how to add one; GROAT_BOARDS names folders
with more.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from groat.errors import InputError
from groat.targets import (
    Counter,
    Light,
    Memory,
    Model,
    Qemu,
    Serial,
    Slots,
    Target,
    Watchdog,
    list_targets,
    load_target,
)
from groat.targets.reading import read_file, read_section

__all__ = ["Board", "FlashMethod", "board_names", "load_board", "names_board"]

Tool = Literal["openocd", "pyocd", "esptool", "dfu-util", "uf2", "qemu"]
Status = Literal["described", "built", "emulated", "hardware"]
STATUSES: tuple[Status, ...] = get_args(Status)

_FOLDER = Path(__file__).parent
_SUFFIX = ".toml"
_NAME_BYTES = 23  # that firmware has room for to say its target's name


@dataclass(frozen=True)
class FlashMethod:
    """One way to bring an image onto a board.

    Attributes:
        tool: the program; "uf2" copies onto the drive that the board's bootloader shows.
        config: openocd: its `-f` files.
        target: pyocd: its name of the chip.
        chip: esptool: its name of the chip.
        address: where the image goes, where the tool does not find it in the ELF file.
        family: uf2: the family id of the chip.
        drive: uf2: Board-ID in the drive's INFO_UF2.TXT.
        usb: "vendor:product", four hexadecimal digits each, of the probes or bootloaders that this goes through.
    """

    tool: Tool
    config: tuple[str, ...] = ()
    target: str = ""
    chip: str = ""
    address: int | None = None
    family: int = 0
    drive: str = ""
    usb: tuple[str, ...] = ()


@dataclass(frozen=True)
class Board:
    """A board.

    Attributes:
        title: its maker's name of it.
        chip: its maker's name of the microcontroller.
        status: "described": no firmware is built for it here; "built": firmware is built, and was never run;
            "emulated": that very firmware runs in QEMU's model of the board; "hardware": it ran on the board.
        core: the target whose core it has.
        target: what firmware is built for.
        flash: ways to bring an image onto it, the best first.
        platform: the PlatformIO platform of its maker that builds for it where this package does not.
        file: its description.
    """

    title: str
    chip: str
    status: Status
    core: str
    target: Target
    flash: tuple[FlashMethod, ...]
    platform: str
    file: Path

    @property
    def name(self) -> str:
        return self.target.name


@dataclass(frozen=True)
class _CompilerChanges:
    flags: tuple[str, ...] = ()
    libgcc: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Startup:
    files: tuple[str, ...]


@dataclass(frozen=True)
class _File:
    """A board's file."""

    title: str
    target: str
    status: Status
    chip: str = ""
    clock: int = 0
    platform: str = ""
    stack_bytes: int = 0
    compiler: _CompilerChanges = field(default_factory=_CompilerChanges)
    memories: tuple[Memory, ...] = ()
    model: Model | None = None
    serial: Serial | None = None
    counter: Counter | None = None
    slots: Slots | None = None
    watchdog: Watchdog | None = None
    light: Light | None = None
    startup: _Startup = _Startup(())
    qemu: Qemu | None = None
    flash: tuple[FlashMethod, ...] = ()


def board_names() -> list[str]:
    """The names of all boards, sorted: of this package, and of the folders that GROAT_BOARDS lists."""
    return sorted({path.stem for folder in _folders() for path in folder.glob(f"*{_SUFFIX}")})


def names_board(name: str) -> bool:
    """Whether it is the name of a board, or the path of a board's file."""
    return name.endswith(_SUFFIX) or name in board_names()


def load_board(name: str) -> Board:
    """Reads the description of a board, by its name or the path of its file.

    Raises InputError if there is none of that name, with all names, or if its file is wrong, with what is wrong where.
    """
    if name.endswith(_SUFFIX):
        return _read(Path(name))
    for folder in _folders():
        if name in board_names() and (folder / f"{name}{_SUFFIX}").is_file():
            return _read(folder / f"{name}{_SUFFIX}")
    raise InputError(f"unknown board {name!r}; there are: {', '.join(board_names())}")


def _folders() -> list[Path]:
    """Where boards are described; those of the user's go first."""
    given = [Path(folder) for folder in os.environ.get("GROAT_BOARDS", "").split(os.pathsep) if folder]
    for folder in given:
        if not folder.is_dir():
            raise InputError(f"GROAT_BOARDS names {folder}, which is no folder")
    return [*given, _FOLDER]


def _read(path: Path) -> Board:
    file = read_section(_File, read_file(path), path)
    if file.target not in list_targets():
        raise InputError(f"{path}: target is {file.target!r}; expected one of {', '.join(list_targets())}")
    if len(path.stem.encode()) > _NAME_BYTES:
        raise InputError(f"{path}: the name has {len(path.stem.encode())} bytes; expected at most {_NAME_BYTES}")
    target = replace(
        load_target(file.target),
        name=path.stem,
        clock=file.clock,
        board=file.startup.files,
        folder=path.resolve().parent if path.parent != _FOLDER else None,
    )
    target = _on_own_machine(target, file, path) if file.memories else _with_changes(target, file, path)
    return Board(
        file.title, file.chip or target.core, file.status, file.target, target, file.flash, file.platform, path
    )


def _with_changes(target: Target, file: _File, path: Path) -> Target:
    """A board that is the target's own machine, and says nothing of it."""
    for key in ("clock", "stack_bytes", "model", "serial", "counter", "slots", "watchdog", "light", "qemu", "platform"):
        if getattr(file, key):
            raise InputError(f"{path}: {key} without memories; a board with a machine of its own describes them")
    return target


def _on_own_machine(target: Target, file: _File, path: Path) -> Target:
    """The target's core, and nothing of its machine."""
    if file.platform:
        return replace(
            target,
            memories=file.memories,
            compiler=None,
            counter=None,
            serial=None,
            slots=None,
            watchdog=None,
            light=None,
            qemu=None,
            model_memory="",
            model_address=0,
        )
    if not file.clock or file.model is None or file.serial is None or file.counter is None:
        raise InputError(f"{path}: clock, model, serial and counter belong to a board with memories of its own")
    assert target.compiler is not None  # only the host has none, and no board is one
    compiler = replace(
        target.compiler,
        flags=file.compiler.flags or target.compiler.flags,
        libgcc=file.compiler.libgcc or target.compiler.libgcc,
    )
    target = replace(
        target,
        stack_bytes=file.stack_bytes or target.stack_bytes,
        compiler=compiler,
        memories=file.memories,
        serial=file.serial,
        counter=file.counter,
        slots=file.slots,
        watchdog=file.watchdog,
        light=file.light,
        qemu=file.qemu,
        model_memory=file.model.memory,
        model_address=file.model.address,
    )
    room = next((m for m in file.memories if m.name == file.model.memory), None)
    if room is None or not room.origin <= file.model.address < room.end:
        raise InputError(
            f"{path}: model.address {file.model.address:#x} does not lie in a memory {file.model.memory!r}"
        )
    for purpose in ("code", "data"):
        if all(memory.purpose != purpose for memory in file.memories):
            raise InputError(f"{path}: none of the memories has the purpose {purpose!r}")
    return target
