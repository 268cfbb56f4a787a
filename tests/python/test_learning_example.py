# SPDX-License-Identifier: Apache-2.0
"""examples/learning: a C program that learns, is killed at any moment, and goes on from what it committed last."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from tests.support import cc
from tools.tflite_builder import Builder

import groat

CLASSES, FEATURES, SAMPLES = 4, 12, 1200
TIMEOUT_SECONDS = 60.0


def samples() -> bytes:
    """Points around a corner for each class, with their labels: easy to tell apart for who has seen some."""
    draw = np.random.default_rng(4)
    corners = draw.normal(size=(CLASSES, FEATURES))
    labels = draw.integers(0, CLASSES, SAMPLES)
    points = (corners[labels] + 0.3 * draw.normal(size=(SAMPLES, FEATURES))).astype(np.float32)
    return b"".join(x.tobytes() + np.int32(y).tobytes() for x, y in zip(points, labels, strict=True))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program `learn`, a model and samples."""
    folder = tmp_path_factory.mktemp("learning")
    draw = np.random.default_rng(5)
    m = Builder()
    x = m.input((1, FEATURES), "float32")
    weights = [draw.normal(0, 0.3, shape).astype(np.float32) for shape in ((16, FEATURES), (CLASSES, 16))]
    x = m.fully_connected(x, weights[0], np.zeros(16, np.float32), None, None, activation="RELU")
    y = m.fully_connected(x, weights[1], np.zeros(CLASSES, np.float32), None, None)
    groat.compile(m.build([y]), train=groat.Train()).save(folder / "model.groat")
    (folder / "samples").write_bytes(samples())
    cc.build(folder / "learn", [cc.ROOT / "examples" / "learning" / "main.c", *cc.runtime_files()])
    return folder


def losses(output: str) -> list[float]:
    return [float(loss) for loss in re.findall(r"mean loss ([\d.]+), committed", output)]


def test_it_goes_on_from_the_last_commit(place: Path) -> None:
    command = ["model.groat", "flash.bin", "samples", "0.01"]
    first = cc.run(place / "learn", command, TIMEOUT_SECONDS, place)
    assert first.code == 0, first.output
    assert "bytes of parameters: the flash holds no committed parameters\n" in first.output
    assert len(losses(first.output)) == SAMPLES // 100
    assert losses(first.output)[0] > 0.8
    second = cc.run(place / "learn", command, TIMEOUT_SECONDS, place)
    assert "bytes of parameters: as they were committed last\n" in second.output
    assert losses(second.output)[0] < 0.3 * losses(first.output)[0]


def test_it_may_be_killed_at_any_moment(place: Path) -> None:
    """Never does it start from anything but the initial parameters, or ones that were trained."""
    (place / "samples.long").write_bytes(samples() * 40)
    command = [str(place / "learn"), "model.groat", "killed.bin", "samples.long", "0.05"]
    commits = 0
    for attempt in range(8):
        with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            start = process.stdout.readline()
            expected = "as they were committed last" if commits else "the flash holds no committed parameters"
            assert expected in start
            process.stdout.readline()  # one commit
            time.sleep(0.005 * attempt)
            process.send_signal(signal.SIGKILL)
            commits += 1
            found = losses(process.stdout.read())
        assert all(np.isfinite(found))
        if attempt > 2:
            assert all(loss < 0.5 for loss in found)


def test_what_is_missing_is_said(place: Path) -> None:
    for arguments, message in [
        ([], "usage: learn"),
        (["none.groat", "f", "samples", "0.1"], "none.groat: No such file"),
        (["samples", "f", "samples", "0.1"], "learn: samples: the bytes are not a packed Groat model"),
    ]:
        done = cc.run(place / "learn", arguments, TIMEOUT_SECONDS, place)
        assert done.code != 0
        assert message in done.output
