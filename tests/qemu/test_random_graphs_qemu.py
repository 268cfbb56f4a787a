# SPDX-License-Identifier: Apache-2.0
"""Graphs that nobody thought of, on every emulated core: the bytes of TensorFlow Lite Micro."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.compare import compare_with_tflm
from tests.support.devices import DEVICES, device
from tests.support.oracle import needs_tflm
from tests.support.random_graphs import RandomModel, random_models

import groat
from groat import firmware
from groat.errors import FitError
from groat.runners import open_runner

pytestmark = [
    pytest.mark.qemu,
    needs_tflm,
]

SETTINGS = settings(deadline=None, suppress_health_check=list(hypothesis.HealthCheck))


@pytest.fixture(autouse=True)
def throwaway_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Images for hundreds of choices of ops are not worth keeping; the objects that they are linked from are."""
    objects = firmware.cache_folder() / "objects"
    objects.mkdir(parents=True, exist_ok=True)
    (tmp_path / "objects").symlink_to(objects)
    monkeypatch.setenv("GROAT_CACHE_DIR", str(tmp_path))
    yield
    shutil.rmtree(tmp_path / "images", ignore_errors=True)


def check_many(name: str, options: settings) -> None:
    """Compares random models on one core; most must fit its memory."""
    device(name)
    outcomes = {"fits": 0, "too large": 0}

    @given(random_models(), st.integers(0, 1000))
    @settings(options)
    def check(model: RandomModel, input_seed: int) -> None:
        compiled = groat.compile(model.build(), target=name)
        try:
            runner = open_runner(f"qemu:{name}", compiled.packed)
        except FitError:
            outcomes["too large"] += 1
            return
        outcomes["fits"] += 1
        with runner:
            compare_with_tflm(model, input_seed, compiled, runner)

    check()
    # Only the 16 KB of Cortex-M0 are ever too small.
    assert outcomes["too large"] == 0 or name == "cortex-m0"
    assert outcomes["fits"] > 10 * outcomes["too large"]


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_equals_tflm(name: str) -> None:
    check_many(name, settings(SETTINGS, derandomize=True, database=None, max_examples=25))


@pytest.mark.slow
@pytest.mark.parametrize("name", DEVICES)
def test_a_device_equals_tflm_at_length(name: str) -> None:
    check_many(name, settings(SETTINGS, max_examples=400))
