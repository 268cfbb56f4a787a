# SPDX-License-Identifier: Apache-2.0
"""Random calls of the ops of forward-forward training, by name; tests/python/test_ops.py compares them with their
references."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from tests.support.training_cases import floats, shape_of

from groat import kernels

Rng = np.random.Generator


def embed_label(rng: Rng) -> None:
    x = floats(rng, shape_of(rng, int(rng.integers(1, 5))), "float32")
    pattern = bool(x.size < 2 or rng.random() < 0.5)
    classes = int(rng.integers(2, 12 if pattern else x.size + 1))
    label = None if rng.random() < 0.2 else int(rng.integers(classes)) if rng.random() < 0.85 else -1
    noise = int(rng.integers(1 << 32)) if label is not None and rng.random() < 0.5 else None
    kernels.embed_label(x, label, classes=classes, amplitude=float(rng.normal(0, 2)), pattern=pattern, noise=noise)


def goodness(rng: Rng) -> None:
    h = floats(rng, shape_of(rng, int(rng.integers(1, 5))), "float32")
    lr = float(rng.choice([0.01, 1.0, 0.0, -1.0, np.nan, np.inf], p=[0.6, 0.2, *[0.05] * 4]))
    loss = float(rng.choice([0.5, np.nan, np.inf], p=[0.9, 0.05, 0.05])) if rng.random() < 0.5 else None
    kernels.goodness(h, lr, threshold=float(rng.uniform(0, 4)), negative=bool(rng.random() < 0.5), loss=loss)


FORWARD: Mapping[str, Callable[[Rng], None]] = {"embed_label": embed_label, "goodness": goodness}
