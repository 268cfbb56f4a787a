# SPDX-License-Identifier: Apache-2.0
"""Images: handwritten digits in the files of MNIST, or an .npz of one's own.

Values of uint8 are divided by 255; floats stay as they are.

MNIST (a folder with its four .gz files): its 10,000 test images, by writers of whom no training image is, are the test;
the last 5,000 of the 60,000 others are validation.

An .npz (x [n, h, w, c], y [n]): x_test and y_test are the test if it has them, and else a fifth of x, drawn with a
fixed seed; a tenth of the others is validation.  Whoever has pictures that are alike should name the test.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from groat.errors import InputError
from groat.graph.ir import Array
from groat.zoo.arrays import read_arrays
from groat.zoo.entries import Data, Split

VALIDATION = 5000  # of MNIST's training images
SEED = 0


def read(path: Path) -> Data:
    """Images and labels.  Raises InputError."""
    return _mnist(path) if path.is_dir() else _arrays(path)


def read_unlabelled(path: Path) -> Data:
    """Images that are to be given again."""
    data = read(path)
    train, validation, test = (Split(part.x, None, part.who) for part in (data.train, data.validation, data.test))
    return Data(train, validation, test, ())


def _mnist(folder: Path) -> Data:
    x, y = (_idx(folder / f"train-{what}-ubyte.gz") for what in ("images-idx3", "labels-idx1"))
    x_test, y_test = (_idx(folder / f"t10k-{what}-ubyte.gz") for what in ("images-idx3", "labels-idx1"))
    if len(x) <= VALIDATION:
        raise InputError(f"{folder} has {len(x)} images for training; expected more than {VALIDATION}")
    return Data(
        _split(folder, x[:-VALIDATION], y[:-VALIDATION], "MNIST, the first for training"),
        _split(folder, x[-VALIDATION:], y[-VALIDATION:], f"MNIST, the last {VALIDATION:,} for training"),
        _split(folder, x_test, y_test, "MNIST's test"),
        tuple(str(digit) for digit in range(10)),
    )


def _idx(path: Path) -> Array:
    """The array of a file: two zeros, its type, its rank, its sizes (big-endian), its bytes."""
    try:
        data = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    rank = data[3] if len(data) > 3 else 0
    if data[:3] != b"\0\0\x08" or len(data) < 4 + 4 * rank:
        raise InputError(f"{path} is no idx file of uint8: it starts with {data[:4].hex()}; expected 000008 and a rank")
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", rank, 4))
    if len(data) != 4 + 4 * rank + math.prod(shape):
        raise InputError(
            f"{path} has {len(data):,} bytes; its shape {list(shape)} needs {4 + 4 * rank + math.prod(shape):,}"
        )
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def _arrays(path: Path) -> Data:
    arrays = read_arrays(path, ("x", "y"))
    x, y = arrays["x"], arrays["y"]
    _split(path, x, y, "all")
    draw = np.random.default_rng(SEED)
    order = draw.permutation(len(x))
    if "x_test" in arrays and "y_test" in arrays:
        test = _split(path, arrays["x_test"], arrays["y_test"], "x_test")
    else:
        kept, order = order[: -(-len(x) // 5)], order[-(-len(x) // 5) :]
        test = _split(path, x[kept], y[kept], "a fifth of x")
    few = -(-len(order) // 10)
    if len(order) < 3:
        raise InputError(f"{path} has {len(x)} samples; expected some for training, validation and test")
    train = _split(path, x[order[few:]], y[order[few:]], "x")
    validation = _split(path, x[order[:few]], y[order[:few]], "a tenth of x")
    labels = np.concatenate([part.y for part in (train, validation, test) if part.y is not None])
    return Data(train, validation, test, tuple(str(label) for label in range(int(labels.max()) + 1)))


def _split(path: Path, x: Array, y: Array, who: str) -> Split:
    if x.dtype.kind not in "fu" or x.ndim not in (3, 4) or (x.dtype.kind == "u" and x.dtype != np.uint8):
        raise InputError(f"{path}: images are {x.dtype}{list(x.shape)}; expected uint8 or floats [n, h, w, c]")
    if y.shape != (len(x),) or y.dtype.kind not in "iu" or len(x) == 0 or y.min() < 0:
        raise InputError(f"{path}: labels are {y.dtype}{list(y.shape)}; expected {len(x)} whole numbers from 0 on")
    scaled = x.astype(np.float32) / 255 if x.dtype == np.uint8 else x.astype(np.float32)
    return Split(scaled, y.astype(np.int64), who)
