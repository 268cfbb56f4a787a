# SPDX-License-Identifier: Apache-2.0
"""An emulated board that is switched on: QEMU, with the board's serial line behind a socket and its flash in a file.

Its folder keeps what a board keeps while it is off.  Only one process may have it at a time; that one holds a lock on a
file there as long as it lives, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from groat.cache import cache_folder
from groat.errors import InputError, RunnerError
from groat.runners import qemu
from groat.targets import Target

_LOCK, _SAID = "running", "qemu.log"
ANY_PORT = 0  # of TCP: QEMU takes one that is free
_SECONDS_TO_END = 5.0
_SHOWN_BYTES = 4096


def folder_of(name: str) -> Path:
    """Where an emulated board keeps its flash, unless another place is asked for."""
    return cache_folder() / "boards" / name


class Emulated:
    """An emulated board that is on.

    Attributes:
        port: where it is, as pyserial takes it: "socket://127.0.0.1:PORT".
        pid: of its process.
    """

    def __init__(self, port: str, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.port = port
        self.pid = process.pid
        self._process = process
        self._folder = folder

    def wait(self) -> None:
        """Returns when QEMU has ended well; RunnerError, with what it said, if it ended otherwise."""
        code = self._process.wait()
        if code != 0:
            raise RunnerError(f"QEMU ended with exit code {code}; it said:\n{said(self._folder)}")

    def switch_off(self) -> None:
        """Ends it at once, as a cut of the power does.  May be called again."""
        self._process.kill()
        self._process.wait(_SECONDS_TO_END)


def command(target: Target, image: Path, number: int) -> list[str]:
    """What `start` runs, in the board's folder.

    Raises:
        InputError: there is no emulator of it.
        ToolchainError: QEMU is not installed.
    """
    words = qemu.command_for(target, image, False, f"tcp:127.0.0.1:{number},server=on,wait=off,nodelay=on")
    kept = qemu.kept_in_file(target) if target.qemu is not None and target.qemu.ram_bytes else []
    return words + kept


def _free(number: int | None) -> int:
    """A TCP port that is free: this one, or any."""
    try:
        with socket.create_server(("127.0.0.1", number or 0)) as server:
            return int(server.getsockname()[1])
    except OSError as error:
        raise InputError(f"the TCP port {number} cannot be used: {error.strerror}; name another one") from error


def start(target: Target, image: Path, folder: Path, number: int | None = None) -> Emulated:
    """Switches an emulated board on; it stays on until `switch_off`, even after this program has ended.

    Args:
        image: an ELF file; it replaces the firmware that ran before.
        folder: what keeps its flash; made if it is not there.
        number: of the TCP port; None for any that is free.

    Raises:
        InputError: it is on already, or there is no emulator of it.
        ToolchainError: QEMU is not installed.
        RunnerError: it did not start; with what it said.
    """
    number = _free(number)
    words = command(target, image, number)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder) as lock, (folder / _SAID).open("wb") as log:
        try:
            process = subprocess.Popen(
                words,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[lock],
            )
        except OSError as error:
            raise RunnerError(f"{words[0]} cannot be started: {error}") from error
        port = f"socket://127.0.0.1:{number}"
        os.ftruncate(lock, 0)
        os.write(lock, f"{process.pid} {port}\n".encode())
    board = Emulated(port, process, folder)
    try:
        qemu.wait_until_it_listens(process, number)
    except TimeoutError as error:
        board.switch_off()
        raise RunnerError(f"{target.name}: QEMU does not listen at {port}; it said:\n{said(folder)}") from error
    except BaseException:
        board.switch_off()
        raise
    return board


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """The file that QEMU holds a lock on; InputError if another one does."""
    file = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, port = _about(folder)
            raise InputError(
                f"the emulated board in {folder} is on: process {pid}, at serial:{port}; "
                f"end it first (kill {pid}), or write only the model with --model-only"
            ) from None
        yield file
    finally:
        os.close(file)


def running(folder: Path) -> str | None:
    """The port of the emulated board that keeps its flash there, if it is on."""
    path = folder / _LOCK
    if not path.is_file():
        return None
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _about(folder)[1]
    return None


def _about(folder: Path) -> tuple[str, str]:
    """Process and port of the board that is on."""
    with contextlib.suppress(ValueError):
        pid, port = (folder / _LOCK).read_text(encoding="ascii").split()
        return pid, port
    return "unknown", "a port that it has not told yet"


def said(folder: Path) -> str:
    """The last that QEMU said."""
    return (folder / _SAID).read_bytes()[-_SHOWN_BYTES:].decode(errors="replace").strip() or "nothing"
