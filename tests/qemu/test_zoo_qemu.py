# SPDX-License-Identifier: Apache-2.0
"""The zoo's models on devices: the host's bytes, and how good they are in int8 on people who were never heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.zoo import built as made_of
from tools.zoo_figures import DATA

import groat
from groat.evaluation import outputs_of
from groat.graph.ir import Array
from groat.runners import open_runner
from groat.zoo import NAMES
from groat.zoo.building import Built, build

pytestmark = pytest.mark.qemu
PLACES = ("cortex-m4", "cortex-m55")
SMALL = ("gestures", "autoencoder")
FIRST = 100
"""Samples of a test that devices run."""


def assert_equal_on_devices(built: Built, x: Array) -> Array:
    """Samples [n, *shape] on the host and on both devices: the same bytes, which are returned."""
    samples = x[:, np.newaxis]
    expected = outputs_of(groat.compile(built.quantized, target="host").packed, "host", [samples])
    for place in PLACES:
        packed = groat.compile(built.quantized, target=place).packed
        # A large model does not fit beside the firmware, but in it.
        with open_runner(f"qemu:{place}", packed, linked=len(packed) > 1 << 20) as runner:
            found = runner.run_batch([samples])
        for one, other in zip(expected, found, strict=True):
            assert one.tobytes() == other.tobytes(), place
    return expected[0]


@pytest.mark.parametrize("name", SMALL)
def test_small_models_give_the_bytes_of_the_host(name: str) -> None:
    built = made_of(name)
    assert_equal_on_devices(built, built.calibration[:3])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in SMALL])
def test_models_give_the_bytes_of_the_host(name: str) -> None:
    built = made_of(name)
    assert_equal_on_devices(built, built.calibration[:2])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least"), [("ds_cnn", 0.92), ("gru", 0.89), ("gestures", 0.9), ("vision_transformer", 0.97)]
)
def test_what_was_trained_is_good_on_devices(material: Path, name: str, least: float) -> None:
    """All samples of the test on the host, the first on devices, which agree with it."""
    built = build(name, data=material / "data" / DATA[name])
    assert built.weights == "trained"
    assert built.quantized.float_layers == ()
    assert built.test is not None
    assert built.test.y is not None
    judged = built.judged()
    assert judged["quantized"] >= least
    assert judged["quantized"] >= judged["floats"] - 0.01
    # Spread over the test, whose samples are in order of their classes.
    picked = np.linspace(0, built.test.count - 1, min(FIRST, built.test.count)).astype(int)
    scores = assert_equal_on_devices(built, built.test.inputs[0][picked])
    assert np.mean(scores.reshape(len(picked), -1).argmax(axis=1) == built.test.y[picked]) >= least
