# SPDX-License-Identifier: Apache-2.0
"""The models that planners are compared by fit the memory that they are to fit, and are planned in seconds."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.memory import AIMS, KB, MODELS, budgets, figures_of

TARGET = "cortex-m4"
SECONDS = 10  # of processor time, to plan one model
QUICK = ("resnet8", "vww")
NAMES = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in MODELS]
CASES = [
    pytest.param(name, aim, marks=() if name in QUICK else pytest.mark.slow) for name in MODELS for aim in range(3)
]


@pytest.mark.parametrize(("name", "aim"), CASES)
def test_activations_fit(name: str, aim: int) -> None:
    """With patches; what the kernels' scratch adds is looked at below."""
    options: dict[str, Any] = {"schedule": "patch", **AIMS[aim]}
    found = figures_of(name, TARGET, options)
    assert found.activation_bytes <= MODELS[name][aim] * KB
    assert found.mac_overhead <= options.get("max_mac_overhead", 1.0)
    assert found.seconds < SECONDS


@pytest.mark.parametrize("name", NAMES)
def test_auto_finds_a_schedule_for_each_budget(name: str) -> None:
    """Scratch of the kernels included."""
    for options in budgets(name):
        found = figures_of(name, TARGET, options)
        assert found.arena_bytes <= options["ram"]
        assert found.mac_overhead <= options.get("max_mac_overhead", 1.0)
        assert found.seconds < SECONDS
