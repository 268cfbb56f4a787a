# SPDX-License-Identifier: Apache-2.0
"""What an ELF file puts into flash, and the same as a raw binary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from groat.errors import InputError

_ERASED = b"\xff"
_LARGEST_BINARY = 64 << 20  # a gap in the middle of flash is filled; one from flash to RAM is a mistake


@dataclass(frozen=True)
class Piece:
    """Bytes, and the address where they are flashed."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        return self.address + len(self.data)


def pieces(elf: Path) -> list[Piece]:
    """What is flashed of an ELF file, by address: its loaded segments, where they are loaded from."""
    with elf.open("rb") as file:
        segments = [s for s in ELFFile(file).iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"] > 0]
        found = [Piece(int(segment["p_paddr"]), segment.data()) for segment in segments]
    return sorted(found, key=lambda piece: piece.address)


def binary(found: Sequence[Piece]) -> Piece:
    """All pieces as one, from the first's address; gaps read as erased flash does.

    Raises InputError if there is none, two overlap, or they lie too far apart to be one memory's.
    """
    if not found:
        raise InputError("the image is empty")
    start, end = found[0].address, found[-1].end
    if end - start > _LARGEST_BINARY:
        raise InputError(f"the image goes from {start:#x} to {end:#x}: too far for a binary of one memory")
    data = bytearray()
    for piece in found:
        if start + len(data) > piece.address:
            raise InputError(f"two pieces of the image lie at {piece.address:#x}")
        data += _ERASED * (piece.address - start - len(data)) + piece.data
    return Piece(start, bytes(data))
