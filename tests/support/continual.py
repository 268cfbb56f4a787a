# SPDX-License-Identifier: Apache-2.0
"""The lessons of examples/continual, as modules."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import pytest
from tests.support.material import ROOT, required

FOLDER = ROOT / "examples" / "continual"


def example(name: str) -> ModuleType:
    """A module of the example."""
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    return importlib.import_module(name)


def scans() -> Any:
    pytest.importorskip("sklearn", reason="needs the scans that come with scikit-learn")
    return example("scans").lesson()


def mnist(**choices: Any) -> Any:
    """As mnist.of_images; skips without the images."""
    return example("mnist").of_images(required("data/mnist"), **choices)


def keywords(**choices: Any) -> Any:
    """As keywords.of_recordings; skips without the model or recordings."""
    paths = (
        "models/mlperf_tiny/kws_ref_model.tflite",
        "data/mlperf_kws01/kws01_shared_first200.npz",
        "data/fsdd/fsdd_8k_int16.npz",
    )
    return example("keywords").of_recordings(*map(required, paths), **choices)
