# SPDX-License-Identifier: Apache-2.0
"""checkkernel on every emulated core: its own kernels and the portable ones, as firmware has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.kernels import casefile
from tests.kernels import cases as kernel_cases
from tests.kernels.checkkernel import Refused, build, check, costs, memory_bytes, place
from tests.support.devices import DEVICES, device

from groat.targets import load_target

pytestmark = pytest.mark.qemu

CASES, SLOW_CASES = 60, 1000
# Long vectors must change nothing but the speed.
PLACES = [*(f"qemu:{name}" for name in DEVICES), "qemu:rv32v:256"]
SLOW_PLACES = [*PLACES, "qemu:rv32v:512", "qemu:rv32v:1024"]
# Executed instructions for each multiply-accumulate, element read by a pool or element written: far off is a mistake.
SANE = (0.005, 500.0)
SANE_WITHOUT_FPU = 5000.0  # of a float that is computed by calls


def run(name: str, packing: str, numbers: range, folder: Path) -> None:
    device(name.split(":")[1])
    program = build(place(name, packing), folder)
    for kernel in casefile.main_kernels():
        tally = check(program, kernel, numbers)
        if not casefile.has(packing, kernel):
            continue
        assert tally.run > 0.5 * len(numbers), kernel
        found = costs(program, kernel)
        fits = [case for _, case in kernel_cases.shapes(packing, kernel) if case.bytes <= memory_bytes(program.place)]
        assert found or not fits, kernel
        most = SANE_WITHOUT_FPU if kernel.endswith(("_f32", "_f16")) else SANE[1]
        for cost in found:
            assert SANE[0] < cost.instructions / cost.units < most, cost


@pytest.mark.parametrize("name", PLACES)
def test_a_cores_own_kernels_hold_to_their_contract(name: str, tmp_path: Path) -> None:
    run(name, load_target(name.split(":")[1]).packing, range(CASES), tmp_path)


@pytest.mark.parametrize("name", DEVICES)
def test_the_portable_kernels_hold_to_their_contract(name: str, tmp_path: Path) -> None:
    run(f"qemu:{name}", "ref", range(CASES // 2), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW_PLACES)
def test_a_cores_own_kernels_hold_to_their_contract_many_times(name: str, tmp_path: Path) -> None:
    run(name, load_target(name.split(":")[1]).packing, range(CASES, CASES + SLOW_CASES), tmp_path)


@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "cortex-m55", "rv32v"])
@pytest.mark.parametrize(
    ("kernel", "mistake"),
    [("average_pool_s8", "truncates"), ("conv_s8", "writes_too_far"), ("add_s8", "does_some_twice")],
)
def test_a_mistake_is_found_on_a_device_too(name: str, kernel: str, mistake: str, tmp_path: Path) -> None:
    device(name)
    program = replace(build(place(f"qemu:{name}"), tmp_path), mutant=(kernel, mistake))
    wrong = "wrote outside, -?\\d+ bytes from the start of" if mistake == "writes_too_far" else r"\w+, byte \d+:"
    with pytest.raises(Refused, match=rf"{name}: {kernel}, case \d+: .*: {wrong}.* expected \d+, found \d+"):
        check(program, kernel, range(100))


def test_two_runs_count_the_same(tmp_path: Path) -> None:
    device("cortex-m4")
    program = build(place("qemu:cortex-m4"), tmp_path)
    assert costs(program, "conv_s8") == costs(program, "conv_s8")
