# SPDX-License-Identifier: Apache-2.0
"""Losses, optimizers and gradients of ops without weights on emulated cores: the bits of their references."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.devices import device
from tests.support.training_cases import TRAINING

from groat.graph.ir import Op
from groat.ops import call as call_module
from groat.ops import op_def, op_rows

Array = npt.NDArray[Any]

pytestmark = pytest.mark.qemu

OPS = (
    "softmax_cross_entropy_float32",
    "softmax_cross_entropy_float16",
    "loss_scale",
    "sgd_float16",
    "adam_float32",
    "clamp_mask_float32",
    "max_pool_2d_index_float16",
    "average_pool_2d_grad_float32",
    "group_norm_grad_float32",
)
CASES = 3


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55", "rv32v"])
def test_an_op_gives_the_bits_of_its_reference(name: str, op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    device(name)
    for row in op_rows():
        op_def(row.name)  # imports all modules, so that none of them keeps what is put there meanwhile
    real, ran = call_module.call_all, []

    def call_all(
        kind: str, inputs: Sequence[Array], attrs: Mapping[str, Any], on: str, isa: str | None, **options: Any
    ) -> list[Array]:
        if kind != op:  # what makes its inputs
            return real(kind, inputs, attrs, on, isa, **options)
        found = real(kind, inputs, attrs, f"qemu:{name}", None, **options)
        state = options.get("state") or {}
        numbers = tuple(range(len(inputs) + len(found)))
        told = Op(kind, numbers[: len(inputs)], numbers[len(inputs) :], attrs)
        expected = op_def(kind).reference(told, [*inputs, *(state[index] for index in op_def(kind).updates(told))])
        for ours, right in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, right)
            ran.append(ours.dtype == right.dtype)
        return found

    for module in list(sys.modules.values()):
        if getattr(module, "call_all", None) is real and module.__name__.startswith("groat.ops."):
            monkeypatch.setattr(module, "call_all", call_all)
    rng = np.random.default_rng(11)
    for _ in range(CASES):
        TRAINING[op](rng)
    assert len(ran) >= CASES
    assert all(ran)
