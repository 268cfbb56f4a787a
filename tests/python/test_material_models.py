# SPDX-License-Identifier: Apache-2.0
"""Real models on the host: the recorded bytes of TensorFlow Lite Micro, and no more memory than promised.

The digits model comes with the repository; the published ones are skipped where they are absent.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.digits import MODEL, accuracy, held_out, promised_accuracy
from tests.support.material import DS_CNN, FLOAT_MODELS, MODELS, Recorded
from tests.support.oracle import needs_tflm

import groat
from groat.analysis import analyze_model
from groat.errors import ModelError
from groat.isa import core
from groat.pack import read
from groat.runners.host import HostRunner
from groat.validation import validate

each_model = pytest.mark.parametrize("recorded", MODELS, ids=[model.name for model in MODELS])


def test_the_list_of_published_models_is_whole() -> None:
    assert len({model.path for model in MODELS}) == 12
    assert sum(model.arena_limit is not None for model in MODELS) == 3


@each_model
def test_a_published_model_gives_the_recorded_bytes(material: Path, recorded: Recorded) -> None:
    compiled = groat.compile(recorded.model(material))
    with HostRunner(compiled.packed) as runner:
        for recording in recorded.recordings:
            inputs, expected = recorded.samples(material, recording)
            assert len(inputs) == len(runner.model.inputs)
            assert len(expected) == len(runner.model.outputs)
            shaped = [x.reshape(len(x), *info.shape) for x, info in zip(inputs, runner.model.inputs, strict=True)]
            for found, right in zip(runner.run_batch(shaped), expected, strict=True):
                assert len(right) == 8
                assert found.dtype == right.dtype
                assert found.reshape(right.shape).tobytes() == right.tobytes()


@each_model
def test_an_arena_is_within_its_limit_and_known_before(material: Path, recorded: Recorded) -> None:
    path = recorded.model(material)
    packed = groat.compile(path, target="cortex-m4").packed
    arena_bytes = analyze_model(path, "cortex-m4")["arena_bytes"]
    assert arena_bytes == core(read(packed).packing).Model(packed).arena_bytes
    assert recorded.arena_limit is None or arena_bytes <= recorded.arena_limit


@needs_tflm
@each_model
def test_a_published_model_equals_tflm_on_random_inputs(material: Path, recorded: Recorded) -> None:
    (verdict,) = validate(groat.load(recorded.model(material)), ["host"], inputs=3, seed=1)
    assert verdict.equal, str(verdict.difference)


def test_the_official_keywords(material: Path) -> None:
    """200 inputs of the accuracy set of MLPerf Tiny, with the oracle's outputs."""
    recorded = np.load(material / "data" / "mlperf_kws01" / "kws01_shared_first200.npz")
    with HostRunner(groat.compile(DS_CNN.model(material)).packed) as runner:
        (found,) = runner.run_batch([recorded["x"][:, np.newaxis]])
    np.testing.assert_array_equal(found.reshape(200, 12), recorded["out_tflm"])


def test_a_thousand_inferences(material: Path) -> None:
    recorded = np.load(material / "data" / "mlperf_kws01" / "kws01_shared_first200.npz")
    inputs = np.tile(recorded["x"][:, np.newaxis], (5, 1, 1, 1, 1))
    with HostRunner(groat.compile(DS_CNN.model(material)).packed) as runner:
        (found,) = runner.run_batch([inputs])
    np.testing.assert_array_equal(found.reshape(5, 200, 12), np.broadcast_to(recorded["out_tflm"], (5, 200, 12)))


def test_other_models_are_refused(material: Path) -> None:
    """Every published model is compared with what it should give, here or where its op is tested, or gives an error
    that says which ops are the trouble."""
    covered = {model.path for model in MODELS} | set(FLOAT_MODELS)
    covered |= {"tflm/trained_lstm_int8", "microwakeword/v2__hey_jarvis"}  # test_recurrent.py, test_variables.py
    covered_files = {material / "models" / f"{path}.tflite" for path in covered}
    others = sorted(set((material / "models").rglob("*.tflite")) - covered_files)
    assert [path.name for path in others] == ["kws_ref_model_float32.tflite"]
    for path in others:
        with pytest.raises(ModelError, match=r"op \d+ \w+ \("):
            groat.load(path)


# ---- The model of the repository ---------------------------------------------------------------------------


def test_the_digits_are_read_as_well_as_promised() -> None:
    inputs, labels = held_out()
    percent, count = promised_accuracy()
    assert len(labels) == count
    with HostRunner(groat.compile(MODEL).packed) as runner:
        (found,) = runner.run_batch([inputs])
    assert round(accuracy(found, labels), 2) == percent


@needs_tflm
def test_the_digits_model_equals_tflm() -> None:
    (verdict,) = validate(groat.load(MODEL), ["host"], inputs=50)
    assert verdict.equal, str(verdict.difference)
