# SPDX-License-Identifier: Apache-2.0
"""Comparison of a random model with TensorFlow Lite Micro; a failure names the first layer that differs."""

from __future__ import annotations

import numpy as np
from tests.support.random_graphs import RandomModel, random_inputs

import groat
from groat.oracle.tflm import Tflm
from groat.runners import BaseRunner
from groat.validation import find_difference

FRAMES = 2


def compare_with_tflm(model: RandomModel, input_seed: int, compiled: groat.Compiled, runner: BaseRunner) -> None:
    """Asserts that all outputs have the oracle's bytes, for a few inputs as one batch."""
    source = model.build()
    oracle = Tflm(source, repr(model))
    frames = [random_inputs(source, input_seed + i) for i in range(FRAMES)]
    batches = [np.stack(arrays) for arrays in zip(*frames, strict=True)]
    found = runner.run_batch(batches)
    for index, frame in enumerate(frames):
        for ours, theirs in zip(found, oracle.run(frame), strict=True):
            if ours[index].tobytes() != theirs.tobytes():
                difference = find_difference(compiled, runner, oracle, frame)
                where = difference or "every layer is right by itself; only the whole run is wrong"
                raise AssertionError(f"{model} on {runner.target}, inputs {input_seed + index}: {where}")
