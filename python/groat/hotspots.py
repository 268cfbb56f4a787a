# SPDX-License-Identifier: Apache-2.0
"""Where the instructions go: what the plugin of QEMU's counted, told by function and by opcode.

The plugin (firmware/plugin) knows addresses only.  The image's symbols make functions of them, its disassembly
opcodes; groat.cycles adds what they may cost.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from groat import toolchain
from groat.errors import RunnerError
from groat.targets import Target

DISASSEMBLER = "llvm-objdump-19"
UNKNOWN = "(unknown)"
_TIMEOUT_SECONDS = 120.0
# Two hexadecimal digits are a byte of data between functions.
_LINE = re.compile(r"\s*([0-9a-f]+):\s+(?![0-9a-f]{2}\b)([a-z]\S*)\s*(.*)")


@dataclass(frozen=True)
class Spot:
    """One instruction in memory and how often it was executed during one measured call.

    Attributes:
        address: where it is.
        executed: how often.
        left: how often the instruction behind it was not the next one: a branch that was taken, a return.
    """

    address: int
    executed: int
    left: int


@dataclass(frozen=True)
class Counts:
    """What one inference executed: groat_run as a whole, and each step run by itself, or its rows if it is a stream's.

    Attributes:
        image, steps_image: those that the addresses are of.
    """

    run: tuple[Spot, ...]
    steps: tuple[tuple[Spot, ...], ...]
    image: Path
    steps_image: Path


@dataclass(frozen=True)
class Symbol:
    """A function of an image; `size` in bytes, 0 if nobody knows it."""

    name: str
    address: int
    size: int


@dataclass(frozen=True)
class Instruction:
    """One line of a disassembly; the opcode without the suffix that says how wide it is encoded."""

    opcode: str
    operands: str


def total(spots: Iterable[Spot]) -> int:
    """Executed instructions of all spots."""
    return sum(spot.executed for spot in spots)


def parse(text: str) -> list[tuple[Spot, ...]]:
    """The measured calls in the order they happened, from the plugin's file.

    Raises:
        RunnerError: the file is cut or not of the plugin.
    """
    lines = text.splitlines()
    last = lines[-1].split() if lines else []
    try:
        if len(last) != 2 or last[0] != "end":
            raise ValueError("it does not end with the number of calls")
        calls: list[list[Spot]] = [[] for _ in range(int(last[1]))]
        for line in lines[:-1]:
            call, address, executed, left = line.split()
            calls[int(call)].append(Spot(int(address, 16), int(executed), int(left)))
    except (ValueError, IndexError) as error:
        raise RunnerError(f"the counts of QEMU's plugin cannot be read: {error}") from error
    return [tuple(spots) for spots in calls]


# ---- Functions ------------------------------------------------------------------------------------------


class Functions:
    """The functions of an image, by address.

    A static function is named with its file, as in "run (conv_2d.c)": many files have one of that name.  What a
    compiler built into another function belongs to that.
    """

    def __init__(self, image: Path) -> None:
        """Reads the symbols of an ELF file."""
        functions: dict[int, Symbol] = {}
        labels: dict[int, Symbol] = {}  # of assembly whose author did not say what is a function
        with image.open("rb") as file:
            elf = ELFFile(file)
            code = {
                index
                for index, section in enumerate(elf.iter_sections())
                if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR
            }
            table = elf.get_section_by_name(".symtab")
            assert isinstance(table, SymbolTableSection)  # an image is never stripped
            thumb = 1 if elf["e_machine"] == "EM_ARM" else 0
            source = ""
            for entry in table.iter_symbols():
                kind, bind = entry["st_info"]["type"], entry["st_info"]["bind"]
                if kind == "STT_FILE":
                    source = entry.name
                if entry["st_shndx"] not in code or entry.name.startswith(("$", ".L")) or not entry.name:
                    continue
                local = bind == "STB_LOCAL"
                name = f"{entry.name} ({source})" if local and kind == "STT_FUNC" and source else entry.name
                if kind == "STT_FUNC":
                    address = entry["st_value"] & ~thumb
                    symbol = Symbol(name, address, entry["st_size"])
                    functions[address] = min(functions.get(address, symbol), symbol, key=_preferred)
                elif kind == "STT_NOTYPE":
                    address = entry["st_value"]
                    symbol = Symbol(name, address, 0)
                    labels[address] = min(labels.get(address, symbol), symbol, key=_preferred)
        self._by_name = {symbol.name: symbol for symbol in functions.values()}
        self._functions = [functions[address] for address in sorted(functions)]
        self._labels = [labels[address] for address in sorted(labels)]

    def named(self, name: str) -> Symbol:
        """The function of that name; RunnerError if there is none."""
        if name not in self._by_name:
            raise RunnerError(f"the image has no function {name}, which is needed to count instructions")
        return self._by_name[name]

    def at(self, address: int) -> str:
        """The name of the function that an address lies in; of the last label before it if in none."""
        function = _before(self._functions, address)
        if function is not None and address < function.address + function.size:
            return function.name
        label = _before(self._labels, address)
        found = [symbol for symbol in (function, label) if symbol is not None and (symbol is label or not symbol.size)]
        return max(found, key=lambda symbol: symbol.address).name if found else UNKNOWN


def _preferred(symbol: Symbol) -> tuple[bool, int, str]:
    """Of several names of one function: one with a size, then the shortest."""
    return symbol.size == 0, len(symbol.name), symbol.name


def _before(symbols: list[Symbol], address: int) -> Symbol | None:
    index = bisect.bisect_right(symbols, address, key=lambda symbol: symbol.address)
    return symbols[index - 1] if index else None


# ---- Opcodes --------------------------------------------------------------------------------------------


def disassemble(target: Target, image: Path) -> dict[int, Instruction]:
    """All instructions of an image, by address.

    LLVM's disassembler knows the vector instructions of every target; the one within QEMU does not.

    Raises:
        ToolchainError: it is not installed.
    """
    # The image's own attributes do not tell all that an Arm core has; a RISC-V one's do.
    flags = target.compiler.flags if target.compiler is not None else ()
    command = [
        toolchain.require(DISASSEMBLER, "telling instructions by opcode"),
        *(flag.replace("-mcpu=", "--mcpu=") for flag in flags if flag.startswith("-mcpu=")),
        *("--disassemble", "--no-show-raw-insn", str(image)),
    ]
    found: dict[int, Instruction] = {}
    for line in toolchain.run(command, _TIMEOUT_SECONDS).splitlines():
        match = _LINE.fullmatch(line)
        if match is not None:
            opcode = re.sub(r"\.[nw]$", "", match[2])
            found[int(match[1], 16)] = Instruction(opcode, match[3].split("@")[0].strip())
    return found


def group(spots: Iterable[Spot], key: Callable[[Spot], str]) -> dict[str, Sequence[Spot]]:
    """Spots by what `key` says of each; the group with most executed instructions first."""
    groups: dict[str, list[Spot]] = {}
    for spot in spots:
        groups.setdefault(key(spot), []).append(spot)
    return dict(sorted(groups.items(), key=lambda item: (-total(item[1]), item[0])))
