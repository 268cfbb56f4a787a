# SPDX-License-Identifier: Apache-2.0
"""The tools that flash: what each looks for, and the commands that write an image with it and verify that.

One row of TOOLS for each.  Nothing here runs anything but what lists devices; `carry_out` runs the steps.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from groat import toolchain
from groat.boards import FlashMethod
from groat.errors import InputError, RunnerError
from groat.flash import devices, uf2
from groat.flash.devices import Device
from groat.flash.image import Piece, binary, pieces
from groat.flash.process import output_of, shown
from groat.progress import Progress, silent

WRITE_SECONDS = 300.0
VERIFY_SECONDS = 120.0
_READ_BACK = "read_back.bin"  # in the folder where the steps are carried out
_ELF_MAGIC = b"\x7fELF"
_BAUD = "460800"  # of esptool


@dataclass(frozen=True)
class Image:
    """An image to flash.

    Attributes:
        file: an ELF file, or a raw binary.
        pieces: what of it is flashed, and where.
        elf: whether tools find in the file where its bytes go.
    """

    file: Path
    pieces: tuple[Piece, ...]
    elf: bool

    @classmethod
    def read(cls, file: Path, address: int | None) -> Image:
        """An ELF file; or a raw binary for an address.

        Raises InputError if it cannot be read, is empty, or is a raw binary without an address.
        """
        try:
            data = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror}") from error
        if data.startswith(_ELF_MAGIC):
            return cls(file, tuple(pieces(file)), True)
        if address is None:
            raise InputError(f"{file} is no ELF file, and the board's description names no address for it")
        if not data:
            raise InputError(f"{file} is empty")
        return cls(file, (Piece(address, data),), False)

    @property
    def whole(self) -> Piece:
        """All of it as one piece."""
        return binary(self.pieces)

    def as_binary(self) -> Path:
        """A file with nothing but its bytes: itself, or one beside it."""
        return _beside(self.file, ".bin", self.whole.data) if self.elf else self.file

    def as_uf2(self, family: int) -> Path:
        """The same as UF2, in a file beside it."""
        return _beside(self.file, ".uf2", uf2.encode(self.pieces, family))


def _beside(file: Path, suffix: str, data: bytes) -> Path:
    path = file.with_suffix(suffix)
    if not (path.is_file() and path.read_bytes() == data):
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as new:
            new.write(data)
        Path(new.name).replace(path)
    return path


# ---- Steps ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """A command to run, in the folder where the steps are carried out."""

    what: str
    command: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        return shown(self.command)


@dataclass(frozen=True)
class Compare:
    """A file in that folder that must hold these bytes: what was read back from an address."""

    file: str
    piece: Piece

    def __str__(self) -> str:
        return f"# {self.file} must hold the {len(self.piece.data):,} bytes from {self.piece.address:#x}"


@dataclass(frozen=True)
class Copy:
    """A file to copy onto a drive."""

    file: Path
    drive: str

    def __str__(self) -> str:
        return shown(["cp", str(self.file), self.drive])


Step = Run | Compare | Copy


def carry_out(steps: Iterable[Step], progress: Progress = silent) -> None:
    """Runs steps one after the other, and ends with the first that fails.

    Raises:
        ToolchainError: a program is missing.
        RunnerError: it failed, and what it said; what was read back differs; the drive is full or gone.
    """
    with tempfile.TemporaryDirectory(prefix="groat-") as name:
        folder = Path(name)
        for step in steps:
            if isinstance(step, Run):
                toolchain.require(step.command[0], step.what)
                output_of(step.command, step.what, step.seconds, folder, progress)
            elif isinstance(step, Compare):
                _compare(step, folder)
            else:
                progress(f"copying onto {step.drive}", 0, 0)
                _copy(step)


def _compare(step: Compare, folder: Path) -> None:
    path, expected = folder / step.file, step.piece.data
    found = path.read_bytes() if path.is_file() else b""
    if len(found) != len(expected):
        raise RunnerError(
            f"verifying: {len(found):,} bytes were read back from {step.piece.address:#x}, expected {len(expected):,}"
        )
    for at, (is_there, should) in enumerate(zip(found, expected, strict=True)):
        if is_there != should:
            raise RunnerError(
                f"verifying: what was written does not read back the same: {is_there:#04x} at "
                f"{step.piece.address + at:#x}, expected {should:#04x}: another chip, or worn-out flash?"
            )


def _copy(step: Copy) -> None:
    """Copies, and waits until all is there: a boot loader restarts after the last block, which may take the drive
    away in the midst of closing the file."""
    target = Path(step.drive) / step.file.name
    try:
        with step.file.open("rb") as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        room = shutil.disk_usage(step.drive).free if Path(step.drive).is_dir() else None
        about = "the drive is gone" if room is None else f"{room:,} bytes are free there"
        raise RunnerError(
            f"{step.file.stat().st_size:,} bytes cannot be copied to {target}: {error.strerror}; {about}; "
            "bring the board into its boot loader again"
        ) from error


# ---- The tools -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tool:
    """A tool that flashes.

    Attributes:
        program: on PATH; empty for what Groat does itself.
        install: the command that installs it.
        finds: the devices that it can write through, of whatever board.
        goes_through: what it writes through, in words.
        steps: what writes an image through a device and verifies it; without a device, the only one that is attached.
        pip: what pip installs; empty for one of Debian's packages.
        asks_version: the argument that has it print its version.
    """

    name: str
    program: str
    goes_through: str
    finds: Callable[[], list[Device]]
    steps: Callable[[FlashMethod, Image, Device | None], list[Step]]
    pip: str = ""
    asks_version: str = "--version"

    @property
    def present(self) -> bool:
        return not self.program or devices.present(self.program)

    @property
    def install(self) -> str:
        return f"pip install '{self.pip}'" if self.pip else toolchain.install_command([self.program])

    def fits(self, method: FlashMethod, device: Device) -> bool:
        """Whether a device is one that the board's description names."""
        if method.drive:
            return device.name == method.drive
        return device.usb in method.usb


def _openocd(method: FlashMethod, image: Image, device: Device | None) -> list[Step]:
    """Its script `program` writes, verifies, resets and ends; https://openocd.org/doc/html/Flash-Programming.html"""
    chosen = ("-c", f"adapter serial {device.serial}") if device is not None and device.serial else ()
    config = tuple(word for file in method.config for word in _openocd_words(file))
    where = "" if image.elf else f" {image.whole.address:#x}"
    program = f"program {{{image.file}}} verify reset exit{where}"
    return [Run("writing and verifying with OpenOCD", ("openocd", *chosen, *config, "-c", program), WRITE_SECONDS)]


def _openocd_words(entry: str) -> tuple[str, str]:
    return ("-f" if entry.endswith(".cfg") else "-c", entry)


def _pyocd(method: FlashMethod, image: Image, device: Device | None) -> list[Step]:
    """https://pyocd.io/docs/command_reference.html; what it wrote is read back, for it trusts its own writing."""
    chosen = ("--uid", device.id) if device is not None else ()
    common = ("--no-wait", "--target", method.target, *chosen)
    where = () if image.elf else ("--base-address", f"{image.whole.address:#x}")
    steps: list[Step] = [
        Run("writing with pyOCD", ("pyocd", "load", *common, "--no-reset", *where, str(image.file)), WRITE_SECONDS)
    ]
    for number, piece in enumerate(image.pieces):
        read = f"{number}_{_READ_BACK}"
        save = f"savemem {piece.address:#x} {len(piece.data)} {read}"
        command = ("pyocd", "commander", *common, "-c", save)
        steps += [Run("reading back with pyOCD", command, VERIFY_SECONDS), Compare(read, piece)]
    return [*steps, Run("restarting with pyOCD", ("pyocd", "reset", *common), VERIFY_SECONDS)]


def _esptool(method: FlashMethod, image: Image, device: Device | None) -> list[Step]:
    """https://docs.espressif.com/projects/esptool/en/latest/esp32c3/esptool/basic-commands.html"""
    port = ("--port", device.id) if device is not None else ()
    common = ("esptool", "--chip", method.chip, *port, "--baud", _BAUD)
    address = method.address if method.address is not None else image.whole.address
    written = (f"{address:#x}", str(image.as_binary()))
    stay = ("--after", "no-reset")
    return [
        Run("writing with esptool", (*common, *stay, "write-flash", *written), WRITE_SECONDS),
        Run("verifying with esptool", (*common, "--after", "hard-reset", "verify-flash", *written), VERIFY_SECONDS),
    ]


def _dfu_util(method: FlashMethod, image: Image, device: Device | None) -> list[Step]:
    """DfuSe, the protocol of ST's boot loaders; https://dfu-util.sourceforge.net/dfuse.html"""
    whole = image.whole
    ids = device.usb if device is not None else ",".join(method.usb)
    chosen = ("--serial", device.serial) if device is not None and device.serial else ()
    common = ("dfu-util", "--device", f",{ids}", *chosen, "--alt", "0", "--dfuse-address")
    start, nbytes = f"{whole.address:#x}", len(whole.data)
    # It leaves the boot loader only when it has read back what it wrote.
    return [
        Run("writing with dfu-util", (*common, start, "--download", str(image.as_binary())), WRITE_SECONDS),
        Run("reading back with dfu-util", (*common, f"{start}:{nbytes}:leave", "--upload", _READ_BACK), VERIFY_SECONDS),
        Compare(_READ_BACK, whole),
    ]


def _uf2(method: FlashMethod, image: Image, device: Device | None) -> list[Step]:
    """The boot loader checks each block as it comes; there is no reading back."""
    return [Copy(image.as_uf2(method.family), device.id if device is not None else method.drive)]


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("openocd", "openocd", "a debug probe", devices.usb_devices, _openocd),
        Tool("pyocd", "pyocd", "a debug probe", devices.pyocd_probes, _pyocd, pip="pyocd"),
        Tool(
            "esptool",
            "esptool",
            "a serial port",
            devices.serial_ports,
            _esptool,
            pip="esptool>=5",
            asks_version="version",
        ),
        Tool("dfu-util", "dfu-util", "its boot loader in DFU mode", devices.dfu_devices, _dfu_util),
        Tool("uf2", "", "the drive of its boot loader", devices.uf2_drives, _uf2),
    )
}
