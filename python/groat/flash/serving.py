# SPDX-License-Identifier: Apache-2.0
"""What the firmware on a board says of itself after flashing, and updates of the model alone, over the board's port."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from groat import __version__
from groat.boards import Board
from groat.errors import ModelError, RunnerError
from groat.pack import reader
from groat.progress import Progress, silent
from groat.runners.port import BAUD, PortSession, SerialLine, check_ops, check_packing, is_served
from groat.runners.protocol import About, Slot, load_protocol
from groat.targets import load_target

START_SECONDS = 20.0  # for a board to start, and its port to come back
_PAUSE_SECONDS = 0.2
_HELLO_SECONDS = 5.0  # for its first answer; erasing a slot may take much longer


@dataclass(frozen=True)
class Served:
    """What a board serves.

    Attributes:
        target: the board, or the target, that its firmware was built for.
        version: of the runtime there.
        place: of the model: "IMAGE", "RAM", "SLOT"; "NONE" if there is no model.
        model_bytes: length of the model's file; model_crc: its checksum.
    """

    target: str
    version: str
    place: str
    model_bytes: int
    model_crc: int

    def __str__(self) -> str:
        if self.place == "NONE":
            return "no model"
        return f"a model of {self.model_bytes:,} bytes with the checksum {self.model_crc:08x} ({_PLACES[self.place]})"


_PLACES = {"IMAGE": "in its image", "RAM": "in its RAM", "SLOT": "in a slot of its flash"}


def _about(about: About) -> Served:
    version = ".".join(str(about.library_version >> shift & 0xFF) for shift in (16, 8, 0))
    return Served(about.target, version, load_protocol().place(about.place), about.model_bytes, about.model_crc)


@contextmanager
def reached(port: str, board: Board | None = None, seconds: float = 0.0) -> Iterator[PortSession]:
    """A session with the firmware at a port.

    Args:
        port: as pyserial takes it: "/dev/ttyACM0", "socket://127.0.0.1:5000".
        board: whose firmware it must be; None for any.
        seconds: that the board may take until its port is there and its firmware answers.

    Raises RunnerError if nothing answers, or another board's firmware, or of another version.
    """
    session = _open(port, board, seconds)
    try:
        about = served(session)
        if board is not None and about.target != board.name:
            raise RunnerError(
                f"{session.name}: the firmware there is for {about.target}, expected {board.name}: is it the "
                "port of another board?  Name the right one with --port"
            )
        if about.version != __version__:
            raise RunnerError(
                f"{session.name}: the firmware there is of version {about.version}, expected {__version__}: "
                "flash it anew, without --model-only"
            )
        yield session
    finally:
        session.close()


def _open(port: str, board: Board | None, seconds: float) -> PortSession:
    serial = board.target.serial if board is not None else None
    deadline = time.monotonic() + seconds
    while True:
        try:
            return PortSession(SerialLine(port, serial.baud if serial is not None else BAUD), hello=_HELLO_SECONDS)
        except RunnerError:
            if time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_SECONDS)


def served(session: PortSession) -> Served:
    """What it serves now."""
    return _about(session.ask_about())


def check(session: PortSession, packed: bytes) -> Served:
    """What it serves, which must be this packed model; RunnerError if it is another one."""
    about = session.ask_about()
    if not is_served(about, packed):
        wanted = f"a model of {reader.file_bytes(packed):,} bytes with the checksum {reader.checksum(packed):08x}"
        raise RunnerError(
            f"{session.name}: the firmware there serves {_about(about)}; expected {wanted}: it runs what was there "
            "before, or is another board"
        )
    return _about(about)


def check_flashed(port: str, board: Board, packed: bytes, progress: Progress = silent) -> Served:
    """Sees that a board that was flashed runs the new firmware and serves the model in it.

    A slot of its flash may hold a model that is served in its place: then the slots get the new one, too.

    Raises RunnerError as `reached` and `check`; ModelError if the firmware refuses the model.
    """
    progress(f"waiting for {board.name} at {port}", 0, 0)
    with reached(port, board, START_SECONDS) as session:
        about = session.ask_about()
        if _about(about).place == "SLOT" and not is_served(about, packed):
            session.load(packed, "SLOT", progress)
        return check(session, packed)


def update(session: PortSession, packed: bytes, progress: Progress = silent) -> Served:
    """Writes a model into the slot of the board's flash that is not served, and has it served from now on.

    A load that was cut goes on where it ended, as long as the board did not start anew in between.  Whatever goes
    wrong, the board serves the old model or the new one.

    Raises:
        InputError: the model is packed for other kernels than the board's.
        ModelError: the board has no slots, was built without an op of the model, or refuses it, and why.
        RunnerError: it does not answer.
    """
    model = reader.read(packed)
    about = session.ask_about()
    check_packing(session, load_target(about.target), model)
    check_ops(session, model)
    slots(session)
    if _about(about).place != "SLOT" or not is_served(about, packed):
        session.load(packed, "SLOT", progress)
    return check(session, packed)


def slots(session: PortSession) -> list[Slot]:
    """The slots of its flash, the newest model's first; ModelError that says what to do if it has none."""
    about = session.ask_about()
    if load_target(about.target).slots is None:
        raise ModelError(
            f"{session.name}: {about.target} has no slots for models in its flash; without --model-only, firmware is "
            "flashed with the model in it"
        )
    return session.ask_slots()


def roll_back(session: PortSession) -> Served:
    """Has the model before served again; the one that is served is forgotten.

    Raises ModelError if there is no other one, or it cannot be opened.
    """
    slots(session)
    session.ask("ROLLBACK")
    return served(session)
