# SPDX-License-Identifier: Apache-2.0
"""What counted instructions may cost in cycles: an estimate from a table of costs, not a measurement.

The tables lie in targets/cycles, one for each core, and name the source of every number.  A cost is a range, from
the best case to the usual one; memory without wait states and caches that hit are assumed throughout.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from groat.errors import InputError
from groat.hotspots import UNKNOWN, Instruction, Spot

_FOLDER = Path(__file__).parent / "targets" / "cycles"
_CONDITIONS = ("eq", "ne", "hs", "cs", "lo", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al")
_REGISTER = re.compile(r"\b([rsdq]\d+|sp|lr|pc)\b")


@dataclass(frozen=True)
class Range:
    """Cycles, from the best case to the usual one."""

    low: float
    high: float

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)

    def __mul__(self, times: int) -> Range:
        return Range(self.low * times, self.high * times)

    def rounded(self) -> list[int]:
        return [round(self.low), round(self.high)]


FREE = Range(0, 0)


@dataclass(frozen=True)
class OpcodeClass:
    """Opcodes that cost the same.

    Attributes:
        opcodes: names, with * for any letters.
        operands: a regular expression that the operands must contain; None for any.
        cycles: of one execution.
        repeated: the same where the instruction before it in memory is of this class too.
        per_register: added for each 32-bit register of a list in braces.
        left: added each time that the next instruction was not the one behind it.
        source: where the numbers come from.
    """

    name: str
    opcodes: tuple[str, ...]
    operands: str | None
    cycles: Range
    repeated: Range
    per_register: Range
    left: Range
    source: str

    def holds(self, opcode: str, operands: str) -> bool:
        """Whether an opcode is of this class."""
        fits = self.operands is None or re.search(self.operands, operands) is not None
        return fits and any(fnmatchcase(opcode, pattern) for pattern in self.opcodes)


@dataclass(frozen=True)
class CostTable:
    """The costs on one core.

    Attributes:
        target: whose table it is; core: the core's full name.
        assumes: what the estimate leaves out, for people.
        sources: full names of the documents that the classes name.
        unknown: the cost of an opcode that no class holds; it is reported beside the estimate.
    """

    target: str
    core: str
    assumes: str
    sources: dict[str, str]
    unknown: Range
    classes: tuple[OpcodeClass, ...]

    def find(self, instruction: Instruction) -> OpcodeClass | None:
        """The first class that holds an instruction, or None."""
        for opcode in _spellings(instruction.opcode):
            for each in self.classes:
                if each.holds(opcode, instruction.operands):
                    return each
        return None


def _spellings(opcode: str) -> Iterator[str]:
    """An opcode as written, then without what may be added to its name: data type, condition, flags, predicate."""
    name = opcode.split(".")[0]
    yield name
    if name.startswith("v") and name[-1] in "te":  # a lane of a VPT block
        yield name[:-1]
    if name.endswith("s"):
        yield name[:-1]
    if name.endswith(_CONDITIONS):
        yield name[:-2]
        if name[:-2].endswith("s"):
            yield name[:-3]


@dataclass(frozen=True)
class CostModel:
    """A cost table applied to one image.

    Attributes:
        classes: of each instruction, by address; None where the table knows none.
        repeated: addresses of those right behind another one of their class.
    """

    table: CostTable
    instructions: Mapping[int, Instruction]
    classes: Mapping[int, OpcodeClass | None]
    repeated: frozenset[int]

    @classmethod
    def of(cls, table: CostTable, instructions: Mapping[int, Instruction]) -> CostModel:
        """Finds the class of each instruction of a disassembly."""
        classes: dict[int, OpcodeClass | None] = {}
        repeated: set[int] = set()
        before: OpcodeClass | None = None
        for address in sorted(instructions):
            found = table.find(instructions[address])
            if found is not None and found is before:
                repeated.add(address)
            classes[address] = before = found
        return cls(table, instructions, classes, frozenset(repeated))

    def cost(self, spots: Iterable[Spot]) -> Range:
        """Cycles of all executions of some instructions."""
        return sum((self._cost_of(spot) for spot in spots), FREE)

    def unknown(self, spots: Iterable[Spot]) -> dict[str, int]:
        """Executed instructions of opcodes that the table does not know, by opcode."""
        counts: dict[str, int] = {}
        for spot in spots:
            if self.classes.get(spot.address) is None:
                instruction = self.instructions.get(spot.address)
                opcode = instruction.opcode if instruction is not None else UNKNOWN
                counts[opcode] = counts.get(opcode, 0) + spot.executed
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def _cost_of(self, spot: Spot) -> Range:
        each = self.classes.get(spot.address)
        if each is None:
            return self.table.unknown * spot.executed
        once = each.repeated if spot.address in self.repeated else each.cycles
        if each.per_register != FREE:
            once += each.per_register * _listed_registers(self.instructions[spot.address].operands)
        return once * spot.executed + each.left * spot.left


def _listed_registers(operands: str) -> int:
    """How many 32-bit registers a list in braces has: {r4, lr} has two, {d8} too; without braces, a pair's two."""
    _, brace, listed = operands.partition("{")
    if not brace:
        return 2
    return sum(2 if name.startswith("d") else 1 for name in _REGISTER.findall(listed))


def list_cost_tables() -> list[str]:
    """The targets that have a table of costs, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


@functools.cache
def load_costs(target: str) -> CostTable:
    """Reads the table of a target's core; InputError with all that there are if it has none."""
    if target not in list_cost_tables():
        raise InputError(
            f"there is no table of cycle costs for {target}; there are tables for: {', '.join(list_cost_tables())}"
        )
    table = tomllib.loads((_FOLDER / f"{target}.toml").read_text(encoding="utf-8"))
    left = _range(table["left"])
    return CostTable(
        target=target,
        core=table["core"],
        assumes=table["assumes"],
        sources=dict(table["sources"]),
        unknown=_range(table["unknown"]),
        classes=tuple(_opcode_class(row, left) for row in table["classes"]),
    )


def _opcode_class(row: dict[str, Any], left: Range) -> OpcodeClass:
    return OpcodeClass(
        name=row["name"],
        opcodes=tuple(row["opcodes"]),
        operands=row.get("operands"),
        cycles=_range(row["cycles"]),
        repeated=_range(row.get("repeated", row["cycles"])),
        per_register=_range(row.get("per_register", 0)),
        left=_range(row["left"]) if "left" in row else left,
        source=row["source"],
    )


def _range(value: float | list[float]) -> Range:
    return Range(*value) if isinstance(value, list) else Range(value, value)
