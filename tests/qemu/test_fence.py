# SPDX-License-Identifier: Apache-2.0
"""Firmware in a fence: exactly the planned arena, the stack that was measured, variables, and not a byte more."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from tests.support.devices import DEVICES, device
from tests.support.oracle import needs_tflm
from tests.support.schedules import Way, compiled_as, expected, run

import groat
from groat import firmware
from groat.errors import FitError, InputError, ModelError, RunnerError
from groat.inputs import lcg_inputs
from groat.runners import qemu
from groat.runners.qemu import QemuRunner

pytestmark = pytest.mark.qemu

CORES = ("cortex-m4", "cortex-m55", "rv32imc")
FENCED = [name for name in DEVICES if name != "cortex-m0"]
DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.tflite"
UNIT = 16  # of the sizes of stack and arena
QUICK = (
    ("resnet8", Way("layer", "resident")),
    ("ds_cnn", Way("stream", "resident")),
    ("vww", Way("stream", "rows")),
    ("vww", Way("patch", "rows", work=1.15)),
)
SLOW = [
    (name, Way(schedule, rows))
    for name in ("resnet8", "ds_cnn", "vww", "mcunetv2_vww", "mobilenetv2_0.35_144", "mobilenetv2_msf_144")
    for schedule, rows in (("layer", "resident"), ("stream", "resident"), ("stream", "rows"), ("patch", "rows"))
    if (name, Way(schedule, rows)) not in QUICK
]


def stack_of(core: str, packed: bytes) -> int:
    """Bytes of stack that firmware with this model needs, measured without a fence."""
    with QemuRunner(core, packed, linked=True) as runner:
        return runner.profile(lcg_inputs(runner.model.inputs)).firmware_stack_bytes


def digits(core: str) -> bytes:
    device(core)
    return groat.compile(DIGITS, target=core).packed


@needs_tflm
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(
    ("name", "way"), [*QUICK, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)], ids=str
)
def test_a_model_runs_in_what_was_planned(name: str, way: Way, core: str) -> None:
    target = device(core)
    compiled = compiled_as(name, way, core)
    needed = stack_of(core, compiled.packed)
    frames, wanted = expected(name)
    with QemuRunner(core, compiled.packed, linked=True, fence=needed) as runner:
        assert runner.image.sections[".stack"] - UNIT < needed <= runner.image.sections[".stack"]
        assert runner.image.arenas == {target.memory("data").name: compiled.plan.arena_bytes}
        assert runner.image.data_bytes < needed + UNIT + 256  # for variables
        for found, right in zip(run(runner, compiled, name, frames[0]), wanted[0], strict=True):
            np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("core", FENCED)
def test_every_core_that_can_has_a_fence(core: str) -> None:
    """With the model beside the image, too."""
    packed = digits(core)
    needed = stack_of(core, packed)
    with groat.Runner("host", packed) as host:
        inputs = lcg_inputs(host.model.inputs)
        (wanted,) = host.run(inputs)
    for linked in (True, False):
        with QemuRunner(core, packed, linked, fence=needed) as runner:
            np.testing.assert_array_equal(runner.run(inputs)[0], wanted)
            assert runner.profile(inputs).firmware_stack_bytes <= needed


def test_a_core_without_memory_protection_has_none() -> None:
    with pytest.raises(InputError, match="cortex-m0 has no fence around its memory"):
        firmware.build(device("cortex-m0"), fence=True)


# ---- Less than that ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("core", CORES)
def test_an_arena_of_one_unit_less_is_refused(core: str, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = digits(core)
    real = firmware.build

    def smaller(*args: Any, arenas: dict[str, int], **kwargs: Any) -> firmware.Image:
        return real(*args, arenas={name: nbytes - UNIT for name, nbytes in arenas.items()}, **kwargs)

    monkeypatch.setattr(firmware, "build", smaller)
    with pytest.raises(FitError, match="the model needs an arena of"):
        QemuRunner(core, packed, linked=True, fence=2048)
    monkeypatch.setattr(qemu, "check_fit", lambda *_: None)  # then the device says so itself
    with pytest.raises(ModelError, match=r"the firmware refused the model: .*arena"):
        QemuRunner(core, packed, linked=True, fence=2048)


def test_an_arena_that_no_fence_can_end_at_is_refused() -> None:
    target = device("cortex-m4")
    with pytest.raises(InputError, match="an arena of 1,001 bytes in a fence; expected a multiple of 16"):
        firmware.build(target, ["add"], arenas={target.memory("data").name: 1001}, fence=True)


@pytest.mark.parametrize("core", CORES)
def test_a_stack_of_one_unit_less_runs_over(core: str) -> None:
    packed = digits(core)
    with (
        pytest.raises(RunnerError, match="stack overflow"),
        QemuRunner(core, packed, linked=True, fence=stack_of(core, packed) - UNIT) as runner,
    ):
        runner.profile(lcg_inputs(runner.model.inputs))


# ---- What a fence is for -----------------------------------------------------------------------------------

ARENA_END = "(uintptr_t)groat_memories[0].start + groat_memories[0].bytes"
PLANTED = {
    "write behind the arena": f"*(volatile uint8_t *)({ARENA_END}) = 1;",
    "read behind the arena": f"(void)*(volatile uint8_t *)({ARENA_END});",
    "write the model": "*(volatile uint8_t *)(uintptr_t)groat_model_start = 1;",
}


@pytest.fixture
def planted(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Firmware whose groat_run is followed by a stray access; returns which."""
    sources = firmware.find_sources()
    copy = tmp_path / "firmware"
    shutil.copytree(sources.firmware, copy)
    server = copy / "app" / "main.c"
    text = server.read_text()
    call = "    groat_run(&net);\n"
    assert text.count(call) == 1
    server.write_text(text.replace(call, f"{call}    {PLANTED[request.param]}\n"))
    monkeypatch.setattr(firmware, "find_sources", lambda: replace(sources, firmware=copy))
    return str(request.param)


def address_of(image: firmware.Image, symbol: str) -> int:
    with image.path.open("rb") as file:
        table: Any = ELFFile(file).get_section_by_name(".symtab")
        return int(table.get_symbol_by_name(symbol)[0]["st_value"])


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("planted", PLANTED, indirect=True)
def test_a_stray_access_is_an_error_that_names_its_address(core: str, planted: str) -> None:
    packed = digits(core)
    with QemuRunner(core, packed, linked=True) as unfenced:
        inputs = lcg_inputs(unfenced.model.inputs)
        unfenced.run(inputs)  # where nobody sees it
    with QemuRunner(core, packed, linked=True, fence=2048) as runner:
        symbol = "groat_model_start" if "model" in planted else f"groat_arena_{device(core).memory('data').name}_end"
        with pytest.raises(RunnerError, match="at RUN 1; its last output:\ngroat: fault: ") as error:
            runner.run(inputs)
        named = re.search(r"(?:address|mtval) 0x([0-9a-f]{8})", str(error.value))
        assert named is not None
        assert int(named[1], 16) == address_of(runner.image, symbol)
