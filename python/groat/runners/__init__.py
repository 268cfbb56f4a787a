# SPDX-License-Identifier: Apache-2.0
"""Everything that runs a packed model, behind one interface."""

from __future__ import annotations

from groat.boards import board_names, load_board, names_board
from groat.errors import InputError
from groat.progress import Progress, silent
from groat.runners.base import BaseRunner, Profile
from groat.targets import list_targets

__all__ = ["BaseRunner", "Profile", "open_runner", "split_where"]


def split_where(where: str) -> tuple[str, str]:
    """("host", "host"), ("qemu", target), or ("serial", target) after asking the firmware at that port.

    Raises:
        InputError: anything else; with what there is.
        RunnerError: nothing answers at the port.
    """
    kind, _, target = where.partition(":")
    if where == "host":
        return "host", "host"
    if kind == "serial" and target:
        from groat.runners.port import target_of

        return kind, target_of(target)
    devices = [name for name in list_targets() if name != "host"]
    if kind == "qemu" and (target.partition("-smp")[0] in devices or names_board(target)):
        return kind, target
    boards = [name for name in board_names() if load_board(name).target.qemu is not None]
    choices = ", ".join(["host", *(f"qemu:{name}" for name in (*devices, *boards)), "serial: and a port"])
    raise InputError(f"cannot run on {where!r}; expected one of {choices}")


def open_runner(where: str, packed: bytes, linked: bool = False, progress: Progress = silent) -> BaseRunner:
    """Opens a packed model on "host", on an emulator such as "qemu:cortex-m4", on an emulated board such as
    "qemu:netduinoplus2", or on the device at a serial port: "serial:/dev/ttyACM0", "serial:socket://localhost:5000".

    Args:
        linked: link the model into the firmware instead of loading it beside; only emulators make a difference.
        progress: told how much of the model was sent through a port.

    Raises:
        InputError: an unknown place, or a model for another device than the one at a port.
        ModelError: the runtime there refuses the model.
        FitError: the target's memories are too small.
        ToolchainError: a compiler or emulator is missing; the message names the command that installs it.
        RunnerError: the emulator or firmware failed.
    """
    # The runner asks the firmware at a port itself, once.
    if where.startswith("serial:") and where != "serial:":
        from groat.runners.port import PortRunner

        return PortRunner(where.removeprefix("serial:"), packed, progress=progress)
    kind, target = split_where(where)
    if kind == "host":
        from groat.runners.host import HostRunner

        return HostRunner(packed)
    if names_board(target):
        from groat.runners.board import BoardRunner

        return BoardRunner(target, packed, progress=progress)
    from groat.runners.qemu import QemuRunner

    return QemuRunner(target, packed, linked=linked)
