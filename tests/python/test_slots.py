# SPDX-License-Identifier: Apache-2.0
"""Models in two slots of flash: the power is cut in every write of an update, and a whole model answers, old or new."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support import cc
from tests.support.board import FLASH_BYTES, BoardLine, build_board
from tests.support.flash import Flash, Store
from tests.support.learner import X, learner

from groat.errors import ModelError, RunnerError
from groat.runners import link as link_module
from groat.runners.host import HostRunner
from groat.runners.port import PortRunner, PortSession

OLD_MODEL, NEW_MODEL, THIRD_MODEL = (learner(source_hash=bytes([n]) * 32) for n in (1, 2, 3))
KIB = 1024


# ---- The flash alone ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    files = [cc.RUNTIME / "store" / "record.c", cc.RUNTIME / "store" / "slots.c", cc.RUNTIME / "core" / "crc.c"]
    return Store(tmp_path_factory.mktemp("slots"), files)


class Slots:
    """groat/slots.h as its C user has it, over a model of flash."""

    def __init__(self, store: Store, flash: Flash) -> None:
        self.flash, self.lib, self.ffi = flash, store.lib, store.ffi
        self.port = store.port(flash)

    def find(self, rank: int = 0) -> bytes | None:
        slot = self._find(rank)
        return None if slot is None else bytes(self.flash.data[slot.offset : slot.offset + slot.bytes])

    def _find(self, rank: int) -> Any:
        slot = self.ffi.new("groat_slot *")
        status = self.lib.groat_slot_find(self.port, rank, slot)
        assert status in (self.lib.GROAT_OK, self.lib.GROAT_E_NO_MODEL)
        return slot[0] if status == self.lib.GROAT_OK else None

    def update(self, model: bytes, piece: int = 1024, keep: Any = None) -> int:
        slot, lib = self.ffi.new("groat_slot *"), self.lib
        status = lib.groat_slot_begin(self.port, keep if keep is not None else self.ffi.NULL, len(model), slot)
        for at in range(0, len(model), piece):
            if status == 0:
                part = model[at : at + piece]
                status = lib.groat_slot_write(self.port, slot, self.ffi.from_buffer(part), len(part))
        status = status or lib.groat_slot_check(self.port, slot, zlib.crc32(model))
        return int(status or lib.groat_slot_commit(self.port, slot))


@pytest.mark.parametrize(
    ("count", "erase_bytes", "program_bytes", "every"),
    [
        pytest.param(100 * KIB, 4096, 256, 1, marks=pytest.mark.slow),
        (100 * KIB, 4096, 256, 29),
        (1000, 256, 8, 1),
        (333, 64, 1, 1),
        (96, 128, 4, 1),
    ],
)
def test_a_cut_in_any_write_leaves_the_old_model_or_the_new_one(
    store: Store, count: int, erase_bytes: int, program_bytes: int, every: int
) -> None:
    draw = random.Random(count)
    old, new = draw.randbytes(count), draw.randbytes(count - 7)
    size = 2 * -(-(count + max(32, program_bytes)) // erase_bytes) * erase_bytes
    slots = Slots(store, Flash(size, erase_bytes, program_bytes))
    assert slots.update(old) == 0
    before = bytes(slots.flash.data), set(slots.flash.clean)
    slots.flash.power_on()
    assert slots.update(new) == 0
    steps = slots.flash.steps
    last = -(-20 // program_bytes)  # that write the record, after all else
    for cut in sorted({*range(0, steps, every), *range(steps - last - 1, steps)}):
        slots.flash.data[:], slots.flash.clean = before[0], set(before[1])
        slots.flash.power_on(cut, seed=cut)
        slots.update(new)
        slots.flash.power_on()
        found = slots.find()
        assert found == old or (found == new and cut >= steps - last)
    slots.update(new)  # over what the last cut left
    assert slots.find() == new
    assert not slots.flash.mistakes


def test_ranks_rooms_and_refusals(store: Store) -> None:
    slots = Slots(store, Flash(2 * 256, 128, 8))
    lib, port, slot = store.lib, slots.port, store.ffi.new("groat_slot *")
    assert lib.groat_slot_room(port) == 256 - 32
    assert slots.find() is None
    assert lib.groat_slot_begin(port, store.ffi.NULL, 225, slot) == lib.GROAT_E_LOAD_SIZE
    assert lib.groat_slot_begin(port, store.ffi.NULL, 0, slot) == lib.GROAT_E_ARGUMENT
    assert slots.update(b"a" * 224, 64) == 0
    assert slots.update(b"b" * 100, 64) == 0
    assert (slots.find(0), slots.find(1), slots.find(2)) == (b"b" * 100, b"a" * 224, None)
    assert lib.groat_slot_begin(port, store.ffi.NULL, 100, slot) == 0
    assert slots.find(1) is None  # the older one gave way
    assert lib.groat_slot_write(port, slot, b"c" * 9, 9) == lib.GROAT_E_LOAD_ORDER
    assert lib.groat_slot_write(port, slot, b"c" * 101, 101) == lib.GROAT_E_LOAD_ORDER
    assert lib.groat_slot_write(port, slot, b"c" * 96, 96) == 0
    assert lib.groat_slot_check(port, slot, zlib.crc32(b"c" * 100)) == lib.GROAT_E_LOAD_ORDER
    assert lib.groat_slot_write(port, slot, b"c" * 4, 4) == 0
    assert lib.groat_slot_check(port, slot, zlib.crc32(b"c" * 99)) == lib.GROAT_E_CRC
    assert lib.groat_slot_check(port, slot, zlib.crc32(b"c" * 100)) == 0
    assert slots.find() == b"b" * 100
    assert lib.groat_slot_commit(port, slot) == 0
    assert (slots.find(0), slots.find(1)) == (b"c" * 100, b"b" * 100)
    # One in use that is not the newest is kept, too.
    assert slots.update(b"d" * 50, 64, store.ffi.addressof(slots._find(1))) == 0
    assert (slots.find(0), slots.find(1)) == (b"d" * 50, b"b" * 100)
    assert lib.groat_slot_forget(port, store.ffi.addressof(slots._find(0))) == 0
    assert (slots.find(0), slots.find(1)) == (b"b" * 100, None)
    slots.flash.fails_to_read = True
    assert slots.find() is None
    assert lib.groat_slot_room(store.port(Flash(128, 128, 8))) == 0


def test_worn_cells_are_found(store: Store) -> None:
    slots = Slots(store, Flash(2 * 256, 256, 8))
    assert slots.update(b"a" * 100, 64) == 0
    slots.flash.stuck = {256 + 40: 1}
    assert slots.update(b"\xff" * 100, 64) == store.lib.GROAT_E_CRC
    slots.flash.stuck = {256: 0xFF}  # of the record
    assert slots.update(b"b" * 100, 64) == store.lib.GROAT_E_FLASH_WORN
    assert slots.find() == b"a" * 100


# ---- Firmware that serves -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_board(tmp_path_factory.mktemp("board"))


@pytest.fixture
def board(program: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BoardLine]:
    monkeypatch.setattr(link_module, "_AGAIN_SECONDS", 0.05)
    line = BoardLine(program)
    yield line
    line.power_off()


def checksum(model: bytes) -> int:
    return int.from_bytes(model[12:16], "little")


def served(board: BoardLine) -> int:
    """The checksum of the model that answers, after it did."""
    session = PortSession(board)
    about = session.ask_about()
    assert about.place == 3
    y = np.frombuffer(session.ask("RUN", 1, X.tobytes()), np.float32)
    np.testing.assert_array_equal(y, HostRunner(OLD_MODEL).run([X])[0].ravel())
    return about.model_crc


def restart(board: BoardLine, cut: int = -1) -> None:
    board.power_off()
    board.power_on(cut)


def test_a_model_outlives_the_power(board: BoardLine) -> None:
    session = PortSession(board)
    assert [slot.state for slot in session.ask_slots()] == [0, 0]
    session.load(OLD_MODEL, "SLOT")
    assert [slot.state for slot in session.ask_slots()] == [2, 0]
    restart(board)
    assert served(board) == checksum(OLD_MODEL)
    sent: list[int] = []
    with PortRunner("", OLD_MODEL, line=board, progress=lambda what, done, total: sent.append(done)) as runner:
        runner.run([X])
    assert not sent


def test_updates_take_turns_and_go_back(board: BoardLine) -> None:
    session = PortSession(board)
    with pytest.raises(ModelError, match="no earlier model to go back to"):
        session.ask("ROLLBACK")
    for number, model in enumerate((OLD_MODEL, NEW_MODEL, THIRD_MODEL)):
        session.load(model, "SLOT")
        newest = session.ask_slots()[0]
        assert (newest.state, newest.sequence, newest.model_crc) == (2, number, checksum(model))
    assert [slot.model_crc for slot in session.ask_slots()] == [checksum(THIRD_MODEL), checksum(NEW_MODEL)]
    session.ask("ROLLBACK")
    assert session.ask_about().model_crc == checksum(NEW_MODEL)
    with pytest.raises(ModelError, match="no earlier model to go back to"):
        session.ask("ROLLBACK")
    restart(board)
    assert served(board) == checksum(NEW_MODEL)


def test_the_old_model_serves_while_the_new_one_comes_and_if_it_is_broken(board: BoardLine) -> None:
    session = PortSession(board)
    session.load(OLD_MODEL, "SLOT")
    for at, what in ((40, "checksum"), (0, "not a packed Groat model"), (4, "version")):
        damaged = bytearray(NEW_MODEL)
        damaged[at] ^= 0x40
        with pytest.raises(ModelError, match=what):
            session.load(bytes(damaged), "SLOT")
        assert served(board) == checksum(OLD_MODEL)
        session = PortSession(board)
    # Whole, but not one that this firmware runs.
    for other in (learner("float16"), learner(packing="dsp")):
        with pytest.raises(ModelError, match=r"left out of this build|another instruction set"):
            session.load(other, "SLOT")
        assert [slot.state for slot in session.ask_slots()] == [2, 0]
    wanted = session._protocol.load("SLOT", len(NEW_MODEL), zlib.crc32(NEW_MODEL))
    assert session.ask("LOAD", 0, wanted) == bytes(4)
    session.ask("DATA", 0, NEW_MODEL[:256])
    with pytest.raises(ModelError, match="not the bytes of the model that come next"):
        session.ask("DATA", 256, NEW_MODEL[256:300])
    assert served(board) == checksum(OLD_MODEL)
    again = PortSession(board)
    again.load(NEW_MODEL, "SLOT")
    assert served(board) == checksum(NEW_MODEL)
    with pytest.raises(ModelError, match="no room for a model of this size"):
        PortSession(board).load(bytes(FLASH_BYTES // 2), "SLOT")


def test_firmware_ends_in_any_write_of_an_update(board: BoardLine) -> None:
    PortSession(board).load(OLD_MODEL, "SLOT")
    writes = FLASH_BYTES // 2 // 4096 + -(-len(NEW_MODEL) // 256) + 1
    found = []
    for cut in [0, 1, *range(writes - 5, writes + 1)]:
        restart(board, cut)
        with pytest.raises((RunnerError, OSError)) if cut < writes else pytest.MonkeyPatch.context():
            session = PortSession(board, timeout=0.2)
            session.load(NEW_MODEL, "SLOT")
        restart(board)
        found.append(served(board))
    assert found[:-2] == [checksum(OLD_MODEL)] * (len(found) - 2)
    assert found[-2] in (checksum(OLD_MODEL), checksum(NEW_MODEL))
    assert found[-1] == checksum(NEW_MODEL)
