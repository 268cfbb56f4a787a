# SPDX-License-Identifier: Apache-2.0
"""How much checkkernel notices: a kernel set with one operator or number changed, again and again.

    python -m tests.kernels.mutate --packing dsp --count 40

Changes are drawn from the set's own C files, as they are compiled for the host.  A change that alters no object file
does not count; one that does not compile neither.  What survives is listed: a choice between two right ways, such as
the length from which another path is taken, or something that the cases do not reach.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.kernels.casefile import main_kernels, program
from tests.kernels.checkkernel import PORT, Place, Program, check, host_flags
from tests.support import cc

from groat.errors import ToolchainError
from groat.isa import PACKINGS

CASES = 200
TIMEOUT_SECONDS = 20.0
_SWAPS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&"}
_SWAPS |= {" + ": " - ", " - ": " + "}
_SITE = re.compile(r" [+-] |(?<![-<>])[<>]=?(?![<>])|[=!]=|&&|\|\||(?<![\w.])\d+(?=u?\b(?!\.))")
# Comments, strings (assembly is not compiled here) and lines of the preprocessor, continued ones too.
_BLANK = re.compile(r"/\*[\s\S]*?\*/|\"(?:\\.|[^\"\\])*\"|^[ \t]*#(?:.*\\\n)*.*$", re.MULTILINE)


@dataclass(frozen=True)
class Change:
    """One place of a file, and what stands there instead."""

    file: Path  # below the folder of the kernels
    line: int
    start: int
    end: int
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.old.strip()} -> {self.new.strip()}"


def changes(file: Path, text: str) -> Iterator[Change]:
    """All changes that a file allows."""
    hidden = _BLANK.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for site in _SITE.finditer(hidden):
        old = site[0]
        new = _SWAPS[old] if old in _SWAPS else str(int(old) + 1)
        yield Change(file, text.count("\n", 0, site.start()) + 1, site.start(), site.end(), old, new)


class Mutator:
    """A copy of the runtime in which one thing at a time is wrong."""

    def __init__(self, packing: str, folder: Path) -> None:
        self.packing = packing
        self.folder = folder
        self.kernels = folder / "runtime" / "kernels"
        shutil.copytree(cc.RUNTIME, folder / "runtime")
        own = self.kernels / packing
        self.sources = sorted(own.glob("*.c"))
        self.files = sorted([*own.glob("*.c"), *own.glob("*.h")])
        (folder / "checkkernel.c").write_text(program(), encoding="utf-8")
        others = [] if packing == "ref" else sorted((self.kernels / "ref").glob("*.c"))
        self.fixed = self._compile([folder / "checkkernel.c", PORT, *others], "fixed")
        self.base = self._compile(self.sources, "base")

    def _compile(self, sources: list[Path], name: str) -> list[Path]:
        (self.folder / name).mkdir(exist_ok=True)
        flags = [flag for flag in host_flags(self.packing) if flag != "-g"]
        return cc.objects(self.folder / name, sources, flags)

    def all_changes(self) -> list[Change]:
        found: list[Change] = []
        for path in self.files:
            found += changes(path.relative_to(self.kernels), path.read_text(encoding="utf-8"))
        return found

    def survives(self, change: Change) -> bool | None:
        """Whether no case notices; None if the change makes no difference or does not compile."""
        path = self.kernels / change.file
        text = path.read_text(encoding="utf-8")
        path.write_text(text[: change.start] + change.new + text[change.end :], encoding="utf-8")
        try:
            concerned = [path] if path.suffix == ".c" else self.sources
            made = {made.name: made for made in self._compile(concerned, "changed")}
        except ToolchainError:
            return None
        finally:
            path.write_text(text, encoding="utf-8")
        objects = [made.get(base.name, base) for base in self.base]
        if all(a.read_bytes() == b.read_bytes() for a, b in zip(objects, self.base, strict=True)):
            return None
        linked = cc.build(self.folder / "checkkernel", [*self.fixed, *objects])
        built = Program(Place(self.packing), linked, TIMEOUT_SECONDS)
        try:
            for kernel in main_kernels():
                check(built, kernel, range(CASES))
        except AssertionError:  # refused, or it did not end
            return False
        return True


def mutate(packing: str, count: int, seed: int, folder: Path) -> tuple[int, list[Change]]:
    """(how many changes there were, those that nothing noticed)."""
    mutator = Mutator(packing, folder)
    drawn = mutator.all_changes()
    random.Random(seed).shuffle(drawn)
    tried, survivors = 0, []
    for change in drawn:
        if tried == count:
            break
        survived = mutator.survives(change)
        tried += survived is not None
        if survived:
            survivors.append(change)
    return tried, survivors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packing", choices=PACKINGS, default="ref")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="groat-") as folder:
        tried, survivors = mutate(arguments.packing, arguments.count, arguments.seed, Path(folder))
    print(f"{arguments.packing}: {tried - len(survivors)} of {tried} changes noticed; not noticed:")
    for change in survivors:
        print(f"  {change}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
