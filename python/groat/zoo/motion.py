# SPDX-License-Identifier: Apache-2.0
"""Gestures: recordings of an accelerometer, and the split by session.

A sample is 2.56 s at 100 Hz: 256 values of each of three axes, in g.  Windows start every 0.64 s.

Recordings whose names say that they began less than ten minutes apart are one session.  Sessions are told apart before
anything is learnt: the one with most recordings of all gestures is for training; of the others, in order of time, the
first is validation, all that remain are the test.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from groat.errors import InputError, ToolchainError
from groat.graph.ir import Array
from groat.zoo.entries import Data, Split

HERTZ = 100
WINDOW, STEP = 256, 64
APART = timedelta(minutes=10)
AXES = ("x", "y", "z")
CLASSES = 4


@dataclass(frozen=True)
class Recording:
    """One gesture, done several times.

    Attributes:
        values: float32 [n, 3], in g.
    """

    begin: datetime
    gesture: str
    values: Array


def read(path: Path) -> Data:
    """A .parquet table of samples at 100 Hz: time in seconds; x, y, z in g; file, the name of a recording, which starts
    with when it began, as 2024-12-01T160415; activity, the gesture.  Raises InputError, ToolchainError."""
    sessions = sessions_of(recordings(path))
    if len(sessions) < 3:
        raise InputError(
            f"{path} has {len(sessions)} sessions, ten minutes apart; expected three at least, to split by"
        )
    classes = tuple(sorted({one.gesture for session in sessions for one in session}))
    largest = max(sessions, key=lambda session: (len({one.gesture for one in session}), len(session)))
    if len({one.gesture for one in largest}) < len(classes):
        raise InputError(f"{path}: no session has all of {', '.join(classes)}; expected one to learn from")
    others = [session for session in sessions if session is not largest]
    return Data(_split([largest], classes), _split(others[:1], classes), _split(others[1:], classes), classes)


def recordings(path: Path) -> list[Recording]:
    """All of a table, in order of time."""
    table = _table(path)
    names, found = table["file"], []
    for name in sorted(set(names.tolist())):
        rows = np.flatnonzero(names == name)
        rows = rows[np.argsort(table["time"][rows], kind="stable")]
        values = np.stack([table[axis][rows] for axis in AXES], axis=1).astype(np.float32)
        step = float(np.median(np.diff(table["time"][rows]))) if len(rows) > 1 else 0.0
        if len(rows) < WINDOW or not 0.95 < step * HERTZ < 1.05:
            raise InputError(
                f"{path}: recording {name} has {len(rows)} samples, {step:g} s apart; expected {WINDOW} at least, "
                f"{1 / HERTZ} s apart"
            )
        try:
            begin = datetime.strptime(str(name)[:17], "%Y-%m-%dT%H%M%S")
        except ValueError:
            raise InputError(f"{path}: recording {name!r}: expected a name that starts as 2024-12-01T160415") from None
        found.append(Recording(begin, str(table["activity"][rows[0]]), values))
    if not found:
        raise InputError(f"{path} has no recordings")
    return found


def _table(path: Path) -> dict[str, Array]:
    """Columns by name."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise ToolchainError("to read .parquet files takes the package pyarrow: pip install 'groat[zoo]'") from None
    columns = ["time", *AXES, "file", "activity"]
    try:
        table: Any = parquet.ParquetFile(path).read()
    except (OSError, ArrowException) as error:
        raise InputError(f"{path} cannot be read as .parquet: {error}") from error
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise InputError(f"{path} has no columns {', '.join(missing)}; it has {', '.join(table.column_names)}")
    arrays = {name: table.column(name).to_numpy() for name in columns}
    for name in ("time", *AXES):
        if arrays[name].dtype.kind not in "fiu":
            raise InputError(f"{path}: column {name} is {arrays[name].dtype}; expected numbers")
    return arrays


def sessions_of(found: list[Recording]) -> list[list[Recording]]:
    """In order of time."""
    sessions: list[list[Recording]] = []
    for one in sorted(found, key=lambda recording: recording.begin):
        if not sessions or one.begin - sessions[-1][-1].begin >= APART:
            sessions.append([])
        sessions[-1].append(one)
    return sessions


def _split(sessions: list[list[Recording]], classes: tuple[str, ...]) -> Split:
    found = [one for session in sessions for one in session]
    windows = [
        (one.values[start : start + WINDOW], classes.index(one.gesture))
        for one in found
        for start in range(0, len(one.values) - WINDOW + 1, STEP)
    ]
    x, y = np.stack([values for values, _ in windows]), np.array([label for _, label in windows])
    begins = " and ".join(f"{session[0].begin:%Y-%m-%d %H:%M}" for session in sessions)
    return Split(x, y, f"{len(found)} recordings from {begins} on", lambda draw: _varied(x, draw))


def _varied(x: Array, draw: np.random.Generator) -> Array:
    """Windows as other people, who wear the sensor a little turned, might have filled them: stronger or weaker, faster
    or slower, with some noise."""
    count, length, _ = x.shape
    turn = draw.normal(0, 0.25, (count, 3))
    cross = np.zeros((count, 3, 3))  # of a small rotation, to the second order
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -turn[:, 2], turn[:, 1], -turn[:, 0]
    cross -= cross.transpose(0, 2, 1)
    x = x @ (np.eye(3) + cross + cross @ cross / 2) * draw.uniform(0.8, 1.25, (count, 1, 1))
    middle = length / 2
    at = (np.arange(length) - middle) * draw.uniform(0.8, 1.2, (count, 1)) + middle
    at = np.clip(at, 0, length - 1)
    left = np.minimum(at.astype(int), length - 2)
    part, rows = (at - left)[..., np.newaxis], np.arange(count)[:, np.newaxis]
    x = x[rows, left] * (1 - part) + x[rows, left + 1] * part
    return (x + draw.normal(0, 0.02, x.shape)).astype(np.float32)
