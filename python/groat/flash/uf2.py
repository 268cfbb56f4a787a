# SPDX-License-Identifier: Apache-2.0
"""Images as UF2: what a boot loader that shows up as a drive takes, block by block.

The format: https://github.com/microsoft/uf2, README.md and, for families, utils/uf2families.json.  A file is a row of
blocks of 512 bytes; each says by itself where its bytes go, so that the order in which they arrive means nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from groat.errors import InputError
from groat.flash.image import Piece

BLOCK_BYTES = 512
PAYLOAD_BYTES = 256  # that every boot loader takes, though a block has room for 476
_HEADER = struct.Struct("<8I")
_DATA_BYTES = BLOCK_BYTES - _HEADER.size - 4
_MAGIC = (0x0A324655, 0x9E5D5157)
_END = struct.pack("<I", 0x0AB16F30)
_FAMILY_IS_THERE = 0x2000
_ERASED = b"\xff"


def encode(pieces: Iterable[Piece], family: int) -> bytes:
    """A UF2 file that writes these pieces.

    Blocks begin at multiples of 256: what no piece covers there is filled up with 0xff, as erased flash reads.

    Args:
        family: the chip's number, which its boot loader compares with its own.

    Raises InputError if two pieces overlap, or there are none.
    """
    blocks: dict[int, bytearray] = {}
    end = 0
    for piece in sorted(pieces, key=lambda piece: piece.address):
        if piece.address < end:
            raise InputError(f"two pieces of the image lie at {piece.address:#x}")
        end = piece.address + len(piece.data)
        for at in range(piece.address // PAYLOAD_BYTES * PAYLOAD_BYTES, end, PAYLOAD_BYTES):
            block = blocks.setdefault(at, bytearray(_ERASED * PAYLOAD_BYTES))
            first, last = max(at, piece.address), min(at + PAYLOAD_BYTES, end)
            block[first - at : last - at] = piece.data[first - piece.address : last - piece.address]
    if not blocks:
        raise InputError("the image is empty")
    return b"".join(
        _HEADER.pack(*_MAGIC, _FAMILY_IS_THERE, address, PAYLOAD_BYTES, number, len(blocks), family)
        + bytes(data).ljust(_DATA_BYTES, b"\0")
        + _END
        for number, (address, data) in enumerate(blocks.items())
    )


def decode(file: bytes) -> tuple[list[Piece], int]:
    """(the pieces of a UF2 file of one family, joined where they touch; the family).

    Raises InputError, with the block, for whatever a boot loader would refuse or leave out.
    """
    if not file or len(file) % BLOCK_BYTES != 0:
        raise InputError(f"a UF2 file of {len(file)} bytes; expected a multiple of {BLOCK_BYTES}, not 0")
    pieces: list[Piece] = []
    families = set()
    count = len(file) // BLOCK_BYTES
    for number in range(count):
        block = file[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]
        *magic, flags, address, nbytes, index, of, family = _HEADER.unpack_from(block)
        if (*magic,) != _MAGIC or block[-4:] != _END:
            raise InputError(f"block {number} of the UF2 file has other magic numbers")
        if flags != _FAMILY_IS_THERE:
            raise InputError(f"block {number} of the UF2 file has flags {flags:#x}; expected {_FAMILY_IS_THERE:#x}")
        if (index, of) != (number, count):
            raise InputError(f"block {number} of {count} of the UF2 file says that it is {index} of {of}")
        if nbytes > _DATA_BYTES:
            raise InputError(f"block {number} of the UF2 file has {nbytes} bytes; expected {_DATA_BYTES} at most")
        families.add(family)
        data = block[_HEADER.size : _HEADER.size + nbytes]
        if pieces and pieces[-1].end == address:
            pieces[-1] = Piece(pieces[-1].address, pieces[-1].data + data)
        else:
            pieces.append(Piece(address, data))
    if len(families) != 1:
        raise InputError(f"the UF2 file is for several families: {', '.join(f'{f:#x}' for f in sorted(families))}")
    return pieces, families.pop()
