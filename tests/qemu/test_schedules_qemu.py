# SPDX-License-Identifier: Apache-2.0
"""Every schedule of every model that planners are compared by gives the bytes of TensorFlow Lite Micro, on the cores
that the project is measured by."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.devices import device
from tests.support.oracle import needs_tflm
from tests.support.schedules import NAMES, SMALL, WAYS, Way, compiled_as, expected, run

from groat.runners.qemu import QemuRunner

pytestmark = [
    pytest.mark.qemu,
    needs_tflm,
]
CORES = ("cortex-m4", "cortex-m55", "rv32imc")
QUICK = {
    *((name, Way("stream", rows)) for name in SMALL for rows in ("resident", "rows")),
    ("mobilenetv2_0.35_144", Way("stream", "rows")),
    ("vww", Way("patch", "rows", work=1.15)),
    ("resnet8", Way("patch", "rows")),
}
CASES = [
    pytest.param(name, way, marks=() if (name, way) in QUICK else pytest.mark.slow, id=f"{name}-{way}")
    for name in NAMES
    for way in WAYS
]


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(("name", "way"), CASES)
def test_a_schedule_gives_the_bytes_of_tflm(name: str, way: Way, core: str) -> None:
    target = device(core)
    compiled = compiled_as(name, way, core)
    frames, wanted = expected(name)
    linked = len(compiled.packed) > target.model_room.length
    with QemuRunner(core, compiled.packed, linked) as runner:
        for found, right in zip(run(runner, compiled, name, frames[0]), wanted[0], strict=True):
            np.testing.assert_array_equal(found, right)
