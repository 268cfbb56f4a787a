# SPDX-License-Identifier: Apache-2.0
"""Holds kernels to their contract, on this host and on emulated cores, and prints what they cost.

    python -m tests.kernels.checkkernel                               every set on the host, with sanitizers, and on
                                                                      every core
    python -m tests.kernels.checkkernel --kernel conv_s8 --on qemu:cortex-m55 --cases 2000
    python -m tests.kernels.checkkernel --table                       only the table of instructions
    python -m tests.kernels.checkkernel --table --save before.json    kept, for --against before.json after a change
    python -m tests.kernels.checkkernel --seed 137 --kernel conv_s8 --on dsp    one case again

A place is a kernel set (dsp: the shipped files on this host, instructions emulated, with address and undefined-
behaviour sanitizers) or a device (qemu:cortex-m4: the files as firmware has them).  `make checkkernel` runs it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.kernels import cases as kernel_cases
from tests.kernels.casefile import EQUAL, NEEDS, NOT_RUN, RUN, TOO_LARGE, Answer, Case, decode, encode, main_kernels
from tests.kernels.casefile import program as program_text
from tests.support import cc

from groat import firmware, toolchain
from groat.errors import GroatError, InputError
from groat.isa import PACKINGS
from groat.runners.qemu import run_program
from groat.targets import Target, list_targets, load_target

HOST_BYTES = 1 << 20
TIMEOUT_SECONDS = 300.0
PORT = cc.TESTS / "kernels" / "port_host.c"
_DIRECTORIES = (f"-I{cc.ROOT}", f"-I{cc.RUNTIME / 'include'}")


class Refused(AssertionError):
    """A kernel does not do as its contract says; the text says for which case."""


@dataclass(frozen=True)
class Place:
    """Where kernels run: this host, or a device.

    Attributes:
        packing: the kernel set.
        target: the device; None for the host.
        vector_bits: of a vector register, where that is not the target's own; 0 otherwise.
    """

    packing: str
    target: Target | None = None
    vector_bits: int = 0

    @property
    def name(self) -> str:
        if self.target is None:
            return f"host, {self.packing}"
        return self.target.name + (f", {self.vector_bits} bits" if self.vector_bits else "")


def place(name: str, packing: str | None = None) -> Place:
    """A place by its name on the command line: dsp, qemu:cortex-m4, qemu:rv32v:256; InputError for another."""
    kind, _, rest = name.partition(":")
    if kind != "qemu":
        if name not in PACKINGS:
            raise InputError(f"no kernel set {name!r}; expected {', '.join(PACKINGS)} or a device like qemu:cortex-m4")
        return Place(name)
    device, _, bits = rest.partition(":")
    target = load_target(device)
    return Place(packing or target.packing, replace(target, packing=packing or target.packing), int(bits or 0))


def all_places() -> list[Place]:
    devices = [place(f"qemu:{name}") for name in list_targets() if name != "host"]
    return [*map(Place, PACKINGS), *devices, place("qemu:rv32v:256")]


# ---- Building and running -------------------------------------------------------------------------------


def kernel_files(packing: str) -> list[Path]:
    """The C files of a kernel set, those of `ref` included."""
    folders = ["ref"] if packing == "ref" else ["ref", packing]
    return [path for folder in folders for path in sorted((cc.RUNTIME / "kernels" / folder).glob("*.c"))]


@dataclass(frozen=True)
class Program:
    """checkkernel, built for a place."""

    place: Place
    path: Path
    timeout: float = TIMEOUT_SECONDS
    mutant: tuple[str, str] | None = None
    """What stands in for a kernel, to see whether it is found: (kernel, mistake) of mutants.h."""

    def run(self, cases: Sequence[Case], folder: Path) -> list[Answer]:
        """Answers to all cases.  Raises Refused if the program ends before, with what it said."""
        (folder / "groat.in").write_bytes(encode(cases, self.mutant))
        (folder / "groat.out").write_bytes(b"")
        if self.place.target is None:
            done = cc.run(self.path, timeout=self.timeout, folder=folder)
            code, output = done.code, done.output
        else:
            target = _with_vectors(self.place.target, self.place.vector_bits)
            code, output = run_program(target, self.path, count=True, timeout=self.timeout, folder=folder)
        answers = decode((folder / "groat.out").read_bytes())
        if len(answers) < len(cases):
            guilty = cases[len(answers)]
            raise Refused(f"{self.place.name}: {guilty.kernel}, {guilty.label}: ended with code {code}\n{output}")
        return answers


def _with_vectors(target: Target, bits: int) -> Target:
    if bits == 0:
        return target
    assert target.qemu is not None
    args = tuple(word.replace("vlen=128", f"vlen={bits}") for word in target.qemu.args)
    return replace(target, qemu=replace(target.qemu, args=args))


def host_flags(packing: str) -> list[str]:
    isa = [] if packing == "ref" else [f"-DGROAT_ISA_{packing.upper()}", f"-I{cc.ROOT / 'bindings' / 'emulate'}"]
    # Emulated vectors take half a minute to optimise, and run quickly enough without.
    return [*cc.SANITIZERS, "-O0", *isa, f"-I{cc.ROOT}", f"-DCHECKKERNEL_BYTES={HOST_BYTES}"]


def host_objects(folder: Path, packing: str) -> list[Path]:
    """Objects of a kernel set and of the port, for programs on the host."""
    made = []
    own = [path for path in kernel_files(packing) if path not in kernel_files("ref")]
    for number, files in enumerate((kernel_files("ref"), own, [PORT])):
        part = folder / f"part{number}"  # of their own: both sets have files of the same names
        part.mkdir()
        made += cc.objects(part, files, host_flags(packing))
    return made


def build(where: Place, folder: Path, objects: Sequence[Path] = ()) -> Program:
    """Builds checkkernel; ToolchainError if that fails.

    Args:
        folder: for what is made.
        objects: of host_objects, if they exist already.
    """
    source = folder / "checkkernel.c"
    source.write_text(program_text(), encoding="utf-8")
    if where.target is None:
        files = [source, *(objects or host_objects(folder, where.packing))]
        built = cc.build(folder / "checkkernel", files, host_flags(where.packing))
        return Program(where, built)
    flags = ["-O2", *_DIRECTORIES]
    return Program(where, firmware.build_program(where.target, [source, *kernel_files(where.packing)], flags).path)


# ---- Checking -------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What became of the cases of a kernel."""

    cases: int = 0
    run: int = 0
    doubtful: int = 0  # of those that ran, with constants that may be damaged
    refused: int = 0  # because their constants are damaged, or the set has no such way
    too_large: int = 0


def memory_bytes(where: Place) -> int:
    """Of the arrays of one case, about: the small cores have little."""
    return HOST_BYTES if where.target is None else max(0, where.target.memory("data").length - 4096)


def check(program: Program, kernel: str, numbers: range) -> Tally:
    """Runs hostile cases of a kernel; Refused with the first that goes wrong."""
    room = memory_bytes(program.place)
    drawn = kernel_cases.hostile(program.place.packing, kernel, numbers)
    small = [case for case in drawn if case.bytes <= room]
    tally = Tally(cases=len(drawn), too_large=len(drawn) - len(small))
    with tempfile.TemporaryDirectory(prefix="groat-") as name:
        answers = program.run(small, Path(name))
    for case, answer in zip(small, answers, strict=True):
        wrong = case.wrong(answer)
        if wrong is not None:
            raise Refused(f"{program.place.name}: {kernel}, {case.label}: {wrong}")
        tally.too_large += answer.status == TOO_LARGE
        tally.run += answer.status == EQUAL or (case.purpose == NEEDS and answer.status == NOT_RUN)
        tally.refused += answer.status == NOT_RUN and case.purpose != NEEDS
        tally.doubtful += answer.status == EQUAL and case.purpose != RUN
    return tally


@dataclass(frozen=True)
class Cost:
    """Executed instructions of one representative call."""

    kernel: str
    label: str
    instructions: int
    units: int


def costs(program: Program, kernel: str) -> list[Cost]:
    """What the representative calls of a kernel cost on a device; those that do not fit there are left out.

    Raises Refused if a result is wrong.
    """
    assert program.place.target is not None
    assert program.place.target.counter is not None
    found = []
    labelled = kernel_cases.shapes(program.place.packing, kernel)
    labelled = [(label, case) for label, case in labelled if case.bytes <= memory_bytes(program.place)]
    with tempfile.TemporaryDirectory(prefix="groat-") as name:
        answers = program.run([case for _, case in labelled], Path(name))
    for (label, case), answer in zip(labelled, answers, strict=True):
        wrong = case.wrong(answer)
        if wrong is not None:
            raise Refused(f"{program.place.name}: {kernel}, {label}: {wrong}")
        if answer.status == EQUAL:
            instructions = program.place.target.counter.instructions(answer.ticks)
            found.append(Cost(kernel, label, instructions, case.units))
    return found


# ---- The command ----------------------------------------------------------------------------------------


Earlier = dict[str, dict[str, int]]  # place -> kernel and shape -> instructions


def save(found: dict[str, list[Cost]], path: Path) -> None:
    """Writes the instructions of all calls, for `--against`."""
    kept: Earlier = {name: {f"{c.kernel}: {c.label}": c.instructions for c in there} for name, there in found.items()}
    path.write_text(json.dumps(kept, indent=1), encoding="utf-8")


def table_of(found: dict[str, list[Cost]], earlier: Earlier | None = None) -> Table:
    """Instructions for each multiply-accumulate (pools: element read; others: element written), cores side by side;
    with the change since `earlier`."""
    table = Table(title="Executed instructions per MAC or element (QEMU; not cycles)", title_justify="left")
    table.add_column("kernel", no_wrap=True)
    table.add_column("shape", no_wrap=True)
    for name in found:
        table.add_column(name, justify="right")
    rows = dict.fromkeys((cost.kernel, cost.label) for there in found.values() for cost in there)
    for kernel, label in rows:
        cells = []
        for name, there in found.items():
            here = next((cost for cost in there if (cost.kernel, cost.label) == (kernel, label)), None)
            cell = f"{here.instructions / here.units:.3g}" if here is not None else "–"
            before = (earlier or {}).get(name, {}).get(f"{kernel}: {label}")
            if here is not None and before:
                cell += f" ({here.instructions / before - 1:+.1%})"
            cells.append(cell)
        table.add_row(kernel, label, *cells)
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", action="append", help="a kernel set or a device; may be given again (all)")
    parser.add_argument("--kernel", action="append", choices=main_kernels(), help="only this one; may be given again")
    parser.add_argument("--cases", type=int, default=300, help="hostile cases of each kernel (300)")
    parser.add_argument("--seed", type=int, default=0, help="the number of the first case (0)")
    parser.add_argument("--table", action="store_true", help="no hostile cases, only the table")
    parser.add_argument("--save", type=Path, help="keep the figures of the table in this file")
    parser.add_argument("--against", type=Path, help="a file of --save: show what has changed since")
    parser.add_argument("--packing", help="this kernel set on the devices in place of their own, such as ref")
    arguments = parser.parse_args()
    console = Console() if Console().is_terminal else Console(width=180)
    try:
        places = [place(name, arguments.packing) for name in arguments.on] if arguments.on else all_places()
        missing = sorted({what for p in places if p.target for what in (t.what for t in toolchain.check(p.target))})
        if missing:
            raise InputError(f"{', '.join(missing)} missing: {toolchain.install_command(missing)}")
        numbers = range(arguments.seed, arguments.seed + arguments.cases)
        chosen = arguments.kernel or main_kernels()
        if arguments.table:
            places, numbers = [p for p in places if p.target is not None], range(0)

        def work(where: Place) -> tuple[dict[str, Tally], list[Cost]]:
            with tempfile.TemporaryDirectory(prefix="groat-") as folder:
                program = build(where, Path(folder))
                tallies = {kernel: check(program, kernel, numbers) for kernel in chosen} if numbers else {}
                found = [] if where.target is None else [c for kernel in chosen for c in costs(program, kernel)]
                return tallies, found

        found: dict[str, list[Cost]] = {}
        with ThreadPoolExecutor(2) as pool:
            for where, (tallies, there) in zip(places, pool.map(work, places), strict=True):
                for kernel, tally in tallies.items():
                    more = f", {tally.too_large} too large" if tally.too_large else ""
                    refused = f", {tally.refused} refused" if tally.refused else ""
                    console.print(f"{where.name}: {kernel}: {tally.run} of {tally.cases} cases agree{refused}{more}")
                if there:
                    found[where.name] = there
    except (Refused, GroatError, subprocess.SubprocessError) as error:
        console.print(f"checkkernel: {error}", markup=False)
        return 1
    earlier = json.loads(arguments.against.read_text(encoding="utf-8")) if arguments.against else None
    if found:
        console.print(table_of(found, earlier))
    if arguments.save:
        save(found, arguments.save)
    return 0


if __name__ == "__main__":
    sys.exit(main())
