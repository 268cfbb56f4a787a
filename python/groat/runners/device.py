# SPDX-License-Identifier: Apache-2.0
"""What is the same for every device: the requests that run a model, whatever carries them there and back."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from groat.errors import InputError
from groat.pack import reader
from groat.runners.base import BaseRunner, Bytes, bytes_of, output_bytes
from groat.runners.protocol import Cost, Info

_REQUEST_BYTES = 1 << 24  # a batch is sent in pieces of about this size


class Session(Protocol):
    """A conversation with firmware.

    Attributes:
        info: what the firmware said of itself at the start.
    """

    info: Info

    def ask(self, command: str, argument: int = 0, data: bytes = b"") -> bytes:
        """Sends a request, and `data` with it, and returns the bytes that the firmware answers.

        Raises:
            ModelError: the firmware refused, and why.
            RunnerError: it ended or hung; with its last output.
        """

    def ask_info(self) -> Info:
        """What the firmware knows of itself, and what its last call cost."""

    def close(self) -> None:
        """Ends it.  May be called again."""


class DeviceRunner(BaseRunner):
    """A packed model that is open in firmware."""

    _session: Session
    _rows: bytes = b""
    """Of the input that goes row by row, as it was last set."""

    def close(self) -> None:
        self._session.close()

    def _check_rows(self) -> None:
        """InputError if more goes row by row than firmware takes."""
        if sum(info.by_rows for info in self.model.inputs) > 1:
            raise InputError("the firmware takes one input row by row; this model has more; keep them resident")
        if any(info.by_rows for info in self.model.outputs) and len(self.model.outputs) > 1:
            raise InputError("the firmware gives the only output row by row; this model has more; keep them resident")

    def _run_frames(self, frames: Bytes) -> Bytes:
        row = output_bytes(self.model)
        piece = max(1, _REQUEST_BYTES // max(1, row, frames.shape[1]))
        frames = np.concatenate(self._split(frames), axis=1)
        outputs = [
            self._session.ask("RUN", len(part), part.tobytes())
            for part in (frames[start : start + piece] for start in range(0, len(frames), piece))
        ]
        return np.frombuffer(b"".join(outputs), np.uint8).reshape(len(frames), row)

    def _select(self, program: int) -> None:
        self._session.ask("SELECT", program)

    def _reset(self) -> None:
        if self.model.states:
            self._session.ask("RESET")

    def _set_state(self, index: int, data: bytes) -> None:
        self._session.ask("STATE", index, data)

    def _set_inputs(self, frame: Bytes) -> None:
        self._rows = self._send_inputs(self._session, frame)

    def _send_inputs(self, session: Session, frame: Bytes) -> bytes:
        """Sets the inputs that lie in the arena; returns the bytes of those that a step asks for row by row."""
        whole, by_rows = self._split(frame[np.newaxis])
        session.ask("INPUT", 0, whole.tobytes())
        return by_rows.tobytes()

    def _split(self, frames: Bytes) -> tuple[Bytes, Bytes]:
        """The columns of inputs that lie in the arena, and of those that come row by row."""
        ends = np.cumsum([bytes_of(info) for info in self.model.inputs])
        columns = np.split(frames, ends[:-1], axis=1)
        parts = []
        for wanted in (False, True):
            chosen = [c for c, info in zip(columns, self.model.inputs, strict=True) if info.by_rows == wanted]
            parts.append(np.concatenate([*chosen, np.empty((len(frames), 0), np.uint8)], axis=1))
        return parts[0], parts[1]

    def _ask_step(self, session: Session, index: int, rows: bytes, layers: bool = False) -> None:
        """Runs a step; `rows` go with the one that runs a stream which reads an input row by row: its first, or, in an
        image that measures `layers`, any."""
        first = self.model.steps[index].stream
        stream = [s for s in self.model.steps if s.stream == first] if layers or first == index else []
        given = {info.tensor_id for info in self.model.inputs if info.by_rows}
        reads = any(number in given for s in stream for number in s.inputs)
        session.ask("STEP", index, rows if reads else b"")

    def _run_step(self, index: int) -> None:
        self._ask_step(self._session, index, self._rows)

    def _tensor_bytes(self, tensor_id: int, count: int) -> bytes:
        return self._session.ask("TENSOR", tensor_id)

    def _measure(self, session: Session, frame: Bytes) -> tuple[Info, list[Cost]]:
        """What a run cost, and what each step costs by itself; frame: (1, bytes of all inputs)."""
        session.ask("RUN", 1, np.concatenate(self._split(frame), axis=1).tobytes())
        run = session.ask_info()
        rows = self._send_inputs(session, frame[0])
        steps = []
        for index in range(len(self.model.steps)):
            self._ask_step(session, index, rows)
            steps.append(session.ask_info().last)
        return run, steps


def status_text(status: int) -> str:
    """What a status of the firmware's means."""
    return f"{reader.status_text(status)} (status {status})"
