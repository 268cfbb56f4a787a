# SPDX-License-Identifier: Apache-2.0
"""Images for real boards: they build without a warning, and those that QEMU has run there as they would be flashed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from tests.support import cc, material
from tests.support.command import Groat
from tests.support.oracle import needs_tflm

from groat import firmware, toolchain
from groat.boards import Board, board_names, load_board
from groat.compiler import compile_model
from groat.errors import FitError, InputError, RunnerError
from groat.inputs import lcg_inputs
from groat.pack import read
from groat.runners import open_runner
from groat.runners.board import BoardRunner, image_for
from groat.runners.port import PortRunner
from groat.runners.qemu import serving
from groat.sources import find_sources
from groat.targets import load_target

pytestmark = pytest.mark.qemu

DIGITS = cc.ROOT / "examples" / "digits" / "digits_int8.tflite"
BOARDS = [load_board(name) for name in board_names()]
REAL = [board for board in BOARDS if board.target.clock and board.target.compiler is not None]
EMULATED = [board for board in REAL if board.target.qemu is not None]


def name_of(board: Board) -> str:
    return board.name


@pytest.fixture(scope="module")
def digits() -> dict[str, bytes]:
    """The digits model for each packing."""
    return {load_target(core).packing: compile_model(DIGITS, core).packed for core in ("cortex-m4", "cortex-m0")}


@pytest.mark.parametrize("board", REAL, ids=name_of)
def test_start_up_and_drivers_have_no_warning(board: Board, tmp_path: Path) -> None:
    target, folder = board.target, find_sources().firmware
    assert target.compiler is not None
    assert target.serial is not None
    assert target.counter is not None
    files = [folder / "board" / name for name in target.board]
    files += [folder / "uart" / f"{target.serial.kind}.c", folder / "counter" / f"{target.counter.kind}.c"]
    defines = {"ADDRESS": target.serial.address, "CLOCK": target.serial.clock, "BAUD": target.serial.baud}
    defines |= dict(zip(("PIN_TX", "PIN_RX"), target.serial.pins, strict=True))
    flags = [f"-DGROAT_UART_{name}={value:#x}u" for name, value in defines.items()]
    flags += [f"-DGROAT_COUNTER_ADDRESS={target.counter.address:#x}u", cc.INCLUDE, "-std=c11", "-ffreestanding"]
    for file in files:
        command = [
            target.compiler.command,
            *target.compiler.flags,
            "-Os",
            "-Wall",
            "-Wextra",
            "-Wconversion",
            "-Werror",
        ]
        toolchain.run([*command, *flags, "-c", str(file), "-o", str(tmp_path / "out.o")], timeout=30)


@pytest.mark.parametrize("board", REAL, ids=name_of)
def test_an_image_is_what_the_chip_starts(board: Board, digits: dict[str, bytes]) -> None:
    target = board.target
    image = image_for(target, digits[target.packing])
    code, data = target.memory("code"), target.memory("data")
    assert image.code_bytes <= 40 << 10
    with image.path.open("rb") as file:
        elf = ELFFile(file)
        symbols = elf.get_section_by_name(".symtab")
        assert isinstance(symbols, SymbolTableSection)
        (start,) = symbols.get_symbol_by_name("groat_board_start") or []
        assert start["st_info"]["bind"] == "STB_GLOBAL"  # the board's, and not the one that does nothing
        for segment in elf.iter_segments("PT_LOAD"):
            if segment["p_filesz"] > 0:  # what is flashed lies in flash
                assert code.origin <= segment["p_paddr"] <= segment["p_paddr"] + segment["p_filesz"] <= code.end
        vectors = elf.get_section_by_name(".vectors")
        first = 256 if target.name == "pico" else 0  # behind what its ROM looks for
        assert vectors["sh_addr"] == code.origin + first
        if target.packing != "scalar" or elf["e_machine"] == "EM_ARM":
            words = np.frombuffer(vectors.data()[:8], "<u4")
            assert data.origin < words[0] <= data.end
            assert words[1] % 2 == 1
            assert code.origin <= words[1] < code.end
        else:
            assert elf["e_entry"] == code.origin


def test_the_first_256_bytes_of_the_pico_have_the_checksum_that_its_rom_asks_for(digits: dict[str, bytes]) -> None:
    with image_for(load_board("pico").target, digits["scalar"]).path.open("rb") as file:
        boot = ELFFile(file).get_section_by_name(".boot")
        data = boot.data()
        assert (boot["sh_addr"], len(data)) == (0x10000000, 256)
    crc = 0xFFFFFFFF  # CRC-32/MPEG-2, as the datasheet of the RP2040 has it in 2.8.1.3.1
    for byte in data[:252]:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    assert int.from_bytes(data[252:], "little") == crc


def test_the_stm32s_divide_their_clocks_to_the_baud_rate() -> None:
    """Within 2 %, which is what a UART stands."""
    for board in REAL:
        line = board.target.serial
        assert line is not None
        if line.kind in ("stm32_usart_v1", "stm32_usart_v2", "sifive_uart"):
            divider = (line.clock + line.baud // 2) // line.baud
            assert abs(line.clock / divider / line.baud - 1) < 0.02
            assert divider >= (0x300 if line.clock > 1 << 31 else 16)  # of an LPUART, and of the others


# ---- In QEMU's models of the boards -----------------------------------------------------------------------


@pytest.mark.parametrize("board", EMULATED, ids=name_of)
def test_the_image_that_would_be_flashed_answers_over_its_own_serial_line(
    board: Board, digits: dict[str, bytes]
) -> None:
    with open_runner(f"qemu:{board.name}", digits[board.target.packing]) as runner:
        assert isinstance(runner, BoardRunner)
        assert runner.target == board.name
        inputs = lcg_inputs(runner.model.inputs)
        with open_runner("host", compile_model(DIGITS).packed) as host:
            for found, expected in zip(runner.run(inputs), host.run(inputs), strict=True):
                np.testing.assert_array_equal(found, expected)
        with pytest.raises(InputError, match=rf"not its time: .* qemu:{board.core}$"):
            runner.profile(inputs)


@needs_tflm
@pytest.mark.parametrize("board", [board.name for board in EMULATED if board.name != "microbit"])
def test_an_emulated_board_gives_the_oracles_bytes(groat_command: Groat, board: str) -> None:
    report = groat_command.json("validate", DIGITS, "--against", "tflm", "--on", f"qemu:{board}", "--inputs", "3")
    assert (report["equal"], report["results"][0]["outputs_equal"]) == (True, 3)


@needs_tflm
def test_hello_world_on_the_microbit_gives_the_oracles_bytes(groat_command: Groat) -> None:
    model = material.required("models/tflm/hello_world_int8.tflite")
    report = groat_command.json("validate", model, "--against", "tflm", "--on", "qemu:microbit")
    assert (report["equal"], report["results"][0]["outputs_equal"]) == (True, 8)


def test_a_model_is_sent_to_a_board_that_serves_another(digits: dict[str, bytes]) -> None:
    """The line of the netduinoplus2 is the sixth of QEMU's; the firmware says which board it was built for."""
    target = load_board("netduinoplus2").target
    image = firmware.build(
        target, ops=[step.op for step in read(digits["dsp"]).all_steps], states=False, serve="serial"
    )
    with serving(target, image.path) as where:
        runner = PortRunner(where.removeprefix("serial:"), digits["dsp"])
        assert runner.target == "netduinoplus2"
        inputs = lcg_inputs(runner.model.inputs)
        runner.run(inputs)
        with pytest.raises(RunnerError, match=r"the device's counter stands still; an emulator may have none"):
            runner.profile(inputs)
        runner.close()


def test_an_emulated_machine_counts_instructions_over_its_line(groat_command: Groat) -> None:
    board, core = (
        groat_command.json("profile", DIGITS, "--on", f"qemu:{name}") for name in ("qemu_cortex_m4", "cortex-m4")
    )
    assert abs(board["instructions"] / core["instructions"] - 1) < 0.001
    said = groat_command.fails(2, "profile", DIGITS, "--on", "qemu:qemu_cortex_m4", "--by", "layer")
    assert "profile on an emulated device, qemu:cortex-m4" in said


def test_what_does_not_fit_a_board_is_said(groat_command: Groat) -> None:
    assert "QEMU has no Raspberry Pi Pico" in groat_command.fails(2, "profile", DIGITS, "--on", "qemu:pico")
    microbit = load_board("microbit").target
    with pytest.raises(FitError, match=r"microbit: the memory for CODE, 'flash' of 163,840 bytes, is too small by"):
        firmware.build(microbit, ops=["softmax"], states=False, model=bytes(1 << 18), serve="serial")
