# SPDX-License-Identifier: Apache-2.0
"""Edits a packed model field by field, for files that break one rule and keep all others."""

from __future__ import annotations

from typing import Any

from groat.ops import op_rows
from groat.pack import structs
from groat.pack.writer import seal

SECTIONS = {
    "states": "groat_state",
    "regions": "groat_region",
    "programs": "groat_program",
    "steps": "groat_step",
    "tensors": "groat_tensor",
    "buffers": "groat_buffer",
    "args": "uint16_t",
    "names": "char",
    "streams": "groat_stream",
    "lines": "groat_line",
}


class Editor:
    """A packed model whose fields can be read and set by name; `done` seals it with a right checksum."""

    def __init__(self, packed: bytes) -> None:
        self.data = bytearray(packed)

    def record(self, table: str, index: int = 0) -> Any:
        """A copy of a record of a table; of the header for "header"; of a step's parameters for "params"."""
        struct, offset = self._place(table, index)
        return structs.record(bytes(self.data), struct, offset)

    def set(self, table: str, index: int = 0, /, **fields: Any) -> Editor:
        """Sets fields of a record.  A field of an inner struct is written `window__in_h`; `dims` takes a list."""
        struct, offset = self._place(table, index)
        record = structs.record(bytes(self.data), struct, offset)
        for name, value in fields.items():
            *outer, last = name.split("__")
            inner = record
            for part in outer:
                inner = getattr(inner, part)
            setattr(inner, last, value)
        instance = structs.ffi()
        self.data[offset : offset + structs.sizeof(struct)] = instance.buffer(instance.addressof(record))
        return self

    def set_arg(self, index: int, tensor: int) -> Editor:
        """Sets an entry of `args`."""
        offset = self.record("header").args.offset + 2 * index
        self.data[offset : offset + 2] = tensor.to_bytes(2, "little")
        return self

    def section(self, name: str, **fields: int) -> Editor:
        """Sets offset or count of a table."""
        return self.set("header", **{f"{name}__{field}": value for field, value in fields.items()})

    def arg(self, table: str, index: int, position: int) -> int:
        """A tensor id of a program or step: inputs first, then outputs."""
        place = self.record("header").args.offset + 2 * (self.record(table, index).args + position)
        return int.from_bytes(self.data[place : place + 2], "little")

    def buffer_of(self, step: int, position: int) -> int:
        """The buffer of one of a step's arguments."""
        return int(self.record("tensors", self.arg("steps", step, position)).buffer)

    def append(self, data: bytes) -> int:
        """Adds bytes at the end, at a multiple of 16; returns their offset."""
        offset = len(self.data)
        self.data += data + bytes(-len(data) % structs.constants().GROAT_ALIGN)
        self.set("header", file_bytes=len(self.data))
        return offset

    def done(self) -> bytes:
        return seal(self.data)

    def _place(self, table: str, index: int) -> tuple[str, int]:
        if table == "header":
            return "groat_header", 0
        if table == "params":
            step = self.record("steps", index)
            kind = next(row.name for row in op_rows() if row.id == step.op)
            return f"groat_{kind}_params", int(step.params)
        struct = SECTIONS[table]
        return struct, int(getattr(self.record("header"), table).offset) + index * structs.sizeof(struct)
