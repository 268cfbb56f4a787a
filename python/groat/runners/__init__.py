# SPDX-License-Identifier: Apache-2.0
"""Everything that runs a packed model, behind one interface."""

from __future__ import annotations

from groat.errors import InputError
from groat.runners.base import BaseRunner, Profile
from groat.targets import list_targets

__all__ = ["BaseRunner", "Profile", "open_runner", "split_where"]


def split_where(where: str) -> tuple[str, str]:
    """("host", "host") or ("qemu", target); InputError for anything else, with what there is."""
    kind, _, target = where.partition(":")
    if where == "host":
        return "host", "host"
    devices = [name for name in list_targets() if name != "host"]
    if kind == "qemu" and target.partition("-smp")[0] in devices:
        return kind, target
    choices = ", ".join(["host", *(f"qemu:{name}" for name in devices)])
    raise InputError(f"cannot run on {where!r}; expected one of {choices}")


def open_runner(where: str, packed: bytes, linked: bool = False) -> BaseRunner:
    """Opens a packed model on "host" or on an emulator such as "qemu:cortex-m4".

    Args:
        linked: link the model into the firmware instead of loading it beside; the host makes no difference.

    Raises:
        InputError: an unknown place.
        ModelError: the runtime there refuses the model.
        FitError: the target's memories are too small.
        ToolchainError: a compiler or emulator is missing; the message names the command that installs it.
        RunnerError: the emulator or firmware failed.
    """
    kind, target = split_where(where)
    if kind == "host":
        from groat.runners.host import HostRunner

        return HostRunner(packed)
    from groat.runners.qemu import QemuRunner

    return QemuRunner(target, packed, linked=linked)
