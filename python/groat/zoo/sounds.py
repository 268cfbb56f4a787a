# SPDX-License-Identifier: Apache-2.0
"""Spoken digits: recordings, the features that models of sound take, and the split by speaker.

Features are logarithms of energies in bands of the mel scale, of one second at 8 kHz which holds the word:

1. the sound is divided by its largest sample;
2. 49 windows of 32 ms (256 samples), every 20 ms (160), are multiplied with a Hann window;
3. the squared magnitudes of their Fourier transforms are summed in 20 triangular bands that overlap by half, evenly
   spaced between 60 and 3,800 Hz on the mel scale, 2595 log10(1 + hertz / 700);
4. the natural logarithm of these sums, to which 0.3 is added, so that silence is a floor.

Speakers are told apart before anything is learnt: of their names in alphabetical order the last is the test, the one
before it validation, all others are for training.  Nobody is in two of the three.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from groat.errors import InputError
from groat.graph.ir import Array
from groat.zoo.arrays import read_arrays
from groat.zoo.entries import Data, Split

HERTZ = 8000
WINDOW, STEP, WINDOWS = 256, 160, 49
LENGTH = WINDOW + (WINDOWS - 1) * STEP  # samples that the windows cover
BANDS, LOWEST, HIGHEST = 20, 60.0, 3800.0
FLOOR = 0.3
CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def features(sounds: Array) -> Array:
    """float32 [..., 49, 20] of sounds [..., LENGTH] at 8 kHz, of any scale."""
    loudest = np.abs(sounds).max(axis=-1, keepdims=True)
    sounds = sounds / np.where(loudest > 0, loudest, 1)
    windows = np.lib.stride_tricks.sliding_window_view(sounds, WINDOW, axis=-1)[..., ::STEP, :]
    power = np.abs(np.fft.rfft(windows * np.hanning(WINDOW + 1)[:-1])) ** 2
    return np.log(power @ _bands() + FLOOR).astype(np.float32)


def _bands() -> Array:
    """Weights [WINDOW / 2 + 1, BANDS] of the triangles."""

    def mel(hertz: Any) -> Any:
        return 2595 * np.log10(1 + hertz / 700)

    edges = np.linspace(mel(LOWEST), mel(HIGHEST), BANDS + 2)
    at = mel(np.linspace(0, HERTZ / 2, WINDOW // 2 + 1))[:, np.newaxis]
    up, down = (at - edges[:-2]) / np.diff(edges[:-1]), (edges[2:] - at) / np.diff(edges[1:])
    return np.maximum(0, np.minimum(up, down))


def placed(word: Array, at: float = 0.5) -> Array:
    """A recording within LENGTH samples of silence: at their start (0), in the middle (0.5), at the end (1).  Of a
    longer one only that part is kept."""
    room = LENGTH - len(word)
    if room < 0:
        start = int(at * -room)
        return word[start : start + LENGTH]
    before = int(at * room)
    return np.pad(word, (before, room - before))


def read(path: Path) -> Data:
    """An .npz of recordings at 8 kHz: samples int16, one recording after the other; offsets [n + 1]; label [n], 0 to 9;
    speaker [n], names of at least three.  Raises InputError."""
    arrays = read_arrays(path, ("samples", "offsets", "label", "speaker"))
    samples, offsets, labels, speakers = (arrays[name] for name in ("samples", "offsets", "label", "speaker"))
    count = labels.size
    if samples.ndim != 1 or offsets.shape != (count + 1,) or labels.shape != (count,) or speakers.shape != (count,):
        raise InputError(
            f"{path}: samples {list(samples.shape)}, offsets {list(offsets.shape)}, label {list(labels.shape)}, "
            f"speaker {list(speakers.shape)}; expected samples [all], offsets [n + 1], label [n], speaker [n]"
        )
    if any(array.dtype.kind not in "iu" for array in (samples, offsets, labels)):
        raise InputError(f"{path}: expected samples, offsets and label to be whole numbers")
    offsets = offsets.astype(np.int64)
    if count == 0 or offsets[0] < 0 or offsets[-1] > len(samples) or (np.diff(offsets) < 2).any():
        raise InputError(f"{path}: its offsets do not divide its {len(samples):,} samples into recordings")
    if labels.min() < 0 or labels.max() >= len(CLASSES):
        raise InputError(f"{path}: labels go from {labels.min()} to {labels.max()}; expected 0 to 9")
    names = sorted(set(speakers.tolist()))
    if len(names) < 3:
        raise InputError(f"{path} has the speakers {', '.join(map(str, names))}; expected three at least, to split by")
    words = [samples[a:b].astype(np.float64) for a, b in pairwise(offsets)]

    def split(chosen: list[str]) -> Split:
        which = np.flatnonzero(np.isin(speakers, chosen))

        def vary(draw: np.random.Generator) -> Array:
            return _stretched(features(np.stack([_varied(words[i], draw) for i in which])), draw)

        x = features(np.stack([placed(words[i]) for i in which]))
        who = f"{'speaker' if len(chosen) == 1 else 'speakers'} {', '.join(chosen)}"
        return Split(x, labels[which].astype(np.int64), who, vary)

    return Data(split(names[:-2]), split(names[-2:-1]), split(names[-1:]), CLASSES)


def _varied(word: Array, draw: np.random.Generator) -> Array:
    """A recording as somebody else might have made it: faster and higher, or slower and lower; nearer to or further
    from the microphone; a little later; among noise."""
    word = word / max(np.abs(word).max(), 1)
    speed = float(np.exp(draw.uniform(np.log(0.75), np.log(1.3))))
    word = np.interp(np.arange(0, len(word) - 1, speed), np.arange(len(word)), word)
    word = np.convolve(word, [1, draw.uniform(-0.5, 0.5)])
    sound = placed(word, draw.uniform(0.2, 0.8))
    return sound + draw.normal(0, 10 ** draw.uniform(-4, -1.7), LENGTH)


def _stretched(x: Array, draw: np.random.Generator) -> Array:
    """Features [n, windows, bands] as if said slower or faster at the same pitch, some of their bands unheard (D. Park
    and others, *SpecAugment*, 2019)."""
    count, windows, bands = x.shape
    middle = windows / 2
    at = np.clip((np.arange(windows) - middle) * draw.uniform(0.75, 1.3, (count, 1)) + middle, 0, windows - 1)
    left = np.minimum(at.astype(int), windows - 2)
    part, rows = (at - left)[..., np.newaxis], np.arange(count)[:, np.newaxis]
    x = x[rows, left] * (1 - part) + x[rows, left + 1] * part
    first, many = draw.integers(0, bands, (count, 1)), draw.integers(0, 5, (count, 1))
    unheard = (np.arange(bands) >= first) & (np.arange(bands) < first + many)
    return np.where(unheard[:, np.newaxis], np.log(FLOOR), x).astype(np.float32)
