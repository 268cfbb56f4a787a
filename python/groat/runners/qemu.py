# SPDX-License-Identifier: Apache-2.0
"""Runs a model on an emulated microcontroller: the very firmware a board gets, in QEMU.

The firmware opens two files through semihosting, which here are FIFOs in a private folder; a frame then takes
tens of microseconds beside the inference itself.  Instructions are counted in a second process, in which QEMU
gives every instruction the same time; results are the same bytes either way.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groat import firmware, hotspots, toolchain
from groat.errors import FitError, InputError, ModelError, RunnerError
from groat.hotspots import Counts, Functions
from groat.pack import reader
from groat.runners.base import Array, Bytes, Profile
from groat.runners.device import DeviceRunner, status_text
from groat.runners.protocol import Cost, Info, load_protocol
from groat.targets import Target, load_target

TIMEOUT_SECONDS = 60.0
_SECONDS_TO_DIE = 5.0
_SECONDS_TO_START = 30.0
_PAUSE_SECONDS = 0.02
_KEPT_OUTPUT_BYTES = 8192
_READ_BYTES = 1 << 16
_STACK_ALIGN = 16
# Names without folders, for the same reason as the model's below.
_PLUGIN_LINK, _PLUGIN_FILE = "plugin.so", "plugin.txt"
_RAM_LINK = "ram.bin"
# groat_measure calls, the others are called and measured.
_CALLER, _CALLED = "groat_measure", ("groat_run", "groat_run_step")
# The same of the rows of one step of a stream, where an image measures layers.
_INNER_CALLER, _INNER_CALLED = "groat_layer_ticks", "groat_layer_row"


@dataclass(frozen=True)
class Plugin:
    """A plugin of QEMU's, a shared library, and its arguments beside `out`, the file it writes."""

    library: Path
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Traffic:
    """Bytes that one inference reads and writes in a stretch of memory."""

    read: int
    written: int


class QemuSession:
    """One QEMU process that runs the firmware, and the conversation with it.

    Attributes:
        info: what the firmware said of itself at the start.
    """

    def __init__(
        self,
        target: Target,
        image: Path,
        model: bytes | None = None,
        *,
        count: bool = False,
        plugin: Plugin | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """Starts QEMU and waits for the firmware to answer.

        Args:
            target: the emulated target.
            image: the firmware.
            model: a packed model to load at the target's model address; None if it is linked in.
            count: let every instruction take the same time, so that the firmware's ticks count instructions.
            plugin: what shall watch the firmware; it may leave a file, which `finish` returns.
            timeout: seconds without a byte moving after which the firmware is given up.

        Raises:
            ToolchainError: QEMU is not installed.
            RunnerError: QEMU or the firmware ended, hung, or speaks another protocol; with its last output.
        """
        self._name = target.name
        self._timeout = timeout
        self._protocol = load_protocol()
        self._said = bytearray()
        command = command_for(target, image, count)
        if model is not None:
            # A name without folders: a comma in a path would be taken for the next option.
            command += ["-device", f"loader,file=model.bin,addr={target.model_address:#x},force-raw=on"]
        if plugin is not None:
            command += ["-plugin", ",".join([f"./{_PLUGIN_LINK}", f"out={_PLUGIN_FILE}", *plugin.arguments])]

        with contextlib.ExitStack() as undo:
            folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="groat-", ignore_cleanup_errors=True)))
            if model is not None:
                (folder / "model.bin").write_bytes(model)
            if plugin is not None:
                (folder / _PLUGIN_LINK).symlink_to(plugin.library.resolve())
            self._folder = folder
            self._to_device = _open_fifo(folder / "groat.in", undo)
            self._from_device = _open_fifo(folder / "groat.out", undo)
            self._process = _start(command, folder, undo)
            assert self._process.stdout is not None
            self._output = self._process.stdout.fileno()
            os.set_blocking(self._output, False)
            self._events = select.poll()
            self._events.register(self._from_device, select.POLLIN)
            self._events.register(self._output, select.POLLIN)
            self.info = self.ask_info()
            if self.info.version != self._protocol.version:
                raise RunnerError(
                    f"{self._name}: the firmware speaks version {self.info.version} of the protocol, "
                    f"expected {self._protocol.version}"
                )
            # From here on close() undoes all this, or the garbage collector, or the end of Python.
            self._close = weakref.finalize(self, undo.pop_all().close)

    def close(self) -> None:
        """Ends QEMU and removes its folder.  May be called again."""
        self._close()

    def finish(self) -> str:
        """Lets the firmware end by itself, closes the session and returns the text that the plugin left.

        A plugin writes it when QEMU ends in good order, not when it is killed.

        Raises:
            RunnerError: QEMU did not end, or not well.
        """
        self.ask("EXIT")
        code = self._exit_code()
        if code != 0:
            raise RunnerError(self._last_words(f"ended with exit code {code}", "EXIT"))
        text = (self._folder / _PLUGIN_FILE).read_text(encoding="ascii")
        self.close()
        return text

    def ask_info(self) -> Info:
        """What the firmware knows of itself, and what its last call cost."""
        return self._protocol.info(self.ask("INFO"))

    def ask(self, command: str, argument: int = 0, data: bytes = b"") -> bytes:
        """Sends a request, and `data` with it, and returns the bytes that the firmware answers.

        Raises:
            ModelError: the firmware refused, and why.
            RunnerError: it ended or hung; with its last output.
        """
        what = f"{command} {argument}"
        outgoing = memoryview(self._protocol.request(command, argument, len(data)) + data)
        incoming = bytearray()
        header_bytes = self._protocol.reply_bytes
        status, count = 0, -1  # until the header is there
        deadline = time.monotonic() + self._timeout
        while outgoing or count < 0 or len(incoming) < header_bytes + count:
            events = self._wait(bool(outgoing), deadline, what)
            if self._to_device in events:
                outgoing = outgoing[_write(self._to_device, outgoing) :]
            if self._from_device in events:
                incoming += os.read(self._from_device, _READ_BYTES)
                if count < 0 and len(incoming) >= header_bytes:
                    status, count = self._protocol.reply(bytes(incoming[:header_bytes]))
            if self._to_device in events or self._from_device in events:
                deadline = time.monotonic() + self._timeout
            elif self._output in events and not self._listen():
                raise RunnerError(self._last_words(f"ended with exit code {self._exit_code()}", what))
        if status != 0:
            raise ModelError(f"{self._name}: the firmware refused {what}: {status_text(status)}")
        return bytes(incoming[header_bytes:])

    def _wait(self, sending: bool, deadline: float, what: str) -> set[int]:
        """The files that are ready."""
        if sending:
            self._events.register(self._to_device, select.POLLOUT)
        try:
            events = self._events.poll(max(0.0, deadline - time.monotonic()) * 1000)
        finally:
            if sending:
                self._events.unregister(self._to_device)
        if not events:
            raise RunnerError(self._last_words(f"did not answer for {self._timeout:g} s", what))
        return {file for file, _ in events}

    def _listen(self) -> bool:
        """Keeps what QEMU and the firmware print; False when there will be no more."""
        said = os.read(self._output, _READ_BYTES)
        self._said += said
        del self._said[:-_KEPT_OUTPUT_BYTES]
        return bool(said)

    def _exit_code(self) -> int | str:
        try:
            return self._process.wait(_SECONDS_TO_DIE)
        except subprocess.TimeoutExpired:
            return "unknown, for it still runs"

    def _last_words(self, happened: str, what: str) -> str:
        with contextlib.suppress(BlockingIOError):
            while self._listen():
                pass
        said = self._said.decode(errors="replace").strip()
        said = f"its last output:\n{said}" if said else "it printed nothing"
        return f"{self._name}: QEMU {happened}, at {what}; {said}"


def _open_fifo(path: Path, undo: contextlib.ExitStack) -> int:
    os.mkfifo(path)
    # Opened both ways, a FIFO neither waits for the other side nor reports an end before that has come.
    file = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    undo.callback(os.close, file)
    return file


def _start(command: list[str], folder: Path, undo: contextlib.ExitStack) -> subprocess.Popen[bytes]:
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
    except OSError as error:
        raise RunnerError(f"{command[0]} cannot be started: {error}") from error
    undo.callback(_stop, process)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(_SECONDS_TO_DIE)
    if process.stdout is not None:
        process.stdout.close()


def _write(file: int, data: memoryview) -> int:
    try:
        return os.write(file, data)
    except BlockingIOError:  # ready, but without room for a small write, which is all or nothing
        return 0


def run_program(
    target: Target, image: Path, *, count: bool = False, timeout: float = TIMEOUT_SECONDS, folder: Path | None = None
) -> tuple[int, str]:
    """Runs a program of firmware.build_program to its end; its exit code and what it printed.

    Args:
        folder: where it finds the files of its channel, groat.in and groat.out; default: the current one.

    Raises:
        ToolchainError: QEMU is not installed.
        RunnerError: the program did not end in `timeout` seconds; with its last output.
    """
    try:
        done = subprocess.run(
            command_for(target, image, count),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"")[-_KEPT_OUTPUT_BYTES:].decode(errors="replace")
        raise RunnerError(
            f"{target.name}: {image.name} did not end in {timeout:g} s; its last output:\n{said}"
        ) from error
    return done.returncode, done.stdout.decode(errors="replace")


@contextlib.contextmanager
def serving(
    target: Target, image: Path, *, count: bool = False, ram: Path | None = None, port: int = 0
) -> Iterator[str]:
    """Runs firmware that serves over its serial line (firmware.build with serve="serial"), like a board plugged in.

    Args:
        count: let every instruction take the same time, so that the firmware's ticks count instructions.
        ram: a file that keeps the RAM in which its slots lie while it is off; made if it is not there.
        port: to listen at; 0 for one that is free.

    Yields where it is, as `--on` takes it: "serial:socket://127.0.0.1:PORT".

    Raises:
        InputError: the target has no RAM that a file may keep.
        ToolchainError: QEMU is not installed.
        RunnerError: it did not start; with what it said.
    """
    if port == 0:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
    command = command_for(target, image, count, f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on")
    with contextlib.ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="groat-", ignore_cleanup_errors=True)))
        if ram is not None:
            ram.touch()  # QEMU makes no file where a link leads
            (folder / _RAM_LINK).symlink_to(ram.resolve())
            command += kept_in_file(target)
        process = _start(command, folder, undo)
        assert process.stdout is not None
        try:
            wait_until_it_listens(process, port)
        except TimeoutError as error:
            process.kill()
            said = process.stdout.read().decode(errors="replace")
            raise RunnerError(f"{target.name}: QEMU does not listen at port {port}; it said:\n{said}") from error
        yield f"serial:socket://127.0.0.1:{port}"


def kept_in_file(target: Target) -> list[str]:
    """The arguments that have a file of QEMU's folder keep the target's RAM; InputError if none may."""
    assert target.qemu is not None  # or there were no command
    if target.qemu.ram_bytes == 0:
        raise InputError(f"target {target.name} has no RAM that a file may keep")
    backend = f"memory-backend-file,id=kept,size={target.qemu.ram_bytes},mem-path={_RAM_LINK},share=on"
    return ["-object", backend, "-machine", "memory-backend=kept"]


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    """Waits until a process answers at a TCP port of this computer; TimeoutError if it ends or never does."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while not _listens(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(_PAUSE_SECONDS)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def command_for(target: Target, image: Path, count: bool, serial: str = "none") -> list[str]:
    """QEMU as a target that runs an image, with its serial line at a character device of QEMU's."""
    if target.qemu is None or target.counter is None:
        raise InputError(f"target {target.name} has no emulator")
    timing = ["-icount", f"shift={target.counter.icount_shift},sleep=off"] if count else []
    return [
        toolchain.require(target.qemu.command, f"running {target.name}"),
        *target.qemu.args,
        *(("-smp", str(target.workers)) if target.workers > 1 else ()),
        *("-display", "none", "-monitor", "none"),
        *(("-serial", "null") * target.qemu.serial),
        *("-serial", serial),
        *("-semihosting-config", "enable=on,target=native"),
        *("-kernel", str(image.resolve())),
        *timing,
    ]


class QemuRunner(DeviceRunner):
    """A packed model on an emulated target."""

    def __init__(
        self,
        target_name: str,
        packed: bytes,
        linked: bool = False,
        *,
        fence: int | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """Builds the firmware, starts QEMU and opens the model in it.

        Args:
            target_name: one of groat.targets.list_targets(), but not the host.
            packed: the packed model.
            linked: make the model a part of the image; otherwise it is loaded at the target's model address.
            fence: bytes of stack; Profile.firmware_stack_bytes says how many.  The firmware has exactly those then,
                its variables and the model's arena: whatever else of RAM it touches is a fault.
            timeout: seconds that one inference may take.

        Raises:
            InputError: there is no such target, it has no emulator, or no fence.
            ModelError: the model is damaged, or packed for another instruction set.
            FitError: model or arena do not fit the target's memory.
            ToolchainError: a compiler or QEMU is missing.
            RunnerError: QEMU or the firmware ended or hung.
        """
        self._target = load_target(target_name)
        self.target = target_name
        self.model = reader.read(packed)
        self._timeout = timeout
        self._fence = fence
        if self.model.packing != self._target.packing:
            raise ModelError(
                f"the model is packed for {self.model.packing!r} kernels; {target_name} reads {self._target.packing!r}"
            )
        self._arenas = arenas_of(self._target, self.model)
        self._linked = packed if linked else None
        self._beside = None if linked else packed
        self.image = self._build()
        self._check_rows()
        check_fit(self._target, self.image, self._arenas, self._beside)
        self._session = self._open(count=False)

    def _build(self, measures_layers: bool = False) -> firmware.Image:
        fence = None if measures_layers else self._fence  # measuring takes stack of its own
        exact = fence is not None or self._linked is not None
        return firmware.build(
            self._target,
            ops=[step.op for step in self.model.all_steps],
            row_ops=[step.op for step in self.model.all_steps if step.stream is not None],
            states=bool(self.model.states),
            layouts=conv_layouts(self.model),
            model=self._linked,
            arenas={name: region.nbytes if exact else None for name, region in self._arenas.items()},
            measures_layers=measures_layers,
            stack_bytes=-(-fence // _STACK_ALIGN) * _STACK_ALIGN if fence is not None else None,
            fence=fence is not None,
        )

    def _layers_image(self) -> firmware.Image:
        """One that finds the cost of each step, within streams too."""
        return self._build(measures_layers=True)

    def _open(self, count: bool, plugin: Plugin | None = None, image: firmware.Image | None = None) -> QemuSession:
        path = (image or self.image).path
        session = QemuSession(self._target, path, self._beside, count=count, plugin=plugin, timeout=self._timeout)
        status = session.info.open_status
        if status != 0:
            session.close()
            raise ModelError(f"{self.target}: the firmware refused the model: {status_text(status)}")
        if self.model.selected > 0:
            session.ask("SELECT", self.model.selected)
        return session

    def profile(self, inputs: Sequence[Array]) -> Profile:
        """Measures one inference; exact and the same every time.

        Raises as `run`; RunnerError also if the stack that the firmware reserves was too small.
        """
        frame = self._pack(inputs, batch=False)
        session = self._open(count=True)
        try:
            run, steps = self._measure(session, frame)
        finally:
            session.close()
        costs = [run.open, run.last, *steps]
        if self._fence is None:  # else nothing can overrun it
            self._check_stack(costs, run.stack_limit_bytes)
        counter = self._target.counter
        assert counter is not None  # or there were no session
        idle = counter.instructions(run.idle.ticks)
        ticks = [step.ticks for step in steps]
        layers = self._layer_ticks(frame)
        walks: list[int] = []
        for stream in self.model.streams:
            whole, inside = ticks[stream.start], sum(layers[index] for index in stream)
            while whole < inside:  # a narrow counter came round
                whole += 1 << counter.bits
            walks.append(whole - inside)
        ticks = [layers.get(index, own) for index, own in enumerate(ticks)]
        # A run too long for a narrow counter is found by its steps, whose sum it falls little short of.
        wraps = round((sum(ticks) + sum(walks) - run.last.ticks) / (1 << counter.bits))
        return Profile(
            instructions=counter.instructions(run.last.ticks + (wraps << counter.bits)) - idle,
            open_instructions=counter.instructions(run.open.ticks) - idle,
            stack_bytes=max(cost.stack_bytes for cost in (run.last, *steps)),
            open_stack_bytes=run.open.stack_bytes,
            firmware_stack_bytes=max(cost.depth_bytes for cost in costs),
            step_instructions=tuple(
                counter.instructions(own) - (0 if index in layers else idle) for index, own in enumerate(ticks)
            ),
            walk_instructions=tuple(counter.instructions(walk) - idle for walk in walks),
        )

    def _layer_ticks(self, frame: Bytes) -> dict[int, int]:
        """Ticks within the rows of each step of a stream."""
        if not self.model.streams:
            return {}
        session = self._open(count=True, image=self._layers_image())
        try:
            asked = ((index, session.ask_info().last.ticks) for index in self._ask_layers(session, frame))
            return {index: ticks for index, ticks in asked if index >= 0 and self.model.steps[index].stream is not None}
        finally:
            session.close()

    def _ask_layers(self, session: QemuSession, frame: Bytes) -> Iterator[int]:
        """Runs each step by itself; yields after each that is run, its index, or -2 if it only prepares for one."""
        rows = self._send_inputs(session, frame[0])
        for index, step in enumerate(self.model.steps):
            if step.stream is not None:  # the whole stream runs for each of its steps, on what was there before it
                rows = self._send_inputs(session, frame[0])
                for before in range(step.stream):
                    if self.model.steps[before].stream in (None, before):
                        self._ask_step(session, before, rows)
                        yield -2
            self._ask_step(session, index, rows, layers=step.stream is not None)
            yield index

    def count(self, inputs: Sequence[Array]) -> Counts:
        """Counts how often each instruction of the firmware is executed in one inference, by a plugin of QEMU's.

        Raises as `run`; ToolchainError also if there is no C compiler for the plugin.
        """
        frame = self._pack(inputs, batch=False)

        def run(session: QemuSession) -> Iterator[int]:
            session.ask("RUN", 1, np.concatenate(self._split(frame), axis=1).tobytes())
            yield -1

        def layers(session: QemuSession) -> Iterator[int]:
            return self._ask_layers(session, frame)

        def both(session: QemuSession) -> Iterator[int]:
            yield from run(session)
            yield from layers(session)

        if self.model.streams:
            layers_image = self._layers_image()
            found = self._count(self.image, run) | self._count(layers_image, layers)
        else:
            layers_image = self.image
            found = self._count(self.image, both)
        steps = tuple(found[index] for index in range(len(self.model.steps)))
        return Counts(found[-1], steps, self.image.path, layers_image.path)

    def traffic(self, inputs: Sequence[Array]) -> dict[str, Traffic]:
        """Counts the bytes that one inference reads and writes in each region of the model, by a plugin of QEMU's.

        Writing the inputs and reading the outputs is the host's, and not counted.  Raises as `count`.
        """
        frame = self._pack(inputs, batch=False)
        names = list(self._arenas)
        starts = [self.image.arena_starts[name] for name in names]
        marks = [f"range={s:x}-{s + self._arenas[n].nbytes:x}" for n, s in zip(names, starts, strict=True)]
        session = self._open(count=False, plugin=Plugin(firmware.build_plugin("groat_traffic"), tuple(marks)))
        try:
            session.ask("RUN", 1, np.concatenate(self._split(frame), axis=1).tobytes())
            lines = [line.split() for line in session.finish().splitlines()]
        finally:
            session.close()
        if lines[-1:] != [["end", str(len(names))]]:
            raise RunnerError(f"{self.target}: the plugin's file has no end; it was cut")
        found = [Traffic(int(read), int(written)) for _, read, written in lines[:-1]]
        return dict(zip(names, found, strict=True))

    def by_core(self, inputs: Sequence[Array]) -> tuple[int, ...]:
        """Counts the instructions of each core in one run of the program, by a plugin of QEMU's; waiting cores sleep.

        Raises as `count`.
        """
        frame = self._pack(inputs, batch=False)
        functions = Functions(self.image.path)
        marks = (
            f"begin={functions.named('groat_run').address:x}",
            f"end={functions.named('groat_counter_since').address:x}",
        )
        session = self._open(count=False, plugin=Plugin(firmware.build_plugin("groat_harts"), marks))
        try:
            session.ask("RUN", 1, np.concatenate(self._split(frame), axis=1).tobytes())
            lines = [line.split() for line in session.finish().splitlines()]
        finally:
            session.close()
        if lines[-1:] != [["end", str(self._target.workers)]]:
            raise RunnerError(f"{self.target}: the plugin saw {len(lines) - 1} cores, expected {self._target.workers}")
        return tuple(int(count) for _, count in lines[:-1])

    def _count(
        self, image: firmware.Image, ask: Callable[[QemuSession], Iterator[int]]
    ) -> dict[int, tuple[hotspots.Spot, ...]]:
        """What the plugin counts in each call that `ask` makes, by what it yields after it."""
        functions = Functions(image.path)
        caller = functions.named(_CALLER)
        marks = [f"caller={caller.address:x}-{caller.address + caller.size:x}"]
        marks += [f"entry={functions.named(name).address:x}" for name in _CALLED]
        if image != self.image:
            inner = functions.named(_INNER_CALLER)
            marks += [f"inner={inner.address:x}-{inner.address + inner.size:x}"]
            marks += [f"entry={functions.named(_INNER_CALLED).address:x}"]
        session = self._open(count=False, plugin=Plugin(firmware.build_plugin(), tuple(marks)), image=image)
        try:
            asked = list(ask(session))
            calls = hotspots.parse(session.finish())
        finally:
            session.close()
        if len(calls) != len(asked):
            raise RunnerError(f"{self.target}: the plugin saw {len(calls)} calls, expected {len(asked)}")
        return dict(zip(asked, calls, strict=True))

    def _check_stack(self, costs: Sequence[Cost], limit: int) -> None:
        deepest = max(cost.stack_bytes for cost in costs)
        if deepest >= limit:
            raise RunnerError(
                f"{self.target}: all {limit} bytes of stack that the firmware has left were used, or more; "
                f"raise stack_bytes ({self._target.stack_bytes}) in the target's description"
            )


def conv_layouts(model: reader.PackedModel) -> set[int] | None:
    """The layouts of a model's convolutions and dense layers; None if they are more than a build can tell apart."""
    found = {step.layout for step in model.all_steps if step.layout is not None and "depthwise" not in step.op}
    return found if all(layout < 32 for layout in found) else None


def arenas_of(target: Target, model: reader.PackedModel) -> dict[str, reader.RegionInfo]:
    """In which memory of a target each region of a model lies.  A model of one region that was planned for another
    target's memory takes this one's RAM; InputError for one of several."""
    known = {memory.name for memory in target.arenas}
    if len(model.regions) == 1 and model.regions[0].name not in known:
        return {target.memory("data").name: model.regions[0]}
    return {target.arena(region.name).name: region for region in model.regions}


def check_fit(
    target: Target, image: firmware.Image, arenas: dict[str, reader.RegionInfo], beside: bytes | None
) -> None:
    for name, region in arenas.items():
        memory, there = target.arena(name), image.arenas[name]
        if region.nbytes > there:
            less = f" less {image.data_bytes:,} for stack and variables" if memory.purpose == "data" else ""
            raise FitError(
                f"the model needs an arena of {region.nbytes:,} bytes; {target.name} has {there:,}: "
                f"{memory.length:,} of {memory.name}{less}"
            )
    room = target.model_room
    if beside is not None and len(beside) > room.length:
        raise FitError(
            f"the packed model has {len(beside):,} bytes; {target.name} has room for {room.length:,} "
            f"at its model address {room.origin:#x}"
        )
