# SPDX-License-Identifier: Apache-2.0
"""Reads the TOML files that describe targets and boards: a section is a dataclass, and its fields are the keys.

Whatever is wrong with a file is an InputError that names the file, the key, what was found and what was expected.
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, Field, fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from groat.errors import InputError

T = TypeVar("T")

_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def read_file(path: Path) -> dict[str, Any]:
    """The table of a TOML file; InputError if it cannot be read or is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no TOML file: {error}") from error


def read_section(kind: type[T], table: Any, file: Path, section: str = "") -> T:
    """A dataclass from a table whose keys are its fields; keys of fields with a default may be left out.

    Args:
        kind: a dataclass of int, float, str, bool, Literal, None, tuples of one type, and other such dataclasses.
        file, section: where the table was found, for messages.
    """
    if not isinstance(table, dict):
        raise _error(file, section, table, "a table")
    known: dict[str, Field[Any]] = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise InputError(f"{file}: unknown key {_join(section, key)}; there are: {', '.join(known)}")
    types = get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, field in known.items():
        if key in table:
            values[key] = _read(types[key], table[key], file, _join(section, key))
        elif field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{file}: the key {_join(section, key)} is missing; expected {_expected(types[key])}")
    try:
        return kind(**values)
    except InputError as error:
        raise InputError(f"{file}: {section + ': ' if section else ''}{error}") from error


def _read(kind: Any, value: Any, file: Path, key: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:  # X | None; TOML knows no None
        return _read(arguments[0], value, file, key)
    if origin is Literal:
        if value not in arguments:
            raise _error(file, key, value, _expected(kind))
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise _error(file, key, value, _expected(kind))
        return tuple(_read(arguments[0], item, file, f"{key}[{index}]") for index, item in enumerate(value))
    if kind is float and type(value) is int:
        return float(value)
    if kind in _NAMES:
        if type(value) is not kind:
            raise _error(file, key, value, _expected(kind))
        return value
    return read_section(kind, value, file, key)


def _expected(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return _expected(arguments[0])
    if origin is Literal:
        return "one of " + ", ".join(map(repr, arguments))
    if origin is tuple:
        return f"a list, of {_expected(arguments[0])} each"
    return _NAMES.get(kind, "a table")


def _join(section: str, key: str) -> str:
    return f"{section}.{key}" if section else key


def _error(file: Path, key: str, value: Any, expected: str) -> InputError:
    return InputError(f"{file}: {key or 'the file'} is {value!r}; expected {expected}")
