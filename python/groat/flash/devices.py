# SPDX-License-Identifier: Apache-2.0
"""What is attached to this computer: USB devices, serial ports, debug probes, boot loaders and drives."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groat.flash.process import output_of

_USB_FOLDER = Path("/sys/bus/usb/devices")  # where Linux tells of every USB device
_MOUNTS = Path("/proc/mounts")  # and what is mounted where
_DRIVE_FOLDERS = (Path("/Volumes"),)  # where others mount drives
_DRIVE_FILE = "INFO_UF2.TXT"
_SECONDS = 20.0  # that a tool may take to list what it sees
_DFU = re.compile(
    r'^Found (DFU|Runtime): \[([0-9a-f]{4}:[0-9a-f]{4})\].*?alt=(\d+), name="(.*?)", serial="(.*?)"', re.M
)


@dataclass(frozen=True)
class Device:
    """Something that a board may be reached through.

    Attributes:
        id: what tools call it by: a serial number, a port, the folder of a drive.
        name: what it calls itself.
        usb: its USB ids, "vvvv:pppp" in hexadecimal; empty where unknown.
        serial: its USB serial number; empty where unknown.
    """

    id: str
    name: str
    usb: str = ""
    serial: str = ""

    def __str__(self) -> str:
        about = ", ".join(part for part in (self.name, self.usb) if part)
        return f"{self.id or 'without a serial number'} ({about})" if about else self.id


def serial_ports() -> list[Device]:
    """The serial ports, by name."""
    from serial.tools import list_ports

    return [_port(port) for port in sorted(list_ports.comports(), key=lambda port: str(port.device))]


def _port(port: Any) -> Device:
    usb = f"{port.vid:04x}:{port.pid:04x}" if port.vid is not None else ""
    return Device(port.device, port.product or "", usb, port.serial_number or "")


def usb_devices() -> list[Device]:
    """The USB devices.  Where the system does not tell of all, those that have a serial port."""
    found = {(port.usb, port.serial): Device(port.serial, port.name, port.usb, port.serial) for port in serial_ports()}
    for folder in sorted(_USB_FOLDER.glob("*")) if _USB_FOLDER.is_dir() else ():
        words = {name: _word(folder / name) for name in ("idVendor", "idProduct", "serial", "product")}
        if words["idVendor"]:
            usb, serial = f"{words['idVendor']}:{words['idProduct']}", words["serial"]
            found[usb, serial] = Device(serial, words["product"], usb, serial)
    return [device for device in found.values() if device.usb]


def _word(path: Path) -> str:
    """The text of a small file; empty if there is none."""
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").strip()
    return ""


def pyocd_probes() -> list[Device]:
    """The debug probes that pyOCD sees; their USB ids are those of the USB device with their serial number.

    Raises RunnerError if it fails.
    """
    text = output_of(["pyocd", "json", "--probes"], "listing debug probes", _SECONDS)
    ids = {device.serial.lower(): device.usb for device in usb_devices() if device.serial}
    probes = json.loads(text)["boards"]
    return [Device(p["unique_id"], p["info"], ids.get(p["unique_id"].lower(), ""), p["unique_id"]) for p in probes]


def dfu_devices() -> list[Device]:
    """The devices in DFU mode that dfu-util sees; each once, whatever parts of its memory it shows.

    Raises RunnerError if it fails.
    """
    text = output_of(["dfu-util", "--list"], "listing devices in DFU mode", _SECONDS)
    rows = [match.groups() for match in _DFU.finditer(text) if match[1] == "DFU"]
    found = {(usb, serial): Device(serial, "DFU", usb, serial) for _, usb, _, _, serial in rows}
    return list(found.values())


def uf2_drives() -> list[Device]:
    """The mounted drives of boot loaders that take UF2; their name is the Board-ID that they tell."""
    found = []
    for folder in _mounted():
        text = _word(folder / _DRIVE_FILE)
        board = re.search(r"^Board-ID: *(\S+)", text, re.M)
        if board is not None:
            found.append(Device(str(folder), board[1]))
    return found


def _mounted() -> Iterator[Path]:
    """The folders that drives are mounted at."""
    for line in _word(_MOUNTS).splitlines():
        kind, folder = line.split()[2], line.split()[1]
        if kind in ("vfat", "msdos", "exfat"):
            yield Path(re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), folder))  # as it writes spaces
    for root in _DRIVE_FOLDERS:
        yield from sorted(root.glob("*")) if root.is_dir() else ()


def present(program: str) -> bool:
    """Whether PATH has it."""
    return shutil.which(program) is not None
