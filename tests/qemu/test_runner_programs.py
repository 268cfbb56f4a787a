# SPDX-License-Identifier: Apache-2.0
"""What firmware stands on, shown by small programs: start-up, counters, faults, and an end in any case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.support.devices import DEVICES, device

from groat import firmware
from groat.errors import RunnerError
from groat.runners.qemu import run_program

pytestmark = pytest.mark.qemu

PROGRAMS = Path(__file__).parent / "programs"
INSTRUCTIONS_PER_ROUND = 2
EXIT_FAULT = 3


@pytest.mark.parametrize("name", DEVICES)
def test_a_core_starts_as_c_expects(name: str) -> None:
    target = device(name)
    image = firmware.build_program(target, [PROGRAMS / "startup.c"])
    assert run_program(target, image.path) == (42, "all well 0xc0ffee42")


@pytest.mark.parametrize("name", DEVICES)
def test_counts_are_exact_and_repeat(name: str) -> None:
    target = device(name)
    assert target.counter is not None
    image = firmware.build_program(target, [PROGRAMS / "count.c"])
    code, text = run_program(target, image.path, count=True)
    assert code == 0
    assert run_program(target, image.path, count=True) == (code, text)
    rows = [[int(word, 16) for word in line.split()] for line in text.splitlines()]
    assert len(rows) == 11
    overheads = {target.counter.instructions(ticks) - INSTRUCTIONS_PER_ROUND * rounds for rounds, ticks in rows}
    assert len(overheads) == 1, f"not the same for every length of loop: {rows}"
    assert 0 <= overheads.pop() < 20


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize(
    ("kind", "arm_cause", "riscv"),
    [
        ("ILLEGAL", 1 << 16, "illegal instruction"),
        ("ADDRESS", 1 << 9, "store access fault"),
        ("STACK", 1 << 1 | 1 << 20, "stack overflow"),
    ],
)
def test_a_fault_is_named_and_ends_the_program(name: str, kind: str, arm_cause: int, riscv: str) -> None:
    target = device(name)
    image = firmware.build_program(target, [PROGRAMS / "fault.c"], ["-O1", f"-DFAULT_{kind}"])
    code, text = run_program(target, image.path, timeout=20)
    assert code == EXIT_FAULT, text
    before, fault = text.splitlines()
    assert before == "here I go"
    if name.startswith("rv"):
        assert fault.startswith("groat: fault: ")
        assert riscv in fault
    else:
        assert fault.startswith("groat: fault: HardFault")
        assert ("stack overflow" in fault) == (kind == "STACK")
        cause = re.search(r"CFSR 0x([0-9a-f]{8})", fault)
        assert (cause is None) == (name == "cortex-m0")  # it has no such register
        if cause is not None:
            assert int(cause[1], 16) & arm_cause
    if kind == "ADDRESS" and name != "cortex-m0":
        assert "0xe8000000" in fault


def test_a_program_that_hangs_is_ended() -> None:
    target = device("cortex-m4")
    image = firmware.build_program(target, [PROGRAMS / "fault.c"], ["-O1", "-DFAULT_HANG"])
    with pytest.raises(RunnerError, match="did not end in 1 s; its last output:\nhere I go"):
        run_program(target, image.path, timeout=1)
