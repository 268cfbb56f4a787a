# SPDX-License-Identifier: Apache-2.0
"""The Helium kernels on an emulated Cortex-M55: the reference's bytes, from assembly where the host ran C."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.devices import device
from tests.support.mve_cases import CASES

pytestmark = pytest.mark.qemu

CALLS = 12


@pytest.mark.parametrize("name", CASES)
def test_a_kernel_gives_the_references_bytes(name: str) -> None:
    target = device("cortex-m55")
    for seed in range(CALLS):
        call = CASES[name](np.random.default_rng(1000 + seed))
        np.testing.assert_array_equal(call(on=f"qemu:{target.name}"), call(isa="ref"), f"{name} {seed}")
