# SPDX-License-Identifier: Apache-2.0
"""The serving firmware as a program of this computer, and a line to it that does what bad lines do."""

from __future__ import annotations

import contextlib
import os
import random
import select
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.support import cc

from groat import monocypher
from groat.runners.link import Line

FIRMWARE = cc.ROOT / "firmware"
SERVER = ["app/main.c", "serve/models.c", "link/link.c", "port/board.c"]
# What the models of these tests need, so that it is built in seconds.
OPS = ["add_float32", "mul_float32"]
HELPERS = ["broadcast"]
KERNELS = ["elementwise_f32"]
STOP_SECONDS = 10
FLASH_BYTES = 1 << 18
ACTIONS = ("drop", "cut", "flip", "repeat", "late", "noise")


def build_board(folder: Path, public_key: bytes | None = None) -> Path:
    """Builds it with sanitizers, for the ops of OPS; with a key, it serves no models but those that it signed."""
    return build(folder, [*(FIRMWARE / name for name in SERVER), cc.TESTS / "serve" / "host.c"], public_key)


def build_fuzzer(folder: Path, model: bytes, public_key: bytes | None = None) -> Path:
    """Its fuzz target, with libFuzzer; `model` is what ITEM_LOAD loads."""
    body = ", ".join(map(str, model))
    (folder / "model.h").write_text(f"static const _Alignas(16) uint8_t good_model[] = {{{body}}};\n", encoding="utf-8")
    flags = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
    return build(folder, [cc.TESTS / "fuzz" / "fuzz_serve.c"], public_key, flags, "clang-19")


def build(
    folder: Path,
    files: Iterable[Path],
    public_key: bytes | None = None,
    sanitizers: Iterable[str] = cc.SANITIZERS,
    compiler: str = "cc",
) -> Path:
    """Builds these files and the runtime with the ops of OPS."""
    (folder / "ops.h").write_text("".join(f"GROAT_USE({name.upper()}, {name})\n" for name in OPS), encoding="utf-8")
    runtime = [
        *sorted((cc.RUNTIME / "core").glob("*.c")),
        *(cc.RUNTIME / "store" / f"{name}.c" for name in ("record", "slots")),
        *(cc.RUNTIME / "ops" / f"{name}.c" for name in (*OPS, *HELPERS)),
        *(cc.RUNTIME / "kernels" / "ref" / f"{name}.c" for name in KERNELS),
    ]
    defines = ["-DGROAT_SERVE", "-DGROAT_WORKERS=1", '-DGROAT_TARGET="host"', "-DGROAT_NO_STREAMS", "-DGROAT_SLOTS"]
    defines += [f"-iquote{folder}", '-DGROAT_OPS_FILE="ops.h"', "-D_POSIX_C_SOURCE=200112L"]
    if public_key is not None:
        curve = monocypher.find()
        runtime += [*sorted((FIRMWARE / "signature").glob("*.c")), curve / "monocypher.c"]
        defines += ["-DGROAT_SIGNED", "-DGROAT_PUBLIC_KEY=" + ",".join(map(str, public_key)), f"-I{curve}"]
    sections = ["-ffunction-sections", "-fdata-sections"]
    return cc.build(
        folder / "board",
        [*files, *runtime],
        [*sanitizers, *sections, *defines],
        compiler=compiler,
        link_flags=["-Wl,--gc-sections"],
    )


class BoardLine:
    """A line to a board, which is started when it is opened, and ends when it is unplugged from power."""

    def __init__(self, program: Path) -> None:
        self.name = "the board"
        self._program = program
        self.unplugged = False
        self.flash = Path(tempfile.mkstemp(prefix="flash-", dir=program.parent)[1])
        self.flash.write_bytes(bytes(FLASH_BYTES))  # not erased, nor anything that means something
        self.power_on()

    def power_on(self, cut: int = -1) -> None:
        """Starts it; the power is lost in write number `cut` to its flash."""
        self.process = subprocess.Popen(
            [self._program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={"GROAT_FLASH": str(self.flash), "GROAT_CUT": str(cut)},
        )

    def power_off(self) -> None:
        """AssertionError with what a sanitizer said, if one did."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.stderr is not None
        said = self.process.stderr.read()
        self.process.stderr.close()
        self.process.wait(STOP_SECONDS)
        assert not said, said.decode(errors="replace")

    def read(self, seconds: float) -> bytes:
        if self.unplugged:
            raise OSError("unplugged")
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        return os.read(self.process.stdout.fileno(), 1 << 16) if ready else b""

    def write(self, data: bytes) -> None:
        if self.unplugged:
            raise OSError("unplugged")
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def reopen(self) -> None:
        self.unplugged = False

    def close(self) -> None:
        """The board goes on."""


class BadLine:
    """A line through another one, to which something happens to some frames, by the numbers of a seed.

    Attributes:
        share: of frames that do not come as they were sent.
        happened: how often what did.
    """

    def __init__(self, line: Line, seed: int, share: float = 0.2) -> None:
        self.name = line.name
        self._line = line
        self._random = random.Random(seed)
        self.share = share
        self.happened = dict.fromkeys(ACTIONS, 0)
        self._late: dict[bool, list[bytes]] = {False: [], True: []}
        self._rest = b""

    def _pass(self, frame: bytes, to_device: bool) -> bytes:
        late, self._late[to_device] = self._late[to_device], []
        now = frame
        if self._random.random() < self.share:
            action = self._random.choice(ACTIONS)
            self.happened[action] += 1
            at = self._random.randrange(len(frame))
            if action == "drop":
                now = b""
            elif action == "cut":
                now = frame[:at]
            elif action == "flip":
                now = frame[:at] + bytes([frame[at] ^ 1 << self._random.randrange(8)]) + frame[at + 1 :]
            elif action == "repeat":
                now = frame + frame
            elif action == "late":
                now, self._late[to_device] = b"", [frame]
            else:
                now = self._random.randbytes(self._random.randrange(600)) + frame
        return now + b"".join(late)

    def write(self, data: bytes) -> None:
        self._line.write(self._pass(data, True))

    def read(self, seconds: float) -> bytes:
        came = self._rest + self._line.read(seconds)
        # The zeros that two frames have between them, and on both sides.
        *whole, self._rest = came.split(b"\0")
        return b"".join(self._pass(b"\0" + stretch + b"\0", False) for stretch in whole if stretch)

    def reopen(self) -> None:
        self._line.reopen()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._line.close()
