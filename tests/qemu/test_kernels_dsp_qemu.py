# SPDX-License-Identifier: Apache-2.0
"""The DSP kernels' assembly on emulated cores: the reference's bytes for hostile arguments."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.devices import device
from tests.support.dsp_cases import CASES, LAYOUTS

from groat import kernels
from groat.errors import InputError

pytestmark = pytest.mark.qemu

CALLS = 30


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7", "cortex-m33"])
@pytest.mark.parametrize("name", CASES)
def test_a_kernel_gives_the_references_bytes(name: str, core: str) -> None:
    device(core)
    for seed in range(1000, 1000 + CALLS):
        call = CASES[name](np.random.default_rng(seed))
        try:
            expected = call(isa="ref")
            found = call(on=f"qemu:{core}")
        except InputError:
            continue  # this window does not fit this image
        np.testing.assert_array_equal(found, expected, f"{name} {seed}")


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7", "cortex-m33"])
@pytest.mark.parametrize(("name", "layout"), LAYOUTS)
def test_a_layout_gives_the_references_bytes(name: str, layout: str, core: str) -> None:
    device(core)
    for seed in range(2000, 2000 + CALLS // 2):
        call = CASES[name](np.random.default_rng(seed))
        try:
            expected = call(isa="ref")
            with kernels.use_layout(layout):
                found = call(on=f"qemu:{core}")
        except InputError:
            continue
        np.testing.assert_array_equal(found, expected, f"{name} {layout} {seed}")
