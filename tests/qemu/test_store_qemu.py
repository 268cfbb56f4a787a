# SPDX-License-Identifier: Apache-2.0
"""Emulated devices that learn, end in every single write of a commit, and start again with what their flash holds."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from tests.support import cc
from tests.support.devices import device
from tests.support.learner import W, X, learner

from groat import firmware
from groat.pack.reader import read
from groat.runners.qemu import run_program

pytestmark = pytest.mark.qemu

PROGRAMS = Path(__file__).parent / "programs"
FILES = [
    PROGRAMS / "power_cut.c",
    *sorted((cc.RUNTIME / "core").glob("*.c")),
    *(cc.RUNTIME / "ops" / f"{name}.c" for name in ("add_float32", "mul_float32", "broadcast")),
    *(cc.RUNTIME / "store" / f"{name}.c" for name in ("record", "store", "net")),
]
ERASE_BYTES, PROGRAM_BYTES, SLOT_BYTES = 64, 8, 128
PARAMETERS_BYTES = 32 + 12  # w, which ends at a multiple of 16, and v
STEPS = 2 + 6 + 3  # sectors; parameters; the record
STAYS_ON = 0xFFFFFFFF
EXIT_OK, EXIT_POWER_LOST = 0, 9
OK, EMPTY = 0, -41


class Device:
    """Its flash is kept here while it is off."""

    def __init__(self, name: str, folder: Path) -> None:
        self.target, self.folder = device(name), folder
        self.model = learner(packing=self.target.packing)
        sizes = {
            "ERASE_BYTES": ERASE_BYTES,
            "PROGRAM_BYTES": PROGRAM_BYTES,
            "SLOT_BYTES": SLOT_BYTES,
            "MODEL_BYTES": len(self.model),
            "SAMPLE_BYTES": X.nbytes,
            "ARENA_BYTES": read(self.model).arena_bytes,
        }
        flags = [f"-D{name}={value}" for name, value in sizes.items()]
        ops = [f"-iquote{PROGRAMS}", '-DGROAT_OPS_FILE="learner_ops.h"']
        kernels = [cc.RUNTIME / "kernels" / folder / "elementwise_f32.c" for folder in ("ref", self.target.packing)]
        files = [*FILES, *(path for path in kernels if path.is_file())]
        self.image = firmware.build_program(self.target, files, ["-O2", *ops, *flags])
        self.flash = b"\0" * 2 * SLOT_BYTES

    def start(self, cut: int = STAYS_ON) -> tuple[int, np.ndarray, bool]:
        """What it starts from: the status of the restoration, and w; then it learns, and says whether it committed."""
        given = struct.pack("<I12x", cut) + self.model + X.tobytes() + self.flash
        (self.folder / "groat.in").write_bytes(given)
        code, text = run_program(self.target, self.image.path, folder=self.folder)
        assert code in (EXIT_OK, EXIT_POWER_LOST), text
        answer = (self.folder / "groat.out").read_bytes()
        restored, answer = answer[: 4 + PARAMETERS_BYTES], answer[4 + PARAMETERS_BYTES :]
        self.flash, committed = answer[: 2 * SLOT_BYTES], answer[2 * SLOT_BYTES :]
        assert len(committed) == (4 + PARAMETERS_BYTES if code == EXIT_OK else 0)
        assert committed[:4] in (b"", bytes(4))
        return (*struct.unpack("<i", restored[:4]), np.frombuffer(restored[4:28], np.float32), code == EXIT_OK)


@pytest.mark.parametrize("name", ["cortex-m4", "rv32imc"])
def test_a_device_that_ends_in_any_write_starts_from_old_or_new_parameters(name: str, tmp_path: Path) -> None:
    board = Device(name, tmp_path)
    learnt = W.ravel()
    expected = [(EMPTY, learnt)]  # what it may start from
    for cut in [STAYS_ON, *range(STEPS), STEPS, 0, STAYS_ON]:
        status, w, committed = board.start(cut)
        known = [
            number for number, (code, values) in enumerate(expected) if code == status and np.array_equal(values, w)
        ]
        assert known, (cut, status, w)
        learnt = w + X.ravel()
        assert committed == (cut >= STEPS)
        expected = [(OK, learnt)] if committed else [(status, w), (OK, learnt)]
