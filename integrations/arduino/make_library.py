# SPDX-License-Identifier: Apache-2.0
"""Puts an Arduino library together: python integrations/arduino/make_library.py -o groat.zip --model model.groat

The runtime's files are those that runtime/library.json selects.  Arduino gives no compiler options to a library, so
each C file says by itself that products and sums are not contracted.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RUNTIME = ROOT / "runtime"
NAME = "groat"
HEADER = '/* SPDX-License-Identifier: Apache-2.0 */\n#include "include/groat/groat.h"\n'
NO_CONTRACTION = '#pragma GCC optimize("fp-contract=off")\n'


def runtime_files() -> list[Path]:
    """The C files that library.json selects, and all headers beside them."""
    build = json.loads((RUNTIME / "library.json").read_text(encoding="utf-8"))["build"]
    patterns = [rule[1:].strip("<>") for rule in build["srcFilter"] if rule.startswith("+")]
    files = {path for pattern in patterns for path in RUNTIME.glob(pattern)}
    folders = {path.parent for path in files}
    files |= {path for folder in folders for kind in ("*.h", "*.def") for path in folder.glob(kind)}
    files |= {*RUNTIME.glob("kernels/*.h"), *RUNTIME.glob("kernels/*.def"), *RUNTIME.glob("*.def")}
    files |= set((RUNTIME / "include").rglob("*.h"))
    return sorted(files)


def library(model: Path | None) -> dict[str, str]:
    """Name in the library -> text."""
    found = {"library.properties": (HERE / "library.properties").read_text(encoding="utf-8"), "src/groat.h": HEADER}
    for path in runtime_files():
        text = path.read_text(encoding="utf-8")
        found[f"src/{path.relative_to(RUNTIME)}"] = NO_CONTRACTION + text if path.suffix == ".c" else text
    if model is not None:
        sketch = HERE / "examples" / "hello_groat" / "hello_groat.ino"
        found["examples/hello_groat/hello_groat.ino"] = sketch.read_text(encoding="utf-8")
        found["examples/hello_groat/model.h"] = model_header(model)
    return found


def model_header(path: Path) -> str:
    data = path.read_bytes()
    lines = "\n".join(" ".join(f"0x{byte:02x}," for byte in data[at : at + 16]) for at in range(0, len(data), 16))
    return f"/* Made by make_library.py from {path.name}. */\nalignas(16) const uint8_t model[] = {{\n{lines}\n}};\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the Arduino library.")
    parser.add_argument("-o", "--output", type=Path, default=Path(f"{NAME}.zip"), help="the library (groat.zip)")
    parser.add_argument("--model", type=Path, help="a packed model for the example; without one it is left out")
    options = parser.parse_args()
    with zipfile.ZipFile(options.output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in library(options.model).items():
            archive.writestr(f"{NAME}/{name}", text)
    print(options.output)


if __name__ == "__main__":
    main()
