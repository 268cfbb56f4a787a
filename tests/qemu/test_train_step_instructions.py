# SPDX-License-Identifier: Apache-2.0
"""What a step of training costs as a whole: all layers, gradient descent, one sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from tests.support.devices import device

import groat
from groat.profiling import profile

pytestmark = pytest.mark.qemu

MOST = [
    ("cortex-m4", "mlperf_tiny/pretrainedResnet", "fp32", 53_000_000),
    ("cortex-m4", "mlperf_results/kws_saved_model_variables", "fp32", 13_500_000),
    ("cortex-m55", "mlperf_tiny/pretrainedResnet", "fp16", 15_500_000),
    ("cortex-m55", "mlperf_results/kws_saved_model_variables", "fp16", 4_500_000),
    ("cortex-m55", "mlperf_tiny/pretrainedResnet", "fp32", 34_000_000),
    ("rv32v", "mlperf_tiny/pretrainedResnet", "fp16", 3_900_000),
    ("rv32v", "mlperf_results/kws_saved_model_variables", "fp16", 1_050_000),
]


@pytest.mark.parametrize(
    ("core", "model", "dtype", "most"), MOST, ids=[f"{m.rpartition('/')[2]} {d} {c}" for c, m, d, _ in MOST]
)
def test_a_step_of_all_layers(core: str, model: str, dtype: Literal["fp32", "fp16"], most: int, material: Path) -> None:
    device(core)
    source = groat.load(material / "models" / f"{model}.tflite")
    compiled = groat.compile(source, core, train=groat.Train(layers="all", optimizer="sgd", dtype=dtype))
    report: dict[str, Any] = profile(compiled.packed, f"qemu:{core}", program="train_step")
    assert report["macs"] > 7_000_000
    assert report["instructions"] <= most
    updates = [layer for layer in report["layers"] if "weight_grad" in layer["op"]]
    assert min(layer["instructions"] for layer in updates) > 1000, "the step was refused"
