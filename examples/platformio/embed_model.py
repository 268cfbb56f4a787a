# SPDX-License-Identifier: Apache-2.0
"""Runs before a build: turns model.groat into src/model.c, so that the model is linked into the firmware."""

from pathlib import Path

Import("env")  # type: ignore[name-defined]  # noqa: F821

project = Path(env.subst("$PROJECT_DIR"))  # type: ignore[name-defined]  # noqa: F821
packed = project / "model.groat"
if not packed.is_file():
    raise SystemExit(f"there is no {packed}; make it: groat pack MODEL.tflite -o {packed}")
data = packed.read_bytes()
lines = "\n".join(" ".join(f"0x{byte:02x}," for byte in data[at : at + 16]) for at in range(0, len(data), 16))
text = f"""/* Made by embed_model.py from model.groat. */
#include "model.h"

_Alignas(16) const uint8_t model[] = {{
{lines}
}};
const uint32_t model_bytes = sizeof model;
"""
source = project / "src" / "model.c"
if not source.is_file() or source.read_text(encoding="utf-8") != text:
    source.write_text(text, encoding="utf-8")
