# SPDX-License-Identifier: Apache-2.0
"""checkkernel on every emulated core: the reference kernels, compiled by the compiler that firmware is built with.

The kernel sets of single instruction sets are held to the reference in test_kernel_sets_qemu.py.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.support.cc import CHECKKERNEL, RUNTIME, TESTS, kernel_files
from tests.support.devices import DEVICES, device

from groat import firmware
from groat.runners.qemu import run_program

pytestmark = pytest.mark.qemu

KERNELS = re.findall(r"^GROAT_KERNEL\(\w+, (\w+),", (RUNTIME / "kernels/kernels.def").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", DEVICES)
def test_every_kernel_holds_to_its_contract(name: str) -> None:
    target = replace(device(name), packing="ref")
    assert target.counter is not None
    image = firmware.build_program(target, [*CHECKKERNEL, TESTS / "kernels" / "selected.c", *kernel_files()])
    code, output = run_program(target, image.path, count=True)
    assert code == 0, output
    lines = re.findall(r"^(\w+): \d+ cases, (\d+) ticks for (\d+) units$", output, re.MULTILINE)
    assert [kernel for kernel, _, _ in lines] == KERNELS, output
    for kernel, ticks, units in lines:
        instructions = target.counter.instructions(int(ticks)) / int(units)
        print(f"{name}: {kernel}: {instructions:.2f} instructions per unit")
        assert 0.02 < instructions < 500


def test_a_mistake_is_found_on_a_device_too() -> None:
    target = replace(device("cortex-m4"), packing="ref")
    files = [*CHECKKERNEL, TESTS / "kernels" / "mutants.c", *kernel_files()]
    image = firmware.build_program(target, files, ["-O2", "-DMUTANT=average_pool_s8_truncates"])
    code, output = run_program(target, image.path)
    assert code == 1
    assert re.search(r"checkkernel: average_pool_s8: case \d+, seed 0x\w+: element \d+: expected -?\d+, found", output)
