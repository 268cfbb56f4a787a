# SPDX-License-Identifier: Apache-2.0
"""Published models, recorded outputs and kernel vectors that are not part of this repository.

They lie in `../shared/material` beside the checkout, or where $GROAT_MATERIAL says.  What they test is tested
with the repository's own models too, so nothing is lost on a machine that lacks them but breadth.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

ROOT = Path(__file__).parents[2]
Array = npt.NDArray[Any]


def folder() -> Path:
    """Where the material is, or would be."""
    return Path(os.environ.get("GROAT_MATERIAL") or ROOT.parent / "shared" / "material")


def required(path: str) -> Path:
    """A file of the material; skips the test where it is absent."""
    found = folder() / path
    if not found.exists():
        pytest.skip(f"needs {found}, which is not part of this repository (set GROAT_MATERIAL)")
    return found


@dataclass(frozen=True)
class Recorded:
    """A published int8 model, and outputs of TensorFlow Lite Micro for 8 inputs.

    Attributes:
        path: of the model under `models`, without its suffix.
        recordings: under `expected`, without suffix; `_own` ones bring their inputs along.
        arena_limit: what its arena may need at most, in bytes; None where nothing is promised.
    """

    path: str
    recordings: tuple[str, ...] = ()
    arena_limit: int | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def model(self, material: Path) -> Path:
        return material / "models" / f"{self.path}.tflite"

    def samples(self, material: Path, recording: str) -> tuple[list[Array], list[Array]]:
        """(inputs, outputs), each [8, ...]."""
        expected = np.load(material / "expected" / "tflm" / f"{recording}.npz")
        own = recording.endswith("_own")
        inputs = expected if own else np.load(material / "expected" / "litert_ref" / f"{recording}.npz")

        def numbered(arrays: Any, prefix: str, suffix: str = "") -> list[Array]:
            count = sum(key.startswith(prefix) and key.endswith(suffix) for key in arrays)
            return [arrays[f"{prefix}{index}{suffix}"] for index in range(count)]

        return numbered(inputs, "in"), numbered(expected, "out", "_tflm")


def _recorded(path: str, *more: str, own: bool = False, arena_limit: int | None = None) -> Recorded:
    return Recorded(path, (f"{path}_own" if own else path, *more), arena_limit)


KIB = 1024
RESNET8 = _recorded("mlperf_tiny/pretrainedResnet_quant", arena_limit=55 * KIB)
DS_CNN = _recorded("mlperf_tiny/kws_ref_model", arena_limit=24 * KIB)
MODELS = (
    RESNET8,
    DS_CNN,
    _recorded("mlperf_tiny/vww_96_int8", arena_limit=60 * KIB),
    _recorded("mlperf_tiny/model_ToyCar_quant_fullint_micro_intio"),
    _recorded("tflm/hello_world_int8"),
    _recorded("tflm/person_detect", own=True),
    _recorded("tflm/micro_speech_quantized", "tflm/micro_speech_quantized_own"),
    _recorded("tflm/simple_add_model"),
    _recorded("tinyengine/vww"),
    _recorded("tinymaix/mnist_valid_q"),
    _recorded("tinymaix/mnist_dw_q"),
    _recorded("emlearn/mnist_cnn_int8"),
)

FLOAT_MODELS = (
    "mlperf_tiny/pretrainedResnet",
    "mlperf_tiny/vww_96_float",
    "mlperf_tiny/model_ToyCar",
    "mlperf_results/kws_saved_model_variables",
    "emlearn/mnist_cnn_fp32",
    "tinymaix/mnist_valid_f",
)
"""Published models that compute with float32, by their paths under `models`, without suffix."""
