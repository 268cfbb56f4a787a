# SPDX-License-Identifier: Apache-2.0
"""Keywords: the int8 model of MLPerf Tiny, which stays frozen, learns two spoken digits with a head of floats.

The features are those that the model was trained with: 49 windows of 30 ms, every 20 ms, of one second; 40 bands
between 20 Hz and 4 kHz on the mel scale, the logarithms of their magnitudes, and the first 10 coefficients of their
cosine transform.  Recordings at 8 kHz have all of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from lesson import Lesson

import groat

WORDS = (0, 7)  # "zero" and "seven"
UNKNOWN, CLASSES = 11, 12  # of the model
HELD_OUT = 10  # recordings of each word by each speaker that are only judged by
SHOWN, OTHERS = 100, 30  # samples in the buffer: of the model's classes; of other words
TIMES = 8  # that each recording is heard
SEED = 3

HERTZ = 8000
WINDOW, STEP, POINTS = 240, 160, 256
BANDS, COEFFICIENTS = 40, 10
LOWEST, HIGHEST = 20.0, 4000.0
FLOOR = 1e-6  # is added to a magnitude
NOISE = 0.002  # around the words, of the loudest sample


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, help="kws_ref_model.tflite of MLPerf Tiny")
    parser.add_argument(
        "--data", type=Path, required=True, help=".npz with features that it was trained for: x int8 [n, 49, 10, 1], y"
    )
    parser.add_argument(
        "--words", type=Path, required=True,
        help=".npz with spoken digits at 8 kHz: samples int16, one after the other, offsets [n + 1], label, take",
    )  # fmt: skip


def lesson(options: argparse.Namespace) -> Lesson:
    """Two more words for a new head."""
    return of_recordings(options.model, options.data, options.words)


def of_recordings(model: Path, features: Path, words: Path, times: int = TIMES) -> Lesson:
    """As above; each recording is heard so many times."""
    with np.load(features) as file:
        x, y = file["x"], file["y"].astype(int)
    with np.load(words) as file:
        samples, offsets, digits, takes = (file[name] for name in ("samples", "offsets", "label", "take"))
    info = groat.compile(model).report["inputs"][0]
    draw = np.random.default_rng(SEED)

    def heard(chosen: Any) -> Any:
        found = [mfcc(second(samples[offsets[i] : offsets[i + 1]], draw)) for i in chosen]
        stored = np.rint(np.array(found) / info["scale"]) + info["zero_point"]
        return np.clip(stored, -128, 127).astype(np.int8)[..., np.newaxis]

    labels = np.where(np.isin(digits, WORDS), CLASSES + np.searchsorted(WORDS, digits), UNKNOWN)
    new, tested = labels >= CLASSES, takes < HELD_OUT
    others = draw.permutation(np.flatnonzero(~new & ~tested))[:OTHERS]
    order = draw.permutation(np.repeat(np.flatnonzero(new & ~tested), times))
    judged = {"new words": np.flatnonzero(new & tested), "other words": np.flatnonzero(~new & tested)}
    return Lesson(
        model=model.read_bytes(),
        train=groat.Train(layers="last:1", latent=True, classes=CLASSES + len(WORDS)),
        known=(np.concatenate([x[:SHOWN], heard(others)]), np.concatenate([y[:SHOWN], labels[others]])),
        stream=(heard(order), labels[order]),
        tests={"keywords": (x[SHOWN:], y[SHOWN:])} | {name: (heard(i), labels[i]) for name, i in judged.items()},
        capacity=SHOWN + OTHERS,
        replays=4,
        rate=0.005,
    )


def second(word: Any, draw: np.random.Generator) -> Any:
    """One second with a word somewhere in it, or its first second, above a little noise; the loudest sample is 1."""
    word = word[:HERTZ].astype(np.float64)
    sound = draw.normal(0, NOISE, HERTZ)
    start = int(draw.integers(0, HERTZ - len(word) + 1))
    sound[start : start + len(word)] += word / np.abs(word).max()
    return sound / np.abs(sound).max()


def mfcc(sound: Any) -> Any:
    """Coefficients [windows, COEFFICIENTS] of a sound at 8 kHz, as large as those of the same sound at 16 kHz."""
    count = 1 + (len(sound) - WINDOW) // STEP
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    windows = np.stack([sound[i * STEP : i * STEP + WINDOW] for i in range(count)]) * hann
    magnitudes = 2 * np.abs(np.fft.rfft(windows, POINTS))  # at 16 kHz there are twice as many samples to sum
    cosines = np.cos(np.pi / BANDS * np.outer(np.arange(BANDS) + 0.5, np.arange(COEFFICIENTS)))
    return np.log(magnitudes @ _bands() + FLOOR) @ cosines * np.sqrt(2 / BANDS)


def _bands() -> Any:
    """Weights [points, BANDS] of triangles that overlap by half on the mel scale."""

    def mel(hertz: Any) -> Any:
        return 1127 * np.log1p(hertz / 700)

    edges = np.linspace(mel(LOWEST), mel(HIGHEST), BANDS + 2)
    at = mel(np.linspace(0, HERTZ / 2, POINTS // 2 + 1))[:, np.newaxis]
    up, down = (at - edges[:-2]) / np.diff(edges[:-1]), (edges[2:] - at) / np.diff(edges[1:])
    return np.maximum(0, np.minimum(up, down))
