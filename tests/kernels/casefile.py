# SPDX-License-Identifier: Apache-2.0
"""Cases for checkkernel: calls of kernels with every array they may touch, as bytes that checkkernel.c reads.

The kernels and their arguments are read from kernels.def and kernels.h, so that what is written here, the C code that
makes arguments of it, and the kernels themselves cannot drift apart.
"""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cffi
from tests.support.cc import ROOT, RUNTIME

from groat import _core

SOURCE = ROOT / "tests" / "kernels" / "checkkernel.c"
MUTANTS = SOURCE.with_name("mutants.h")
COMPANIONS = ("_needs", "_check", "_begin")  # kernels that are called beside another, not cases of their own
RUN, DOUBTFUL, NEEDS = range(3)
EQUAL, DIFFERS, WROTE_OUTSIDE, TOO_LARGE, NOT_RUN = range(5)
_DATA, _FREE, _POINTERS = range(3)
_NUMBER, _POINTER, _NOTHING, _SCRATCH = range(4)
_END_OF_CASES = 0xFFFFFFFF
_ANSWER = struct.Struct("<IIiIIIIIQQQQ")
GUARD_BYTES = 32
FILLED_UP = 16  # bytes that a packer may write more than a kernel asks for

# ---- Kernels --------------------------------------------------------------------------------------------


OPTIONAL = ("depthwise_image_s8",)
"""Kernels that a set need not have: their `needs` refuses everything then."""


def has(packing: str, kernel: str) -> bool:
    """Whether a kernel set has a kernel, its own or the portable one."""
    overrides = RUNTIME / "kernels" / packing / "overrides.def"
    own = overrides.read_text(encoding="utf-8") if overrides.exists() else ""
    return kernel not in OPTIONAL or f"GROAT_OVERRIDE({kernel})" in own


@dataclass(frozen=True)
class Kernel:
    """A row of kernels.def.

    Attributes:
        arguments: their names and C types, in order.
        fields: of the struct that the argument `k` points to, in order; empty if there is none.
    """

    name: str
    arguments: tuple[tuple[str, Any], ...]
    fields: tuple[tuple[str, Any], ...]
    struct: str


@functools.cache
def kernels() -> dict[str, Kernel]:
    """All kernels, companions included, by name."""
    ffi = cffi.FFI()
    header = (RUNTIME / "kernels" / "kernels.h").read_text(encoding="utf-8")
    structs = re.sub(r"^GROAT_KERNEL.*$|^#(?:.*\\\n)*.*$", "", header, flags=re.MULTILINE)
    ffi.cdef(_core.format_cdef() + structs)
    found = {}
    table = (RUNTIME / "kernels" / "kernels.def").read_text(encoding="utf-8")
    for returns, name, arguments in re.findall(r"^GROAT_KERNEL\((\w+), (\w+), \(([^()]*)\)\)", table, re.MULTILINE):
        types = ffi.typeof(f"{returns}(*)({arguments})").args
        names = [re.findall(r"\w+", argument)[-1] for argument in arguments.split(",")]
        pairs = tuple(zip(names, types, strict=True))
        described = [kind.item for argument, kind in pairs if argument == "k"]
        fields = tuple((field_name, item.type) for field_name, item in described[0].fields) if described else ()
        found[name] = Kernel(name, pairs, fields, described[0].cname if described else "")
    return found


def main_kernels() -> list[str]:
    """The kernels that compute, in the order of kernels.def."""
    return [name for name in kernels() if not name.endswith(COMPANIONS)]


# ---- The C side of a call -------------------------------------------------------------------------------


def _argument(kind: Any, index: int) -> str:
    """What C reads value `index` with, as an argument or field of that type."""
    if kind.kind == "pointer":
        return f"v[{index}].pointer"
    if kind.cname == "float":
        return f"groat_float_of(v[{index}].word)"
    if kind.kind in ("primitive", "enum"):
        return f"({kind.cname})v[{index}].word"
    raise ValueError(f"checkkernel cannot pass a {kind.cname}: say here how")


def _call_of(kernel: Kernel) -> str:
    """C functions that call one kernel with the values of a case, and its companions."""
    fields = "".join(f"        .{name} = {_argument(kind, i)},\n" for i, (name, kind) in enumerate(kernel.fields))
    begins = f"{kernel.name}_begin" in kernels()
    constant = "" if begins else "const "
    prepare = f"    {constant}{kernel.struct} k = {{\n{fields}    }};\n" if kernel.fields else ""
    position, arguments = len(kernel.fields), []
    for name, kind in kernel.arguments:
        if name == "k":
            arguments.append("&k")
        else:
            arguments.append(_argument(kind, position))
            position += 1
    begin = f"    kernels->{kernel.name}_begin(&k);\n" if begins else ""
    call = f"{begin}    start();\n    kernels->{kernel.name}({', '.join(arguments)});\n    stop();\n"
    text = f"static void run_{kernel.name}(const value *v)\n{{\n{prepare}{call}}}\n\n"
    for companion, extra in (("needs", ", groat_needs *needs"), ("check", "")):
        if f"{kernel.name}_{companion}" in kernels():
            to = "&k, needs" if extra else "&k"
            text += f"static int {companion}_{kernel.name}(const value *v{extra})\n{{\n{prepare}"
            text += f"    return kernels->{kernel.name}_{companion}({to});\n}}\n\n"
    return text


def program() -> str:
    """checkkernel.c with its calls and its mutants in one piece: a build that knows files by their contents then sees
    every change."""
    rows = []
    for name in main_kernels():
        companions = [f"{c}_{name}" if f"{name}_{c}" in kernels() else "NULL" for c in ("needs", "check")]
        rows.append(f"    {{run_{name}, {', '.join(companions)}}},\n")
    calls = "".join(_call_of(kernels()[name]) for name in main_kernels())
    calls += f"static const entry entries[] = {{\n{''.join(rows)}}};\n"
    text = SOURCE.read_text(encoding="utf-8").replace('#include "calls.h"\n', calls)
    return text.replace('#include "mutants.h"\n', MUTANTS.read_text(encoding="utf-8"))


@functools.cache
def mutants() -> list[tuple[str, str]]:
    """(kernel, mistake) of all mutants; checkkernel knows the first as 1."""
    return re.findall(r"^    M\((\w+), (\w+)\)", MUTANTS.read_text(encoding="utf-8"), re.MULTILINE)


# ---- Cases ----------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Memory:
    """An array of a case.

    Attributes:
        before: its contents.
        after: what they must be when the kernel has run; None if it may leave anything there.
        residue: its address modulo 16.
    """

    before: bytes
    after: bytes | None
    residue: int = 0

    def at(self, offset: int) -> Pointer:
        return Pointer(self, offset)


@dataclass(frozen=True, eq=False)
class Pointer:
    """To a byte of an array."""

    memory: Memory
    offset: int


class Scratch:
    """A pointer to as many bytes as the kernel's `needs` asks for."""


SCRATCH = Scratch()

Value = float | Memory | Pointer | Scratch | None | Sequence[Memory | Pointer]  # a sequence: an array of pointers
Argument = Value | Mapping[str, Value]  # a mapping: the fields of `k`


@dataclass(frozen=True)
class Answer:
    """What checkkernel says of a case; see checkkernel.c."""

    status: int
    array: int
    place: int
    expected: int
    found: int
    known: int
    valid: int
    reserved: int
    ticks: int
    weights_bytes: int
    channels_bytes: int
    scratch_bytes: int


@dataclass(eq=False)
class Case:
    """One call of a kernel.

    Attributes:
        kernel: its name in kernels.def.
        arguments: by the names there; those that are left out are 0 or null.
        units: multiply-accumulates, or elements where there are none.
        purpose: RUN; DOUBTFUL if its constants may be invalid, so that `check` may refuse it; NEEDS to only ask.
        judge: more to require of the answer: returns what is wrong, or None.
        label: says what it is, in messages and tables.
        more_rows: output rows that the arguments are for, beside the first.
    """

    kernel: str
    arguments: Mapping[str, Argument]
    units: int
    purpose: int = RUN
    judge: Callable[[Answer], str | None] | None = None
    label: str = ""
    more_rows: int = 0
    arrays: list[Memory | tuple[Memory | Pointer, ...]] = field(default_factory=list, init=False)

    def encode(self, seed: int) -> bytes:
        """The case as checkkernel.c reads it."""
        self.arrays = []
        kernel = kernels()[self.kernel]
        unknown = set(self.arguments) - {name for name, _ in kernel.arguments}
        fields: Any = self.arguments.get("k", {})
        unknown |= set(fields) - {name for name, _ in kernel.fields}
        if unknown:
            raise ValueError(f"{self.kernel} has no {', '.join(sorted(unknown))}")
        values = [fields.get(name, 0) for name, _ in kernel.fields]
        values += [self.arguments.get(name, 0) for name, _ in kernel.arguments if name != "k"]
        kinds = [kind for _, kind in kernel.fields] + [kind for name, kind in kernel.arguments if name != "k"]
        words = b"".join(self._value(value, kind) for value, kind in zip(values, kinds, strict=True))
        arrays = b"".join(map(self._array, self.arrays))
        after = b"".join(m.after for m in self.arrays if isinstance(m, Memory) and m.after is not None)
        number = main_kernels().index(self.kernel)
        counts = (len(self.arrays), len(values), len(after))
        header = struct.pack("<7I", number, self.purpose, seed, *counts, self.more_rows)
        return header + arrays + words + after

    def _number_of(self, memory: Memory) -> int:
        if not any(known is memory for known in self.arrays):
            self.arrays.append(memory)
        return next(i for i, known in enumerate(self.arrays) if known is memory)

    def _value(self, value: Any, kind: Any) -> bytes:
        pointer = kind.kind == "pointer"
        if isinstance(value, Scratch):
            return struct.pack("<3I", _SCRATCH, 0, 0)
        if value is None or (pointer and isinstance(value, int)):
            return struct.pack("<3I", _NOTHING, 0, 0)
        if isinstance(value, Memory | Pointer):
            target = value if isinstance(value, Pointer) else value.at(0)
            return struct.pack("<3I", _POINTER, self._number_of(target.memory), target.offset)
        if pointer:
            for target in value:
                self._number_of(target.memory if isinstance(target, Pointer) else target)
            self.arrays.append(tuple(value))
            return struct.pack("<3I", _POINTER, len(self.arrays) - 1, 0)
        if kind.cname == "float":
            return struct.pack("<IfI", _NUMBER, value, 0)
        return struct.pack("<3I", _NUMBER, int(value) & 0xFFFFFFFF, 0)

    def _array(self, array: Memory | tuple[Memory | Pointer, ...]) -> bytes:
        if isinstance(array, Memory):
            kind = _FREE if array.after is None else _DATA
            assert array.after is None or len(array.after) == len(array.before)
            return struct.pack("<3I", kind, len(array.before), array.residue) + array.before
        places = [target if isinstance(target, Pointer) else target.at(0) for target in array]
        words = b"".join(struct.pack("<2I", self._number_of(place.memory), place.offset) for place in places)
        return struct.pack("<3I", _POINTERS, len(words), 0) + words

    @functools.cached_property
    def bytes(self) -> int:
        """Of all arrays with their guards, without scratch."""
        self.encode(0)
        sizes = [len(a.before) if isinstance(a, Memory) else 8 * len(a) for a in self.arrays]
        return sum(sizes) + (GUARD_BYTES + 16) * (len(sizes) + 1)

    # ---- Judging ----------------------------------------------------------------------------------------

    def wrong(self, answer: Answer) -> str | None:
        """What an answer shows to be wrong, or None."""
        if answer.status in (DIFFERS, WROTE_OUTSIDE):
            return self._difference(answer)
        if self.purpose == RUN and answer.status == NOT_RUN:
            return "its constants were refused" if answer.known else "its layout was refused"
        if self.purpose == RUN and answer.known and answer.status == EQUAL:
            fields: Any = self.arguments.get("k", {})
            for name, needed in (("weights", answer.weights_bytes), ("channels", answer.channels_bytes)):
                given = fields.get(name)
                if not isinstance(given, Memory) or f"{self.kernel}_needs" not in kernels():
                    continue
                if not 0 <= len(given.before) - needed <= FILLED_UP:
                    return f"its {name} take {needed:,} bytes, but the packer wrote {len(given.before):,}"
        return self.judge(answer) if self.judge is not None else None

    def _difference(self, answer: Answer) -> str:
        values = f"expected {answer.expected}, found {answer.found}"
        name = self._name_of(answer.array)
        if answer.status == WROTE_OUTSIDE:
            return f"wrote outside, {answer.place} bytes from the start of {name}: {values}"
        return f"{name}, byte {answer.place}: {values}"

    def _name_of(self, number: int) -> str:
        fields: Any = self.arguments.get("k", {})
        for name, value in [*fields.items(), *self.arguments.items()]:
            for target in value if isinstance(value, Sequence) else [value]:
                memory = target.memory if isinstance(target, Pointer) else target
                if number < len(self.arrays) and memory is self.arrays[number]:
                    return str(name)
        return f"array {number}"


def encode(cases: Sequence[Case], mutant: tuple[str, str] | None = None) -> bytes:
    """The whole file; for one of the mutants, if given."""
    number = mutants().index(mutant) + 1 if mutant is not None else 0
    parts = [struct.pack("<I", number), *(case.encode(seed) for seed, case in enumerate(cases))]
    return b"".join(parts) + struct.pack("<7I", _END_OF_CASES, *[0] * 6)


def decode(answers: bytes) -> list[Answer]:
    """Answers to the first cases; as many as there are."""
    count = len(answers) // _ANSWER.size
    return [Answer(*_ANSWER.unpack_from(answers, i * _ANSWER.size)) for i in range(count)]
