# SPDX-License-Identifier: Apache-2.0
"""What a model needs of a target, known before anything is built."""

from __future__ import annotations

import os
from typing import Any

from groat.compiler import Model, compile_model
from groat.errors import FitError
from groat.targets import load_target


def analyze_model(
    model: Model | str | os.PathLike[str] | bytes,
    target: str,
    ram_bytes: int | None = None,
    flash_bytes: int | None = None,
    optimize: str = "balanced",
) -> dict[str, Any]:
    """The report of groat.compile, and whether arena and packed model fit.

    Args:
        ram_bytes: what the arena may take; default: all RAM of the target.
        flash_bytes: what the packed model may take; default: all flash of the target.
        optimize: as of groat.compile; a model that does not fit the flash so is reported as its smallest.

    Returns Compiled.report with ram_bytes and flash_bytes (None: no limit), model_bytes and fits.
    Raises as groat.compile.
    """
    description = load_target(target)
    try:
        compiled = compile_model(model, target, None, optimize, flash_bytes)
    except FitError:  # then say by how much
        compiled = compile_model(model, target, None, "size")
    report = compiled.report
    ram = ram_bytes if ram_bytes is not None else description.ram_bytes or None
    flash = flash_bytes if flash_bytes is not None else description.flash_bytes or None
    model_bytes = report.pop("file_bytes")
    fits = (ram is None or report["arena_bytes"] <= ram) and (flash is None or model_bytes <= flash)
    return {**report, "model_bytes": model_bytes, "ram_bytes": ram, "flash_bytes": flash, "fits": fits}
