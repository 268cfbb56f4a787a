# SPDX-License-Identifier: Apache-2.0
"""Finds compilers and emulators on PATH, and says what is missing and which command installs it."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from groat.errors import ToolchainError
from groat.sources import find_sources
from groat.targets import Target, list_targets, load_target


@dataclass(frozen=True)
class Missing:
    """A program that was not found on PATH."""

    what: str
    needed_for: str
    install_command: str


@dataclass(frozen=True)
class Tool:
    """A program that was found, and the first line it says about its version."""

    what: str
    path: str
    version: str


def tools_of(target: Target) -> dict[str, str]:
    """The programs that a target needs, each with what for; empty for the host."""
    tools: dict[str, str] = {}
    if target.compiler is not None:
        tools[target.compiler.command] = f"building firmware for {target.name}"
        if target.compiler.linker:
            tools[target.compiler.linker] = f"linking firmware for {target.name}"
        tools.setdefault(target.compiler.libgcc[0], f"libgcc, in firmware for {target.name}")
    if target.qemu is not None:
        tools[target.qemu.command] = f"running {target.name}"
    return tools


def install_command(programs: Sequence[str]) -> str:
    """The command that installs these programs on Debian or Ubuntu."""
    packages = dict.fromkeys(_package(program) for program in programs)
    return "sudo apt-get install --no-install-recommends " + " ".join(packages)


def _package(program: str) -> str:
    """The Debian package that a program comes with: of alternatives, the first that this release knows."""
    names = _packages().get(program, [program])
    known = (name for name in names[:-1] if _apt_knows(name))
    return next(known, names[-1])


@functools.cache
def _packages() -> dict[str, list[str]]:
    """The alternatives of the package list, by the program that shows them to be there."""
    lines = find_sources().debian_packages.read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return {shown_by: names.split("|") for _, names, shown_by in rows}


@functools.cache
def _apt_knows(package: str) -> bool:
    apt = shutil.which("apt-cache")
    if apt is None:
        return False
    done = subprocess.run([apt, "show", package], capture_output=True, timeout=30, check=False)
    return done.returncode == 0 and package.encode() in done.stdout


def check(target: Target) -> list[Missing]:
    """What a target needs and PATH lacks."""
    return [
        Missing(program, needed_for, install_command([program]))
        for program, needed_for in tools_of(target).items()
        if shutil.which(program) is None
    ]


def require(program: str, needed_for: str) -> str:
    """The path of a program; ToolchainError that names the command to install it if there is none."""
    path = shutil.which(program)
    if path is None:
        raise ToolchainError(
            f"{program} is not installed or not on PATH; it is needed for {needed_for}.\n"
            f"On Debian or Ubuntu: {install_command([program])}"
        )
    return path


def installed() -> list[Tool]:
    """Every program of any target that PATH has, with its version."""
    programs = dict.fromkeys(program for name in list_targets() for program in tools_of(load_target(name)))
    paths = {program: shutil.which(program) for program in programs}
    return [Tool(program, path, version(path)) for program, path in paths.items() if path is not None]


@functools.cache
def version(path: str) -> str:
    """The first line of what `path --version` prints; ToolchainError if it does not."""
    return run([path, "--version"], timeout=30).splitlines()[0]


def run(command: Sequence[str], timeout: float) -> str:
    """What a tool printed; ToolchainError with all it said if it fails or takes too long (seconds)."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(f"{command[0]} did not end within {timeout:g} s: {' '.join(command)}") from error
    except OSError as error:
        raise ToolchainError(f"{command[0]} cannot be run: {error}") from error
    if done.returncode != 0:
        raise ToolchainError(
            f"{command[0]} failed with exit code {done.returncode}: {' '.join(command)}\n{done.stdout}{done.stderr}"
        )
    return done.stdout
