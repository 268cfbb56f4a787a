# SPDX-License-Identifier: Apache-2.0
"""Writes the golden files again: python tests/golden/make.py, from the root of the checkout.

good/  NAME.tflite, NAME.groat as packed for the portable kernels, NAME.in and NAME.out: RUNS sets of inputs, one
       behind the other, and what TensorFlow Lite Micro makes of them (or we: models.OWN_RESULTS)
bad/   packed models that break one rule each; manifest.json says with which status they are refused

Existing files stand for files in the field, so they are not replaced: delete those that shall be made anew, which
only a new version of the format excuses.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.golden import models  # noqa: E402
from tests.golden.broken import bad_files  # noqa: E402
from tests.support.random_graphs import random_inputs  # noqa: E402

from groat.compiler import compile_model  # noqa: E402
from groat.oracle.tflm import Tflm  # noqa: E402
from groat.runners.host import HostRunner  # noqa: E402

GOOD = ROOT / "tests" / "golden" / "good"
BAD = ROOT / "tests" / "golden" / "bad"
RUNS = 3


def write_good(name: str) -> None:
    """Writes the four files of a model that are not there yet."""
    model = GOOD / f"{name}.tflite"
    if not model.exists():
        model.write_bytes(models.build(name))
    source = model.read_bytes()
    packed = model.with_suffix(".groat")
    if not packed.exists():
        packed.write_bytes(compile_model(source, **models.OPTIONS.get(name, {})).packed)
    if not model.with_suffix(".out").exists():
        oracle = HostRunner(packed.read_bytes()) if name in models.OWN_RESULTS else Tflm(source, name)
        runs = [random_inputs(source, seed) for seed in range(RUNS)]
        results = [oracle.run(inputs) for inputs in runs]
        model.with_suffix(".in").write_bytes(b"".join(np.ascontiguousarray(x).tobytes() for run in runs for x in run))
        model.with_suffix(".out").write_bytes(b"".join(y.tobytes() for run in results for y in run))


def write_bad() -> None:
    """Writes the bad files that are not there yet, and the manifest."""
    good = {path.stem: path.read_bytes() for path in GOOD.glob("*.groat")}
    files = bad_files(good)
    for name, file in files.items():
        path = BAD / f"{name}.groat"
        if not path.exists():
            path.write_bytes(file.data)
    manifest = {name: {"open": file.open_status, "crc": file.crc_status} for name, file in files.items()}
    (BAD / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    for folder in (GOOD, BAD):
        folder.mkdir(exist_ok=True)
    for name in models.MODELS:
        write_good(name)
    write_bad()
    total = sum(path.stat().st_size for folder in (GOOD, BAD) for path in folder.iterdir())
    print(f"{len(models.MODELS)} good models, {len(list(BAD.glob('*.groat')))} bad files, {total} bytes")


if __name__ == "__main__":
    main()
