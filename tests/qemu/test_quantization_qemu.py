# SPDX-License-Identifier: Apache-2.0
"""Models that were quantised here give the host's bytes on devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.python.test_quantization_material import DIGITS, digits_of
from tests.support.small_cnn import trained

import groat
from groat.evaluation import evaluate
from groat.samples import Samples

pytestmark = pytest.mark.qemu
PLACES = ["qemu:cortex-m4", "qemu:cortex-m55", "qemu:rv32v"]


def assert_same_everywhere(made: groat.Quantized, samples: Samples, places: list[str]) -> float:
    """The accuracy on the host, which is that of all places."""

    def packed(place: str) -> bytes:
        return groat.compile(made, target=place.partition(":")[2] or "host").packed

    verdicts = evaluate(packed, samples, ["host", *places])
    assert all(verdict.same for verdict in verdicts)
    assert len({verdict.value for verdict in verdicts}) == 1
    return verdicts[0].value


@pytest.mark.parametrize(("scheme", "place"), [("int8", PLACES[0]), ("w4a8", PLACES[1]), ("16x8", PLACES[2])])
def test_a_small_network_is_the_same_on_a_device(scheme: Any, place: str) -> None:
    net = trained()
    made = groat.quantize(net.graph, net.samples, scheme=scheme)
    assert assert_same_everywhere(made, Samples((net.x[:60],), net.y[:60], "digits"), [place]) > 0.85


@pytest.mark.slow
@pytest.mark.parametrize("name", DIGITS)
def test_digits_are_the_same_on_devices(material: Path, name: str) -> None:
    x, y = digits_of(material, "t10k", 500)
    samples, _ = digits_of(material, "train", 200)
    made = groat.quantize(material / f"models/{name}.tflite", samples)
    assert assert_same_everywhere(made, Samples((x,), y, "MNIST"), PLACES) > 0.93
    assert np.asarray(x).shape == (500, 28, 28, 1)
