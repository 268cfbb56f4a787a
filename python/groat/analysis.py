# SPDX-License-Identifier: Apache-2.0
"""What a model needs of a target, known before anything is built."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from groat.advice import advise
from groat.compiler import Compiled, Job, Model, write_file
from groat.errors import FitError
from groat.fit import fit, smallest_facts, trade_off
from groat.options import Options
from groat.plot import draw
from groat.progress import Progress, silent


def analyze_model(
    model: Model | str | os.PathLike[str] | bytes,
    target: str,
    options: Options | None = None,
    plot: str | os.PathLike[str] | None = None,
    advice: bool = False,
    progress: Progress = silent,
    **choices: Any,
) -> dict[str, Any]:
    """Compiles a model and says whether arena and packed model fit.

    Args:
        options, choices: as of groat.compile; a model that does not fit the flash so is reported as its smallest, and
            one that does not fit the RAM so with the smallest arena.
        advice: tell also how the network could be changed to need less (groat.advice).
        progress: told how far planning is.
        plot: where to write a picture of the plan (groat.plot), an SVG.

    Returns Compiled.report with model_bytes (in place of file_bytes), fits, ram_bytes and flash_bytes (what there is of
    both; None: no limit; of several memories the sum), pareto: [{arena_bytes, mac_overhead}], where no schedule is
    better in both, from the fewest multiply-accumulates to the fewest bytes; where the arena does not fit one memory
    also smallest_bytes and helps, as of groat.fit.smallest_facts; with `advice` also advice, as of groat.advice.advise.

    Raises as groat.compile, but for FitError; InputError also where `plot` cannot be written.
    """
    options = replace(options or Options(), **choices)
    try:
        job = Job(model, target, options, progress=progress)
        compiled, report = _analyze(job, options)
    except FitError:  # then say by how much
        job = Job(model, target, replace(options, optimize="size", flash=None), progress=progress)
        compiled, report = _analyze(job, options)
    if advice:
        report["advice"] = advise(job.graph, options, progress)
    if plot is not None:
        write_file(Path(plot), draw(compiled, report["pareto"]).encode())
    return report


def _analyze(job: Job, options: Options) -> tuple[Compiled, dict[str, Any]]:
    anyhow = replace(job.options, ram=None)
    room = job.options.ram if job.options.ram is not None else job.room
    fitted = fit(job.graph, anyhow, job, room, job.regions, job.options.ram is not None)
    ram = job.options.ram if job.options.ram is not None else job.target.ram_bytes or None
    flash = options.flash if options.flash is not None else job.target.flash_bytes or None
    compiled = job.compiled(fitted)
    report = compiled.report
    model_bytes = report.pop("file_bytes")
    several = len(job.regions) > 1
    if several:
        ram = sum(region.nbytes or 0 for region in job.regions)
    arena_fits = fitted.chosen.plan.missing == 0 if several else ram is None or fitted.arena_bytes <= ram
    report |= {
        "model_bytes": model_bytes,
        "ram_bytes": ram,
        "flash_bytes": flash,
        "fits": arena_fits and (flash is None or model_bytes <= flash),
        "pareto": trade_off(job.graph, anyhow, job),
    }
    if not arena_fits and not several:
        report |= smallest_facts(job.graph, anyhow, job, fitted)
    return compiled, report
