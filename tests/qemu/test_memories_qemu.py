# SPDX-License-Identifier: Apache-2.0
"""Models that lie in several memories of a board: the same bytes as on the host in one, and a place for each region."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.golden import models
from tests.support.devices import device
from tests.support.material import RESNET8
from tests.support.random_cnns import random_cnn
from tests.support.random_graphs import random_inputs
from tools.tflite_builder import Builder

from groat.compiler import compile_model
from groat.errors import FitError, InputError
from groat.inputs import lcg_inputs
from groat.pack import structs
from groat.pack.writer import seal
from groat.runners import open_runner
from groat.runners.host import HostRunner
from groat.runners.qemu import QemuRunner, Traffic

pytestmark = pytest.mark.qemu

BOARDS = {
    "cortex-m3": ("sram", "psram"),
    "cortex-m4": ("sram", "psram"),
    "cortex-m7": ("sram", "psram"),
    "cortex-m33": ("sram", "psram"),
    "cortex-m55": ("dtcm", "sram1", "sram2", "ddr"),
}
"""Memories that a model is spread over; all but the last get little."""


def spread(target: str, arena_bytes: int) -> str:
    *small, last = BOARDS[target]
    return ",".join([*(f"{name}:{arena_bytes // 4}" for name in small), last])


@pytest.mark.parametrize("target", BOARDS)
def test_random_networks_in_several_memories(target: str) -> None:
    device(target)
    used: set[str] = set()
    for seed in range(3):
        model = random_cnn(40_000 + seed)
        inputs = random_inputs(model, seed)
        with HostRunner(compile_model(model).packed) as runner:
            expected = runner.run(inputs)
        memories = spread(target, compile_model(model, target, schedule="layer").plan.arena_bytes)
        compiled = compile_model(model, target, schedule=("layer", "stream", "auto")[seed], memories=memories)
        with open_runner(f"qemu:{target}", compiled.packed) as emulated:
            for a, b in zip(expected, emulated.run(inputs), strict=True):
                np.testing.assert_array_equal(a, b, f"random_cnn({40_000 + seed}) in {memories}")
        used |= {region.name for region in emulated.model.regions}
    assert len(used) > 1


@pytest.mark.parametrize(("target", "memories"), [("cortex-m4", "sram:16K,psram"), ("cortex-m55", "dtcm:20K,ddr")])
def test_resnet8_in_two_memories(material: Path, target: str, memories: str) -> None:
    device(target)
    model = RESNET8.model(material)
    compiled = compile_model(model, target, schedule="layer", memories=memories)
    inputs = random_inputs(Path(model).read_bytes(), 1)
    with compile_model(model).on("host") as host, QemuRunner(target, compiled.packed, linked=True) as emulated:
        np.testing.assert_array_equal(emulated.run(inputs)[0], host.run(*inputs))
    # Linked, each region has exactly its place.
    assert emulated.image.arenas == {region.name: region.nbytes for region in compiled.plan.regions}
    assert [f".arena_{name}" in emulated.image.sections for name in emulated.image.arenas] == [True, True]


def test_a_region_that_another_target_does_not_have() -> None:
    device("cortex-m33")
    device("cortex-m4")
    model = models.build("with_two_memories")
    two = compile_model(model, "cortex-m33", schedule="layer", memories="sram:1K,psram").packed
    with open_runner("qemu:cortex-m4", two) as emulated:  # it has both
        assert [region.name for region in emulated.model.regions] == ["sram", "psram"]
    scalar = compile_model(model, "cortex-m3", schedule="layer", memories="sram:1K,psram").packed
    with pytest.raises(InputError, match="target cortex-m0 has no memory 'sram' for activations; there are: ram"):
        open_runner("qemu:cortex-m0", scalar)
    # One region runs in what RAM there is.
    with open_runner("qemu:cortex-m0", compile_model(model, "cortex-m3").packed) as emulated:
        assert emulated.image.arenas.keys() == {"ram"}


def test_a_region_that_is_larger_than_its_memory() -> None:
    device("cortex-m55")
    wide = random_cnn(0)
    packed = bytearray(compile_model(wide, "cortex-m55", memories="dtcm").packed)
    header = structs.record(bytes(packed), "groat_header", 0)
    packed[header.regions.offset : header.regions.offset + 4] = (0x80010).to_bytes(4, "little")
    with pytest.raises(FitError, match="needs an arena of 524,304 bytes; cortex-m55 has 524,288: 524,288 of dtcm"):
        open_runner("qemu:cortex-m55", seal(packed))


# ---- What is read and written where -------------------------------------------------------------------------


def test_traffic_of_copies_is_exact() -> None:
    device("cortex-m4")
    m = Builder()
    parts = [m.input((1, rows, 12), quant=models.UNIT) for rows in (3, 5)]
    model = m.build([m.concatenation(parts, 1)])
    with QemuRunner("cortex-m4", compile_model(model, "cortex-m4").packed) as emulated:
        assert emulated.traffic(random_inputs(model, 1)) == {"sram": Traffic(read=96, written=96)}


@pytest.mark.parametrize("target", ["cortex-m3", "cortex-m4", "cortex-m55"])
def test_traffic_is_about_what_was_planned(material: Path, target: str) -> None:
    """Layer by layer, in one memory and in two, and in a stream; and `auto` makes next to none in the slow one.

    Not in patches: layouts of weights with less scratch, which those take, read less of it.
    """
    device(target)
    fast, slow = BOARDS[target][0], BOARDS[target][-1]

    def run(schedule: str, memories: str) -> tuple[dict[str, int], dict[str, int]]:
        compiled = compile_model(RESNET8.model(material), target, schedule=schedule, memories=memories)
        with QemuRunner(target, compiled.packed) as emulated:
            found = emulated.traffic(lcg_inputs(emulated.model.inputs))
        planned = {memory["name"]: int(memory["traffic_bytes"]) for memory in compiled.report["memories"]}
        return planned, {name: traffic.read + traffic.written for name, traffic in found.items()}

    for schedule, memories in (("layer", slow), ("stream", slow), ("layer", f"{fast}:16K,{slow}")):
        planned, found = run(schedule, memories)
        assert planned.keys() == found.keys()
        assert all(0.6 < found[name] / planned[name] < 1.3 for name in found), (planned, found)
    _, found = run("auto", f"{fast}:8K,{slow}")
    assert found[slow] < 0.06 * found[fast]
