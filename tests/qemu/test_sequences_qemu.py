# SPDX-License-Identifier: Apache-2.0
"""Models that keep variables, on emulated cores: over a sequence and after a reset they give TFLM's bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.golden import models
from tests.support import material
from tests.support.random_graphs import random_inputs

import groat
from groat.oracle.tflm import Tflm
from groat.runners import open_runner

Array = npt.NDArray[Any]
STEPS = 30

pytestmark = pytest.mark.qemu


def require_sequences(source: bytes, target: str) -> None:
    oracle = Tflm(source)
    steps = [random_inputs(source, seed) for seed in range(STEPS)]
    stacked = [np.stack(arrays) for arrays in zip(*steps, strict=True)]
    expected = [np.stack(arrays) for arrays in zip(*map(oracle.run, steps), strict=True)]
    with open_runner(f"qemu:{target}", groat.compile(source, target=target).packed) as runner:
        for _ in range(2):
            for found, right in zip(runner.run_batch(stacked), expected, strict=True):
                assert found.tobytes() == right.tobytes()
            runner.reset()
        alone = runner.run_batch([array[:2] for array in stacked], reset=True)
        assert all(found[0].tobytes() == right[0].tobytes() for found, right in zip(alone, expected, strict=True))


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55", "rv32imc", "rv32v"])
def test_variables_and_long_short_term_memories(target: str) -> None:
    require_sequences(models.build("with_variables"), target)


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55", "rv32imc"])
def test_the_published_wake_word_model(target: str) -> None:
    require_sequences(material.required("models/microwakeword/v2__hey_jarvis.tflite").read_bytes(), target)
