# SPDX-License-Identifier: Apache-2.0
"""Models of the zoo, and data for it that nobody recorded."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import parquet

from groat.zoo.building import Built, build

LARGE = ("mobilenet_v2", "mobilenet_v3", "efficientnet_lite")
"""Models that take long to build."""


@cache
def built(name: str) -> Built:
    """A model with the weights that come along, in int8."""
    return build(name)


def words(path: Path) -> Path:
    """Four speakers who whistle ten digits, higher each."""
    rng = np.random.default_rng(0)
    parts, labels, speakers = [], [], []
    for speaker, name in enumerate(("ann", "bob", "eve", "tom")):
        for digit in range(10):
            time = np.arange(3000 + 500 * speaker) / 8000
            tone = 8000 * np.sin(2 * np.pi * (200 + 300 * digit) * time) + rng.normal(0, 100, len(time))
            parts.append(tone.astype(np.int16))
            labels.append(digit)
            speakers.append(name)
    offsets = np.cumsum([0, *map(len, parts)])
    np.savez(path, samples=np.concatenate(parts), offsets=offsets, label=np.array(labels), speaker=np.array(speakers))
    return path


def movements(
    path: Path, sessions: int = 3, step: float = 0.01, length: int = 400, name: str = "", axis: str = "z"
) -> Path:
    """Three gestures in sessions of three, six and three recordings.

    Args:
        step: between samples, s.
        length: samples of a recording.
        name: before that of each recording, which is when it began.
        axis: name of the third column.
    """
    rng = np.random.default_rng(0)
    begins = (datetime(2024, 5, 1, 8), datetime(2024, 5, 1, 12), datetime(2024, 5, 2, 10))[:sessions]
    columns: dict[str, list[object]] = {key: [] for key in ("time", "x", "y", axis, "file", "activity")}
    for session, begin in enumerate(begins):
        for number in range(6 if session == 1 else 3):
            gesture = ("circle", "rest", "shake")[number % 3]
            time = np.arange(length) * step
            turn = 2 * np.pi * time * rng.uniform(0.9, 1.1)
            still = np.zeros(length)
            values = {
                "circle": (np.sin(turn), np.cos(turn), still + 1),
                "rest": (still, still, still + 1),
                "shake": (np.sin(5 * turn), still, still + 1),
            }[gesture]
            columns["time"] += list(time)
            for key, value in zip(("x", "y", axis), values, strict=True):
                columns[key] += list(value + rng.normal(0, 0.02, length))
            label = name + f"{begin + timedelta(minutes=number):%Y-%m-%dT%H%M%S}_{gesture}.npy"
            columns["file"] += [label] * length
            columns["activity"] += [gesture] * length
    parquet.write_table(pyarrow.table(columns), path)
    return path
