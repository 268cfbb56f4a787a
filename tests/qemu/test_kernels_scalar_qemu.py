# SPDX-License-Identifier: Apache-2.0
"""The kernels for cores without SIMD on the devices that have none."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.devices import device
from tests.support.scalar_cases import case, long_case

from groat.errors import FitError

pytestmark = pytest.mark.qemu

CORES = ("cortex-m0", "cortex-m3", "rv32imc")
SEEDS, LONG_SEEDS = 36, 16


@pytest.mark.parametrize("name", ["cortex-m3", "rv32imc"])
def test_a_device_gives_the_portable_kernels_bytes_for_long_filters(name: str) -> None:
    device(name)
    for seed in range(LONG_SEEDS):
        call = long_case(seed)
        np.testing.assert_array_equal(call.run(on=f"qemu:{name}"), call.run(isa="ref"), f"seed {seed}")


@pytest.mark.parametrize("name", CORES)
def test_a_device_gives_the_portable_kernels_bytes(name: str) -> None:
    device(name)
    ran = 0
    for seed in range(SEEDS):
        call = case(seed)
        try:
            y = call.run(on=f"qemu:{name}")
        except FitError:  # 16 KB of RAM are not enough for all of them
            continue
        ran += 1
        np.testing.assert_array_equal(y, call.run(isa="ref"), f"seed {seed}")
    assert ran > SEEDS // 2
