# SPDX-License-Identifier: Apache-2.0
"""Parameters in the flash of emulated devices, which are ended in every single write of a commit and started again."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.support import cc
from tests.support.devices import device

from groat import firmware
from groat.runners.qemu import run_program

pytestmark = pytest.mark.qemu

PROGRAM = Path(__file__).parent / "programs" / "power_cut.c"
STORE = [cc.RUNTIME / "store" / "store.c", cc.RUNTIME / "core" / "crc.c"]
ERASE_BYTES, PROGRAM_BYTES, SLOT_BYTES, PARAMETERS_BYTES = 128, 8, 256, 100
STEPS = 2 + 13 + 3  # sectors; parameters; the record
COMMIT, RESTORE, STAYS_ON = 1, 2, 0xFFFFFFFF
EXIT_OK, EXIT_POWER_LOST = 0, 9
OK, EMPTY = 0, -41
OLDEST, OLD, NEW, UNTOUCHED = (bytes([value]) * PARAMETERS_BYTES for value in (0x11, 0x5A, 0xC3, 0xA5))


class Device:
    """Its flash is kept here while it is off."""

    def __init__(self, name: str, folder: Path) -> None:
        self.target, self.folder = device(name), folder
        names = ("ERASE_BYTES", "PROGRAM_BYTES", "SLOT_BYTES", "PARAMETERS_BYTES")
        flags = [f"-D{name}={globals()[name]}" for name in names]
        self.image = firmware.build_program(self.target, [PROGRAM, *STORE], ["-O2", *flags])
        self.flash = b"\0" * 2 * SLOT_BYTES

    def start(self, command: int, parameters: bytes, cut: int = STAYS_ON) -> tuple[int, bytes] | None:
        """Status and parameters; None if the power was lost."""
        given = struct.pack("<II", command, cut) + parameters + self.flash
        (self.folder / "groat.in").write_bytes(given)
        code, text = run_program(self.target, self.image.path, folder=self.folder)
        assert code in (EXIT_OK, EXIT_POWER_LOST), text
        answer = (self.folder / "groat.out").read_bytes()
        self.flash, answer = answer[: len(self.flash)], answer[len(self.flash) :]
        assert (len(answer) > 0) == (code == EXIT_OK)
        return (*struct.unpack("<i", answer[:4]), answer[4:]) if answer else None


@pytest.mark.parametrize("name", ["cortex-m4", "rv32imc"])
def test_a_device_that_ends_in_any_write_finds_old_or_new_parameters(name: str, tmp_path: Path) -> None:
    board = Device(name, tmp_path)
    assert board.start(RESTORE, UNTOUCHED) == (EMPTY, UNTOUCHED)
    assert board.start(COMMIT, OLDEST) == (OK, OLDEST)
    assert board.start(COMMIT, OLD) == (OK, OLD)
    before = board.flash
    for cut in range(STEPS):
        board.flash = before
        assert board.start(COMMIT, NEW, cut) is None
        assert board.flash != before
        assert board.start(RESTORE, UNTOUCHED) in [(OK, OLD), (OK, NEW)]
    board.flash = before
    assert board.start(COMMIT, NEW, STEPS) == (OK, NEW)  # there is no such step
    assert board.start(RESTORE, UNTOUCHED) == (OK, NEW)
