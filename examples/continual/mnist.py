# SPDX-License-Identifier: Apache-2.0
"""MNIST: a network that knows the digits 0 to 7 learns 8 and 9."""

from __future__ import annotations

import argparse
import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
from lesson import Lesson, pretrained
from networks import digit_network

import groat

NEW = 8  # digits from here on come later
RATES = (0.02, 0.01, 0.002)  # of the epochs in which the others are learnt
CAPACITY, STREAM = 1000, 3000
SEED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="the folder with the four .gz files of MNIST")


def lesson(options: argparse.Namespace) -> Lesson:
    """All images, in the order of the files."""
    return of_images(options.data)


def of_images(folder: Path, images: int | None = None, stream: int = STREAM, judged: int | None = None) -> Lesson:
    """Two more digits for the dense layers.

    Args:
        images: so many images are learnt from at first; default: all.
        stream: images of the new digits that are learnt from.
        judged: so many images are judged by; default: all that are kept for it.
    """
    images_of, y = _read(folder, "train", None)
    test_images, test_y = _read(folder, "t10k", judged)
    known, new, old = np.flatnonzero(y < NEW), np.flatnonzero(y >= NEW)[:stream], test_y < NEW
    first = known[:images]
    untrained = digit_network(28, (16, 32, 32), strides=(2, 2, 2), hidden=(64,), seed=SEED)
    return Lesson(
        model=pretrained(untrained, (scaled(images_of[first]), y[first]), RATES, SEED),
        train=groat.Train(layers="last:2", latent=True),
        known=(scaled(images_of[known[:CAPACITY]]), y[known[:CAPACITY]]),
        stream=(scaled(images_of[new]), y[new]),
        tests={
            name: (scaled(test_images[which]), test_y[which])
            for name, which in (("digits 0 to 7", old), ("8 and 9", ~old))
        },
        capacity=CAPACITY,
        replays=8,
        rate=0.005,
    )


def scaled(images: Any) -> Any:
    """Pixels [n, 28, 28, 1] from 0 to 1."""
    return images[..., np.newaxis].astype(np.float32) / 255


def _read(folder: Path, part: str, count: int | None) -> tuple[Any, Any]:
    """The first images uint8 [n, 28, 28], and their labels."""
    images = _array(folder / f"{part}-images-idx3-ubyte.gz")
    return images[:count], _array(folder / f"{part}-labels-idx1-ubyte.gz")[:count].astype(int)


def _array(path: Path) -> Any:
    """The array of a file: two zeros, its type, its rank, its sizes (big-endian), its bytes."""
    data = gzip.decompress(path.read_bytes())
    rank = data[3]
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", rank, 4))
    return np.frombuffer(data, np.uint8, math.prod(shape), 4 + 4 * rank).reshape(shape)
