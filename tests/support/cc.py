# SPDX-License-Identifier: Apache-2.0
"""Builds and runs C programs on this machine, for the tests that are C users of the runtime."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from groat import toolchain

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / "runtime"
TESTS = ROOT / "tests"
INCLUDE = f"-I{RUNTIME / 'include'}"
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off")
# Lines are enough for a report; to follow variables takes the compiler minutes where all is inlined.
SANITIZERS = ("-g1", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class Done:
    """How a program ended and all that it printed."""

    code: int
    output: str


def runtime_files() -> list[Path]:
    """All C files of the runtime."""
    return [
        path for folder in ("core", "ops", "store", "kernels/ref") for path in sorted((RUNTIME / folder).glob("*.c"))
    ]


def build(
    output: Path,
    files: Iterable[Path],
    flags: Sequence[str] = SANITIZERS,
    *,
    compiler: str = "cc",
    link_flags: Sequence[str] = (),
) -> Path:
    """Compiles and links C files, object files and libraries to `output`; ToolchainError if that fails."""
    command = toolchain.require(compiler, "building C programs for this machine")
    sources = map(str, files)
    toolchain.run([command, *WARNINGS, *flags, INCLUDE, *sources, *link_flags, "-o", str(output)], TIMEOUT_SECONDS)
    return output


def objects(
    folder: Path, files: Iterable[Path], flags: Sequence[str] = SANITIZERS, *, compiler: str = "cc"
) -> list[Path]:
    """Compiles C files to object files in `folder`; their names must differ."""
    command = toolchain.require(compiler, "building C programs for this machine")
    made = []
    for path in files:
        made.append(folder / f"{path.stem}.o")
        toolchain.run([command, *WARNINGS, *flags, INCLUDE, "-c", str(path), "-o", str(made[-1])], TIMEOUT_SECONDS)
    return made


def run(
    program: Path, arguments: Iterable[str | Path] = (), timeout: float = TIMEOUT_SECONDS, folder: Path | None = None
) -> Done:
    """Runs a program to its end, in `folder` if given; AssertionError with what it said if it does not end in
    `timeout` seconds."""
    command = [str(program), *map(str, arguments)]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"").decode(errors="replace")
        raise AssertionError(f"{program.name} did not end in {timeout:g} s; it said:\n{said}") from error
    return Done(done.returncode, done.stdout.decode(errors="replace"))
