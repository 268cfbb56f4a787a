# SPDX-License-Identifier: Apache-2.0
"""Every schedule of every model that planners are compared by gives the bytes of TensorFlow Lite Micro, on the host.

On emulated cores: tests/qemu/test_schedules_qemu.py.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.oracle import needs_tflm
from tests.support.schedules import NAMES, SMALL, WAYS, Way, compiled_as, expected, run

from groat.pack import read
from groat.runners.host import HostRunner

pytestmark = needs_tflm


def is_quick(name: str, way: Way) -> bool:
    return name in SMALL or (way.share is None and name != "mobilenetv2_1.0_224")


CASES = [
    pytest.param(name, way, marks=() if is_quick(name, way) else pytest.mark.slow, id=f"{name}-{way}")
    for name in NAMES
    for way in WAYS
]


@pytest.mark.parametrize(("name", "way"), CASES)
def test_a_schedule_gives_the_bytes_of_tflm(name: str, way: Way) -> None:
    compiled = compiled_as(name, way, "host")
    assert [info.by_rows for info in read(compiled.packed).inputs] == [way.input == "rows"]
    frames, wanted = expected(name)
    with HostRunner(compiled.packed) as runner:
        for frame, outputs in zip(frames, wanted, strict=True):
            for found, right in zip(run(runner, compiled, name, frame), outputs, strict=True):
                np.testing.assert_array_equal(found, right)
