# SPDX-License-Identifier: Apache-2.0
"""The targets: what each file beside this one says, as frozen dataclasses.

A target is data.  Its TOML file is the only description of its compiler, memories, counter and emulator;
adding one needs no code unless it brings a new kind of start-up or counter (see docs/PORTING.md).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

from groat.errors import GroatError, InputError
from groat.targets.reading import read_file, read_section

__all__ = [
    "Compiler",
    "Counter",
    "Light",
    "Memory",
    "Model",
    "Qemu",
    "Serial",
    "Slots",
    "Target",
    "Watchdog",
    "list_targets",
    "load_target",
]

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Memory:
    """A stretch of addresses of the target; `origin` and `length` in bytes.

    Attributes:
        purpose: what firmware puts there.  "code"; "data": stack, variables and, where nothing else is asked for, the
            arena; "model": one that is not linked in; "arena": nothing but regions of models.
        cost: cycles to read or write a byte of it, relative to the target's fastest memory; of "data" and "arena".
    """

    name: str
    purpose: Literal["code", "data", "model", "arena"]
    origin: int
    length: int
    cost: float = 1.0

    @property
    def end(self) -> int:
        return self.origin + self.length


@dataclass(frozen=True)
class Compiler:
    """How to compile and link for the target."""

    command: str
    flags: tuple[str, ...]
    libgcc: tuple[str, ...]
    """The gcc, with flags, whose libgcc has the integer division and soft floats of this core."""
    startup: tuple[str, ...]
    """Files of firmware/startup."""
    linker: str = ""
    """A linker to use in place of the compiler's own; may be empty."""


@dataclass(frozen=True)
class Counter:
    """The device's counter: a file of firmware/counter, its width and base address, and what one tick is."""

    kind: str
    bits: int
    address: int
    ns_per_tick: float

    @property
    def icount_shift(self) -> int:
        """The N of QEMU's `-icount shift=N` (an instruction takes 2^N ns) at which counts are exact.

        A read truncates to a tick, so a difference is off by less than one; at two ticks or more to an
        instruction, rounding restores the count.  No larger than needed, because 32-bit counters wrap.
        """
        return max(0, math.ceil(math.log2(2 * self.ns_per_tick)))

    def cycles(self, ticks: int, clock: int) -> int:
        """Cycles of a core at `clock` Hz from ticks counted on the device itself."""
        return round(ticks * self.ns_per_tick * clock / 1e9)

    def instructions(self, ticks: int) -> int:
        """Executed instructions from ticks counted at that shift."""
        return round(ticks * self.ns_per_tick / (1 << self.icount_shift))


@dataclass(frozen=True)
class Serial:
    """The device's serial line to the host.

    Attributes:
        kind: a file of firmware/uart.
        address: of its registers.
        clock: Hz that its baud rate is divided from.
        baud: bits per second.
        pins: (TX, RX) where the device can choose, as its registers number them; else empty.
    """

    kind: str
    address: int
    clock: int
    baud: int = 115200
    pins: tuple[int, ...] = ()


@dataclass(frozen=True)
class Slots:
    """Flash that holds two slots for models.

    Attributes:
        kind: a file of firmware/flash.
        address: where it is mapped.
        length: of all its sectors; erase_bytes of a sector; program_bytes of what is written at once.
    """

    kind: str
    address: int
    length: int
    erase_bytes: int
    program_bytes: int


@dataclass(frozen=True)
class Watchdog:
    """What resets the device when its firmware hangs.

    Attributes:
        kind: a file of firmware/watchdog.
        seconds: for which it waits: longer than the longest step of a model, and than erasing a sector of flash.
        address: of its registers, and clock: Hz that it counts, where the kind does not know them.
    """

    kind: str
    seconds: int
    address: int = 0
    clock: int = 0


@dataclass(frozen=True)
class Light:
    """A light of the device, and how it is switched.

    Attributes:
        setup: (address, bits to clear, bits to set) of registers, in this order.
        on, off: (address, value) of a register.
    """

    setup: tuple[tuple[int, ...], ...]
    on: tuple[int, ...]
    off: tuple[int, ...]

    def __post_init__(self) -> None:
        if any(len(change) != 3 for change in self.setup) or len(self.on) != 2 or len(self.off) != 2:
            raise InputError("a light has a setup of [address, clear, set] each, and on and off of [address, value]")


@dataclass(frozen=True)
class Qemu:
    """The emulator and the arguments that make it this target; the size of its RAM, if a file may be behind that;
    which of the machine's serial lines the target's is."""

    command: str
    args: tuple[str, ...]
    ram_bytes: int = 0
    serial: int = 0


@dataclass(frozen=True)
class Target:
    """One core on one machine.  All but the host have a compiler, memories, a counter and an emulator."""

    name: str
    core: str
    packing: str
    """Which order of weights its kernels read."""
    stack_bytes: int
    """What firmware sets aside for the stack; a multiple of 16."""
    memories: tuple[Memory, ...] = ()
    compiler: Compiler | None = None
    counter: Counter | None = None
    serial: Serial | None = None
    slots: Slots | None = None
    watchdog: Watchdog | None = None
    light: Light | None = None
    qemu: Qemu | None = None
    fence: str = ""
    """How its core protects memory: a file of firmware/fence without its suffix; empty if it cannot."""
    harts: int = 1
    """How many cores it may have: NAME-smpN is the target with N of them."""
    workers: int = 1
    """How many of them share the work of an op."""
    model_memory: str = ""
    model_address: int = 0
    """Where a model that is not linked in is loaded."""
    clock: int = 0
    """Hz of a real board's core; 0 for a machine whose time QEMU makes out of instructions."""
    board: tuple[str, ...] = ()
    """C files of firmware/board, or of `folder`, that set up a board's clocks and pins."""
    folder: Path | None = None
    """Where a board from outside this package has C files of its own."""

    def memory(self, purpose: str) -> Memory:
        """The first memory of that purpose."""
        for memory in self.memories:
            if memory.purpose == purpose:
                return memory
        raise GroatError(f"target {self.name} describes no {purpose} memory")

    @property
    def arenas(self) -> tuple[Memory, ...]:
        """The memories that may hold regions of a model, in the order of the description."""
        return tuple(memory for memory in self.memories if memory.purpose in ("data", "arena"))

    def arena(self, name: str) -> Memory:
        """One of them; InputError with all names if there is none of that name."""
        for memory in self.arenas:
            if memory.name == name:
                return memory
        names = ", ".join(memory.name for memory in self.arenas) or "none"
        raise InputError(f"target {self.name} has no memory {name!r} for activations; there are: {names}")

    @property
    def model_room(self) -> Memory:
        """From the model's address to the end of the memory it lies in."""
        for memory in self.memories:
            if memory.name == self.model_memory:
                return Memory("model", "model", self.model_address, memory.end - self.model_address)
        raise GroatError(f"target {self.name} describes no memory named {self.model_memory!r} for its model")

    @property
    def ram_bytes(self) -> int:
        """Memory for stack, data and an arena beside them; 0 means no limit."""
        return sum(m.length for m in self.memories if m.purpose == "data")

    @property
    def flash_bytes(self) -> int:
        """Memory for code and model; 0 means no limit."""
        return sum(m.length for m in self.memories if m.purpose in ("code", "model"))


def list_targets() -> list[str]:
    """The names of all targets, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_target(name: str) -> Target:
    """Reads the description of one target, of one with several cores ("rv32v-smp8"), or of a board, which is a target
    on a machine of its own (groat.boards).

    Raises InputError, with all names, if there is none of that name.
    """
    from groat.boards import board_names, load_board, names_board

    if names_board(name):
        return load_board(name).target
    if name.partition("-smp")[0] not in list_targets():
        boards = ", ".join(board_names())
        raise InputError(f"unknown target {name!r}; there are: {', '.join(list_targets())}; and boards: {boards}")
    return _load(name)


@functools.cache
def _load(name: str) -> Target:
    base, several, count = name.partition("-smp")
    target = _read(base)
    if not several:
        return target
    if not count.isdecimal() or not 1 < int(count) <= target.harts:
        raise InputError(f"unknown target {name!r}; {base} may have 1 to {target.harts} cores")
    return replace(target, name=name, workers=int(count))


@dataclass(frozen=True)
class Model:
    """Where a model that is not linked in is loaded: in a memory of that name."""

    memory: str
    address: int


@dataclass(frozen=True)
class _File:
    """A target's file."""

    core: str
    packing: str
    stack_bytes: int
    memories: tuple[Memory, ...] = ()
    compiler: Compiler | None = None
    counter: Counter | None = None
    serial: Serial | None = None
    slots: Slots | None = None
    watchdog: Watchdog | None = None
    light: Light | None = None
    qemu: Qemu | None = None
    fence: str = ""
    harts: int = 1
    model: Model = Model("", 0)


def _read(name: str) -> Target:
    path = _FOLDER / f"{name}.toml"
    file = read_section(_File, read_file(path), path)
    values = {field.name: getattr(file, field.name) for field in fields(file) if field.name != "model"}
    return Target(name=name, model_memory=file.model.memory, model_address=file.model.address, **values)
