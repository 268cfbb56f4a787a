# SPDX-License-Identifier: Apache-2.0
"""Runs a tool of others: with a limit of time, its progress shown, and all that it said where it fails."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from groat.errors import RunnerError
from groat.progress import Progress, silent

_READ_BYTES = 1 << 14
_KEPT_BYTES = 1 << 16
_SHOWN_LINES = 30
_SECONDS_TO_DIE = 5.0
_PERCENT = re.compile(rb"(\d{1,3})(?:\.\d+)? ?%")
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# What tools say, whichever it is, and what that means; the first that is found counts.
_MEANINGS = (
    (r"LIBUSB_ERROR_ACCESS|Access denied|Permission denied", "there is no permission to use it: install the udev rules "
     "of the tool, or join the group that owns the port (dialout), and plug the board in again"),
    (r"LIBUSB_ERROR_BUSY|[Rr]esource busy|[Aa]lready in use|exclusively lock", "another program uses it: "
     "a debugger, a serial monitor?"),
    (r"\[Errno 2\]|No such file", "there is no such port"),
    (r"Wrong chip argument|UNEXPECTED|unexpected idcode|expected-id|Invalid ROM table|Could not find MEM-AP|"
     r"Error connecting DP|not examined", "the chip that answers is another one, or none does: is this the board?"),
    (r"[Vv]erif\w* [Ff]ail|Verification error|checksum mismatch|contents differ", "what was written does not read back "
     "the same"),
    (r"open failed|unable to find a matching|No J-Link device found|No (connected|available) debug probe|"
     r"No target device available|No DFU capable", "no probe or board answers: is it plugged in, with power?"),
    (r"Failed to connect to|No serial data received", "the boot loader does not answer: hold BOOT, press RESET"),
    (r"Target type .* not recognized", "pyOCD needs a pack for this chip: pyocd pack install CHIP"),
)  # fmt: skip


def output_of(
    command: Sequence[str], what: str, seconds: float, folder: Path | None = None, progress: Progress = silent
) -> str:
    """What a program on PATH prints, errors included.

    Args:
        what: is being done, for messages and progress.
        seconds: after which it is ended.
        folder: where it runs.
        progress: told of the percentages that it prints.

    Raises RunnerError, with what it said and what that means, if it cannot be started, fails or takes too long.
    """
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that what it starts ends with it
        )
    except OSError as error:
        raise RunnerError(f"{what}: {command[0]} cannot be started: {error}") from error
    said = bytearray()
    deadline = time.monotonic() + seconds
    try:
        in_time = _listen(process, said, deadline, what, progress)
    finally:
        if process.poll() is None:
            _end(process)
        assert process.stdout is not None
        process.stdout.close()
    text = _readable(said)
    if not in_time:
        raise RunnerError(_message(f"{what} took more than {seconds:g} s and was ended", command, text))
    if process.returncode != 0:
        raise RunnerError(_message(f"{what} failed with exit code {process.returncode}", command, text))
    return text


def _listen(process: subprocess.Popen[bytes], said: bytearray, deadline: float, what: str, progress: Progress) -> bool:
    """Reads until the end of the process; False if that did not come in time."""
    assert process.stdout is not None
    file = process.stdout.fileno()
    while True:
        ready, _, _ = select.select([file], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        data = os.read(file, _READ_BYTES)
        if not data:
            break
        said += data
        del said[:-_KEPT_BYTES]
        percent = _PERCENT.findall(data)
        progress(what, *((min(int(percent[-1]), 100), 100) if percent else (0, 0)))
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, deadline - time.monotonic()))
        return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_SECONDS_TO_DIE)


def _readable(said: bytearray) -> str:
    """Text without colours, and of lines that were written over only what stands there in the end."""
    text = _COLOURS.sub("", said.decode(errors="replace"))
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def _message(happened: str, command: Sequence[str], text: str) -> str:
    meaning = next((f": {meaning}" for pattern, meaning in _MEANINGS if re.search(pattern, text)), "")
    lines = [line for line in text.splitlines() if line.strip()][-_SHOWN_LINES:]
    said = "\n".join(f"  {line}" for line in lines) if lines else "  (nothing)"
    return f"{happened}{meaning}\nran: {shown(command)}\nit said:\n{said}"


def shown(command: Sequence[str]) -> str:
    """A command as a shell takes it."""
    return shlex.join(command)
