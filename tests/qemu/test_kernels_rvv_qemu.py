# SPDX-License-Identifier: Apache-2.0
"""The RISC-V vector kernels' assembly on emulated cores, whatever the length of their vectors: the reference's bytes
for hostile arguments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.devices import device
from tests.support.rvv_cases import CASES

from groat import kernels
from groat.errors import InputError
from groat.runners import qemu
from groat.targets import Target

pytestmark = pytest.mark.qemu

CALLS = {128: 30, 256: 12, 512: 12, 1024: 6}


@pytest.fixture(params=CALLS)
def vector_bits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The bits of a vector register, with rv32v emulated so."""
    device("rv32v")
    bits: int = request.param
    plain = qemu.command_for

    def command(target: Target, image: Path, count: bool) -> list[str]:
        return [word.replace("vlen=128", f"vlen={bits}") for word in plain(target, image, count)]

    monkeypatch.setattr(qemu, "command_for", command)
    return bits


@pytest.mark.parametrize("name", CASES)
def test_a_kernel_gives_the_references_bytes(name: str, vector_bits: int) -> None:
    for seed in range(1000, 1000 + CALLS[vector_bits]):
        call = CASES[name](np.random.default_rng(seed))
        try:
            expected = call(isa="ref")
            found = call(on="qemu:rv32v")
        except InputError:
            continue  # this window does not fit this image
        np.testing.assert_array_equal(found, expected, f"{name} {seed}")


@pytest.mark.parametrize("shift", [-1, -2, -7, -16, -31, 0, 3])
def test_every_rounding(shift: int) -> None:
    """Accumulators around every half, both signs: ties go away from zero twice."""
    device("rv32v")
    step = 1 << max(0, -shift)
    near = np.array([k * step // 2 + d for k in range(-9, 10) for d in range(-2, 3)])
    for multiplier in (1 << 30, (1 << 31) - 1):
        bias = np.clip(near, -(1 << 31), (1 << 31) - 1).astype(np.int32)
        weights = np.zeros((len(bias), 4), np.int8)
        weights[:, 0] = 1
        x = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [-1, 0, 0, 0]], np.int8)
        arguments = {"bias": bias, "multiplier": multiplier, "shift": shift, "output_zero_point": -3}
        found = kernels.fully_connected(x, weights, **arguments, on="qemu:rv32v")
        np.testing.assert_array_equal(found, kernels.fully_connected(x, weights, **arguments, isa="ref"))
