# SPDX-License-Identifier: Apache-2.0
"""The handwritten digits that come with scikit-learn, and the one split that training and demo share.

1,797 real scans of 8 × 8 pixels.  They are in the order of their collection, writer after writer, so holding
out the last quarter holds out handwriting that training has hardly seen: harder, and more honest, than a random
draw.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

HELD_OUT = 450  # the last so many of the 1,797
PIXEL_MAX = 16.0

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def load() -> tuple[Floats, Labels, Floats, Labels]:
    """Returns (train_x, train_y, test_x, test_y).

    Images are float32 [n, 8, 8, 1] from 0 to 16, labels int64 [n] from 0 to 9.  Needs scikit-learn.
    """
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    images = digits.images.astype(np.float32)[..., np.newaxis]
    labels = digits.target.astype(np.int64)
    return images[:-HELD_OUT], labels[:-HELD_OUT], images[-HELD_OUT:], labels[-HELD_OUT:]


def quantize(images: npt.NDArray[np.floating[Any]], scale: float, zero_point: int) -> npt.NDArray[np.int8]:
    """Float images as a model's int8 input, given that input's scale and zero point; the shape stays."""
    steps = np.rint(np.asarray(images, np.float64) / scale) + zero_point
    stored: npt.NDArray[np.int8] = np.clip(steps, -128, 127).astype(np.int8)
    return stored
