# SPDX-License-Identifier: Apache-2.0
"""What the kernels of floats that training spends its time in may cost on a floating-point unit."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kernels.checkkernel import build, costs, place
from tests.support.devices import device

pytestmark = pytest.mark.qemu

MOST = {
    "conv_f32": {
        "3x3 16->32, row of 16, trained": 1.5,
        "3x3 64->64, row of 8, trained": 1.4,
        "1x1 64->64, 125 pixels, trained": 1.5,
        "dense 256->10, trained": 2.0,
    },
    "depthwise_f32": {
        "3x3 C16, row of 48, trained": 3.5,
        "3x3 C64, row of 5, trained": 3.4,
        "10x4 C1 x 64, row of 5, trained": 2.4,
    },
    "conv_weight_grad_f32": {"3x3 16->32, 16 x 16": 1.4, "1x1 64->64, 25 x 5": 1.5, "dense 256->10": 3.0},
    "conv_input_grad_f32": {"3x3 16->32, 16 x 16": 1.4, "1x1 64->64, 25 x 5": 1.45, "dense 256->10": 2.0},
    "depthwise_weight_grad_f32": {"3x3 64, 25 x 5": 2.0, "10x4 1->64, 49 x 10, stride 2": 1.8},
    "depthwise_input_grad_f32": {"3x3 64, 25 x 5": 2.6},
    "conv_f16": {"3x3 16->32, row of 16": 2.0, "1x1 64->64, 125 pixels": 2.1},
    "depthwise_f16": {"3x3 C64, row of 5": 5.5},
    "conv_weight_grad_f16": {"3x3 16->32, 16 x 16": 1.9, "1x1 64->64, 25 x 5": 2.0},
    "conv_input_grad_f16": {"3x3 16->32, 16 x 16": 1.9, "1x1 64->64, 25 x 5": 2.0},
    "depthwise_weight_grad_f16": {"3x3 64, 25 x 5": 3.8},
    "depthwise_input_grad_f16": {"3x3 64, 25 x 5": 4.4},
    "add_f16": {"1,024 elements": 9.5},
    "finite_f16": {"1,024 elements": 2.6},
    "clamp_grad_f16": {"1,024 elements": 3.0},
    "add_f32": {"1,024 elements": 6.5},
    "finite_f32": {"1,024 elements": 1.5},
    "clamp_grad_f32": {"1,024 elements": 6.3},
}
"""Executed instructions for each multiply-accumulate or element; the dense layer's, with the update."""


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7", "cortex-m33"])
def test_forward_and_backward_cost_what_was_measured(core: str, tmp_path: Path) -> None:
    device(core)
    program = build(place(f"qemu:{core}"), tmp_path)
    for kernel, most in MOST.items():
        found = {cost.label: cost.instructions / cost.units for cost in costs(program, kernel)}
        for label, limit in most.items():
            assert found[label] <= limit, f"{kernel}, {label}"
