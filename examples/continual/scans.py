# SPDX-License-Identifier: Apache-2.0
"""8x8 scans of digits, from scikit-learn: a network that knows 0 to 7 learns 8 and 9."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lesson import Lesson, pretrained
from networks import digit_network

import groat

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "digits"))

NEW = 8  # digits from here on come later
EPOCHS, RATE = 4, 0.02
SEED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def lesson(options: argparse.Namespace | None = None) -> Lesson:
    """Two more digits for the last layer."""
    import data

    x, y, test_x, test_y = data.load()
    x, test_x = x / data.PIXEL_MAX, test_x / data.PIXEL_MAX
    known, old = y < NEW, test_y < NEW
    untrained = digit_network(8, (16, 32, 32), strides=(1, 2, 2), seed=SEED)
    return Lesson(
        model=pretrained(untrained, (x[known], y[known]), (RATE,) * EPOCHS, SEED),
        train=groat.Train(layers="last:1", latent=True),
        known=(x[known], y[known]),
        stream=(x[~known], y[~known]),
        tests={"digits 0 to 7": (test_x[old], test_y[old]), "8 and 9": (test_x[~old], test_y[~old])},
        capacity=200,
        replays=8,
        rate=0.02,
        policy="reservoir",
        keep=True,
    )
