# SPDX-License-Identifier: Apache-2.0
"""A model of flash on this host that loses power in the middle of whatever it is told to, and a C user of the store."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cffi
from tests.support import cc

from groat import toolchain

ERASED = 0xFF
# Without the address sanitizer, which a library can only have in a process that was started with it.
FLAGS = ("-O2", "-g", "-shared", "-fPIC", "-fsanitize=undefined", "-fno-sanitize-recover=all")


class Flash:
    """Sectors that are erased whole and programmed unit by unit, once between two erasures.

    Each unit and each sector is one step.  The power is lost in step number `cut`, counted from 0: that one is done in
    part, random bits of it, and no later one at all.

    Attributes:
        steps: how many were begun.
        mistakes: what a chip would not allow: a unit that is not erased, an odd offset.
        broken: sectors that refuse to be erased.
        reads_until_flip: after so many, each one has a wrong bit; None: never.
        stuck: offset -> bits of that byte that no erasure sets any more.
    """

    def __init__(self, count: int, erase_bytes: int, program_bytes: int, seed: int = 0) -> None:
        self.data = bytearray(random.Random(seed).randbytes(count))  # as the chip left whoever had it before
        self.erase_bytes, self.program_bytes = erase_bytes, program_bytes
        self.steps = 0
        self.cut: int | None = None
        self.clean: set[int] = set()
        self.mistakes: list[str] = []
        self.broken: set[int] = set()
        self.stuck: dict[int, int] = {}
        self.fails_to_read = False
        self.reads_until_flip: int | None = None
        self._random = random.Random(seed)

    def power_on(self, cut: int | None = None, seed: int | None = None) -> None:
        self.steps, self.cut = 0, cut
        if seed is not None:
            self._random = random.Random(seed)

    @property
    def is_off(self) -> bool:
        return self.cut is not None and self.steps > self.cut

    def read(self, offset: int, count: int) -> bytes | None:
        if self.fails_to_read or not 0 <= offset <= offset + count <= len(self.data):
            return None
        data = self.data[offset : offset + count]
        if self.reads_until_flip is not None:
            self.reads_until_flip -= 1
            data[-1] ^= self.reads_until_flip < 0
        return bytes(data)

    def erase(self, offset: int) -> bool:
        if offset % self.erase_bytes or not 0 <= offset < len(self.data) - self.erase_bytes + 1:
            self.mistakes.append(f"erase({offset:#x})")
            return False
        if offset in self.broken:
            return False
        units = range(offset, offset + self.erase_bytes, self.program_bytes)
        self.clean.difference_update(units)
        if self._step(offset, bytes([ERASED]) * self.erase_bytes):
            self.clean.update(units)
        return True

    def program(self, offset: int, data: bytes) -> bool:
        unit = self.program_bytes
        if offset % unit or len(data) % unit or not 0 <= offset <= offset + len(data) <= len(self.data):
            self.mistakes.append(f"program({offset:#x}, {len(data)} bytes)")
            return False
        for at in range(0, len(data), unit):
            if not self.is_off and offset + at not in self.clean:
                self.mistakes.append(f"program({offset + at:#x}), which is not erased")
            self.clean.discard(offset + at)
            self._step(offset + at, data[at : at + unit])
        return True

    def _step(self, offset: int, new: bytes) -> bool:
        """Whether it was done in full."""
        if self.is_off:
            return False
        self.steps += 1
        for at, byte in enumerate(new, offset):
            done = self._random.getrandbits(8) if self.is_off else 0xFF
            self.data[at] = (self.data[at] & ~done | byte & done) & ~self.stuck.get(at, 0)
        return not self.is_off


class Store:
    """runtime/store as a C user has it, compiled with the undefined-behaviour sanitizer.

    Attributes:
        ffi, lib: cffi's view of the library; status codes are `lib.GROAT_...`.
    """

    def __init__(self, folder: Path, files: Sequence[Path] | None = None) -> None:
        """Builds the library in `folder`, of the runtime or of other files."""
        self.ffi = cffi.FFI()
        (folder / "stdint.h").touch()  # cffi knows its types
        compiler = toolchain.require("cc", "preprocessing headers")
        command = [compiler, "-E", "-P", "-nostdinc", "-DGROAT_CFFI", f"-I{folder}"]
        headers = folder / "headers.h"
        headers.write_text(
            "#include <groat/store.h>\n#include <groat/replay.h>\n#include <groat/slots.h>\n", encoding="utf-8"
        )
        self.ffi.cdef(toolchain.run([*command, cc.INCLUDE, str(headers)], 30))
        library = cc.build(folder / "libgroat.so", cc.runtime_files() if files is None else files, FLAGS)
        self.lib: Any = self.ffi.dlopen(str(library))
        self._keep: list[Any] = []

    def port(self, flash: Flash) -> Any:
        """A groat_flash over a model of flash."""

        def read(_: Any, offset: int, to: Any, count: int) -> int:
            data = flash.read(offset, count)
            if data is None:
                return -1
            self.ffi.memmove(to, data, count)
            return 0

        def erase(_: Any, offset: int) -> int:
            return 0 if flash.erase(offset) else -1

        def program(_: Any, offset: int, data: Any, count: int) -> int:
            return 0 if flash.program(offset, bytes(self.ffi.buffer(data, count))) else -1

        port = self.ffi.new("groat_flash *")
        port.bytes, port.erase_bytes, port.program_bytes = len(flash.data), flash.erase_bytes, flash.program_bytes
        port.erased = ERASED
        functions: dict[str, tuple[str, Callable[..., int]]] = {
            "read": ("int(void *, uint32_t, void *, uint32_t)", read),
            "erase": ("int(void *, uint32_t)", erase),
            "program": ("int(void *, uint32_t, const void *, uint32_t)", program),
        }
        for name, (kind, function) in functions.items():
            callback = self.ffi.callback(kind, function)
            setattr(port, name, callback)
            self._keep.append(callback)
        self._keep.append(port)
        return port

    def commit(self, port: Any, model: int, parameters: bytes) -> int:
        return int(self.lib.groat_store_commit(port, model, self.ffi.from_buffer(parameters), len(parameters)))

    def restore(self, port: Any, model: int, count: int) -> tuple[int, bytes]:
        """The status, and the memory of the parameters, which was full of 0xA5."""
        memory = bytearray(b"\xa5" * count)
        status = int(self.lib.groat_store_restore(port, model, self.ffi.from_buffer(memory), count))
        return status, bytes(memory)
