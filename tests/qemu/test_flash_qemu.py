# SPDX-License-Identifier: Apache-2.0
"""groat flash onto emulated boards, from the command to the answers of the board, and updates whose power is cut."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.command import Groat
from tests.support.devices import device
from tests.support.oracle import needs_tflm
from tools.tflite_builder import Builder, Quant

import groat
from groat.boards import board_names, load_board
from groat.errors import GroatError, ModelError, RunnerError
from groat.flash import emulated, serving
from groat.flash.flashing import build
from groat.pack.reader import checksum
from groat.runners import split_where
from groat.runners.host import HostRunner
from groat.runners.port import PortSession, SerialLine
from groat.signing import sign

pytestmark = pytest.mark.qemu
DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.tflite"
BOARDS = [name for name in board_names() if load_board(name).flash[:1] and load_board(name).flash[0].tool == "qemu"]
INPUTS = 128
LARGE, SMALL = 800, 160  # outputs of dense layers of 100 and 20 KB
X = np.arange(INPUTS, dtype=np.int8)


@contextmanager
def flashed(groat_command: Groat, name: str, model: Path, folder: Path, *more: object) -> Iterator[dict[str, Any]]:
    """What the command reports; the board is on meanwhile."""
    device(load_board(name).target.name)
    report = groat_command.json("flash", model, "--board", name, "--background", "--folder", folder, *more)
    try:
        yield report
    finally:
        os.kill(report["process"], signal.SIGKILL)
        while emulated.running(folder) is not None:
            time.sleep(0.01)


@needs_tflm
@pytest.mark.parametrize("name", BOARDS)
def test_a_flashed_board_answers_as_tflm(groat_command: Groat, tmp_path: Path, name: str) -> None:
    with flashed(groat_command, name, DIGITS, tmp_path) as report:
        assert (report["board"], report["tool"], report["served_from"]) == (name, "qemu", "IMAGE")
        assert split_where(report["port"]) == ("serial", name)
        found = groat_command.json("validate", DIGITS, "--against", "tflm", "--on", report["port"], "--inputs", "4")
        assert [(row["outputs_equal"], row["difference"]) for row in found["results"]] == [(4, None)]


def test_a_board_that_is_on(groat_command: Groat, tmp_path: Path) -> None:
    """The foreground: until it is ended; what is flashed meanwhile; a port that is taken."""
    name, command = "qemu_rv32imc", [sys.executable, "-m", "groat.cli", "flash", DIGITS, "--format", "json"]
    device(load_board(name).target.name)
    with subprocess.Popen([*command, "--board", name, "--folder", tmp_path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        report = json.loads(b"".join(iter(process.stdout.readline, b"}\n")) + b"}")
        port = report["port"].removeprefix("serial:")
        assert emulated.running(tmp_path) == port
        said = groat_command.fails(2, "flash", DIGITS, "--board", name, "--folder", tmp_path)
        assert f"is on: process {report['process']}, at serial:{port}; end it first" in said
        said = groat_command.fails(2, "flash", DIGITS, "--board", name, "--folder", tmp_path / "b", "--port", port)
        assert "cannot be used: Address already in use" in said
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert emulated.running(tmp_path) is None


def test_a_dry_run(groat_command: Groat, tmp_path: Path) -> None:
    device("cortex-m4")
    report = groat_command.json("flash", DIGITS, "--board", "qemu_cortex_m4", "--folder", tmp_path, "--dry-run")
    (command,) = report["commands"]
    assert "-M mps2-an386" in command
    assert f"-kernel {report['firmware']}" in command
    assert not any(tmp_path.iterdir())


def test_another_boards_port(groat_command: Groat, tmp_path: Path) -> None:
    with flashed(groat_command, "qemu_cortex_m3", DIGITS, tmp_path) as report:
        port = report["port"]
        said = groat_command.fails(7, "flash", DIGITS, "--model-only", "--board", "qemu_cortex_m4", "--port", port)
        assert "the firmware there is for qemu_cortex_m3, expected qemu_cortex_m4" in said


def test_a_board_without_slots(groat_command: Groat, tmp_path: Path) -> None:
    with flashed(groat_command, "hifive1_revb", DIGITS, tmp_path, "--tool", "qemu") as report:
        for arguments in ([DIGITS, "--model-only"], ["--rollback"]):
            said = groat_command.fails(3, "flash", *arguments, "--port", report["port"])
            assert "hifive1_revb has no slots for models in its flash; without --model-only" in said


# ---- Updates -----------------------------------------------------------------------------------------------


def dense(seed: int, outputs: int, target: str, folder: Path) -> tuple[Path, bytes]:
    """A model, and how it is packed."""
    rng = np.random.default_rng(seed)
    b = Builder()
    x = b.input((1, INPUTS), quant=Quant(0.05, -3), name="x")
    weights = rng.integers(-40, 41, (outputs, INPUTS)).astype(np.int8)
    y = b.fully_connected(x, weights, rng.integers(-999, 1000, outputs).astype(np.int32), Quant(0.02), Quant(0.7, 4))
    path = folder / f"{seed}.tflite"
    path.write_bytes(b.build([y]))
    return path, groat.compile(path, target=target).packed


def test_a_model_of_100_kb_comes_back_after_a_new_start(groat_command: Groat, tmp_path: Path) -> None:
    name = "qemu_cortex_m4"
    device("cortex-m4")
    (old, old_packed), (new, new_packed) = dense(1, SMALL, name, tmp_path), dense(2, LARGE, name, tmp_path)
    assert len(new_packed) > 100_000
    marks = [f"{checksum(packed):08x}" for packed in (old_packed, new_packed)]
    with flashed(groat_command, name, old, tmp_path) as report:
        port = report["port"]
        update = groat_command.json("flash", new, "--model-only", "--port", port)
        assert (update["board"], update["served_from"], update["served_checksum"]) == (name, "SLOT", marks[1])
        assert marks[0] in update["before"]
        said = groat_command.fails(3, "flash", "--rollback", "--port", port)
        assert "there is no earlier model to go back to" in said
    # What is flashed is served, so that the slots get it too when they hold another one.
    with flashed(groat_command, name, old, tmp_path) as report:
        assert (report["served_from"], report["served_checksum"]) == ("SLOT", marks[0])
        port = report["port"]
        slots = groat_command.json("flash", old, "--model-only", "--port", port)["slots"]  # nothing is to be done
        assert [(slot["state"], slot["checksum"]) for slot in slots] == [("served", marks[0]), ("whole", marks[1])]
        assert groat_command.json("flash", "--rollback", "--port", port)["served_checksum"] == marks[1]
        assert "there is no earlier model" in groat_command.fails(3, "flash", "--rollback", "--port", port)


def test_an_update_that_the_firmware_was_not_built_for(groat_command: Groat, tmp_path: Path) -> None:
    device("cortex-m4")
    model, _ = dense(1, SMALL, "qemu_cortex_m4", tmp_path)
    with flashed(groat_command, "qemu_cortex_m4", model, tmp_path) as report:
        said = groat_command.fails(3, "flash", DIGITS, "--model-only", "--port", report["port"])
        assert "was built without these ops of the model: " in said
    with flashed(groat_command, "qemu_cortex_m4", model, tmp_path, "--all-ops") as report:
        update = groat_command.json("flash", DIGITS, "--model-only", "--port", report["port"])
        assert update["served_from"] == "SLOT"


def test_an_update_that_is_not_signed(groat_command: Groat, tmp_path: Path) -> None:
    key, signed = tmp_path / "key.pem", tmp_path / "signed.groat"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, timeout=30)
    (old, _), (new, packed) = (dense(seed, SMALL, "qemu_rv32imc", tmp_path) for seed in (1, 2))
    with flashed(groat_command, "qemu_rv32imc", old, tmp_path, "--public-key", key) as report:
        port = report["port"]
        assert "the firmware refused" in groat_command.fails(3, "flash", new, "--model-only", "--port", port)
        signed.write_bytes(sign(packed, key))
        update = groat_command.json("flash", signed, "--model-only", "--port", port)
        assert (update["served_from"], update["served_checksum"]) == ("SLOT", f"{checksum(packed):08x}")


class Cut(SerialLine):
    """A line to a board whose power is cut when so many bytes went through it."""

    board: emulated.Emulated
    left: int

    def write(self, data: bytes) -> None:
        super().write(data[: Cut.left])
        if len(data) >= Cut.left:
            time.sleep(0.02)  # the board is in the midst of what it does with them
            Cut.board.switch_off()
        Cut.left -= len(data)

    def reopen(self) -> None:
        raise RunnerError("the power is cut")


@pytest.mark.parametrize(
    ("name", "outputs", "step"),
    [
        ("qemu_cortex_m4", SMALL, 9000),
        pytest.param("qemu_cortex_m4", LARGE, 4099, marks=pytest.mark.slow),
        pytest.param("qemu_rv32imc", LARGE, 32771, marks=pytest.mark.slow),
    ],
)
def test_power_that_is_cut_in_an_update(
    name: str, outputs: int, step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each so many bytes on the line, up to the last: the board serves the old model or the new one."""
    board = load_board(name)
    device(board.target.name)
    old, new = (dense(seed, outputs, name, tmp_path)[1] for seed in (1, 2))
    image = build(board, old).path
    answers = {checksum(packed): HostRunner(packed).run([X[np.newaxis]])[0] for packed in (old, new)}
    monkeypatch.setattr(serving, "SerialLine", Cut)
    served = [checksum(old)]
    cut_at = step
    while served[-1] != checksum(new):
        on = emulated.start(board.target, image, tmp_path / "flash")
        Cut.board, Cut.left = on, cut_at
        with pytest.raises(GroatError) if cut_at < len(new) else _either(), serving.reached(on.port, board) as session:
            serving.update(session, new)
        on.switch_off()
        again = emulated.start(board.target, image, tmp_path / "flash")
        session = PortSession(SerialLine(again.port))
        served.append(session.ask_about().model_crc)
        found = np.frombuffer(session.ask("RUN", 1, X.tobytes()), np.int8)
        np.testing.assert_array_equal(found, answers[served[-1]].ravel())
        session.close()
        again.switch_off()
        assert served[-1] in answers
        cut_at += step
        assert cut_at < 3 * len(new)
    assert len(served) > len(new) // step


@contextmanager
def _either() -> Iterator[None]:
    """The last bytes may be through when the power goes."""
    try:
        yield
    except ModelError:
        raise
    except GroatError:
        pass
