# SPDX-License-Identifier: Apache-2.0
"""Frames of a serial line to bytes and back; their header is read from the firmware's own: firmware/link/frame.h."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cffi

from groat.sources import find_sources

_CRC_BYTES = 4
_BLOCK_BYTES = 254  # of byte stuffing: the most that one code byte stands for


@dataclass(frozen=True)
class Frame:
    """A frame of either side; the fields are those of groat_frame."""

    session: int
    sequence: int
    next: int
    kind: int
    wants: bool = False
    payload: bytes = b""


class Frames:
    """Frames to what goes over the line, and back.

    Attributes:
        version: of frames.
        payload_bytes: the most that one may hold.
        HELLO, DATA, HELLO_BACK, DATA_BACK: the kinds.
    """

    def __init__(self) -> None:
        lines = (find_sources().firmware / "link" / "frame.h").read_text(encoding="utf-8").splitlines()
        self._ffi = cffi.FFI()
        self._ffi.cdef("\n".join(line for line in lines if not line.startswith("#")))
        constants: Any = self._ffi.dlopen(None)
        self.version = int(constants.GROAT_FRAME_VERSION)
        self.payload_bytes = int(constants.GROAT_FRAME_PAYLOAD)
        self.HELLO = int(constants.GROAT_FRAME_HELLO)
        self.DATA = int(constants.GROAT_FRAME_DATA)
        self.HELLO_BACK = int(constants.GROAT_FRAME_HELLO_BACK)
        self.DATA_BACK = int(constants.GROAT_FRAME_DATA_BACK)
        self._header_bytes = int(self._ffi.sizeof("groat_frame"))

    def encode(self, frame: Frame) -> bytes:
        """What goes over the line, a zero byte on both sides included."""
        size = len(frame.payload)
        fields = [frame.session, frame.sequence, frame.next, size, frame.kind, int(frame.wants)]
        body = bytes(self._ffi.buffer(self._ffi.new("groat_frame *", fields))) + frame.payload
        return b"\0" + stuff(body + zlib.crc32(body).to_bytes(_CRC_BYTES, "little")) + b"\0"

    def decode(self, stuffed: bytes) -> Frame | None:
        """The frame of what came between two zero bytes; None if it is none, or damaged."""
        data = unstuff(stuffed)
        if data is None or len(data) < self._header_bytes + _CRC_BYTES:
            return None
        body, crc = data[:-_CRC_BYTES], data[-_CRC_BYTES:]
        if zlib.crc32(body).to_bytes(_CRC_BYTES, "little") != crc:
            return None
        header = self._ffi.new("groat_frame *")
        self._ffi.memmove(header, body, self._header_bytes)
        payload = body[self._header_bytes :]
        if header.bytes != len(payload):
            return None
        return Frame(header.session, header.sequence, header.next, header.kind, bool(header.wants), payload)

    def hello(self, payload: bytes) -> tuple[int, int]:
        """Version and most bytes of payload that a device says it takes; (0, 0) if it says less than that."""
        if len(payload) < self._ffi.sizeof("groat_hello"):
            return 0, 0
        hello = self._ffi.new("groat_hello *")
        self._ffi.memmove(hello, payload, self._ffi.sizeof("groat_hello"))
        return hello.version, hello.payload_bytes


class Splitter:
    """Cuts what comes over a line at zero bytes."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def add(self, data: bytes) -> Iterator[bytes]:
        """The stretches that end in `data`, without those of no bytes."""
        self._rest += data
        *whole, rest = self._rest.split(b"\0")
        self._rest = bytearray(rest)
        return (bytes(stretch) for stretch in whole if stretch)


@functools.cache
def load_frames() -> Frames:
    """Frames; the header is read once."""
    return Frames()


def stuff(data: bytes) -> bytes:
    """Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999): the same without zero bytes.

    Every stretch up to a zero becomes its length plus one, then its bytes; one of 254 bytes stands for no zero.
    """
    out = bytearray()
    for stretch in data.split(b"\0"):
        while len(stretch) >= _BLOCK_BYTES:
            out.append(_BLOCK_BYTES + 1)
            out += stretch[:_BLOCK_BYTES]
            stretch = stretch[_BLOCK_BYTES:]
        out.append(len(stretch) + 1)
        out += stretch
    return bytes(out)


def unstuff(stuffed: bytes) -> bytes | None:
    """What was stuffed; None if it was cut."""
    out = bytearray()
    at = 0
    while at < len(stuffed):
        code = stuffed[at]
        block = stuffed[at + 1 : at + code]
        if code == 0 or len(block) != code - 1:
            return None
        out += block
        at += code
        if code <= _BLOCK_BYTES and at < len(stuffed):
            out.append(0)
    return bytes(out)
