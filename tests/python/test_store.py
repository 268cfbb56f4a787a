# SPDX-License-Identifier: Apache-2.0
"""Parameters in flash: the power is cut in every single step of every commit, and nothing is lost or mixed."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from tests.support import cc
from tests.support.flash import Flash, Store

MODEL, ANOTHER = 0x12345678, 0x87654321
MAGIC, RECORD = 0x50524F47, struct.Struct("<5I")
OLDEST, OLD, NEW, NEXT = (bytes([value]) for value in (0x11, 0x5A, 0xC3, 0xFF))
UNTOUCHED = b"\xa5"
# Bytes of a sector, of what is programmed at once, and of parameters: flash of microcontrollers, of chips on SPI, a
# model that fills its slot, and some of several sectors.
GEOMETRIES = [
    (64, 1, 10),
    (128, 4, 96),
    (256, 8, 21),
    (128, 8, 500),
    (128, 32, 333),
    (512, 256, 700),
    (4096, 256, 3840),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def slots_for(store: Store, erase_bytes: int, program_bytes: int, count: int) -> Flash:
    sizes = store.port(Flash(0, erase_bytes, program_bytes))
    return Flash(store.lib.groat_store_bytes(sizes, count), erase_bytes, program_bytes)


def steps_of_commit(flash: Flash, count: int) -> int:
    lead = max(32, flash.program_bytes)
    units = -(-count // flash.program_bytes) + -(-RECORD.size // flash.program_bytes)
    return -(-(lead + count) // flash.erase_bytes) + units


def commit(store: Store, port: Any, *contents: bytes) -> None:
    for parameters in contents:
        assert store.commit(port, MODEL, parameters) == store.lib.GROAT_OK


# ---- The power is cut -----------------------------------------------------------------------------------------


def cuts(store: Store, geometry: tuple[int, int, int], before: list[bytes], seed: int) -> list[bytes]:
    """What is restored after a cut in each step of a commit; full commits must work from there, too."""
    count = geometry[2]
    found = []
    steps = steps_of_commit(slots_for(store, *geometry), count)
    for cut in range(steps + 1):
        flash = slots_for(store, *geometry)
        port = store.port(flash)
        commit(store, port, *(value * count for value in before))
        flash.power_on(cut, seed * steps + cut)
        status = store.commit(port, MODEL, NEW * count)
        assert flash.steps == min(cut + 1, steps)
        assert (status == store.lib.GROAT_OK) <= (cut >= steps - 1)

        flash.power_on()
        status, parameters = store.restore(port, MODEL, count)
        assert status == (store.lib.GROAT_E_STORE_EMPTY if parameters == UNTOUCHED * count else store.lib.GROAT_OK)
        found.append(parameters)
        commit(store, port, NEXT * count)
        assert store.restore(port, MODEL, count) == (store.lib.GROAT_OK, NEXT * count)
        assert flash.mistakes == []
    return found


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("before", [[], [OLD], [OLDEST, OLD], [NEXT, OLDEST, OLD]], ids=len)
def test_a_cut_in_any_step_leaves_old_or_new_parameters(
    store: Store, geometry: tuple[int, int, int], before: list[bytes]
) -> None:
    count = geometry[2]
    old = (before[-1] if before else UNTOUCHED) * count
    for seed in range(3):
        found = cuts(store, geometry, before, seed)
        assert set(found) <= {old, NEW * count}
        assert found[0] == old
        assert found[-1] == NEW * count  # the power stayed


def mutant(folder: Path, name: str, old: str, new: str) -> Store:
    files = {path.name: path for path in (cc.RUNTIME / "store" / "store.c", cc.RUNTIME / "store" / "record.c")}
    source = files[name].read_text(encoding="utf-8")
    assert source.count(old) == 1
    changed = source.replace(old, new).replace('"../', f'"{cc.RUNTIME}/')
    changed = changed.replace('"record.h"', f'"{cc.RUNTIME}/store/record.h"')
    files[name] = folder / name
    files[name].write_text(changed, encoding="utf-8")
    return Store(folder, [*files.values(), cc.RUNTIME / "core" / "crc.c"])


def test_a_store_that_overwrites_the_newest_slot_is_found(tmp_path: Path) -> None:
    store = mutant(
        tmp_path, "store.c", "uint32_t offset = slots[1].offset, crc;", "uint32_t offset = slots[0].offset, crc;"
    )
    assert not set(cuts(store, (128, 4, 96), [OLDEST, OLD], 0)) <= {OLD * 96, NEW * 96}


def test_a_store_that_checks_no_parameters_is_found(tmp_path: Path) -> None:
    """Which needs an erasure that is cut short and leaves a record."""
    store = mutant(tmp_path, "record.c", "crc == record->crc;", "(record->crc = crc, 1);")
    flash = slots_for(store, 128, 4, 96)
    port = store.port(flash)
    commit(store, port, OLD * 96)
    flash.data[40] ^= 4
    assert store.restore(port, MODEL, 96) != (store.lib.GROAT_E_STORE_EMPTY, UNTOUCHED * 96)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_life_with_cuts_again_and_again(store: Store, geometry: tuple[int, int, int]) -> None:
    """Also while what an earlier cut has left is overwritten; models take turns now and then."""
    draw = random.Random(str(geometry))
    count = geometry[2]
    flash = slots_for(store, *geometry)
    port = store.port(flash)
    known: dict[int, bytes] = {}
    outcomes = [0, 0]
    for _ in range(300):
        wanted = draw.randbytes(count)
        flash.power_on(
            draw.randrange(steps_of_commit(flash, count)) if draw.random() < 0.8 else None, draw.getrandbits(32)
        )
        status = store.commit(port, MODEL, wanted)
        is_off = flash.is_off
        flash.power_on()
        restored, parameters = store.restore(port, MODEL, count)
        if not is_off:
            assert (status, parameters) == (store.lib.GROAT_OK, wanted)
        assert parameters in (known.get(MODEL, UNTOUCHED * count), wanted)
        outcomes[parameters == wanted] += 1
        if restored == store.lib.GROAT_OK:
            known[MODEL] = parameters
    assert min(outcomes) > 30
    assert flash.mistakes == []


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_cut_while_all_is_forgotten_leaves_the_newest_or_none(store: Store, geometry: tuple[int, int, int]) -> None:
    count = geometry[2]
    outcomes = set()
    for cut in range(100):
        flash = slots_for(store, *geometry)
        port = store.port(flash)
        commit(store, port, OLDEST * count, OLD * count)
        flash.power_on(cut, cut)
        status = store.lib.groat_store_clear(port)
        is_off = flash.is_off
        flash.power_on()
        restored, parameters = store.restore(port, MODEL, count)
        assert (restored, parameters) in [
            (store.lib.GROAT_OK, OLD * count),
            (store.lib.GROAT_E_STORE_EMPTY, UNTOUCHED * count),
        ]
        outcomes.add(parameters)
        if not is_off:
            assert (status, restored) == (store.lib.GROAT_OK, store.lib.GROAT_E_STORE_EMPTY)
            break
    assert (not is_off, len(outcomes)) == (True, 2)


# ---- What lies in flash ---------------------------------------------------------------------------------------


def slot(sequence: int, parameters: bytes, model: int = MODEL) -> bytes:
    """A slot, made here: record, room, parameters."""
    fields = struct.pack("<4I", MAGIC, model, sequence, len(parameters))
    return (fields + struct.pack("<I", zlib.crc32(fields + parameters))).ljust(32, b"\xff") + parameters


@pytest.mark.parametrize("sequence", [0, 1, 0x7FFFFFFE, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF])
@pytest.mark.parametrize("newest", [0, 1])
def test_sequence_numbers_come_round(store: Store, sequence: int, newest: int) -> None:
    flash = slots_for(store, 128, 4, 96)
    flash.data[:] = b"".join(
        slot((sequence + (index == newest)) % 2**32, OLD * 96 if index == newest else OLDEST * 96) for index in (0, 1)
    )
    port = store.port(flash)
    assert store.restore(port, MODEL, 96) == (store.lib.GROAT_OK, OLD * 96)
    commit(store, port, NEW * 96)
    assert flash.data[newest * 128 :][:128] == slot((sequence + 1) % 2**32, OLD * 96)
    assert flash.data[128 - newest * 128 :][:128] == slot((sequence + 2) % 2**32, NEW * 96)
    assert store.restore(port, MODEL, 96) == (store.lib.GROAT_OK, NEW * 96)


def test_any_bit_that_flips_is_seen(store: Store) -> None:
    flash = slots_for(store, 128, 4, 90)
    port = store.port(flash)
    commit(store, port, OLD * 90, NEW * 90)
    for at in [*range(128, 128 + RECORD.size), *range(128 + 32, 128 + 32 + 90)]:
        for bit in range(8):
            flash.data[at] ^= 1 << bit
            assert store.restore(port, MODEL, 90) == (store.lib.GROAT_OK, OLD * 90)
            flash.data[at] ^= 1 << bit
    assert store.restore(port, MODEL, 90) == (store.lib.GROAT_OK, NEW * 90)


def test_parameters_of_another_model_or_size_stay_where_they_are(store: Store) -> None:
    flash = slots_for(store, 128, 4, 96)
    port = store.port(flash)
    assert store.commit(port, ANOTHER, OLDEST * 96) == store.lib.GROAT_OK
    assert store.commit(port, ANOTHER, OLD * 96) == store.lib.GROAT_OK
    assert store.restore(port, MODEL, 96) == (store.lib.GROAT_E_STORE_MODEL, UNTOUCHED * 96)
    assert store.restore(port, ANOTHER, 95) == (store.lib.GROAT_E_STORE_MODEL, UNTOUCHED * 95)
    commit(store, port, NEW * 96)
    assert store.restore(port, MODEL, 96) == (store.lib.GROAT_OK, NEW * 96)
    assert store.restore(port, ANOTHER, 96) == (store.lib.GROAT_OK, OLD * 96)  # of its two, the older one has gone
    commit(store, port, NEXT * 96)
    assert store.restore(port, ANOTHER, 96) == (store.lib.GROAT_E_STORE_MODEL, UNTOUCHED * 96)


def test_a_cut_after_a_change_of_models_leaves_what_the_new_one_has(store: Store) -> None:
    flash = slots_for(store, 128, 4, 96)
    for cut in range(steps_of_commit(flash, 96)):
        flash = slots_for(store, 128, 4, 96)
        port = store.port(flash)
        assert store.commit(port, ANOTHER, OLD * 96) == store.lib.GROAT_OK
        commit(store, port, OLDEST * 96)
        flash.power_on(cut, cut)
        store.commit(port, MODEL, NEW * 96)
        flash.power_on()
        status, parameters = store.restore(port, MODEL, 96)
        assert status == store.lib.GROAT_OK
        assert parameters in (OLDEST * 96, NEW * 96)


# ---- Bad flash ------------------------------------------------------------------------------------------------


def test_a_sector_that_cannot_be_erased_is_reported_and_the_old_parameters_stay(store: Store) -> None:
    flash = slots_for(store, 128, 8, 300)
    port = store.port(flash)
    commit(store, port, OLDEST * 300, OLD * 300)
    for sector in range(3):
        flash.broken = {sector * 128}
        assert store.commit(port, MODEL, NEW * 300) == store.lib.GROAT_E_FLASH
        assert store.restore(port, MODEL, 300) == (store.lib.GROAT_OK, OLD * 300)
    flash.broken = set()
    commit(store, port, NEW * 300)


@pytest.mark.parametrize("at", [0, 3, 8, 17, 32, 100, 331])
def test_a_bit_that_is_stuck_is_reported_and_the_old_parameters_stay(store: Store, at: int) -> None:
    flash = slots_for(store, 128, 8, 300)
    port = store.port(flash)
    commit(store, port, OLDEST * 300, OLD * 300)
    flash.stuck = {at: 0xFF}
    assert store.commit(port, MODEL, NEW * 300) == store.lib.GROAT_E_FLASH_WORN
    assert store.restore(port, MODEL, 300) == (store.lib.GROAT_OK, OLD * 300)
    flash.stuck = {}
    commit(store, port, NEW * 300)


def test_flash_that_cannot_be_read_holds_nothing(store: Store) -> None:
    flash = slots_for(store, 128, 8, 300)
    port = store.port(flash)
    commit(store, port, OLD * 300)
    flash.fails_to_read = True
    assert store.restore(port, MODEL, 300) == (store.lib.GROAT_E_STORE_EMPTY, UNTOUCHED * 300)
    assert store.commit(port, MODEL, NEW * 300) == store.lib.GROAT_E_FLASH


# ---- Sizes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_flash_that_is_asked_for_is_enough_and_a_byte_less_is_not(
    store: Store, geometry: tuple[int, int, int]
) -> None:
    erase_bytes, program_bytes, count = geometry
    needed = store.lib.groat_store_bytes(store.port(Flash(0, erase_bytes, program_bytes)), count)
    assert needed == 2 * -(-(max(32, program_bytes) + count) // erase_bytes) * erase_bytes
    flash = Flash(needed, erase_bytes, program_bytes)
    port = store.port(flash)
    commit(store, port, OLD * count)
    port.bytes = needed - 1
    assert store.commit(port, MODEL, NEW * count) == store.lib.GROAT_E_STORE_SIZE
    assert store.restore(port, MODEL, count)[0] == store.lib.GROAT_E_STORE_SIZE
    port.bytes = needed
    assert store.restore(port, MODEL, count) == (store.lib.GROAT_OK, OLD * count)


def test_more_flash_than_is_needed_is_used_as_two_halves(store: Store) -> None:
    flash = Flash(7 * 128, 128, 8)
    port = store.port(flash)
    commit(store, port, OLD * 300, NEW * 300)
    assert [flash.data[at : at + 4] for at in (0, 3 * 128)] == [struct.pack("<I", MAGIC)] * 2
    assert store.restore(port, MODEL, 300) == (store.lib.GROAT_OK, NEW * 300)
    assert flash.mistakes == []


@pytest.mark.parametrize(
    ("erase_bytes", "program_bytes"), [(0, 1), (128, 0), (128, 3), (1024, 512), (100, 8), (4, 8), (128, 2**31)]
)
def test_sizes_that_no_flash_has_are_refused(store: Store, erase_bytes: int, program_bytes: int) -> None:
    port = store.port(Flash(1024, erase_bytes, program_bytes))
    assert store.lib.groat_store_bytes(port, 10) == 0
    assert store.commit(port, MODEL, bytes(10)) == store.lib.GROAT_E_ARGUMENT
    assert store.lib.groat_store_clear(port) == store.lib.GROAT_E_ARGUMENT


def test_arguments_that_make_no_sense_are_refused(store: Store) -> None:
    lib, null = store.lib, store.ffi.NULL
    flash = slots_for(store, 128, 8, 300)
    port = store.port(flash)
    assert store.commit(port, MODEL, b"") == lib.GROAT_E_ARGUMENT
    assert lib.groat_store_commit(null, MODEL, store.ffi.from_buffer(b"x"), 1) == lib.GROAT_E_ARGUMENT
    assert lib.groat_store_commit(port, MODEL, null, 1) == lib.GROAT_E_ARGUMENT
    assert lib.groat_store_restore(port, MODEL, null, 1) == lib.GROAT_E_ARGUMENT
    assert lib.groat_store_clear(null) == lib.GROAT_E_ARGUMENT
    assert lib.groat_store_bytes(null, 1) == 0
    assert lib.groat_store_bytes(port, 2**32 - 1) == 0
    assert lib.groat_store_restore(port, MODEL, store.ffi.from_buffer(b"x"), 2**32 - 1) == lib.GROAT_E_STORE_SIZE
    port.bytes = 128
    assert lib.groat_store_clear(port) == lib.GROAT_E_STORE_SIZE
    for name in ("read", "erase", "program"):
        port = store.port(flash)
        setattr(port, name, null)
        assert store.commit(port, MODEL, OLD * 300) == lib.GROAT_E_ARGUMENT
    assert flash.steps == 0
