# SPDX-License-Identifier: Apache-2.0
"""Emulated boards that are killed while a model comes, and start again with what their flash holds."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from tests.support.devices import device
from tools.tflite_builder import Builder, Quant

import groat
from groat import firmware
from groat.pack import read
from groat.pack.reader import checksum
from groat.runners.host import HostRunner
from groat.runners.port import PortSession, SerialLine
from groat.runners.qemu import serving

pytestmark = pytest.mark.qemu
INPUTS = 128
LARGE, SMALL = 800, 160  # outputs of dense layers of 100 and 20 KB
PIECE_BYTES = 4096
X = np.arange(INPUTS, dtype=np.int8)


def dense(seed: int, outputs: int, target: str) -> bytes:
    rng = np.random.default_rng(seed)
    b = Builder()
    x = b.input((1, INPUTS), quant=Quant(0.05, -3), name="x")
    weights = rng.integers(-40, 41, (outputs, INPUTS)).astype(np.int8)
    y = b.fully_connected(x, weights, rng.integers(-999, 1000, outputs).astype(np.int32), Quant(0.02), Quant(0.7, 4))
    return groat.compile(b.build([y]), target=target).packed


class Board:
    """An emulated board; `ram` is what keeps its flash."""

    def __init__(self, name: str, outputs: int, ram: Path) -> None:
        self.target, self.ram = device(name), ram
        self.old, self.new = dense(1, outputs, name), dense(2, outputs, name)
        assert len(self.new) > outputs * INPUTS
        ops = {step.op for model in (self.old, self.new) for step in read(model).all_steps}
        self.image = firmware.build(self.target, ops=ops, states=False, serve="serial")
        self.answers = {checksum(model): HostRunner(model).run([X[np.newaxis]])[0] for model in (self.old, self.new)}

    def load(self, model: bytes, killed_at: int | None = None) -> None:
        """Sends a model to a slot; the emulator is killed in the middle of the piece that begins at a byte."""
        with serving(self.target, self.image.path, ram=self.ram) as where:
            session = PortSession(SerialLine(where.removeprefix("serial:")))
            wanted = session._protocol.load("SLOT", len(model), zlib.crc32(model))
            assert session.ask("LOAD", 0, wanted) == bytes(4)
            for at in range(0, len(model), PIECE_BYTES):
                piece = model[at : at + PIECE_BYTES]
                if killed_at is not None and at >= killed_at:
                    link = session._link
                    link.send(session._protocol.request("DATA", at, len(piece)) + piece[:200])
                    link.receive("half of it")
                    link.send(piece[200 : 200 + link.payload_bytes])
                    return
                session.ask("DATA", at, piece)
            if killed_at is None:
                session.ask("ACTIVATE")

    def answer(self) -> int:
        """The checksum of the model that is served after a start, once it has answered well."""
        with serving(self.target, self.image.path, ram=self.ram) as where:
            session = PortSession(SerialLine(where.removeprefix("serial:")))
            served = session.ask_about().model_crc
            found = np.frombuffer(session.ask("RUN", 1, X.tobytes()), np.int8)
            np.testing.assert_array_equal(found, self.answers[served].ravel())
            return served


@pytest.mark.parametrize(
    ("name", "outputs", "kills"),
    [
        ("cortex-m4", SMALL, [10_000]),
        pytest.param("cortex-m4", LARGE, range(0, 110_000, PIECE_BYTES), marks=pytest.mark.slow),
        pytest.param("rv32imc", LARGE, [0, 60_000, 110_000], marks=pytest.mark.slow),
    ],
)
def test_a_board_that_is_killed_in_an_update_serves_the_old_model(
    name: str, outputs: int, kills: list[int], tmp_path: Path
) -> None:
    board = Board(name, outputs, tmp_path / "ram")
    board.load(board.old)
    for killed_at in kills:
        board.load(board.new, killed_at)
        assert board.answer() == checksum(board.old)
    board.load(board.new)
    assert board.answer() == checksum(board.new)
