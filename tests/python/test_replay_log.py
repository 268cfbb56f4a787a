# SPDX-License-Identifier: Apache-2.0
"""The replay buffer in flash: which samples are there after any number of additions, starts and cuts of the power."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from tests.support.flash import Flash, Store

MODEL, ANOTHER = 0x12345678, 0x87654321
FILL, RING, RESERVOIR = range(3)
RECORD_BYTES = 12
# Bytes of a sector, of what is programmed at once, sectors, elements of a sample: several places in a sector, one, one
# in several sectors.
GEOMETRIES = [(128, 1, 4, 20), (128, 8, 3, 30), (256, 256, 3, 100), (128, 4, 7, 300), (4096, 32, 2, 600)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


class Log:
    """A log in a model of flash, opened."""

    def __init__(
        self, store: Store, flash: Flash, elements: int, policy: int = RING, model: int = MODEL, **changes: Any
    ) -> None:
        self.ffi, self.lib, self.elements = store.ffi, store.lib, elements
        self.log, self.port = self.ffi.new("groat_replay_log *"), store.port(flash)
        fields = {"elements": elements, "policy": policy, "seed": 5, "scale": 0.5, "zero_point": 3} | changes
        self.config = self.ffi.new("groat_replay_config *", fields)
        self.status = self.lib.groat_replay_log_open(self.log, self.port, model, self.config)

    def add(self, label: int, dtype: str = "int8") -> int:
        data = sample_of(label, self.elements) if dtype == "int8" else np.full(self.elements, label, dtype).tobytes()
        code = getattr(self.lib, f"GROAT_{dtype.upper()}")
        return int(self.lib.groat_replay_log_add(self.log, code, self.ffi.from_buffer(data), label))

    def get(self, place: int, dtype: str = "int8") -> tuple[int, int, bytes]:
        memory = bytearray(self.elements * np.dtype(dtype).itemsize)
        label = self.ffi.new("int32_t *")
        code = getattr(self.lib, f"GROAT_{dtype.upper()}")
        status = self.lib.groat_replay_log_get(self.log, place, code, self.ffi.from_buffer(memory), label)
        return int(status), int(label[0]), bytes(memory)

    def draw(self) -> int:
        place = self.ffi.new("uint32_t *")
        assert self.lib.groat_replay_log_draw(self.log, place) == self.lib.GROAT_OK
        return int(place[0])

    @property
    def places(self) -> int:
        return int(self.lib.groat_replay_log_places(self.log))

    def samples(self) -> list[int]:
        """Labels of all that are there, in the order of places; none is mixed."""
        found = [self.get(place) for place in range(self.places)]
        labels = []
        for status, label, data in found:
            assert status in (self.lib.GROAT_OK, self.lib.GROAT_E_REPLAY_EMPTY)
            if status == self.lib.GROAT_OK:
                assert data == sample_of(label, self.elements)
                labels.append(label)
        assert len(labels) == self.lib.groat_replay_log_count(self.log)
        return labels


def sample_of(label: int, elements: int) -> bytes:
    return random.Random(label).randbytes(elements)


def flash_of(geometry: tuple[int, int, int, int]) -> Flash:
    erase_bytes, program_bytes, sectors, _ = geometry
    return Flash(sectors * erase_bytes, erase_bytes, program_bytes)


def block_places(geometry: tuple[int, int, int, int]) -> int:
    """How many samples are forgotten together."""
    erase_bytes, program_bytes, _, elements = geometry
    return max(1, erase_bytes // (-(-(RECORD_BYTES + elements) // program_bytes) * program_bytes))


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("starts_again", [False, True])
def test_a_ring_has_the_newest_samples(store: Store, geometry: tuple[int, int, int, int], starts_again: bool) -> None:
    flash, together = flash_of(geometry), block_places(geometry)
    log = Log(store, flash, geometry[3])
    assert (log.status, log.samples()) == (store.lib.GROAT_OK, [])
    for label in range(3 * log.places + 2):
        assert log.add(label) == store.lib.GROAT_OK
        if starts_again:
            log = Log(store, flash, geometry[3])
            assert log.status == store.lib.GROAT_OK
        # Of the block that the newest lies in, the older ones have gone; all others are full.
        least = max(0, (label // together + 1) * together - log.places)
        assert sorted(log.samples()) == list(range(least, label + 1))
    assert flash.mistakes == []


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_one_that_is_to_be_filled_refuses_more(store: Store, geometry: tuple[int, int, int, int]) -> None:
    flash = flash_of(geometry)
    log = Log(store, flash, geometry[3], FILL)
    for label in range(log.places):
        assert log.add(label) == store.lib.GROAT_OK
    for _ in range(2):
        assert log.add(-1) == store.lib.GROAT_E_REPLAY_FULL
        assert log.samples() == list(range(log.places))
        log = Log(store, flash, geometry[3], FILL)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_cut_in_any_step_loses_no_sample_but_those_to_be_forgotten(
    store: Store, geometry: tuple[int, int, int, int]
) -> None:
    """At every place of a round: additions are cut in every step, again and again in the same flash."""
    flash, together = flash_of(geometry), block_places(geometry)
    log = Log(store, flash, geometry[3])
    there: list[int] = []
    torn = cut = 0
    for label in range(400):
        flash.power_on(cut, label)
        begins_a_block = log.log.next % together == 0
        log.add(label)
        was_cut = flash.is_off
        flash.power_on()
        log = Log(store, flash, geometry[3])
        assert log.status == store.lib.GROAT_OK
        found = log.samples()
        new = [label] if label in found else []
        kept = [number for number in there if number in found]
        assert sorted(found) == [*kept, *new]
        lost = there[: len(there) - len(kept)]
        assert there == lost + kept  # the oldest
        assert len(lost) <= (together if begins_a_block else 0)
        there = [*kept, *new]
        if was_cut:
            torn += 1
            cut += 1
        else:
            assert new
            cut = 0
    assert 50 < torn < 400
    assert flash.mistakes == []


def test_samples_of_another_model_size_or_scale_are_none(store: Store) -> None:
    flash = flash_of(GEOMETRIES[0])
    log = Log(store, flash, 20)
    for label in range(7):
        log.add(label)
    for changed in (
        Log(store, flash, 20, model=ANOTHER),
        Log(store, flash, 19),
        Log(store, flash, 20, scale=0.25),
        Log(store, flash, 20, zero_point=2),
    ):
        assert (changed.status, changed.samples()) == (store.lib.GROAT_OK, [])
    assert Log(store, flash, 20).samples() == list(range(7))
    other = Log(store, flash, 20, model=ANOTHER)
    assert other.add(50) == store.lib.GROAT_OK
    assert other.samples() == [50]
    assert flash.mistakes == []


def test_sequence_numbers_come_round(store: Store) -> None:
    flash = flash_of(GEOMETRIES[0])
    log = Log(store, flash, 20)
    log.log.sequence = 2**32 - 5
    for label in range(40):
        assert log.add(label) == store.lib.GROAT_OK
        log = Log(store, flash, 20)
        assert max(log.samples()) == label
    assert log.log.sequence == 35


def test_floats_are_kept_as_int8(store: Store) -> None:
    log = Log(store, flash_of(GEOMETRIES[4]), 600)
    for label, dtype in [(-3, "float32"), (4, "float16"), (1000, "float32")]:
        assert log.add(label, dtype) == store.lib.GROAT_OK
    stored = [np.frombuffer(log.get(place)[2], np.int8) for place in range(3)]
    assert [set(values) for values in stored] == [{-3}, {11}, {127}]  # real = 0.5 * (stored - 3)
    assert set(np.frombuffer(log.get(0, "float32")[2], np.float32)) == {-3.0}
    assert set(np.frombuffer(log.get(2, "float16")[2], np.float16)) == {62.0}


def test_draws_are_uniform_and_the_same_each_time(store: Store) -> None:
    flash = flash_of(GEOMETRIES[0])
    log = Log(store, flash, 20)
    for label in range(14):
        log.add(label)
    drawn = [Log(store, flash, 20).draw() for _ in range(3)]
    assert len(set(drawn)) == 1
    counts = np.bincount([log.draw() for _ in range(14_000)], minlength=log.places)
    present = counts[counts > 0]
    assert len(present) == len(log.samples())
    assert np.sum((present - present.mean()) ** 2 / present.mean()) < 34.5  # 13 degrees of freedom, 0.1 %
    for place in range(1, log.places):  # where but one sample is left, it is found
        flash.data[place // 4 * 128 + place % 4 * 32] ^= 1
    assert {log.draw() for _ in range(20)} == {0}
    flash.data[0] ^= 1
    place = store.ffi.new("uint32_t *")
    assert store.lib.groat_replay_log_draw(log.log, place) == store.lib.GROAT_E_REPLAY_EMPTY


def test_a_place_that_is_worn_out_is_left_alone(store: Store) -> None:
    flash = flash_of(GEOMETRIES[0])
    log = Log(store, flash, 20)
    flash.stuck = {32 + 15: 0xFF}  # in the second place
    log.add(0)
    assert log.add(1) == store.lib.GROAT_E_FLASH_WORN
    for label in range(2, 14):
        assert log.add(label) == store.lib.GROAT_OK
    assert sorted(log.samples()) == [0, *range(2, 14)]
    assert Log(store, flash, 20).samples() == log.samples()


def test_a_sector_that_is_worn_out_is_left_alone(store: Store) -> None:
    flash = flash_of(GEOMETRIES[0])
    log = Log(store, flash, 20)
    flash.broken = {128}
    statuses = [log.add(label) for label in range(17)]
    assert [label for label, status in enumerate(statuses) if status != 0] == [4]
    assert statuses[4] == store.lib.GROAT_E_FLASH
    assert sorted(log.samples()) == sorted(set(range(17)) - {0, 1, 2, 3, 4})


def test_what_makes_no_sense_is_refused(store: Store) -> None:
    lib = store.lib
    flash = flash_of(GEOMETRIES[0])
    for changes in ({"policy": RESERVOIR}, {"scale": 0.0}, {"scale": float("nan")}, {"zero_point": 128}):
        assert Log(store, flash, 20, **changes).status == lib.GROAT_E_ARGUMENT
    assert Log(store, flash, 0).status == lib.GROAT_E_ARGUMENT
    assert Log(store, Flash(512, 128, 3), 20).status == lib.GROAT_E_ARGUMENT
    assert Log(store, Flash(128, 128, 4), 20).status == lib.GROAT_E_STORE_SIZE
    assert Log(store, flash, 2**32 - 1).status == lib.GROAT_E_STORE_SIZE
    log = Log(store, flash, 20)
    assert log.get(log.places)[0] == lib.GROAT_E_ARGUMENT
    assert log.get(0)[0] == lib.GROAT_E_REPLAY_EMPTY
    assert log.add(0, "int32") == lib.GROAT_E_DTYPE
    data = np.full(20, np.nan, np.float32)
    status = lib.groat_replay_log_add(log.log, lib.GROAT_FLOAT32, store.ffi.from_buffer(data), 0)
    assert status == lib.GROAT_E_NOT_FINITE
    assert flash.steps == 0
