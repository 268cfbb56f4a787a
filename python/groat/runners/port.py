# SPDX-License-Identifier: Apache-2.0
"""Runs a model on whatever is at the end of a serial port: a board, or an emulated one behind a socket.

The firmware there takes models from the host (firmware/serve).  One that it does not serve yet is sent to its RAM.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import serial

from groat.errors import FitError, InputError, ModelError, RunnerError
from groat.ops import op_rows
from groat.pack import reader
from groat.progress import Progress, silent
from groat.runners.base import Array, Bytes, Profile
from groat.runners.device import DeviceRunner, status_text
from groat.runners.link import TIMEOUT_SECONDS, Line, Link, RestartedError
from groat.runners.protocol import About, Info, Slot, load_protocol
from groat.targets import Target, load_target

BAUD = 115200
_PIECE_BYTES = 1 << 12  # of a model: so much is sent again at most when the connection is lost


class SerialLine:
    """A serial port, or what pyserial takes for one: "/dev/ttyACM0", "socket://host:port"."""

    def __init__(self, url: str, baud: int = BAUD) -> None:
        """Opens it; RunnerError if it is not there, or busy."""
        self.name = f"serial:{url}"
        self._url, self._baud = url, baud
        try:
            self._port = self._open()
        except (OSError, ValueError) as error:
            raise RunnerError(f"{self.name} cannot be opened: {error}{_others()}") from error

    def _open(self) -> Any:
        # Two programs would each read a part of what comes.
        return serial.serial_for_url(self._url, baudrate=self._baud, write_timeout=TIMEOUT_SECONDS, exclusive=True)

    def read(self, seconds: float) -> bytes:
        self._port.timeout = seconds
        data = bytes(self._port.read(1))
        return data + bytes(self._port.read(self._port.in_waiting)) if data else data

    def write(self, data: bytes) -> None:
        self._port.write(data)

    def reopen(self) -> None:
        self.close()
        self._port = self._open()

    def close(self) -> None:
        self._port.close()


def _others() -> str:
    """The ports that are there, for a message."""
    from serial.tools import list_ports

    found = ", ".join(port.device for port in list_ports.comports())
    return f"; ports that are there: {found}" if found else "; there are no serial ports"


class PortSession:
    """A conversation with the firmware at the end of a line.

    Attributes:
        info: what the firmware said of itself at the start.
    """

    def __init__(self, line: Line, timeout: float = TIMEOUT_SECONDS, hello: float | None = None) -> None:
        """Raises RunnerError if nothing answers, or firmware of another version."""
        self.name = line.name
        self._line, self._timeout, self._hello = line, timeout, hello
        self._protocol = load_protocol()
        try:
            self.renew()
            if self.info.version != self._protocol.version:
                raise RunnerError(
                    f"{self.name}: the firmware speaks version {self.info.version} of the protocol, "
                    f"expected {self._protocol.version}"
                )
        except BaseException:
            line.close()
            raise

    def renew(self) -> None:
        """Begins anew with a device that has forgotten the host.  Raises RunnerError as the constructor."""
        self._link = Link(self._line, self._timeout, self._hello)
        self.info = self.ask_info()

    def close(self) -> None:
        """Closes the line; the firmware waits for the next host.  May be called again."""
        self._link.close()

    def ask_info(self) -> Info:
        """What the firmware knows of itself, and what its last call cost."""
        return self._protocol.info(self.ask("INFO"))

    def ask_about(self) -> About:
        """What the firmware is, and which model it serves."""
        return self._protocol.about(self.ask("ABOUT"))

    def ask_ops(self) -> list[str]:
        """The names of the ops that are linked."""
        bits = int.from_bytes(self.ask("OPS"), "little")
        return [row.name for row in op_rows() if bits >> row.id & 1]

    def ask_memories(self) -> list[tuple[int, int]]:
        """Start and bytes of each memory that may hold a region of a model."""
        return self._protocol.rooms(self.ask("MEMORIES"))

    def ask_slots(self) -> list[Slot]:
        """The slots of its flash, the newest model's first; ModelError if it has none."""
        return self._protocol.slots(self.ask("SLOTS"))

    def load(self, packed: bytes, place: str = "RAM", progress: Progress = silent) -> None:
        """Sends a model, from where an earlier attempt ended, and has it served.

        Args:
            packed: the packed model.
            place: "RAM", for as long as the device is on; "SLOT", the slot of its flash that is not served: only when
                all of the model is there and opens is it the one that is served, now and after each start.
            progress: told how much is sent.

        Raises ModelError if the firmware refuses it, and why; RunnerError as `ask`.
        """
        wanted = self._protocol.load(place, len(packed), zlib.crc32(packed))
        done = int.from_bytes(self.ask("LOAD", 0, wanted), "little")
        while done < len(packed):
            progress(f"loading the model onto {self.name}", done, len(packed))
            piece = packed[done : done + _PIECE_BYTES]
            self.ask("DATA", done, piece)
            done += len(piece)
        progress(f"loading the model onto {self.name}", done, len(packed))
        self.ask("ACTIVATE")
        self.info = self.ask_info()

    def ask(self, command: str, argument: int = 0, data: bytes = b"") -> bytes:
        """Sends a request, and `data` with it, and returns the bytes that the firmware answers.

        Raises:
            ModelError: the firmware refused, and why.
            RunnerError: it does not answer, has started anew, or speaks with another host.
        """
        what = f"{command} {argument}"
        link = self._link
        outgoing = memoryview(self._protocol.request(command, argument, len(data)) + data)
        incoming = bytearray()
        header_bytes = self._protocol.reply_bytes
        status, count = 0, -1  # until the header is there
        while not (link.wants and count >= 0 and len(incoming) >= header_bytes + count):
            if link.wants:
                if not outgoing:
                    raise RunnerError(f"{self.name}: the firmware waits for more than belongs to {what}")
                link.send(bytes(outgoing[: link.payload_bytes]))
                outgoing = outgoing[link.payload_bytes :]
            incoming += link.receive(what)
            if count < 0 and len(incoming) >= header_bytes:
                status, count = self._protocol.reply(bytes(incoming[:header_bytes]))
        if outgoing or len(incoming) != header_bytes + count:
            raise RunnerError(f"{self.name}: the firmware answered {what} with a reply of another length")
        if status != 0:
            raise ModelError(f"{self.name}: the firmware refused {what}: {status_text(status)}")
        return bytes(incoming[header_bytes:])


class PortRunner(DeviceRunner):
    """A packed model on a device at a serial port."""

    def __init__(
        self,
        url: str,
        packed: bytes,
        *,
        timeout: float = TIMEOUT_SECONDS,
        progress: Progress = silent,
        line: Line | None = None,
        target: Target | None = None,
    ) -> None:
        """Opens the port, and the model there; sends it, unless the device serves it already.

        Args:
            url: as pyserial takes it: "/dev/ttyACM0", "socket://localhost:5000".
            packed: the packed model.
            timeout: seconds without an answer after which the device is given up.
            progress: told how much of the model is sent.
            line: what to speak through instead of opening `url`; it is closed with the runner.
            target: what the device is; default: the target or board of the name that its firmware says.

        Raises:
            InputError: the model is packed for other kernels than the device's.
            ModelError: the model is damaged, or the firmware refuses it.
            FitError: the device has no room for it.
            RunnerError: there is no such port, nothing answers, or the firmware is another one.
        """
        self.model = reader.read(packed)
        self._packed, self._progress = packed, progress
        self._check_rows()
        self._session: PortSession = PortSession(line if line is not None else SerialLine(url), timeout)
        try:
            about = self._session.ask_about()
            self._described = target if target is not None else load_target(about.target)
            self.target = self._described.name
            self._serve(about)
        except BaseException:
            self._session.close()
            raise

    def _run_frames(self, frames: Bytes) -> Bytes:
        """If the device starts anew in the middle, it gets the model and all frames again; unless the model keeps
        something from run to run."""
        try:
            return super()._run_frames(frames)
        except RestartedError as error:
            if self.model.states:
                raise RunnerError(
                    f"{error}\nWhat the model keeps from run to run is gone there, so that nothing is repeated"
                ) from error
        self._session.renew()
        self._serve(self._session.ask_about())
        return super()._run_frames(frames)

    def _serve(self, about: About) -> None:
        """Has the device serve the model."""
        packed, name = self._packed, self._session.name
        check_packing(self._session, self._described, self.model)
        if is_served(about, packed):
            if self.model.states:  # as for a host before, which may have trained it
                self._session.ask("SELECT", 0)
                self._session.ask("RESET")
            return
        check_ops(self._session, self.model)
        rooms = [room for _, room in self._session.ask_memories()]
        if len(self.model.regions) > len(rooms):
            raise FitError(
                f"the model needs {len(self.model.regions)} memories; the firmware at {name} has {len(rooms)}"
            )
        needed = [region.nbytes for region in self.model.regions]
        needed[0] += len(packed)  # it lies behind its own arena
        for region, need, room in zip(self.model.regions, needed, rooms, strict=False):
            if need > room:
                raise FitError(
                    f"the model and its memory {region.name!r} need {need:,} bytes of RAM; "
                    f"the device at {name} has {room:,}"
                )
        self._session.load(packed, "RAM", self._progress)

    def profile(self, inputs: Sequence[Array]) -> Profile:
        """What the device's own counter says of one inference: on a real board cycles of its core; instructions in an
        emulator that gives each the same time (QEMU's -icount).  A stream counts as its first step.

        Raises as `run`; RunnerError also if the counter stands still.
        """
        run, steps = self._measure(self._session, self._pack(inputs, batch=False))
        if run.last.ticks == 0:
            raise RunnerError(f"{self._session.name}: the device's counter stands still; an emulator may have none")
        idle = self._counted(run.idle.ticks)
        return Profile(
            instructions=self._counted(run.last.ticks) - idle,
            open_instructions=self._counted(run.open.ticks) - idle,
            stack_bytes=max(cost.stack_bytes for cost in (run.last, *steps)),
            open_stack_bytes=run.open.stack_bytes,
            firmware_stack_bytes=max(cost.depth_bytes for cost in (run.open, run.last, *steps)),
            step_instructions=tuple(self._counted(cost.ticks) - idle for cost in steps),
            walk_instructions=tuple(0 for _ in self.model.streams),
        )

    def _counted(self, ticks: int) -> int:
        counter, clock = self._described.counter, self._described.clock
        assert counter is not None  # or there were no firmware for it
        return counter.cycles(ticks, clock) if clock else counter.instructions(ticks)


def is_served(about: About, packed: bytes) -> bool:
    """Whether a packed model is the one that a device serves."""
    return (about.model_bytes, about.model_crc) == (reader.file_bytes(packed), reader.checksum(packed))


def check_packing(session: PortSession, target: Target, model: reader.PackedModel) -> None:
    """InputError if a model is packed for other kernels than those of the device, which is described as a target."""
    if model.packing != target.packing:
        raise InputError(
            f"the model is packed for {model.packing!r} kernels; the device at {session.name}, a {target.name}, "
            f"has {target.packing!r}: compile it with --target {target.name}"
        )


def check_ops(session: PortSession, model: reader.PackedModel) -> None:
    """ModelError if the firmware was built without an op of a model."""
    missing = sorted({step.op for step in model.all_steps} - set(session.ask_ops()))
    if missing:
        raise ModelError(
            f"the firmware at {session.name} was built without these ops of the model: {', '.join(missing)}"
        )


def target_of(url: str) -> str:
    """The name of the target that the firmware at a port was built for.

    Raises RunnerError as PortRunner.
    """
    session = PortSession(SerialLine(url))
    try:
        return session.ask_about().target
    finally:
        session.close()
