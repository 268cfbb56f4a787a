# SPDX-License-Identifier: Apache-2.0
"""Devices that learn new classes with latent replay, as the host does: examples/continual."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.support import continual

from groat.train.latent import features


def both(lesson: Any, where: str, replays: int) -> tuple[Any, Any]:
    """(losses of new samples, what the frozen layers give for the first ones, parameters) on the host and there."""
    module = continual.example("lesson")
    found = []
    for place in ("host", where):
        with lesson.compiled(place.removeprefix("qemu:")).on(place) as session:
            latent = np.stack([features(session, x) for x in lesson.stream[0][:20]])
            found.append((module.stream(lesson, session, replays), latent, session.parameters()))
    return found[0], found[1]


def shortened(lesson: Any, count: int) -> Any:
    x, y = lesson.stream
    return replace(lesson, stream=(x[:count], y[:count]))


@pytest.mark.parametrize("where", ["qemu:cortex-m4", "qemu:cortex-m55"])
def test_new_keywords_above_integers(where: str) -> None:
    """What the frozen int8 model gives is the same to the bit, and so are the samples in the buffer."""
    lesson = shortened(continual.keywords(times=1), 40)
    expected, found = both(lesson, where, 4)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4, atol=1e-5)
    for name, value in expected[2].items():
        np.testing.assert_allclose(found[2][name], value, rtol=0, atol=1e-5 * np.abs(value).max())


@pytest.mark.slow
@pytest.mark.parametrize("where", ["qemu:cortex-m4"])
def test_new_digits_of_mnist(where: str) -> None:
    """All of it on the device."""
    lesson = continual.mnist(images=3000)
    expected, found = both(lesson, where, lesson.replays)
    # Samples are rounded to int8 in the buffer, where the smallest difference may become one of a step.
    windows = [np.convolve(losses, np.ones(50) / 50, "valid") for losses in (found[0], expected[0])]
    np.testing.assert_allclose(windows[0], windows[1], rtol=0.05, atol=0.01)
    measure = continual.example("lesson").measure
    shares, theirs = measure(lesson, found[2]), measure(lesson, expected[2])
    print(shares, theirs)
    for name, share in theirs.items():
        assert abs(shares[name] - share) < 0.005
