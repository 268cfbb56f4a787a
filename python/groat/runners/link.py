# SPDX-License-Identifier: Apache-2.0
"""The host's side of a serial line: a conversation that goes on whatever happens to what is sent (docs/PROTOCOL.md).

The device asks for each frame.  What it does not answer is sent again, and whatever arrives twice, late or damaged is
told by its numbers and its checksum; so each request is done once.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from groat.errors import RunnerError
from groat.runners.frames import Frame, Splitter, load_frames

TIMEOUT_SECONDS = 60.0
_AGAIN_SECONDS = 0.5  # until the first repetition; then twice as long each time,
_AGAIN_SECONDS_MAX = 4.0  # up to this
_KEPT_TEXT_BYTES = 4096
_TEXT = frozenset([*b"\t\n\r", *range(0x20, 0x7F)])
_NO_SESSION = 0  # a device's from its start until it has been told
_SESSIONS = 1 << 32
_NUMBERS = 1 << 16


class RestartedError(RunnerError):
    """The device has started anew: what was in its RAM is gone, and nobody else speaks with it."""


class Line(Protocol):
    """Bytes to a device and back, as a serial port moves them."""

    name: str

    def read(self, seconds: float) -> bytes:
        """What came, at least one byte; empty after so many seconds without any.  OSError if the line is gone."""

    def write(self, data: bytes) -> None:
        """Sends all of it.  OSError if the line is gone."""

    def reopen(self) -> None:
        """Opens the line again after an error; OSError if it is not there."""

    def close(self) -> None:
        """Closes it.  May be called again."""


class Link:
    """A session with the firmware at the other end of a line."""

    def __init__(self, line: Line, timeout: float = TIMEOUT_SECONDS, hello: float | None = None) -> None:
        """Begins a session.

        Args:
            timeout: seconds without any progress after which the device is given up.
            hello: the same, until it answers for the first time.

        Raises RunnerError if nothing answers, or firmware of another version.
        """
        self._line = line
        self._timeout = timeout if hello is None else hello
        self._frames = load_frames()
        self._splitter = Splitter()
        self._came: deque[Frame] = deque()
        self._said = bytearray()
        self._gone = ""  # what the system says of a line that cannot be opened again
        self._session = random.SystemRandom().randrange(1, _SESSIONS)
        self._sequence = 0  # of the next frame with a payload
        self._next = 0  # of the device's
        self._pending: bytes | None = None  # a payload that the device does not yet have
        self._wants = True  # the device waits for a payload
        self._payload_bytes = self._begin()
        self._timeout = timeout

    def close(self) -> None:
        """Closes the line.  May be called again."""
        self._line.close()

    # ---- Beginning -------------------------------------------------------------------------------------

    def _hello(self) -> Frame:
        return Frame(self._session, 0, 0, self._frames.HELLO)

    def _begin(self) -> int:
        """Says hello until it is answered; the most bytes of payload that the device takes."""
        self._send(self._hello())
        for frame in self._each("hello", self._hello):
            if frame.kind == self._frames.HELLO_BACK and frame.session == self._session:
                version, most = self._frames.hello(frame.payload)
                if version != self._frames.version or most < 1:
                    raise RunnerError(
                        f"{self._line.name}: the firmware speaks version {version} of frames, "
                        f"expected {self._frames.version}"
                    )
                return min(most, self._frames.payload_bytes)
        raise AssertionError("unreachable: waiting ends with a frame or an error")

    # ---- Talking ---------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Gives the device the payload that it waits for: at most `payload_bytes`, at least one."""
        assert self._wants
        self._wants, self._pending = False, data
        self._send(self._data())

    @property
    def payload_bytes(self) -> int:
        """The most bytes that one frame may hold."""
        return self._payload_bytes

    @property
    def wants(self) -> bool:
        """Whether the device waits for a payload."""
        return self._wants

    def receive(self, what: str) -> bytes:
        """Waits until the device goes on: its next payload, or nothing if it only took or asked for one.

        Args:
            what: is being done, for messages.

        Raises RunnerError if it does not, has started anew, or another host speaks with it.
        """
        if self._pending is None and not self._wants:
            self._send(self._data())  # it waits to hear that its last payload came
        for frame in self._each(what, self._data):
            if frame.kind == self._frames.HELLO_BACK and frame.session == _NO_SESSION:
                raise RestartedError(self._last_words("has started anew", what))
            if frame.kind == self._frames.HELLO_BACK and frame.session != self._session:
                raise RunnerError(self._last_words("speaks with another host, or started anew in between", what))
            if frame.kind != self._frames.DATA_BACK or frame.session != self._session:
                continue
            took = self._pending is not None and frame.next == (self._sequence + 1) % _NUMBERS
            if frame.sequence != self._next or not (took or frame.next == self._sequence):
                continue  # came late, or twice
            asks = frame.wants and not self._wants and (took or self._pending is None)
            if not (took or frame.payload or asks):
                continue
            if took:
                self._sequence = frame.next
                self._pending = None
            if frame.payload:
                self._next = (self._next + 1) % _NUMBERS
            self._wants = asks
            return frame.payload
        raise AssertionError("unreachable: waiting ends with a frame or an error")

    # ---- Frames ----------------------------------------------------------------------------------------

    def _data(self) -> Frame:
        """A payload, or that there is none."""
        return Frame(self._session, self._sequence, self._next, self._frames.DATA, payload=self._pending or b"")

    def _send(self, frame: Frame) -> None:
        try:
            self._line.write(self._frames.encode(frame))
        except OSError:
            self._reopen()

    def _each(self, what: str, again: Callable[[], Frame]) -> Iterator[Frame]:
        """The sound frames that come; where none does, sends `again()`, and after too long a time gives up."""
        started = time.monotonic()
        pause = _AGAIN_SECONDS
        next_time = started + pause
        while True:
            while self._came:
                yield self._came.popleft()
            now = time.monotonic()
            if now - started > self._timeout:
                raise RunnerError(self._last_words(f"did not answer for {self._timeout:g} s", what))
            if now >= next_time:
                self._send(again())
                pause = min(2 * pause, _AGAIN_SECONDS_MAX)
                next_time = now + pause
            try:
                self._listen(self._line.read(max(0.0, min(next_time, started + self._timeout) - now)))
            except OSError:
                self._reopen()

    def _reopen(self) -> None:
        """The session outlives the line; what was lost with it is sent again."""
        self._splitter = Splitter()
        try:
            self._line.reopen()
            self._gone = ""
        except OSError as error:
            self._gone = f"; the line is gone: {error}"
            time.sleep(_AGAIN_SECONDS)

    def _listen(self, data: bytes) -> None:
        """Keeps frames, and text that the firmware prints between them."""
        for stretch in self._splitter.add(data):
            frame = self._frames.decode(stretch)
            if frame is not None:
                self._came.append(frame)
            elif all(byte in _TEXT for byte in stretch):
                self._said += stretch
                del self._said[:-_KEPT_TEXT_BYTES]

    def _last_words(self, happened: str, what: str) -> str:
        said = self._said.decode(errors="replace").strip()
        said = f"; its last output:\n{said}" if said else ""
        return f"{self._line.name}: the device {happened}, at {what}{self._gone}{said}"
