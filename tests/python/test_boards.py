# SPDX-License-Identifier: Apache-2.0
"""The descriptions of boards: what they say together, and what is said of one that is wrong."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from groat.boards import STATUSES, board_names, load_board
from groat.errors import InputError
from groat.targets import list_targets, load_target
from groat.targets.reading import read_file

WANTED = {f"qemu_cortex_{core}" for core in ("m0", "m3", "m4", "m7", "m33", "m55")} | {"qemu_rv32imc", "qemu_rv32v"}
WANTED |= {"nucleo_f746zg", "nucleo_l4r5zi", "disco_f746ng", "netduinoplus2", "nrf52840_dk", "microbit", "pico"}
WANTED |= {"hifive1_revb", "esp32c3"}
GOOD = (Path(load_board("netduinoplus2").file)).read_text(encoding="utf-8")


def test_every_board_is_described() -> None:
    assert set(board_names()) >= WANTED
    assert not set(board_names()) & set(list_targets())


@pytest.mark.parametrize("name", board_names())
def test_a_description_is_whole(name: str) -> None:
    board = load_board(name)
    target = board.target
    assert board.name == target.name == name
    assert board.title
    assert board.chip
    assert load_target(name) == target
    assert board.status in STATUSES
    assert board.flash
    assert target.packing == load_target(read_file(board.file)["target"]).packing
    spans = sorted((memory.origin, memory.end) for memory in target.memories)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert target.ram_bytes > 0
    assert (board.status == "described") == (target.compiler is None) == bool(board.platform)
    if board.status == "described":
        return
    assert target.serial is not None
    assert target.counter is not None
    code = target.memory("code")
    assert target.model_room.end <= max(memory.end for memory in target.memories)
    assert code.length > 0
    assert (board.status == "emulated") == (target.qemu is not None) == any(m.tool == "qemu" for m in board.flash)
    if target.clock:  # on hardware its counter counts cycles, or whole numbers of them
        assert target.counter.cycles(3_000_000, target.clock) % 3_000_000 == 0


def test_an_emulated_machine_is_its_targets() -> None:
    board, target = load_board("qemu_cortex_m4").target, load_target("cortex-m4")
    assert (board.memories, board.serial, board.qemu, board.slots) == (
        target.memories,
        target.serial,
        target.qemu,
        target.slots,
    )


def test_nothing_of_the_targets_machine_is_left_on_another() -> None:
    board = load_board("nucleo_f746zg").target
    assert board.qemu is None
    assert board.slots is not None
    assert board.slots.kind == "stm32f7_flash"  # its own
    assert board.compiler is not None
    assert "-mfpu=fpv5-sp-d16" in board.compiler.flags


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "Netduino Plus 2"', "", "the key title is missing; expected a text"),
        ("clock = 16_000_000\nstatus", 'clock = "16 MHz"\nstatus', "clock is '16 MHz'; expected a whole number"),
        ("clock = 16_000_000\nstatus", "status", "clock, model, serial and counter belong to a board with memories"),
        ('status = "emulated"', 'status = "done"', "status is 'done'; expected one of 'described', 'built'"),
        ('target = "cortex-m4"', 'target = "cortex-m5"', "target is 'cortex-m5'; expected one of cortex-m0"),
        ("[serial]", "[sreial]", "unknown key sreial; there are: title, target"),
        ("pins = [38, 39]", 'pins = [38, "PC7"]', "serial.pins[1] is 'PC7'; expected a whole number"),
        ("pins = [38, 39]", "pins = 38", "serial.pins is 38; expected a list, of a whole number each"),
        ('purpose = "code"', 'purpose = "rom"', "memories[0].purpose is 'rom'; expected one of 'code', 'data'"),
        ('purpose = "data"', 'purpose = "arena"', "none of the memories has the purpose 'data'"),
        ("address = 0x08080000", "address = 0x18080000", "model.address 0x18080000 does not lie in a memory 'flash'"),
        ('tool = "dfu-util"', 'tool = "jtag"', "flash[0].tool is 'jtag'; expected one of 'openocd', 'pyocd'"),
        ("[counter]", "[counter", "is no TOML file"),
        ("[[memories]]", "[[memory]]", "unknown key memory"),
    ],
)
def test_a_wrong_description_is_told_by_file_and_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    file = tmp_path / "mine.toml"
    file.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_board(str(file))
    assert str(error.value).startswith(str(file))
    assert said in str(error.value)


def test_boards_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text(GOOD.replace("Netduino Plus 2", "Mine"), encoding="utf-8")
    assert load_board(str(tmp_path / "mine.toml")).title == "Mine"
    with pytest.raises(InputError, match=r"unknown board 'mine'; there are: disco_f746ng, esp32c3"):
        load_board("mine")
    monkeypatch.setenv("GROAT_BOARDS", str(tmp_path))
    assert "mine" in board_names()
    assert load_target("mine").folder == tmp_path
    monkeypatch.setenv("GROAT_BOARDS", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"GROAT_BOARDS names .*nowhere, which is no folder"):
        board_names()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml cannot be read: No such file"):
        load_board(str(tmp_path / "none.toml"))
    (tmp_path / f"{'long' * 6}.toml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(InputError, match=r"the name has 24 bytes; expected at most 23"):
        load_board(str(tmp_path / f"{'long' * 6}.toml"))


def test_a_name_that_is_no_target_and_no_board() -> None:
    with pytest.raises(
        InputError, match=r"unknown target 'cortex-m5'; there are: cortex-m0, .*; and boards: disco_f746ng"
    ):
        load_target("cortex-m5")
