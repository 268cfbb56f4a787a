# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the tools that flash, which record how they were called; and for a board that answers after that."""

from __future__ import annotations

import shlex
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from groat import __version__
from groat.flash import devices, serving
from groat.pack.reader import checksum
from groat.runners.protocol import About, Slot, load_protocol

PROGRAMS = ("openocd", "pyocd", "esptool", "dfu-util")
_RECORD = "record"
_END = "--end--"
# Its name and arguments, one a line; then it does what the test says, which is shell.
_STAND_IN = """#!/bin/sh
{{ echo {name}; for word; do printf '%s\\n' "$word"; done; echo {end}; }} >> {record}
{does}
"""


class Bench:
    """A computer with these tools on PATH, and nothing else; and what is attached to it.

    Attributes:
        folder: where the tools are; drives: where drives are mounted.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.drives = folder / "bin", folder / "drives"
        self.folder.mkdir()
        self.drives.mkdir()
        self._monkeypatch = monkeypatch
        self._usb = folder / "usb"
        self._usb.mkdir()
        monkeypatch.setenv("PATH", str(self.folder))
        monkeypatch.setattr(devices, "_USB_FOLDER", self._usb)
        monkeypatch.setattr(devices, "_MOUNTS", folder / "none")
        monkeypatch.setattr(devices, "_DRIVE_FOLDERS", (self.drives,))
        self.has_ports()

    def has(self, program: str, does: str = "") -> None:
        """PATH has a tool, that does what this says in shell."""
        path = self.folder / program
        record = shlex.quote(str(self.folder / _RECORD))
        path.write_text(_STAND_IN.format(name=program, end=_END, record=record, does=does), encoding="utf-8")
        path.chmod(0o755)

    @property
    def calls(self) -> list[list[str]]:
        """How the tools were called, but for being asked what is attached."""
        path = self.folder / _RECORD
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        calls = [call.splitlines() for call in text.split(f"{_END}\n")[:-1]]
        return [call for call in calls if call[1:2] not in (["json"], ["--list"])]

    def has_ports(self, *ports: tuple[str, str, str]) -> None:
        """These serial ports are attached: (device, USB ids, serial number)."""
        found = [
            SimpleNamespace(
                device=device,
                product="a port",
                vid=int(usb[:4], 16) if usb else None,
                pid=int(usb[5:], 16) if usb else None,
                serial_number=serial or None,
            )
            for device, usb, serial in ports
        ]
        self._monkeypatch.setattr("serial.tools.list_ports.comports", lambda: found)

    def has_usb(self, usb: str, serial: str) -> None:
        """This USB device is attached."""
        folder = self._usb / f"1-{len(list(self._usb.iterdir()))}"
        folder.mkdir()
        for name, text in zip(("idVendor", "idProduct", "serial"), (*usb.split(":"), serial), strict=True):
            (folder / name).write_text(f"{text}\n", encoding="ascii")

    def has_drive(self, board: str, name: str = "DRIVE") -> Path:
        """The drive of a boot loader is mounted."""
        drive = self.drives / name
        drive.mkdir()
        (drive / "INFO_UF2.TXT").write_text(
            f"UF2 Bootloader v3.0\r\nModel: x\r\nBoard-ID: {board}\r\n", encoding="ascii"
        )
        return drive


@dataclass
class Board:
    """A board that answers at any port: of the protocol, what flashing asks for."""

    target: str
    model: bytes
    place: str = "IMAGE"
    version: str = __version__
    asked: list[str] = field(default_factory=list)
    loaded: list[tuple[bytes, str]] = field(default_factory=list)
    name: str = "serial:stand-in"

    def plug_in(self, monkeypatch: pytest.MonkeyPatch) -> Board:
        """From now on it is at the end of each port."""

        def open_line(url: str, baud: int) -> str:
            self.asked.append(url)
            return url

        def open_session(line: str, hello: float) -> Board:
            return self

        monkeypatch.setattr(serving, "SerialLine", open_line)
        monkeypatch.setattr(serving, "PortSession", open_session)
        return self

    def ask_about(self) -> About:
        major, minor, patch = map(int, self.version.split("."))
        places = ("NONE", "IMAGE", "RAM", "SLOT")
        number = next(n for n in range(len(places)) if load_protocol().place(n) == self.place)
        crc = checksum(self.model)
        return About(major << 16 | minor << 8 | patch, 0, 0, 0, 1, number, len(self.model), crc, self.target)

    def ask_slots(self) -> list[Slot]:
        return []

    def load(self, packed: bytes, place: str, progress: Any) -> None:
        self.loaded.append((packed, place))
        self.model, self.place = packed, place

    def close(self) -> None:
        pass


def elf(path: Path, pieces: Sequence[tuple[int, bytes]]) -> Path:
    """An ELF file for Arm whose segments are loaded from these addresses, and run elsewhere."""
    header = struct.calcsize("<16sHHIIIIIHHHHHH")
    row = struct.calcsize("<8I")
    offset = header + row * len(pieces)
    ident = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
    rows, data = b"", b""
    for address, content in pieces:
        at = offset + len(data)
        rows += struct.pack("<8I", 1, at, address ^ 0x4000_0000, address, len(content), len(content), 5, 1)
        data += content
    start = struct.pack("<16sHHIIIIIHHHHHH", ident, 2, 40, 1, 0, header, 0, 0, header, row, len(pieces), 40, 0, 0)
    path.write_bytes(start + rows + data)
    return path
