# SPDX-License-Identifier: Apache-2.0
"""The held-out scans that the repository's own model is judged by."""

from __future__ import annotations

import functools
import importlib.util
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.material import ROOT

import groat

FOLDER = ROOT / "examples" / "digits"
MODEL = FOLDER / "digits_int8.tflite"

Array = npt.NDArray[Any]


@functools.cache
def held_out() -> tuple[Array, Array]:
    """(the model's input for every held-out scan, int8 [450, 1, 8, 8, 1], their labels); skips without scikit-learn."""
    pytest.importorskip("sklearn", reason="needs the scans that come with scikit-learn")
    spec = importlib.util.spec_from_file_location("digits_data", FOLDER / "data.py")
    assert spec is not None
    assert spec.loader is not None
    data = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(data)
    _, _, images, labels = data.load()
    graph = groat.load(MODEL).graph
    tensor = graph.tensors[graph.inputs[0]]
    return data.quantize(images, tensor.scale, tensor.zero_point)[:, np.newaxis], labels


def promised_accuracy() -> tuple[float, int]:
    """(accuracy in percent, number of scans) of the int8 model, as its README says."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    float_row = re.search(r"accuracy, float \| [\d.]+ % of (\d+) held-out digits", text)
    row = re.search(r"accuracy, int8 \| ([\d.]+) % of the same", text)
    assert float_row is not None
    assert row is not None
    return float(row[1]), int(float_row[1])


def accuracy(outputs: Array, labels: Array) -> float:
    """In percent."""
    return 100 * float(np.mean(outputs.reshape(len(labels), -1).argmax(axis=1) == labels))
