# SPDX-License-Identifier: Apache-2.0
"""The structs of runtime/include/groat/format.h, as cffi reads them: there is no second definition."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import cffi

from groat import _core


@functools.cache
def ffi() -> Any:
    """A cffi instance that knows every struct and enum of the format."""
    instance = cffi.FFI()
    instance.cdef(_core.format_cdef())
    return instance


@functools.cache
def constants() -> Any:
    """The enum values of the format as attributes, for example constants().GROAT_ALIGN."""
    return ffi().dlopen(None)


def sizeof(struct: str) -> int:
    """Bytes of a struct."""
    return int(ffi().sizeof(struct))


def build(struct: str, fields: Mapping[str, Any]) -> bytes:
    """A struct as bytes; fields left out are zero.

    Raises:
        KeyError: a field that the struct does not have.
        OverflowError: a value that does not fit its field; the message names both.
    """
    value = ffi().new(f"{struct} *")
    _fill(value[0], struct, fields)
    return bytes(ffi().buffer(value))


def _fill(target: Any, struct: str, fields: Mapping[str, Any]) -> None:
    members = dict(ffi().typeof(struct).fields)
    for name, value in fields.items():
        if name not in members:
            raise KeyError(f"{struct} has no field {name!r}")
        if isinstance(value, Mapping):
            _fill(getattr(target, name), members[name].type.cname, value)
            continue
        try:
            setattr(target, name, value)
        except OverflowError:
            raise OverflowError(f"{struct}.{name} cannot hold {value}") from None


def record(data: bytes, struct: str, offset: int) -> Any:
    """One struct from a byte offset on, as a copy."""
    instance = ffi()
    value = instance.new(f"{struct} *")
    instance.buffer(value)[:] = data[offset : offset + instance.sizeof(struct)]
    return value[0]


def table(data: bytes, struct: str, offset: int, count: int) -> Any:
    """`count` structs from a byte offset on, as a cffi array over a copy of the bytes.

    Its elements are valid only as long as the array itself is referenced.
    """
    instance = ffi()
    array = instance.new(f"{struct}[]", count)
    instance.buffer(array)[:] = data[offset : offset + count * instance.sizeof(struct)]
    return array


def text(field: Any) -> str:
    """A field of characters, up to its first zero."""
    return bytes(ffi().buffer(field)).split(b"\0", 1)[0].decode(errors="replace")
