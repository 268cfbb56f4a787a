# SPDX-License-Identifier: Apache-2.0
"""The command line with emulated devices: the keys that scripts rely on, and emulators that fail."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from tests.support.command import Groat
from tests.support.devices import DEVICES, device
from tests.support.oracle import needs_tflm
from tools.tflite_builder import Builder, Quant, range_quant

import groat
from groat.oracle.tflm import is_installed
from groat.runners.qemu import QemuRunner

pytestmark = pytest.mark.qemu


@pytest.fixture(autouse=True)
def m4() -> None:
    device("cortex-m4")


def test_run_gives_the_hosts_values(groat_command: Groat, digits: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(-128, 128, (3, 1, 8, 8, 1)).astype(np.int8))
    packed = tmp_path / "digits.groat"
    assert groat_command("pack", digits, "-o", packed, "--target", "cortex-m4").code == 0
    for arguments in ([], ["--data", tmp_path / "x.npy"]):
        host = groat_command.json("run", digits, *arguments)
        for model in (digits, packed):
            found = groat_command.json("run", model, "--on", "qemu:cortex-m4", *arguments)
            assert found == {**host, "on": "qemu:cortex-m4"}


@needs_tflm
def test_validate_in_several_places(groat_command: Groat, digits: Path) -> None:
    for name in ("cortex-m55", "rv32imc"):
        device(name)
    places = ["host", "qemu:cortex-m4", "qemu:cortex-m55", "qemu:rv32imc"]
    report = groat_command.json("validate", digits, "--against", "tflm", "--on", ",".join(places), "--inputs", "2")
    assert report["equal"] is True
    assert [result["on"] for result in report["results"]] == places
    assert all(result["outputs_equal"] == 2 and result["difference"] is None for result in report["results"])


def test_options_reach_the_device(groat_command: Groat, digits: Path) -> None:
    where = ["--on", "qemu:cortex-m4"]
    rows = ["--schedule", "stream", "--input", "rows"]
    least = groat_command("analyze", digits, *rows, "--ram", "0", "--format", "json").json["smallest_bytes"]
    layers = groat_command.json("analyze", digits)
    assert least < layers["arena_bytes"]
    budget = [*rows, "--ram", least]
    assert groat_command.json("run", digits, *where, *budget)["outputs"] == groat_command.json("run", digits)["outputs"]
    report = groat_command.json("profile", digits, *where, *budget)
    assert report["arena_bytes"] == least
    assert len(report["streams"]) >= 1
    for command in ("run", "profile"):
        message = groat_command.fails(4, command, digits, *where, *rows, "--ram", least - 1)
        assert f"the smallest budget that works is {least:,}" in message
    if is_installed():
        assert groat_command.json("validate", digits, *where, *budget, "--inputs", "2")["equal"] is True


PROFILE_KEYS = {
    *("instructions", "macs", "instructions_per_mac", "open_instructions", "arena_bytes", "stack_bytes"),
    *("flash", "layers"),
}
LAYER_KEYS = {"index", "op", "name", "instructions", "macs"}


def test_profile(groat_command: Groat, digits: Path, tmp_path: Path) -> None:
    report = groat_command.json("profile", digits, "--on", "qemu:cortex-m4")
    compiled = groat.compile(digits, target="cortex-m4")
    analysis = groat_command.json("analyze", digits, "--target", "cortex-m4")
    assert set(report) >= PROFILE_KEYS
    assert set(report["flash"]) >= {"code_bytes", "model_bytes"}
    assert all(set(layer) == LAYER_KEYS for layer in report["layers"])
    assert [layer["index"] for layer in report["layers"]] == list(range(len(compiled.graph.ops)))
    assert [layer["name"] for layer in report["layers"]] == [layer["name"] for layer in analysis["layers"]]
    assert report["macs"] == sum(layer["macs"] for layer in report["layers"]) == analysis["macs"]
    assert report["instructions_per_mac"] == report["instructions"] / report["macs"]
    total = sum(layer["instructions"] for layer in report["layers"])
    assert 0 <= total - report["instructions"] <= 40 * len(report["layers"])
    assert report["arena_bytes"] == analysis["arena_bytes"]
    assert report["flash"]["model_bytes"] == len(compiled.packed) == analysis["model_bytes"]
    assert min(report["open_instructions"], report["stack_bytes"], report["flash"]["code_bytes"]) > 0
    table = groat_command("profile", digits)
    assert table.code == 0
    assert f"{report['instructions']:,}" in table.out
    # The same every time, and from a packed file too, which has no names of layers in between.
    packed = tmp_path / "digits.groat"
    packed.write_bytes(compiled.packed)
    again = groat_command.json("profile", packed, "--on", "qemu:cortex-m4")
    assert {**again, "layers": None} == {**report, "layers": None}
    assert [layer["instructions"] for layer in again["layers"]] == [layer["instructions"] for layer in report["layers"]]
    assert all(layer["name"] for layer in again["layers"])


def test_doctor_finds_all_that_is_needed(groat_command: Groat) -> None:
    for name in DEVICES:
        device(name)
    result = groat_command("doctor", "--format", "json")
    missing = {item["what"] for item in result.json["missing"]}
    assert not missing & {"arm-none-eabi-gcc", "clang-19", "qemu-system-arm", "qemu-system-riscv32"}
    assert result.code == (6 if missing else 0)
    found = {item["what"]: item for item in result.json["installed"]}
    assert Path(found["qemu-system-arm"]["path"]).is_file()
    assert re.search(r"\d+\.\d+", found["qemu-system-arm"]["version"])


def test_a_model_that_does_not_fit_the_device(groat_command: Groat, tmp_path: Path) -> None:
    device("cortex-m0")
    m = Builder()
    x = m.input((1, 20_000), quant=range_quant(-1, 1))
    y = m.fully_connected(x, np.ones((1, 20_000), np.int8), None, Quant(0.01), range_quant(-8, 8))
    model = tmp_path / "wide.tflite"
    model.write_bytes(m.build([y]))
    assert "needs an arena of 20,0" in groat_command.fails(4, "run", model, "--on", "qemu:cortex-m0")
    assert "too small by" in groat_command.fails(4, "profile", model, "--on", "qemu:cortex-m0")
    analysis = groat_command("analyze", model, "--target", "cortex-m0", "--format", "json")
    assert (analysis.code, analysis.json["fits"]) == (4, False)


def test_a_file_packed_for_another_kernel_set(groat_command: Groat, digits: Path, tmp_path: Path) -> None:
    device("rv32imc")
    packed = tmp_path / "m4.groat"
    assert groat_command("pack", digits, "-o", packed, "--target", "cortex-m4").code == 0
    for command in ("run", "profile"):
        error = groat_command.fails(3, command, packed, "--on", "qemu:rv32imc")
        assert re.search("the model is packed for 'dsp' kernels; rv32imc reads '(?!dsp)", error)
    # The host has the kernels of every device.
    assert groat_command.json("run", packed)["outputs"] == groat_command.json("run", digits)["outputs"]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A QEMU to be written, found before the real one; and little patience."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    defaults = QemuRunner.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "timeout", 1.0)
    program = folder / "qemu-system-arm"
    program.touch(0o755)
    return program


@pytest.mark.parametrize("command", ["run", "profile"])
@pytest.mark.parametrize(
    ("script", "messages"),
    [
        ("echo boom >&2; exit 5", ["QEMU ended with exit code 5", "its last output:\nboom"]),
        ("kill -9 $$", ["QEMU ended with exit code -9", "it printed nothing"]),
        ("echo working; exec sleep 60", ["QEMU did not answer for 1 s", "its last output:\nworking"]),
    ],
)
def test_an_emulator_that_dies_or_hangs(
    groat_command: Groat, digits: Path, fake: Path, command: str, script: str, messages: list[str]
) -> None:
    fake.write_text(f"#!/bin/sh\n{script}\n")
    error = groat_command.fails(7, command, digits, "--on", "qemu:cortex-m4")
    assert all(message in error for message in messages)


def test_an_emulator_that_cannot_be_started(groat_command: Groat, digits: Path, fake: Path) -> None:
    fake.write_bytes(b"\x7fELF but not really")
    assert "cannot be started" in groat_command.fails(7, "run", digits, "--on", "qemu:cortex-m4")


def test_a_compiler_that_fails_is_quoted(
    groat_command: Groat, digits: Path, fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROAT_CACHE_DIR", str(tmp_path / "cache"))
    compiler = fake.with_name("arm-none-eabi-gcc")
    compiler.write_text('#!/bin/sh\ncase "$1" in --version) echo fake 1;; *) echo "no space" >&2; exit 1;; esac\n')
    compiler.chmod(0o755)
    error = groat_command.fails(6, "run", digits, "--on", "qemu:cortex-m4")
    assert "failed with exit code 1" in error
    assert "no space" in error
    assert not list((tmp_path / "cache").rglob("*.elf"))
