# SPDX-License-Identifier: Apache-2.0
"""Real models on emulated cores: the recorded bytes of TensorFlow Lite Micro, within the promised figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.devices import DEVICES, device
from tests.support.digits import MODEL, accuracy, held_out, promised_accuracy
from tests.support.material import DS_CNN, KIB, MODELS, RESNET8, Recorded
from tests.support.oracle import needs_tflm

import groat
from groat.profiling import profile
from groat.runners import open_runner
from groat.validation import validate

pytestmark = pytest.mark.qemu

CORES = ("cortex-m4", "cortex-m55", "rv32imc")


@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize("recorded", MODELS, ids=[model.name for model in MODELS])
def test_a_published_model_gives_the_recorded_bytes(material: Path, recorded: Recorded, name: str) -> None:
    device(name)
    compiled = groat.compile(recorded.model(material), target=name)
    with open_runner(f"qemu:{name}", compiled.packed) as runner:
        for recording in recorded.recordings:
            inputs, expected = recorded.samples(material, recording)
            shaped = [x.reshape(len(x), *info.shape) for x, info in zip(inputs, runner.model.inputs, strict=True)]
            for found, right in zip(runner.run_batch(shaped), expected, strict=True):
                assert found.dtype == right.dtype
                assert found.reshape(right.shape).tobytes() == right.tobytes()


def test_the_official_keywords(material: Path) -> None:
    device("cortex-m4")
    recorded = np.load(material / "data" / "mlperf_kws01" / "kws01_shared_first200.npz")
    compiled = groat.compile(DS_CNN.model(material), target="cortex-m4")
    with open_runner("qemu:cortex-m4", compiled.packed) as runner:
        (found,) = runner.run_batch([recorded["x"][:, np.newaxis]])
    np.testing.assert_array_equal(found.reshape(200, 12), recorded["out_tflm"])


def test_the_figures_of_resnet8(material: Path) -> None:
    device("cortex-m4")
    compiled = groat.compile(RESNET8.model(material), target="cortex-m4")
    report = profile(compiled.packed, "qemu:cortex-m4")
    assert report["arena_bytes"] == compiled.report["arena_bytes"]
    assert report["flash"]["code_bytes"] <= 16 * KIB
    assert report["stack_bytes"] <= KIB
    assert report["open_instructions"] <= 20_000


# ---- The model of the repository ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEVICES)
def test_the_digits_are_read_as_well_as_promised_and_as_on_the_host(name: str) -> None:
    device(name)
    inputs, labels = held_out()
    percent, count = promised_accuracy()
    assert len(labels) == count
    compiled = groat.compile(MODEL, target=name)
    with open_runner(f"qemu:{name}", compiled.packed) as runner, open_runner("host", compiled.packed) as host:
        (found,) = runner.run_batch([inputs])
        np.testing.assert_array_equal(found, host.run_batch([inputs])[0])
    assert round(accuracy(found, labels), 2) == percent


@needs_tflm
def test_the_digits_model_equals_tflm_everywhere() -> None:
    for name in DEVICES:
        device(name)
    places = [f"qemu:{name}" for name in DEVICES]
    verdicts = validate(groat.load(MODEL), places, inputs=5, seed=3)
    assert [verdict.on for verdict in verdicts] == places
    assert all(verdict.equal for verdict in verdicts), verdicts
