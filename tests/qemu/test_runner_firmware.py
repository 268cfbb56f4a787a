# SPDX-License-Identifier: Apache-2.0
"""Targets, the build and its cache, and what is said when tools are missing or fail."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from tests.support.devices import DEVICES, device

import groat
from groat import firmware, toolchain
from groat.errors import InputError, ToolchainError
from groat.runners import open_runner
from groat.runners.qemu import QemuRunner
from groat.targets import list_targets, load_target

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.tflite"
CODE_LIMIT = {"dsp": 28 * 1024, "mve": 36 * 1024, "scalar": 36 * 1024, "rvv": 36 * 1024}  # of the digits model


def test_the_targets() -> None:
    assert set(list_targets()) == {"host", *DEVICES}
    assert {f"cortex-m{core}" for core in (0, 3, 4, 7, 33, 55)} | {"rv32imc", "rv32v"} <= set(DEVICES)
    assert load_target("host").qemu is None
    with pytest.raises(InputError, match=r"unknown target 'cortex-m9'; there are: cortex-m0, .*, host, rv32imc, rv32v"):
        load_target("cortex-m9")


@pytest.mark.parametrize("name", DEVICES)
def test_a_description_holds_together(name: str) -> None:
    target = load_target(name)
    room = target.model_room
    assert room.origin % 16 == 0
    assert room.length > 0
    spans = sorted((memory.origin, memory.end) for memory in target.memories)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    assert 0 < target.stack_bytes < target.ram_bytes
    assert target.stack_bytes % 16 == 0
    counter = target.counter
    assert counter is not None
    ticks_per_instruction = (1 << counter.icount_shift) / counter.ns_per_tick
    assert 2 <= ticks_per_instruction <= 5
    for count in (0, 1, 2, 3, 1000, 123457):
        for ticks in (math.floor(count * ticks_per_instruction), math.ceil(count * ticks_per_instruction)):
            assert counter.instructions(ticks) == count


def test_what_is_missing_comes_with_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = {tool.what: tool.install_command for tool in toolchain.check(load_target("cortex-m55"))}
    assert set(missing) == {"clang-19", "ld.lld-19", "arm-none-eabi-gcc", "qemu-system-arm"}
    assert missing["ld.lld-19"].endswith("apt-get install --no-install-recommends lld-19")
    assert toolchain.check(load_target("host")) == []
    assert toolchain.installed() == []
    for name in ("clang-19", "qemu-system-arm"):
        (tmp_path / name).write_text("#!/bin/sh\necho version 1; echo more\n")
        (tmp_path / name).chmod(0o755)
    assert len(toolchain.check(load_target("cortex-m55"))) == 2
    assert {tool.what: tool.version for tool in toolchain.installed()} == {
        "clang-19": "version 1",
        "qemu-system-arm": "version 1",
    }


def test_a_tool_that_fails_or_hangs(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text('#!/bin/sh\necho out; echo "the reason" >&2; exit 3\n')
    tool.chmod(0o755)
    with pytest.raises(ToolchainError, match=r"failed with exit code 3: .*tool x\nout\nthe reason"):
        toolchain.run([str(tool), "x"], timeout=10)
    tool.write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(ToolchainError, match=r"did not end within 0.5 s"):
        toolchain.run([str(tool)], timeout=0.5)


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("GROAT_CACHE_DIR", raising=False)
    assert firmware.cache_folder() == tmp_path / "xdg" / "groat"
    monkeypatch.setenv("GROAT_CACHE_DIR", str(tmp_path / "own"))
    assert firmware.cache_folder() == tmp_path / "own"


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "cortex-m55", "rv32imc", "rv32v"])
def test_all_sources_compile_without_a_warning(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = device(name)
    monkeypatch.setenv("GROAT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(firmware, "_COMMON_FLAGS", (*firmware._COMMON_FLAGS, "-Werror"))
    # All are compiled; a Cortex-M0 has no flash for all of them in one image.
    ops = ["conv_2d", "conv_2d_weight_grad_float32"] if name == "cortex-m0" else None
    image = firmware.build(target, ops=ops, fence=bool(target.fence))
    assert image.path.is_relative_to(tmp_path)
    assert 0 < image.runtime_code_bytes < image.code_bytes


@pytest.mark.qemu
def test_a_second_build_compiles_nothing_and_another_choice_of_ops_what_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = device("cortex-m4")
    monkeypatch.setenv("GROAT_CACHE_DIR", str(tmp_path))
    outputs: list[str] = []
    real = toolchain.run

    def run(command: list[str], timeout: float) -> str:
        if "-o" in command:
            outputs.append(Path(command[-1]).name)
        return real(command, timeout)

    monkeypatch.setattr(toolchain, "run", run)
    everything = firmware.build(target)
    assert len(outputs) > 20
    outputs.clear()
    assert firmware.build(target) == everything
    assert outputs == []
    some = firmware.build(target, ["add", "softmax"])
    # The files that see which ops are linked, and whether any goes row by row; and the image.
    compiled = {name.rsplit("-", 1)[0] for name in outputs}
    assert compiled == {"runtime-run", "runtime-open", "runtime-stream", "firmware-main", "cortex-m4"}
    assert len(outputs) == 5
    assert some.runtime_code_bytes < everything.runtime_code_bytes / 2
    outputs.clear()
    assert firmware.build(target, ["softmax", "add", "add"]) == some
    assert outputs == []
    linked = firmware.build(target, ["add"], model=b"m" * 1000, arenas={"sram": 4096})
    assert linked.sections[".model"] == 1000
    assert linked.arenas == {"sram": 4096}
    assert linked.code_bytes < some.code_bytes
    assert not list(tmp_path.rglob(".new-*"))


@pytest.mark.qemu
def test_a_compilers_words_are_shown_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = device("cortex-m4")
    monkeypatch.setenv("GROAT_CACHE_DIR", str(tmp_path / "cache"))
    program = tmp_path / "broken.c"
    program.write_text("int main(void)\n{\n    return this_is_missing + that_too;\n}\n")
    with pytest.raises(ToolchainError, match=r"(?s)broken.c:3:.*this_is_missing.*that_too"):
        firmware.build_program(target, [program])
    program.write_text("int elsewhere(void);\nint main(void)\n{\n    return elsewhere();\n}\n")
    with pytest.raises(ToolchainError, match="undefined reference to `elsewhere'"):
        firmware.build_program(target, [program])
    assert not list((tmp_path / "cache").rglob("*.elf"))


def test_what_cannot_be_built() -> None:
    with pytest.raises(InputError, match="no such op: conv_7d, nonsense"):
        firmware.build(load_target("cortex-m4"), ["add", "nonsense", "conv_7d"])
    with pytest.raises(InputError, match="no firmware is built for target host"):
        firmware.build(load_target("host"))


@pytest.mark.qemu
@pytest.mark.parametrize("name", DEVICES)
def test_firmware_is_small(name: str) -> None:
    packed = groat.compile(DIGITS, target=name).packed
    with open_runner(f"qemu:{name}", packed) as runner:
        assert isinstance(runner, QemuRunner)
        assert runner.image.code_bytes < CODE_LIMIT[device(name).packing]
