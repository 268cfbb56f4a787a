# SPDX-License-Identifier: Apache-2.0
"""What a model needs of a target, known before anything is built."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from groat.compiler import Job, Model
from groat.errors import FitError
from groat.fit import fit, smallest_facts, trade_off
from groat.options import Options


def analyze_model(
    model: Model | str | os.PathLike[str] | bytes, target: str, options: Options | None = None, **choices: Any
) -> dict[str, Any]:
    """Compiles a model and says whether arena and packed model fit.

    Args:
        options, choices: as of groat.compile; a model that does not fit the flash so is reported as its smallest, and
            one that does not fit the RAM so with the smallest arena.

    Returns Compiled.report with model_bytes (in place of file_bytes), fits, ram_bytes and flash_bytes (what there is of
    both; None: no limit), pareto: [{arena_bytes, mac_overhead}], where no schedule is better in both, from the fewest
    multiply-accumulates to the fewest bytes; where the arena does not fit also smallest_bytes and helps, as of
    groat.fit.smallest_facts.

    Raises as groat.compile, but for FitError.
    """
    options = replace(options or Options(), **choices)
    try:
        return _analyze(Job(model, target, options), options)
    except FitError:  # then say by how much
        return _analyze(Job(model, target, replace(options, optimize="size", flash=None)), options)


def _analyze(job: Job, options: Options) -> dict[str, Any]:
    anyhow = replace(job.options, ram=None)
    room = options.ram if options.ram is not None else job.room
    fitted = fit(job.graph, anyhow, job.pack, room)
    ram = options.ram if options.ram is not None else job.target.ram_bytes or None
    flash = options.flash if options.flash is not None else job.target.flash_bytes or None
    report = job.compiled(fitted).report
    model_bytes = report.pop("file_bytes")
    arena_fits = ram is None or fitted.arena_bytes <= ram
    report |= {
        "model_bytes": model_bytes,
        "ram_bytes": ram,
        "flash_bytes": flash,
        "fits": arena_fits and (flash is None or model_bytes <= flash),
        "pareto": trade_off(job.graph, anyhow, job.pack),
    }
    if not arena_fits:
        report |= smallest_facts(job.graph, anyhow, job.pack, fitted)
    return report
