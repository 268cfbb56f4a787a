# SPDX-License-Identifier: Apache-2.0
"""The conversation with the firmware: refusals, deaths, silence, and that nothing stays behind."""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.support.devices import device

import groat
from groat import firmware
from groat.errors import ModelError, RunnerError, ToolchainError
from groat.runners.qemu import QemuRunner, QemuSession

pytestmark = pytest.mark.qemu

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.tflite"
E_ARGUMENT, E_MAGIC, E_CRC = -1, -11, -13


@pytest.fixture(scope="module")
def packed() -> bytes:
    return groat.compile(DIGITS, target="cortex-m4").packed


@pytest.fixture
def session(packed: bytes) -> Iterator[QemuSession]:
    target = device("cortex-m4")
    opened = QemuSession(target, firmware.build(target).path, packed, timeout=20)
    yield opened
    opened.close()


@pytest.fixture
def runner(packed: bytes) -> Iterator[QemuRunner]:
    device("cortex-m4")
    with QemuRunner("cortex-m4", packed, timeout=1) as opened:
        yield opened


def zeros(runner: QemuRunner) -> list[np.ndarray]:
    return [np.zeros(info.shape, info.dtype) for info in runner.model.inputs]


@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m55", "rv32imc"])
def test_a_model_that_is_none_is_refused_and_the_firmware_goes_on(name: str) -> None:
    target = device(name)
    image = firmware.build(target, ops=["conv_2d"])  # a Cortex-M0 has no flash for all of them
    session = QemuSession(target, image.path, b"no model" * 512, timeout=20)
    try:
        assert session.info.open_status == E_MAGIC
        for command, data in [("RUN", b"x" * 100_000), ("INPUT", b"x"), ("STEP", b""), ("TENSOR", b"")]:
            with pytest.raises(ModelError, match=f"refused {command} 1: .*status {E_MAGIC}"):
                session.ask(command, 1, data)
        assert session.ask_info().open_status == E_MAGIC
    finally:
        session.close()


def test_a_damaged_model_is_refused(packed: bytes) -> None:
    target = device("cortex-m4")
    damaged = bytearray(packed)
    damaged[-1] ^= 1
    session = QemuSession(target, firmware.build(target).path, bytes(damaged), timeout=20)
    session.close()
    assert session.info.open_status == E_CRC


@pytest.mark.parametrize(
    ("command", "argument", "count"),
    [
        ("RUN", 1, 0),
        ("RUN", 1, 5),
        ("RUN", 2, 64),
        ("RUN", 0xFFFFFFFF, 64),
        ("INPUT", 0, 63),
        ("INPUT", 0, 100_000),
        ("STEP", 1000, 0),
        ("STEP", 0, 4),
        ("TENSOR", 1000, 0),
        ("TENSOR", 0, 1),
    ],
)
def test_requests_of_the_wrong_length_or_number_change_nothing(
    session: QemuSession, command: str, argument: int, count: int
) -> None:
    expected = session.ask("RUN", 1, bytes(64))
    with pytest.raises(ModelError, match=f"status {E_ARGUMENT}"):
        session.ask(command, argument, bytes(count))
    assert session.ask("RUN", 1, bytes(64)) == expected


def test_the_firmware_ends_when_asked(session: QemuSession) -> None:
    assert session.ask("EXIT") == b""
    with pytest.raises(RunnerError, match="QEMU ended with exit code 0, at INFO 0; it printed nothing"):
        session.ask_info()


def test_a_dead_emulator_is_noticed_at_once(runner: QemuRunner) -> None:
    runner.run(zeros(runner))
    runner._session._process.kill()
    with pytest.raises(RunnerError, match="ended with exit code -9, at RUN 1"):
        runner.run(zeros(runner))


def test_a_hanging_emulator_is_given_up(runner: QemuRunner) -> None:
    os.kill(runner._session._process.pid, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.raises(RunnerError, match="did not answer for 1 s, at RUN 1"):
        runner.run(zeros(runner))
    assert time.monotonic() - start < 10


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_stays_behind(packed: bytes) -> None:
    device("cortex-m4")

    def open_and_look() -> tuple[QemuRunner, int, Path]:
        opened = QemuRunner("cortex-m4", packed)
        pid = opened._session._process.pid
        return opened, pid, Path(f"/proc/{pid}/cwd").resolve()

    for how in ("closed", "forgotten"):
        files_before = open_files()
        opened, pid, folder = open_and_look()
        assert (folder / "groat.in").is_fifo()
        if how == "closed":
            opened.close()
            opened.close()
        del opened
        gc.collect()
        assert not folder.exists()
        assert not Path(f"/proc/{pid}").exists()
        assert open_files() <= files_before


def put_tool(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo boom >&2; exit 5", "QEMU ended with exit code 5, at INFO 0; its last output:\nboom"),
        ("echo working; exec sleep 60", "QEMU did not answer for 1 s, at INFO 0; its last output:\nworking"),
        ("exec cat groat.in > groat.out", "speaks version .* of the protocol|did not answer|refused"),
    ],
)
def test_an_emulator_that_is_broken(
    packed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    device("cortex-m4")
    put_tool(tmp_path, "qemu-system-arm", script)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises((RunnerError, ModelError), match=message):
        QemuRunner("cortex-m4", packed, timeout=1)


def test_a_missing_emulator_or_compiler_names_its_package(
    packed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = device("cortex-m4")
    image = firmware.build(target)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        ToolchainError, match=r"qemu-system-arm is not installed.*\n.*apt-get install .*qemu-system-arm"
    ):
        QemuSession(target, image.path, packed)
    with pytest.raises(ToolchainError, match=r"arm-none-eabi-gcc is not .*\n.*apt-get install .*gcc-arm-none-eabi"):
        QemuRunner("cortex-m4", packed)
