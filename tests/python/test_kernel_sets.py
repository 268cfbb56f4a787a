# SPDX-License-Identifier: Apache-2.0
"""Every kernel set, compiled for this host, against the reference kernels and against TFLM."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.kernel_cases import CASES, differs
from tests.support.oracle import needs_tflm
from tests.support.random_graphs import random_inputs, random_model

import groat
from groat.isa import PACKINGS
from groat.oracle.tflm import Tflm
from groat.targets import list_targets, load_target

SETS = [packing for packing in PACKINGS if packing != "ref"]
TARGET_OF = {load_target(name).packing: name for name in list_targets()}


def test_every_set_is_some_targets() -> None:
    assert set(SETS) <= set(TARGET_OF)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("isa", SETS)
def test_a_set_gives_the_reference_bytes(isa: str, case: str) -> None:
    for seed in range(60):
        assert differs(case, seed, isa=isa) is None


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("isa", SETS)
def test_a_set_gives_the_reference_bytes_many_times(isa: str, case: str) -> None:
    for seed in range(1000, 3000):
        assert differs(case, seed, isa=isa) is None


def compare_with_tflm(isa: str, seeds: range) -> None:
    for seed in seeds:
        model = random_model(seed, wide=seed % 2 == 1)
        inputs = random_inputs(model, seed)
        with groat.compile(model, target=TARGET_OF[isa]).on("host") as host:
            found = host.runner.run(inputs)
        for ours, theirs in zip(found, Tflm(model).run(inputs), strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{isa}, seed {seed}")


@needs_tflm
@pytest.mark.parametrize("isa", SETS)
def test_random_graphs_equal_tflm(isa: str) -> None:
    compare_with_tflm(isa, range(200_000, 200_080))


@pytest.mark.slow
@needs_tflm
@pytest.mark.parametrize("isa", SETS)
def test_many_random_graphs_equal_tflm(isa: str) -> None:
    compare_with_tflm(isa, range(300_000, 303_000))
