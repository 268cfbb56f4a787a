# SPDX-License-Identifier: Apache-2.0
"""Where the instructions go: the plugin's counts against the device's counter, by function, opcode and layer."""

from __future__ import annotations

import functools
import itertools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.support.devices import DEVICES, device
from tests.support.random_cnns import random_cnn
from typer.testing import CliRunner

import groat
from groat import firmware, toolchain
from groat.cli import app
from groat.cycles import list_cost_tables
from groat.errors import InputError, RunnerError, ToolchainError
from groat.hotspots import DISASSEMBLER, UNKNOWN, Counts, Functions, disassemble, total
from groat.inputs import lcg_inputs
from groat.pack import PackedModel, read
from groat.profiling import By, profile
from groat.runners.base import Profile
from groat.runners.qemu import Plugin, QemuRunner, QemuSession
from groat.targets import load_target

pytestmark = pytest.mark.qemu

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.tflite"
# What may go elsewhere than to the instruction behind it; a load only into the program counter.
LEAVES = re.compile(
    r"(b|bl|bx|blx)(eq|ne|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?|cbn?z|tb[bh]|pop\w*|ldm\w*|ldr|le|letp|wls|wlstp\.\d+"
    r"|b\w+|j|jr|jal|jalr|ret|mov"
)


@functools.cache
def measured(name: str) -> tuple[Profile, Counts, Path]:
    with QemuRunner(name, groat.compile(DIGITS, target=name).packed, linked=True) as runner:
        inputs = lcg_inputs(runner.model.inputs)
        return runner.profile(inputs), runner.count(inputs), runner.image.path


@functools.cache
def report(name: str, by: By | None, cycles: bool = False) -> dict[str, Any]:
    if shutil.which(DISASSEMBLER) is None:
        pytest.skip(f"{DISASSEMBLER} missing: {toolchain.install_command([DISASSEMBLER])}")
    return profile(groat.compile(DIGITS, target=name).packed, f"qemu:{name}", by=by, cycles=cycles)


@pytest.mark.parametrize("name", DEVICES)
def test_the_plugin_counts_what_the_device_counts(name: str) -> None:
    device(name)
    profile, counts, _ = measured(name)
    # The counter's figure holds the function of the server that calls groat_run, less one that does nothing.
    assert 0 <= profile.instructions - total(counts.run) <= 4
    differences = {found - total(step) for found, step in zip(profile.step_instructions, counts.steps, strict=True)}
    assert len(differences) == 1
    assert 0 <= differences.pop() <= 8


@pytest.mark.parametrize("name", DEVICES)
def test_every_instruction_has_a_function_and_an_opcode(name: str) -> None:
    target = device(name)
    _, counts, image = measured(name)
    functions, instructions = Functions(image), disassemble(target, image)
    names = {functions.at(spot.address) for spot in counts.run}
    assert UNKNOWN not in names
    assert {"groat_run", "run (conv_2d.c)", "run (depthwise_conv_2d.c)", "run (softmax.c)"} <= names
    assert not names & {"groat_open", "groat_measure", "groat_counter_read", "groat_channel_read", "groat_startup"}
    assert "groat_run_step" not in names
    for calls, entry in [(counts.run, "groat_run"), *((step, "groat_run_step") for step in counts.steps)]:
        first = [spot for spot in calls if spot.address == functions.named(entry).address]
        assert [spot.executed for spot in first] == [1]
    for spot in counts.run:
        found = instructions[spot.address]
        assert spot.executed > 0
        assert 0 <= spot.left <= spot.executed
        if spot.left:
            assert LEAVES.fullmatch(found.opcode), (hex(spot.address), found)
            assert found.opcode not in ("ldr", "ldm", "mov") or "pc" in found.operands


@functools.cache
def streamed(name: str, input: str) -> tuple[PackedModel, Profile, Counts]:
    packed = groat.compile(DIGITS, name, schedule="stream", input=input).packed
    with QemuRunner(name, packed, linked=True) as runner:
        inputs = lcg_inputs(runner.model.inputs)
        return runner.model, runner.profile(inputs), runner.count(inputs)


@pytest.mark.parametrize("input", ["resident", "rows"])
@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "rv32imc"])
def test_each_layer_of_a_stream_is_measured(name: str, input: str) -> None:
    device(name)
    model, profile, counts = streamed(name, input)
    assert len(model.streams) == len(profile.walk_instructions) > 0
    found = sum(profile.step_instructions) + sum(profile.walk_instructions)
    assert 0 <= found - profile.instructions <= 40 * len(model.steps)
    # The rows of a layer, layer by layer, cost about what the layer costs by itself; the walk is the smaller part.
    layers = measured(name)[0].step_instructions[-len(model.steps) :]
    for stream, walk in zip(model.streams, profile.walk_instructions, strict=True):
        assert 0 < walk < sum(profile.step_instructions[index] for index in stream) / 2
    for index, own in enumerate(profile.step_instructions):
        rows = model.tensors[model.steps[index].outputs[0]].shape[1]
        assert abs(own - total(counts.steps[index])) <= 8 + 2 * rows
        if len(model.steps) == len(layers):
            assert own > layers[index] * 0.9
    assert 0 <= profile.instructions - total(counts.run) <= 4


def test_layers_of_a_second_stream_are_measured_after_the_first() -> None:
    """The input of the first comes row by row."""
    device("cortex-m4")
    for seed in itertools.count():
        try:
            packed = groat.compile(random_cnn(seed), "cortex-m4", schedule="stream", input="rows").packed
        except InputError:
            continue
        model = read(packed)
        if len(model.streams) > 1 and len(model.streams[0]) > 1 and len(model.steps) < 10:
            break
    with QemuRunner("cortex-m4", packed) as runner:
        inputs = lcg_inputs(model.inputs)
        profile, counts = runner.profile(inputs), runner.count(inputs)
    found = sum(profile.step_instructions) + sum(profile.walk_instructions)
    assert 0 <= found - profile.instructions <= 40 * len(model.steps)
    assert len(counts.steps) == len(model.steps)
    # A network may have an op whose output nothing reads: no row of it is ever made.
    assert [total(step) > 0 for step in counts.steps] == [cost > 0 for cost in profile.step_instructions]
    assert all(sum(profile.step_instructions[index] for index in stream) > 0 for stream in model.streams)


@pytest.mark.parametrize("name", ["cortex-m4", "rv32imc"])
def test_what_is_counted_in_a_stream_belongs_to_its_layer(name: str) -> None:
    device(name)
    model, _, counts = streamed(name, "rows")
    functions, run = Functions(counts.steps_image), Functions(counts.image)
    for stream in model.streams:
        for index in stream:
            names = {functions.at(spot.address) for spot in counts.steps[index]}
            assert any(f"({model.steps[index].op}.c)" in each for each in names)
            assert not {"groat_run_stream", "groat_layer_ticks", "groat_counter_read", "groat_run_step"} & names
    names = {run.at(spot.address) for spot in counts.run}
    assert "groat_run_stream" in names
    assert not any("layer" in each for each in names)


@pytest.mark.parametrize("name", ["cortex-m4", "rv32v"])
@pytest.mark.parametrize("by", ["layer", "function", "opcode"])
def test_rows_add_up(name: str, by: By) -> None:
    device(name)
    found = report(name, by)
    rows = found["rows"]
    assert found["by"] == by
    assert found["counted_instructions"] == sum(row["instructions"] for row in rows)
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert len({row["name"] for row in rows}) == len(rows)
    if by == "layer":
        assert [row["index"] for row in rows] == [layer["index"] for layer in found["layers"]]
        for row, layer in zip(rows, found["layers"], strict=True):
            assert 0 <= layer["instructions"] - row["instructions"] <= 8
            assert sum(function["instructions"] for function in row["functions"]) == row["instructions"]
            assert any(function["name"] == f"run ({row['op']}.c)" for function in row["functions"])
    else:
        assert [row["instructions"] for row in rows] == sorted((row["instructions"] for row in rows), reverse=True)
        assert 0 <= found["instructions"] - found["counted_instructions"] <= 4


def test_vector_instructions_have_their_names() -> None:
    device("cortex-m55")
    device("rv32v")
    assert any(row["name"].startswith("vml") for row in report("cortex-m55", "opcode")["rows"])
    assert any(row["name"].startswith("vset") for row in report("rv32v", "opcode")["rows"])


@pytest.mark.parametrize("name", list_cost_tables())
def test_the_tables_know_all_that_is_executed(name: str) -> None:
    device(name)
    found = report(name, "function", cycles=True)
    estimate = found["cycles"]
    assert estimate["estimate"] is True
    assert estimate["unknown"] == []
    low, high = estimate["range"]
    assert found["counted_instructions"] / 2 <= low <= high <= found["counted_instructions"] * 3
    for end, whole in enumerate(estimate["range"]):
        assert sum(row["cycles"][end] for row in found["rows"]) == pytest.approx(whole, abs=len(found["rows"]))


def test_the_command_line_shows_it() -> None:
    device("cortex-m4")
    arguments = ["profile", str(DIGITS), "--on", "qemu:cortex-m4"]
    shown = CliRunner().invoke(app, [*arguments, "--by", "function", "--format", "json"])
    assert shown.exit_code == 0
    found = json.loads(shown.stdout)
    assert found["by"] == "function"
    assert {"name", "instructions", "share"} == set(found["rows"][0])
    assert {"on", "instructions", "macs", "flash", "layers"} <= set(found)
    assert found["rows"] == report("cortex-m4", "function")["rows"]
    shown = CliRunner().invoke(app, [*arguments, "--cycles"])
    assert shown.exit_code == 0
    assert "Functions of each layer" in shown.stdout
    assert "Estimate of cycles, not a measurement" in shown.stdout
    plain = CliRunner().invoke(app, [*arguments, "--format", "json"])
    assert not {"by", "rows", "cycles"} & set(json.loads(plain.stdout))


def test_what_cannot_be_told() -> None:
    device("rv32imc")
    packed = groat.compile(DIGITS, target="rv32imc").packed
    with pytest.raises(InputError, match="no table of cycle costs for rv32imc"):
        profile(packed, "qemu:rv32imc", cycles=True)
    with pytest.raises(InputError, match="cannot tell instructions by 'line'; there are: layer, function, opcode"):
        profile(packed, "qemu:rv32imc", by="line")  # type: ignore[arg-type]


def test_without_a_c_compiler_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROAT_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match=r"(?s)cc is not installed .* watching firmware .* gcc"):
        firmware.build_plugin()


def test_a_plugin_that_refuses_its_arguments_is_an_error() -> None:
    target = device("cortex-m4")
    image = measured("cortex-m4")[2]
    with pytest.raises(RunnerError, match="groat_profile: not understood: nonsense=1"):
        QemuSession(load_target(target.name), image, plugin=Plugin(firmware.build_plugin(), ("nonsense=1",)))
