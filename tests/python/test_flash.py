# SPDX-License-Identifier: Apache-2.0
"""groat flash, with stand-ins for the tools that record how they were called: each board, tool and failure."""

from __future__ import annotations

import json
import os
import pty
from pathlib import Path

import pytest
from tests.support.command import Groat
from tests.support.flash_tools import PROGRAMS, Bench, Board, elf
from tests.support.learner import learner

from groat.boards import board_names, load_board
from groat.errors import RunnerError
from groat.flash import process, serving, tools, uf2
from groat.flash.image import pieces
from groat.runners.port import SerialLine

STLINK, JLINK, DAPLINK, PICOPROBE = (
    ("0483:374b", "066A"),
    ("1366:1015", "683"),
    ("0d28:0204", "99"),
    ("2e8a:000c", "E6"),
)
CODE, DATA = b"code" * 100, b"data"
START = {  # of flash, where other than 0x08000000
    "hifive1_revb": 0x20010000,
    "microbit": 0,
    "nrf52840_dk": 0,
    "pico": 0x10000000,
}


def openocd(serial: str, *config: str) -> list[str]:
    words = [word for file in config for word in ("-f", file)]
    return [f"openocd -c 'adapter serial {serial}' {' '.join(words)} -c 'program {{IMAGE}} verify reset exit'"]


def pyocd(target: str, serial: str, start: int) -> list[str]:
    common = f"--no-wait --target {target} --uid {serial}"
    reads = [(start, len(CODE)), (start + 0x1000, len(DATA))]
    return [
        f"pyocd load {common} --no-reset IMAGE",
        *(f"pyocd commander {common} -c 'savemem {at:#x} {n} {i}_read_back.bin'" for i, (at, n) in enumerate(reads)),
        f"pyocd reset {common}",
    ]


# What is attached, and the commands; IMAGE is the ELF file, BINARY the same as a raw binary.
COMMANDS = {
    ("nucleo_f746zg", "openocd"): (STLINK, openocd("066A", "board/st_nucleo_f7.cfg")),
    ("nucleo_l4r5zi", "openocd"): (STLINK, openocd("066A", "board/st_nucleo_l4.cfg")),
    ("disco_f746ng", "openocd"): (STLINK, openocd("066A", "board/stm32f746g-disco.cfg")),
    ("netduinoplus2", "openocd"): (STLINK, openocd("066A", "interface/stlink.cfg", "target/stm32f4x.cfg")),
    ("netduinoplus2", "dfu-util"): (
        ("0483:df11", "3352"),
        [
            "dfu-util --device ,0483:df11 --serial 3352 --alt 0 --dfuse-address 0x8000000 --download BINARY",
            "dfu-util --device ,0483:df11 --serial 3352 --alt 0 --dfuse-address 0x8000000:4100:leave "
            "--upload read_back.bin",
        ],
    ),
    ("nrf52840_dk", "pyocd"): (JLINK, pyocd("nrf52840", "683", 0)),
    ("nrf52840_dk", "openocd"): (JLINK, openocd("683", "board/nordic_nrf52_dk.cfg")),
    ("microbit", "pyocd"): (DAPLINK, pyocd("nrf51", "99", 0)),
    ("microbit", "openocd"): (DAPLINK, openocd("99", "interface/cmsis-dap.cfg", "target/nrf51.cfg")),
    ("pico", "openocd"): (PICOPROBE, openocd("E6", "interface/cmsis-dap.cfg", "target/rp2040.cfg")),
    ("pico", "pyocd"): (PICOPROBE, pyocd("rp2040", "E6", 0x10000000)),
    ("pico", "uf2"): (None, ["cp UF2 DRIVE"]),
    ("hifive1_revb", "openocd"): (("1366:1051", "979"), openocd("979", "board/sifive-hifive1-revb.cfg")),
    ("esp32c3", "esptool"): (
        ("303a:1001", "AA:BB"),
        [
            "esptool --chip esp32c3 --port /dev/ttyACM7 --baud 460800 --after no-reset write-flash 0x10000 BINARY",
            "esptool --chip esp32c3 --port /dev/ttyACM7 --baud 460800 --after hard-reset verify-flash 0x10000 BINARY",
        ],
    ),
}
WAYS = sorted(COMMANDS)


class Case:
    """A board with one of its tools, what is attached for it, and an image and a model."""

    def __init__(self, bench: Bench, name: str, tool: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench, self.name, self.tool = bench, name, tool
        device, self.commands = COMMANDS[name, tool]
        self.packed = learner(packing=load_board(name).target.packing)
        self.model = folder / "model.groat"
        self.model.write_bytes(self.packed)
        start = START.get(name, 0x08000000)
        self.image = elf(folder / "firmware.elf", [(start, CODE), (start + 0x1000, DATA)])
        for program in PROGRAMS:
            bench.has(program)
        if device is None:
            self.drive = bench.has_drive("RPI-RP2")
        else:
            bench.has_usb(*device)
            bench.has("pyocd", self.pyocd(device[1]))
            bench.has("dfu-util", self.dfu_util(*device))
        port = device if device is not None else ("2e8a:000c", "x")
        bench.has_ports(("/dev/ttyS0", "", ""), ("/dev/ttyACM7", *port))
        self.board = Board(name, self.packed).plug_in(monkeypatch)
        self.read_back(*(piece.data for piece in pieces(self.image)))

    def pyocd(self, *serials: str) -> str:
        probes = [{"unique_id": serial, "info": "a probe"} for serial in serials]
        listing = self.bench.folder / "probes.json"
        listing.write_text(json.dumps({"boards": probes}), encoding="ascii")
        copy = f'for last; do :; done; set -- $last; /bin/cp {self.bench.folder}/piece_${{4%%_*}} "$4"'
        return f"case $1 in json) /bin/cat {listing};; commander) {copy};; esac"

    def dfu_util(self, *devices: str) -> str:
        found = zip(devices[::2], devices[1::2], strict=True)
        lines = [
            f'Found DFU: [{usb}] ver=2200, devnum=5, cfg=1, intf=0, path="1-1", alt={alt}, name="@x", serial="{serial}"'
            for usb, serial in found
            for alt in (1, 0)
        ]
        listing = self.bench.folder / "dfu.txt"
        listing.write_text("dfu-util 0.11\n\n" + "\n".join(lines) + "\n", encoding="ascii")
        copy = f'for last; do :; done; /bin/cp {self.bench.folder}/piece_all "$last"'
        return f'case "$*" in --list) /bin/cat {listing};; *--upload*) {copy};; esac'

    def read_back(self, *found: bytes) -> None:
        """What pyOCD and dfu-util read back from the board."""
        for number, data in enumerate(found):
            (self.bench.folder / f"piece_{number}").write_bytes(data)
        (self.bench.folder / "piece_all").write_bytes(found[0].ljust(0x1000, b"\xff") + found[1])

    def arguments(self, *more: object) -> list[object]:
        port = [] if self.tool != "uf2" else ["--port", "/dev/ttyUSB3"]
        return ["flash", self.model, "--board", self.name, "--tool", self.tool, "--firmware", self.image, *port, *more]

    def filled(self, command: str) -> str:
        """A command of COMMANDS with this case's files in it."""
        files = {"IMAGE": self.image, "BINARY": self.image.with_suffix(".bin"), "UF2": self.image.with_suffix(".uf2")}
        if self.tool == "uf2":
            files["DRIVE"] = self.drive
        for word, path in files.items():
            command = command.replace(word, str(path))
        return command


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("GROAT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(serving, "START_SECONDS", 0.0)
    return Bench(tmp_path, monkeypatch)


def case(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, tool: str) -> Case:
    return Case(bench, name, tool, tmp_path, monkeypatch)


# ---- What is run -------------------------------------------------------------------------------------------


def test_every_board_and_tool_is_here() -> None:
    ways = [(name, method.tool) for name in board_names() for method in load_board(name).flash]
    assert sorted(way for way in ways if way[1] != "qemu") == WAYS


@pytest.mark.parametrize(("name", "tool"), WAYS)
def test_the_commands(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, tool: str
) -> None:
    it = case(bench, tmp_path, monkeypatch, name, tool)
    expected = [it.filled(command) for command in it.commands]
    dry = groat_command.json(*it.arguments("--dry-run"))
    assert [command for command in dry["commands"] if not command.startswith("#")] == expected
    assert bench.calls == []
    assert it.board.asked == []

    report = groat_command.json(*it.arguments())
    assert report["commands"] == dry["commands"]
    if tool == "uf2":
        found, family = uf2.decode((it.drive / "firmware.uf2").read_bytes())
        assert family == 0xE48BFF56
        assert found[0].data.startswith(CODE)
    else:
        assert [process.shown(call) for call in bench.calls] == expected
    assert it.board.asked == ["/dev/ttyUSB3" if tool == "uf2" else "/dev/ttyACM7"]
    assert (report["board"], report["tool"], report["served_from"]) == (name, tool, "IMAGE")
    assert groat_command(*it.arguments()).code == 0


@pytest.mark.parametrize(("name", "tool"), WAYS)
def test_a_dry_run_needs_neither_tool_nor_board(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, tool: str
) -> None:
    it = case(bench, tmp_path, monkeypatch, name, tool)
    for program in PROGRAMS:
        (bench.folder / program).unlink()
    bench.has_ports()
    report = groat_command.json(*it.arguments("--dry-run"))
    program = "cp" if tool == "uf2" else tool
    assert report["commands"][0].startswith(f"{program} ")
    assert "serial" not in report["commands"][0]
    assert "--uid" not in report["commands"][0]


def test_a_raw_binary_goes_where_the_description_says(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "raw.bin"
    raw.write_bytes(CODE)
    expected = {
        ("nucleo_f746zg", "openocd"): f"program {{{raw}}} verify reset exit 0x8000000'",
        ("nrf52840_dk", "pyocd"): f"--no-reset --base-address 0x0 {raw}",
        ("netduinoplus2", "dfu-util"): f"--dfuse-address 0x8000000 --download {raw}",
        ("esp32c3", "esptool"): f"write-flash 0x10000 {raw}",
    }
    for (name, tool), words in expected.items():
        model = tmp_path / f"{name}.groat"
        model.write_bytes(learner(packing=load_board(name).target.packing))
        arguments = ["flash", model, "--board", name, "--tool", tool, "--firmware", raw, "--dry-run"]
        assert groat_command.json(*arguments)["commands"][0].endswith(words)


def test_the_first_tool_that_is_there_and_finds_the_board(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = case(bench, tmp_path, monkeypatch, "pico", "openocd")
    arguments = ["flash", it.model, "--board", "pico", "--firmware", it.image]
    assert groat_command.json(*arguments)["tool"] == "openocd"  # no drive is there
    (bench.folder / "openocd").unlink()
    assert groat_command.json(*arguments)["tool"] == "pyocd"
    bench.has_drive("OTHER", "A")
    bench.has_drive("RPI-RP2", "B")
    report = groat_command.json(*arguments)
    assert (report["tool"], report["through"]) == ("uf2", f"{bench.drives / 'B'} (RPI-RP2)")


# ---- What is found -----------------------------------------------------------------------------------------


def test_no_probe(bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = case(bench, tmp_path, monkeypatch, "nrf52840_dk", "pyocd")
    bench.has("pyocd", it.pyocd())
    said = groat_command.fails(7, *it.arguments())
    assert "no nrf52840_dk is found:" in said
    assert "pyocd: a debug probe, 1366:1015 or 1366:1051 or 1366:1061, is not there; there are: none" in said
    bench.has("pyocd", it.pyocd("other"))
    said = groat_command.fails(7, "flash", it.model, "--board", "netduinoplus2", "--firmware", it.image)
    assert "dfu-util: its boot loader in DFU mode, 0483:df11, is not there" in said
    assert "openocd: a debug probe, 0483:3748 or 0483:374b, is not there; there are: 683 (1366:1015)" in said
    said = groat_command.fails(7, "flash", it.model, "--board", "pico", "--firmware", it.image)
    assert "uf2: the drive of its boot loader, RPI-RP2, is not there; there are: none" in said
    assert bench.calls == []


@pytest.mark.parametrize(("name", "tool"), [("nucleo_f746zg", "openocd"), ("nrf52840_dk", "pyocd")])
def test_two_probes(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, tool: str
) -> None:
    it = case(bench, tmp_path, monkeypatch, name, tool)
    (usb, serial), _ = COMMANDS[name, tool]
    bench.has_usb(usb, "second")
    bench.has("pyocd", it.pyocd(serial, "second"))
    said = groat_command.fails(2, *it.arguments())
    assert f"several may be the {name} that {tool} shall flash; name one with --probe:\n  {serial} (" in said
    assert f"\n  second ({'a probe, ' if tool == 'pyocd' else ''}{usb})" in said
    assert bench.calls == []
    assert f"several may be the {name}" in groat_command.fails(2, *it.arguments("--dry-run"))
    it.board.plug_in(monkeypatch)
    report = groat_command.json(*it.arguments("--probe", "second", "--port", "/dev/ttyACM1"))
    assert "second" in report["through"]
    assert any("second" in word for word in bench.calls[0])
    assert "third, is not there" in groat_command.fails(7, *it.arguments("--probe", "third"))


def test_two_boot_loaders(bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = case(bench, tmp_path, monkeypatch, "netduinoplus2", "dfu-util")
    bench.has("dfu-util", it.dfu_util("0483:df11", "A", "0483:df11", "B"))
    said = groat_command.fails(2, *it.arguments())
    assert "name one with --probe:\n  A (DFU, 0483:df11)\n  B (DFU, 0483:df11)" in said
    it = case(bench, tmp_path / "two", monkeypatch, "pico", "uf2") if (tmp_path / "two").mkdir() is None else it
    second = bench.has_drive("RPI-RP2", "SECOND")
    said = groat_command.fails(2, *it.arguments())
    assert f"name one with --probe:\n  {it.drive} (RPI-RP2)\n  {second} (RPI-RP2)" in said
    assert groat_command.json(*it.arguments("--probe", second))["through"] == f"{second} (RPI-RP2)"
    assert (second / "firmware.uf2").is_file()


def test_which_port(bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = case(bench, tmp_path, monkeypatch, "nucleo_f746zg", "openocd")
    usb, serial = STLINK
    bench.has_ports(("/dev/ttyACM0", usb, "other"), ("/dev/ttyACM1", usb, serial))
    bench.has_usb(usb, "other")
    report = groat_command.json(*it.arguments("--probe", serial))
    assert report["port"] == "serial:/dev/ttyACM1"  # that of the probe
    bench.has_ports(("/dev/ttyACM0", usb, ""), ("/dev/ttyACM1", usb, ""))
    said = groat_command.fails(2, *it.arguments("--probe", serial))
    assert "several serial ports may be the one that nucleo_f746zg answers at; name it with --port" in said
    assert "/dev/ttyACM0 (a port, 0483:374b)" in said
    bench.has_ports(("/dev/ttyS0", "", ""))
    said = groat_command.fails(2, *it.arguments("--probe", serial))
    assert "no serial port may be the one that nucleo_f746zg answers at" in said
    assert "/dev/ttyS0" in said
    said = groat_command.fails(2, "flash", "--rollback", "--board", "nucleo_f746zg")
    assert "no serial port may be" in said
    assert len(bench.calls) == 1  # nothing is flashed that cannot be asked


def test_several_ports_of_a_chip_that_is_flashed_through_one(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = case(bench, tmp_path, monkeypatch, "esp32c3", "esptool")
    bench.has_ports(("/dev/ttyACM7", "303a:1001", "A"), ("/dev/ttyUSB0", "10c4:ea60", "B"))
    said = groat_command.fails(2, *it.arguments())
    assert "name one with --port:\n  /dev/ttyACM7 (a port, 303a:1001)\n  /dev/ttyUSB0 (a port, 10c4:ea60)" in said
    report = groat_command.json(*it.arguments("--port", "/dev/ttyUSB0"))
    assert "--port /dev/ttyUSB0" in report["commands"][0]
    assert report["port"] == "serial:/dev/ttyUSB0"


def test_a_tool_is_missing(bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = case(bench, tmp_path, monkeypatch, "nrf52840_dk", "openocd")
    (bench.folder / "pyocd").unlink()
    arguments = ["flash", it.model, "--board", "nrf52840_dk", "--firmware", it.image]
    assert groat_command.json(*arguments)["tool"] == "openocd"
    (bench.folder / "openocd").unlink()
    said = groat_command.fails(6, *arguments)
    assert "no tool that flashes nrf52840_dk is installed or on PATH; any of these is enough:" in said
    assert "pyocd: pip install 'pyocd'" in said
    assert "openocd: sudo apt-get install --no-install-recommends openocd" in said
    bench.has("openocd")
    bench.has_usb("1366:1015", "again")
    said = groat_command.fails(7, *arguments[:-2], "--firmware", it.image, "--probe", "third")
    assert "pyocd: not installed (pip install 'pyocd')" in said
    said = groat_command.fails(2, *arguments, "--tool", "esptool")
    assert "nrf52840_dk is not flashed with esptool; its tools are: pyocd, openocd" in said


# ---- What fails --------------------------------------------------------------------------------------------

FAILURES = [
    ("nucleo_f746zg", "openocd", "Error: open failed\n** OpenOCD init failed **", 1, "is it plugged in, with power?"),
    ("nucleo_f746zg", "openocd", "Error: libusb_open() failed with LIBUSB_ERROR_ACCESS", 1, "install the udev rules"),
    ("nucleo_f746zg", "openocd", "Error: libusb_claim failed LIBUSB_ERROR_BUSY", 1, "another program uses it"),
    ("nucleo_f746zg", "openocd", "Error: Could not find MEM-AP to control the core", 1, "is this the board?"),
    ("hifive1_revb", "openocd", "Error: UNEXPECTED 0x1 got: 0x20000913", 1, "is this the board?"),
    ("nucleo_f746zg", "openocd", "** Verify Started **\n** Verify Failed **", 1, "does not read back the same"),
    ("nrf52840_dk", "pyocd", "0000587 E No target device available [load_cmd]", 1, "is it plugged in"),
    ("nrf52840_dk", "pyocd", "0000587 C Target type nrf52840 not recognized.", 1, "pyocd pack install"),
    ("esp32c3", "esptool", "A fatal error occurred: This chip is ESP32, not ESP32-C3. Wrong chip argument?", 2,
     "is this the board?"),
    ("esp32c3", "esptool", "Could not open /dev/ttyACM7, the port is busy or doesn't exist.\n([Errno 16] could not "
     "open port /dev/ttyACM7: [Errno 16] Device or resource busy)", 2, "another program uses it"),
    ("esp32c3", "esptool", "A fatal error occurred: Failed to connect to ESP32-C3: No serial data received.", 2,
     "hold BOOT"),
    ("esp32c3", "esptool", "Verification failed (digest mismatch).", 2, "does not read back the same"),
    ("netduinoplus2", "dfu-util", "dfu-util: No DFU capable USB device available", 74, "is it plugged in"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "tool", "text", "code", "meaning"), FAILURES)
def test_what_a_tool_says_is_shown_and_explained(
    bench: Bench,
    groat_command: Groat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    tool: str,
    text: str,
    code: int,
    meaning: str,
) -> None:
    """The texts are those of the tools: OpenOCD 0.12, pyOCD 0.46, esptool 5.6, dfu-util 0.11."""
    it = case(bench, tmp_path, monkeypatch, name, tool)
    listing = {"pyocd": it.pyocd("683"), "dfu-util": it.dfu_util("0483:df11", "3352")}.get(tool, "")
    bench.has(tool, f'{listing}\ncase "$*" in json*|--list) ;; *) echo "{text}" >&2; exit {code};; esac')
    said = groat_command.fails(7, *it.arguments())
    assert f"failed with exit code {code}: " in said
    assert meaning in said
    assert all(f"  {line}" in said for line in text.splitlines())
    assert it.filled(it.commands[0]) in said
    assert len(bench.calls) == 1
    assert it.board.asked == []  # what was not written is not asked for


@pytest.mark.parametrize(("name", "tool"), [("nrf52840_dk", "pyocd"), ("netduinoplus2", "dfu-util")])
def test_what_is_read_back_differs(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, tool: str
) -> None:
    it = case(bench, tmp_path, monkeypatch, name, tool)
    at = START.get(name, 0x08000000) + 0x1002
    it.read_back(CODE, b"daTa")
    said = groat_command.fails(7, *it.arguments())
    assert f"what was written does not read back the same: 0x54 at {at:#x}, expected 0x74" in said
    it.read_back(CODE, b"dat")
    assert "bytes were read back from" in groat_command.fails(7, *it.arguments())
    assert it.board.asked == []
    assert not any("reset" in call for call in bench.calls)


def test_a_tool_that_hangs(bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = case(bench, tmp_path, monkeypatch, "nucleo_f746zg", "openocd")
    monkeypatch.setattr(tools, "WRITE_SECONDS", 0.3)
    bench.has("openocd", "echo Info : waiting; /bin/sleep 50; echo never")
    said = groat_command.fails(7, *it.arguments())
    assert "writing and verifying with OpenOCD took more than 0.3 s and was ended" in said
    assert "Info : waiting" in said
    bench.has("openocd", "exec >&- 2>&-; /bin/sleep 50")
    assert "took more than 0.3 s" in groat_command.fails(7, *it.arguments())


def test_a_tool_that_cannot_run(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = case(bench, tmp_path, monkeypatch, "nucleo_f746zg", "openocd")
    (bench.folder / "openocd").write_bytes(b"\x00\x01")
    assert "openocd cannot be started: " in groat_command.fails(7, *it.arguments())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_drive_that_is_full_or_gone(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = case(bench, tmp_path, monkeypatch, "pico", "uf2")
    (it.drive / "firmware.uf2").symlink_to("/dev/full")
    said = groat_command.fails(7, *it.arguments())
    assert "bytes cannot be copied to" in said
    assert "No space left on device" in said
    assert "bytes are free there; bring the board into its boot loader again" in said
    step = tools.Copy(it.image, str(tmp_path / "gone"))
    with pytest.raises(RunnerError, match="No such file or directory; the drive is gone"):
        tools.carry_out([step])


# ---- What the board says afterwards ------------------------------------------------------------------------


def test_another_board_at_the_port(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = case(bench, tmp_path, monkeypatch, "nucleo_f746zg", "openocd")
    it.board.target = "nucleo_l4r5zi"
    said = groat_command.fails(7, *it.arguments())
    assert "the firmware there is for nucleo_l4r5zi, expected nucleo_f746zg: is it the port of another board?" in said


def test_firmware_of_another_version(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = case(bench, tmp_path, monkeypatch, "nucleo_f746zg", "openocd")
    it.board.version = "0.0.9"
    assert "is of version 0.0.9, expected 0.1.0" in groat_command.fails(7, *it.arguments())


def test_the_old_model_is_still_there(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = case(bench, tmp_path, monkeypatch, "nucleo_f746zg", "openocd")
    it.board.model = learner(names=("old", "one"), packing="dsp")
    said = groat_command.fails(7, *it.arguments())
    assert f"serves a model of {len(it.board.model):,} bytes with the checksum" in said
    assert "(in its image); expected a model of" in said
    assert "it runs what was there before" in said
    assert it.board.loaded == []
    it.board.place = "NONE"
    assert "serves no model; expected" in groat_command.fails(7, *it.arguments())


def test_an_older_model_in_a_slot_gives_way(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = case(bench, tmp_path, monkeypatch, "nucleo_f746zg", "openocd")
    it.board.model, it.board.place = learner(names=("old", "one"), packing="dsp"), "SLOT"
    assert groat_command.json(*it.arguments())["served_from"] == "SLOT"
    assert it.board.loaded == [(it.packed, "SLOT")]


def test_nothing_answers(bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = case(bench, tmp_path, monkeypatch, "nucleo_f746zg", "openocd")
    monkeypatch.undo()  # the true ports again
    monkeypatch.setenv("PATH", str(bench.folder))
    monkeypatch.setattr(serving, "START_SECONDS", 0.0)
    monkeypatch.setattr("groat.flash.devices._USB_FOLDER", tmp_path / "usb")
    said = groat_command.fails(7, *it.arguments("--port", "/dev/nothing"))
    assert "serial:/dev/nothing cannot be opened" in said


def test_a_port_that_another_program_has() -> None:
    host, device = pty.openpty()
    try:
        first = SerialLine(os.ttyname(device))
        with pytest.raises(RunnerError, match=r"cannot be opened: .*(lock|busy)"):
            SerialLine(os.ttyname(device))
        first.close()
        SerialLine(os.ttyname(device)).close()
    finally:
        os.close(host)
        os.close(device)


# ---- Wrong calls -------------------------------------------------------------------------------------------


def test_a_call_that_makes_no_sense(bench: Bench, groat_command: Groat, tmp_path: Path) -> None:
    model = tmp_path / "m.groat"
    model.write_bytes(learner(packing="dsp"))
    for arguments, message in {
        (): "which model?",
        (model,): "which board?",
        (model, "--board", "nonsense"): "unknown board 'nonsense'; there are: disco_f746ng",
        (model, "--rollback"): "--rollback takes no model",
        (model, "--model-only", "--dry-run"): "--model-only speaks with",
        (model, "--model-only"): "which board?",
        ("--rollback",): "which board?",
        (model, "--board", "pico", "--folder", tmp_path, "--dry-run"): "--folder and --background are for emulated",
        (model, "--board", "pico", "--dry-run", "--firmware", model, "--all-ops"): "not for --firmware",
        (model, "--board", "pico", "--dry-run"): "packed for 'dsp' kernels; pico has 'scalar'",
        (model, "--board", "qemu_cortex_m4", "--port", "/dev/ttyACM0"): "at socket://127.0.0.1:NUMBER, not at /dev",
    }.items():
        assert message in groat_command.fails(2, "flash", *arguments), arguments


def test_a_board_that_no_firmware_is_built_for(
    bench: Bench, groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = case(bench, tmp_path, monkeypatch, "esp32c3", "esptool")
    said = groat_command.fails(2, "flash", it.model, "--board", "esp32c3")
    assert "no firmware is built here for esp32c3" in said
    assert "--firmware" in said


# ---- groat boards, groat doctor ----------------------------------------------------------------------------


def test_boards(bench: Bench, groat_command: Groat) -> None:
    bench.has("openocd")
    bench.has_usb(*STLINK)
    drive = bench.has_drive("RPI-RP2")
    rows = {row["name"]: row for row in groat_command.json("boards")}
    assert [*rows] == board_names()
    assert all(row["status"] in ("described", "built", "emulated") for row in rows.values())  # none was tried
    assert rows["nucleo_f746zg"]["attached"] == ["066A (0483:374b)"]
    assert rows["pico"]["attached"] == [f"{drive} (RPI-RP2)"]
    assert rows["nrf52840_dk"]["attached"] == rows["qemu_cortex_m4"]["attached"] == []
    installed = {tool["tool"]: tool["installed"] for tool in rows["pico"]["tools"]}
    assert installed == {"uf2": True, "openocd": True, "pyocd": False}
    assert {"name": "ram", "purpose": "data", "bytes": 16384} in rows["microbit"]["memories"]
    table = groat_command("boards").out
    assert all(name in table for name in rows)
    assert "was not tried on hardware" in table


def test_doctor_tells_of_tools_that_flash(bench: Bench, groat_command: Groat) -> None:
    bench.has("openocd", "echo Open On-Chip Debugger 0.12.0 >&2")
    bench.has("esptool", '[ "$1" = version ] && echo esptool v5.6.0')
    bench.has("dfu-util", "exit 1")
    report = groat_command("doctor", "--format", "json").json
    found = {item["what"]: item["version"] for item in report["installed"]}
    assert (found["openocd"], found["esptool"]) == ("Open On-Chip Debugger 0.12.0", "esptool v5.6.0")
    assert "failed with exit code 1" in found["dfu-util"]
    (missing,) = report["optional"]
    assert missing["what"] == "pyocd"
    assert missing["install_command"] == "pip install 'pyocd'"
    assert "nrf52840_dk" in missing["needed_for"]
    assert "Optional, and not there" in groat_command("doctor").out
