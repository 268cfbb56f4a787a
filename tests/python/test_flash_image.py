# SPDX-License-Identifier: Apache-2.0
"""What of an image is flashed, as a raw binary and as UF2."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.flash_tools import elf

from groat.errors import InputError
from groat.flash import uf2
from groat.flash.image import Piece, binary, pieces
from groat.flash.tools import Image

RP2040 = 0xE48BFF56


def test_segments_are_flashed_where_they_are_loaded_from(tmp_path: Path) -> None:
    file = elf(tmp_path / "x.elf", [(0x1010, b"data"), (0x1000, b"code"), (0x2000, b"")])
    assert pieces(file) == [Piece(0x1000, b"code"), Piece(0x1010, b"data")]
    assert binary(pieces(file)) == Piece(0x1000, b"code" + b"\xff" * 12 + b"data")


def test_pieces_that_are_no_binary() -> None:
    with pytest.raises(InputError, match="empty"):
        binary([])
    with pytest.raises(InputError, match="two pieces of the image lie at 0x2"):
        binary([Piece(0, b"abc"), Piece(2, b"d")])
    with pytest.raises(InputError, match="from 0x0 to 0x20000001: too far"):
        binary([Piece(0, b"abc"), Piece(0x20000000, b"d")])


def test_files_to_flash(tmp_path: Path) -> None:
    raw = tmp_path / "x.bin"
    raw.write_bytes(b"raw")
    image = Image.read(raw, 0x8000)
    assert (image.whole, image.as_binary(), image.elf) == (Piece(0x8000, b"raw"), raw, False)
    image = Image.read(elf(tmp_path / "y.elf", [(0x100, b"code")]), 0x8000)
    assert image.whole == Piece(0x100, b"code")
    assert image.as_binary().read_bytes() == b"code"
    with pytest.raises(InputError, match=r"x\.bin is no ELF file"):
        Image.read(raw, None)
    with pytest.raises(InputError, match=r"no\.bin cannot be read: No such file"):
        Image.read(tmp_path / "no.bin", 0)
    raw.write_bytes(b"")
    with pytest.raises(InputError, match="is empty"):
        Image.read(raw, 0)


def test_a_block_of_uf2_byte_by_byte() -> None:
    """By hand from the format's description."""
    data = bytes(range(256)) + b"tail"
    file = uf2.encode([Piece(0x10000000, data)], RP2040)
    assert len(file) == 2 * 512
    for number, address, content in ((0, 0x10000000, data[:256]), (1, 0x10000100, b"tail" + b"\xff" * 252)):
        block = file[512 * number : 512 * number + 512]
        assert block[:8] == b"UF2\n" + bytes.fromhex("57515d9e")
        assert struct.unpack("<6I", block[8:32]) == (0x2000, address, 256, number, 2, RP2040)
        assert block[32:288] == content
        assert block[288:508] == bytes(220)
        assert block[508:] == bytes.fromhex("306fb10a")


@given(
    st.lists(st.tuples(st.integers(0, 700), st.binary(min_size=1, max_size=900)), min_size=1, max_size=5),
    st.integers(0, 1000),
)
def test_uf2_and_back(gaps: list[tuple[int, bytes]], start: int) -> None:
    given_pieces, memory, at = [], bytearray(b"\xff" * 16384), start
    for gap, data in gaps:
        at += gap
        given_pieces.append(Piece(at, data))
        memory[at : at + len(data)] = data
        at += len(data)
    found, family = uf2.decode(uf2.encode(given_pieces, 7))
    again = bytearray(b"\xff" * 16384)
    for piece in found:
        assert piece.address % 256 == len(piece.data) % 256 == 0
        again[piece.address : piece.end] = piece.data
    assert again == memory
    assert family == 7


def test_what_is_no_uf2() -> None:
    good = uf2.encode([Piece(0, bytes(600))], 1)
    broken = {
        "multiple of 512": good[:-1],
        "not 0": b"",
        "block 1 of the UF2 file has other magic numbers": good[:512] + bytes(512) + good[1024:],
        r"block 0 .* has flags 0x2001": good[:8] + b"\x01" + good[9:],
        "block 1 of 2 .* says that it is 1 of 3": good[:24] + b"\x02" + good[25:1024],
        "has 500 bytes": good[:16] + struct.pack("<I", 500) + good[20:],
        "several families: 0x1, 0x2": good[:28] + b"\x02" + good[29:],
    }
    for message, file in broken.items():
        with pytest.raises(InputError, match=message):
            uf2.decode(file)
    with pytest.raises(InputError, match="two pieces of the image lie at 0x1"):
        uf2.encode([Piece(0, b"ab"), Piece(1, b"c")], 1)
    with pytest.raises(InputError, match="the image is empty"):
        uf2.encode([], 1)
