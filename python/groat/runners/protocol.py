# SPDX-License-Identifier: Apache-2.0
"""What host and firmware say to each other, read from the firmware's own header: firmware/app/protocol.h."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from typing import Any

import cffi

from groat.sources import find_sources


@dataclass(frozen=True)
class Cost:
    """What one call cost, in ticks of the target's counter and bytes of stack: its own, and with its callers' too."""

    ticks: int
    stack_bytes: int
    depth_bytes: int


@dataclass(frozen=True)
class Info:
    """What the firmware knows of itself; the fields are those of groat_info."""

    version: int
    open_status: int
    memories: int
    stack_limit_bytes: int
    idle: Cost
    open: Cost
    last: Cost


@dataclass(frozen=True)
class About:
    """What firmware that serves is, and which model it serves; the fields are those of groat_about."""

    library_version: int
    format_major: int
    format_minor: int
    packing: int
    workers: int
    place: int
    model_bytes: int
    model_crc: int
    target: str


@dataclass(frozen=True)
class Slot:
    """A slot of flash; the fields are those of groat_slot_about.

    Its state is 0 if it holds nothing whole, 1 for a model, and 2 if that is served.
    """

    state: int
    sequence: int
    model_bytes: int
    model_crc: int


class Protocol:
    """Requests to bytes, bytes to replies.  Both sides are little-endian."""

    def __init__(self) -> None:
        lines = (find_sources().firmware / "app" / "protocol.h").read_text(encoding="utf-8").splitlines()
        self._ffi = cffi.FFI()
        self._ffi.cdef("\n".join(line for line in lines if not line.startswith("#")))
        self._constants: Any = self._ffi.dlopen(None)
        self.version = int(self._constants.GROAT_PROTOCOL_VERSION)
        self.reply_bytes = int(self._ffi.sizeof("groat_reply"))
        self.signature_bytes = int(self._constants.GROAT_SIGNATURE_BYTES)
        self.info_bytes = int(self._ffi.sizeof("groat_info"))

    def request(self, command: str, argument: int, count: int) -> bytes:
        """A request to do `command` ("RUN", …), which `count` bytes follow."""
        number = getattr(self._constants, f"GROAT_COMMAND_{command}")
        return bytes(self._ffi.buffer(self._ffi.new("groat_request *", [number, argument, count])))

    def reply(self, data: bytes) -> tuple[int, int]:
        """Status and number of bytes that follow."""
        reply = self._read("groat_reply", data)
        return reply.status, reply.bytes

    def info(self, data: bytes) -> Info:
        info = self._read("groat_info", data)
        costs = {
            name: Cost(cost.ticks, cost.stack_bytes, cost.depth_bytes)
            for name, cost in ((name, getattr(info, name)) for name in _COSTS)
        }
        return Info(info.version, info.open_status, info.memories, info.stack_limit_bytes, **costs)

    def about(self, data: bytes) -> About:
        about = self._read("groat_about", data)
        numbers = {field.name: getattr(about, field.name) for field in fields(About) if field.name != "target"}
        return About(**numbers, target=self._ffi.string(about.target).decode(errors="replace"))

    def rooms(self, data: bytes) -> list[tuple[int, int]]:
        """Start and bytes of each memory."""
        size = self._ffi.sizeof("groat_room")
        rooms = [self._read("groat_room", data[at : at + size]) for at in range(0, len(data), size)]
        return [(room.start, room.bytes) for room in rooms]

    def slots(self, data: bytes) -> list[Slot]:
        """All of them, the newest model's first."""
        size = self._ffi.sizeof("groat_slot_about")
        found = [self._read("groat_slot_about", data[at : at + size]) for at in range(0, len(data), size)]
        return [Slot(slot.state, slot.sequence, slot.model_bytes, slot.model_crc) for slot in found]

    def load(self, place: str, count: int, crc: int) -> bytes:
        """A model of `count` bytes that is about to come to a place ("RAM", …)."""
        number = getattr(self._constants, f"GROAT_PLACE_{place}")
        return bytes(self._ffi.buffer(self._ffi.new("groat_load *", [number, count, crc])))

    def place(self, number: int) -> str:
        """The name of a place ("RAM", …)."""
        names = self._ffi.typeof("enum groat_place").elements
        return str(names[number]).removeprefix("GROAT_PLACE_")

    def _read(self, struct: str, data: bytes) -> Any:
        value = self._ffi.new(f"{struct} *")
        self._ffi.memmove(value, data, self._ffi.sizeof(struct))
        return value[0]


_COSTS = ("idle", "open", "last")


@functools.cache
def load_protocol() -> Protocol:
    """The protocol; the header is read once."""
    return Protocol()
