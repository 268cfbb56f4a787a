# SPDX-License-Identifier: Apache-2.0
"""The command line on this host: what it prints, its exit codes, and one clear message for whatever is wrong."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.command import Groat
from tests.support.graphs import kinds, with_flipped_weight
from tests.support.oracle import needs_tflm
from tools.tflite_builder import Builder, Quant

import groat
from groat import cli, firmware, validation
from groat.compiler import compile_model
from groat.inputs import lcg_inputs
from groat.ops import op_def, op_rows
from groat.oracle.tflm import is_installed
from groat.pack import read
from groat.pack.writer import seal
from groat.passes import PASSES
from groat.targets import list_targets

X = Quant(0.05, -7)
COMMANDS = sorted(command.name or command.callback.__name__ for command in cli.app.registered_commands)


@pytest.fixture
def unsupported(tmp_path: Path) -> Path:
    m = Builder()
    y = m.tensor((4,), quant=X, name="y")
    m.op("EXP", [m.input((4,), quant=X, name="x")], [y])
    path = tmp_path / "exp.tflite"
    path.write_bytes(m.build([y]))
    return path


@pytest.fixture
def two_by_two(tmp_path: Path) -> Path:
    """Two inputs, two outputs."""
    m = Builder()
    a, b = m.input((1, 3), quant=X, name="a"), m.input((2, 2), "float32", name="b")
    path = tmp_path / "two.tflite"
    path.write_bytes(m.build([m.relu(a, name="positive"), m.quantize(b, Quant(0.1, 5), name="stored")]))
    return path


# ---- Help --------------------------------------------------------------------------------------------------


def test_there_are_these_commands(groat_command: Groat) -> None:
    assert [*COMMANDS] == [
        "analyze",
        "boards",
        "compare",
        "doctor",
        "eval",
        "export",
        "flash",
        "ops",
        "pack",
        "profile",
        "quantize",
        "run",
        "sign",
        "targets",
        "train",
        "train-plan",
        "validate",
    ]
    result = groat_command("--help")
    assert result.code == 0
    assert all(re.search(rf"\n +{name} +\w", result.out) for name in COMMANDS)
    assert "Usage: groat" in groat_command().out + groat_command().err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_of_options_that_exist(groat_command: Groat, name: str) -> None:
    result = groat_command(name, "--help")
    assert result.code == 0
    text = " ".join(result.out.split())
    example = re.search(r"Example: (groat .*)$", text)
    assert example is not None
    words = example[1].split()
    assert words[:2] == ["groat", name]
    options = [word for word in words if re.fullmatch("--?[a-z]+", word)]
    assert all(option in text[: example.start()] for option in options)
    assert "--format" in text


def test_the_command_is_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "groat.cli", "ops"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert "conv_2d" in done.stdout
    assert done.stderr == ""
    program = Path(sys.executable).with_name("groat")
    if program.is_file():
        again = subprocess.run([program, "ops"], capture_output=True, text=True, timeout=60, check=False)
        assert again.stdout == done.stdout


@pytest.mark.parametrize("arguments", [["nonsense"], ["ops", "--nonsense"], ["run"], ["ops", "--format", "xml"]])
def test_a_call_that_is_wrong_ends_with_2(groat_command: Groat, arguments: list[str]) -> None:
    assert "Usage: groat" in groat_command.fails(2, *arguments)


# ---- Lists -------------------------------------------------------------------------------------------------


def test_ops(groat_command: Groat) -> None:
    rows = groat_command.json("ops")
    assert rows == [{"id": row.id, "name": row.name, "tflite": sorted(op_def(row.name).tflite)} for row in op_rows()]
    table = groat_command("ops").out
    assert all(row.name in table for row in op_rows())
    assert "DEPTHWISE_CONV_2D" in table


def test_targets(groat_command: Groat) -> None:
    rows = groat_command.json("targets")
    assert [row["name"] for row in rows] == list_targets()
    assert all(
        set(row) == {"name", "core", "packing", "ram_bytes", "flash_bytes", "memories", "runner"} for row in rows
    )
    assert {row["runner"] for row in rows} == {"host", *(f"qemu:{name}" for name in list_targets() if name != "host")}
    assert all(row["name"] in groat_command("targets").out for row in rows)


def test_several_memories(groat_command: Groat, digits: Path, tmp_path: Path) -> None:
    report = groat_command.json("analyze", digits, "--target", "cortex-m4", "--memories", "sram:256,psram")
    assert [memory["name"] for memory in report["memories"]] == ["sram", "psram"]
    assert {tensor["memory"] for tensor in report["peak"]["tensors"]} <= {"sram", "psram"}
    table = groat_command("analyze", digits, "--target", "cortex-m4", "--memories", "sram:256,psram").out
    assert all(f"{memory['traffic_bytes']:,}" in table for memory in report["memories"])
    known = next(row for row in groat_command.json("targets") if row["name"] == "cortex-m4")["memories"]
    assert [memory["name"] for memory in known] == ["sram", "psram"]
    assert "is not a size" in groat_command.fails(2, "analyze", digits, "--memories", "sram:x")
    assert "are too small by" in groat_command.fails(4, "pack", digits, "--memories", "sram:16,psram:16")
    packed = tmp_path / "two.groat"
    groat_command("pack", digits, "-o", packed, "--memories", "sram:256,psram")
    assert "--memories is for" in groat_command.fails(2, "run", packed, "--memories", "sram")


def test_doctor_says_what_is_missing_and_how_to_get_it(
    groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = groat_command("doctor", "--format", "json")
    assert result.code == 6
    report = result.json
    assert set(report) == {"installed", "missing", "optional"}
    assert all(set(item) == {"what", "path", "version"} for item in report["installed"])
    missing = {item["what"]: item for item in report["missing"]}
    assert {"arm-none-eabi-gcc", "clang-19", "qemu-system-arm", "qemu-system-riscv32"} <= set(missing)
    assert missing["qemu-system-arm"]["install_command"].endswith("qemu-system-arm")
    assert "apt-get install" in missing["clang-19"]["install_command"]
    table = groat_command("doctor")
    assert table.code == 6
    assert "apt-get install" in table.out


# ---- analyze -----------------------------------------------------------------------------------------------


def test_analyze(groat_command: Groat, digits: Path) -> None:
    report = groat_command.json("analyze", digits, "--target", "cortex-m4", "--ram", "64K", "--flash", "1M")
    compiled = groat.compile(digits, target="cortex-m4")
    assert report["arena_bytes"] == read(compiled.packed).arena_bytes
    assert report["macs"] == compiled.report["macs"]
    assert report["weights_bytes"] == compiled.report["weights_bytes"]
    assert report["fits"] is True
    assert (report["ram_bytes"], report["flash_bytes"]) == (65536, 1 << 20)
    assert {"peak", "model_bytes", "layers", "target"} <= set(report)
    table = groat_command("analyze", digits).out
    assert f"{report['arena_bytes']:,}" in table
    assert "Alive at the peak" in table


@pytest.mark.parametrize("budget", [("--ram", "1K"), ("--flash", "1K"), ("--ram", "0")])
def test_analyze_of_a_model_that_does_not_fit(groat_command: Groat, digits: Path, budget: tuple[str, str]) -> None:
    result = groat_command("analyze", digits, *budget, "--format", "json")
    assert result.code == 4
    assert result.json["fits"] is False
    peak = result.json["peak"]
    assert len(peak["tensors"]) >= 2
    assert sum(tensor["bytes"] for tensor in peak["tensors"]) == peak["bytes"]
    table = groat_command("analyze", digits, *budget)
    assert table.code == 4
    alive = table.out[table.out.index("Alive at the peak") :]
    assert all(f"{tensor['bytes']:,}" in alive and str(tensor["shape"]) in alive for tensor in peak["tensors"])


def test_a_budget_of_exactly_what_is_needed_fits(groat_command: Groat, digits: Path) -> None:
    need = groat_command.json("analyze", digits)["arena_bytes"]
    assert groat_command("analyze", digits, "--ram", need).code == 0
    assert groat_command("analyze", digits, "--ram", need - 1, "--schedule", "layer").code == 4
    assert groat_command("analyze", digits, "--ram", f"{need / 1024}k").code == 0


@pytest.mark.parametrize("size", ["x", "", "64G", "-1", "K", "inf", "1e999", "nan"])
def test_a_size_that_is_none(groat_command: Groat, digits: Path, size: str) -> None:
    assert "is not a size; expected bytes, or a number with K or M" in groat_command.fails(
        2, "analyze", digits, f"--ram={size}"
    )


# ---- pack --------------------------------------------------------------------------------------------------


def test_pack(groat_command: Groat, digits: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.groat"
    report = groat_command.json("pack", digits, "-o", output, "--target", "cortex-m55")
    assert output.read_bytes() == groat.compile(digits, target="cortex-m55").packed
    assert report["output"] == str(output)
    assert report["file_bytes"] == output.stat().st_size
    assert {"arena_bytes", "weights_bytes", "macs", "target", "layers"} <= set(report)
    assert str(output) in groat_command("pack", digits, "--output", output).out.replace("\n", "")


def test_pack_puts_its_file_beside_the_model(groat_command: Groat, digits: Path, tmp_path: Path) -> None:
    model = tmp_path / "[" / "b] my model.tflite"  # "[/b]" would end bold text, if names were read as markup
    model.parent.mkdir()
    model.write_bytes(digits.read_bytes())
    result = groat_command("pack", model)
    assert result.code == 0
    assert model.with_suffix(".groat").read_bytes() == groat.compile(digits, target="cortex-m4").packed
    assert "[/b] my model" in result.out


def test_pack_shows_the_graph_after_each_pass(groat_command: Groat, digits: Path, tmp_path: Path) -> None:
    output = tmp_path / "x.groat"
    every = groat_command("pack", digits, "-o", output, "--dump-after", "all", "--format", "json")
    assert every.code == 0
    assert re.findall(r"^after (\w+):$", every.err, re.MULTILINE) == [rewrite.__name__ for rewrite in PASSES]
    assert every.json["output"] == str(output)
    last = groat_command("pack", digits, "-o", output, "--dump-after", PASSES[-1].__name__).err
    shown = [line.split()[0] for line in last.splitlines()[1:]]
    assert shown == kinds(groat.compile(digits).graph)
    assert re.search(r"  conv_2d \(\d+:int8\[1, 8, 8, 1\], \d+:int8\[.*\] const, \d+:int32\[\d+\] const\) -> ", last)
    assert "there is no pass 'fold'; expected all or one of fold_pads" in groat_command.fails(
        2, "pack", digits, "-o", output, "--dump-after", "fold"
    )


def test_pack_that_fails_leaves_nothing(groat_command: Groat, digits: Path, unsupported: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    output = tmp_path / "x.groat"
    message = groat_command.fails(3, "pack", unsupported, "-o", output)
    assert message == (
        "groat: exp.tflite: 1 op is not supported:\n"
        "  op 0 EXP (x int8[4] -> y int8[4]): its input is int8; there are kernels for float32 only\n"
    )
    assert "cannot write" in groat_command.fails(2, "pack", digits, "-o", tmp_path / "missing" / "x.groat")
    assert "unknown target 'cortex-m9'" in groat_command.fails(2, "pack", digits, "-o", output, "--target", "cortex-m9")
    assert sorted(tmp_path.rglob("*")) == before


def test_pack_does_not_overwrite_the_model(groat_command: Groat, digits: Path, tmp_path: Path) -> None:
    model = tmp_path / "misnamed.groat"
    model.write_bytes(digits.read_bytes())
    for arguments in ([model], [model, "-o", tmp_path / "." / "misnamed.groat"]):
        assert "is the model itself; name another file with -o" in groat_command.fails(2, "pack", *arguments)
    assert model.read_bytes() == digits.read_bytes()


# ---- run ---------------------------------------------------------------------------------------------------


def test_run_without_inputs_uses_those_of_the_figures(groat_command: Groat, digits: Path) -> None:
    result = groat_command.json("run", digits)
    compiled = groat.compile(digits)
    expected = compiled.run(*lcg_inputs(read(compiled.packed).inputs))
    (output,) = result["outputs"]
    assert set(output) == {"name", "dtype", "shape", "values"}
    assert (output["dtype"], output["shape"], output["values"]) == ("int8", [1, 10], expected.tolist())
    assert result["on"] == "host"
    assert ", ".join(map(str, expected.ravel())) in groat_command("run", digits).out


def test_run_reads_and_writes_arrays(groat_command: Groat, two_by_two: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(-128, 128, (1, 3)).astype(np.int8), rng.normal(0, 3, (2, 2)).astype(np.float32)
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    packed = tmp_path / "two.groat"
    groat_command("pack", two_by_two, "-o", packed, "--target", "host")
    expected = groat.compile(two_by_two).run(a, b)
    inputs = ["--data", tmp_path / "a.npy", "--data", tmp_path / "b.npy"]
    for model in (two_by_two, packed):
        result = groat_command.json("run", model, *inputs, "--output", tmp_path / "y.npz")
        assert [output["name"] for output in result["outputs"]] == ["positive", "stored"]
        assert [output["values"] for output in result["outputs"]] == [y.tolist() for y in expected]
        with np.load(tmp_path / "y.npz") as written:
            assert list(written) == ["output0", "output1"]
            for found, right in zip(written.values(), expected, strict=True):
                np.testing.assert_array_equal(found, right)


def test_run_takes_a_batch(groat_command: Groat, digits: Path, tmp_path: Path) -> None:
    batch = np.random.default_rng(0).integers(-128, 128, (7, 1, 8, 8, 1)).astype(np.int8)
    np.save(tmp_path / "x.npy", batch)
    groat_command.json("run", digits, "--data", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
    with groat.compile(digits).on("host") as session:
        np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), session.runner.run_batch([batch])[0])


def test_run_with_wrong_arrays(groat_command: Groat, digits: Path, two_by_two: Path, tmp_path: Path) -> None:
    def npy(name: str, array: Any) -> Path:
        np.save(tmp_path / name, array)
        return tmp_path / name

    good = npy("good.npy", np.zeros((1, 8, 8, 1), np.int8))
    (tmp_path / "text.npy").write_text("no array")
    np.savez(tmp_path / "many.npz", a=np.zeros(3), b=np.zeros(4))
    for arguments, message in [
        ([npy("shape.npy", np.zeros((8, 8), np.int8))], r"expected shape \(1, 8, 8, 1\), found \(8, 8\)"),
        ([npy("type.npy", np.zeros((1, 8, 8, 1)))], "expected dtype int8, found float64"),
        ([good, good], "expected a sequence of 1 input arrays .* found 2"),
        ([tmp_path / "missing.npy"], r"missing\.npy: cannot be read"),
        ([tmp_path / "text.npy"], r"text\.npy: cannot be read as a .npy file"),
        ([tmp_path / "many.npz"], "holds several arrays"),
        ([npy("objects.npy", np.array([{}], object))], r"objects\.npy: cannot be read"),
    ]:
        inputs = [part for path in arguments for part in ("--data", path)]
        assert re.search(message, groat_command.fails(2, "run", digits, *inputs))
    assert "cannot hold 2 outputs; expected a .npz" in groat_command.fails(
        2, "run", two_by_two, "--output", tmp_path / "y.npy"
    )
    assert "expected a .npz, or a .npy" in groat_command.fails(2, "run", digits, "--output", tmp_path / "y.txt")
    assert "cannot write" in groat_command.fails(2, "run", digits, "--output", tmp_path / "none" / "y.npy")
    assert not list(tmp_path.glob("y.*"))


@pytest.mark.parametrize("command", ["run", "profile"])
def test_packed_files_that_are_damaged(groat_command: Groat, digits: Path, tmp_path: Path, command: str) -> None:
    whole = groat.compile(digits, target="cortex-m4").packed

    def changed(offset: int, value: int, sealed: bool = True) -> bytes:
        data = bytearray(whole)
        data[offset] = value
        return seal(data) if sealed else bytes(data)

    for name, data, message in [
        ("empty", b"", "the file is empty"),
        ("cut", whole[:1000], f"shorter than its header says (status -10): 1000 bytes are there, {len(whole)} are"),
        ("tiny", whole[:10], "(status -10)"),
        ("corrupted", changed(len(whole) // 2, whole[len(whole) // 2] ^ 1, sealed=False), "the model is damaged"),
        ("future", changed(4, 2), "has version 2.0, this runtime reads 1.0; pack the model again"),
        ("minor", changed(6, 1), "has version 1.1, this runtime reads 1.0"),
        ("isa", changed(16, 77), "packed for another instruction set"),
        ("text", b"this is no packed model" * 9, "not a packed Groat model"),
    ]:
        path = tmp_path / f"{name}.groat"
        path.write_bytes(data)
        error = groat_command.fails(3, command, path)
        assert message in error
        assert path.name in error


@pytest.mark.parametrize("command", ["run", "analyze", "pack", "validate", "profile"])
def test_models_that_cannot_be_read(
    groat_command: Groat, tmp_path: Path, digits: Path, unsupported: Path, command: str
) -> None:
    (tmp_path / "empty.tflite").touch()
    (tmp_path / "cut.tflite").write_bytes(digits.read_bytes()[:5000])
    (tmp_path / "text.tflite").write_text("no model at all")
    for path, message in [
        (tmp_path / "missing.tflite", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (tmp_path / "empty.tflite", "the file is empty"),
        (tmp_path / "cut.tflite", "cut or damaged"),
        (tmp_path / "text.tflite", "not a TFLite model"),
        (unsupported, "op 0 EXP (x int8[4] -> y int8[4])"),
    ]:
        assert message in groat_command.fails(3, command, path)


# ---- validate ----------------------------------------------------------------------------------------------


@needs_tflm
def test_validate(groat_command: Groat, digits: Path) -> None:
    report = groat_command.json("validate", digits, "--against", "tflm", "--on", "host", "--inputs", "3", "--seed", "7")
    assert report == {
        "model": str(digits),
        "against": "tflm",
        "inputs": 3,
        "seed": 7,
        "equal": True,
        "results": [{"on": "host", "inputs": 3, "outputs_equal": 3, "difference": None, "equal": True}],
    }
    table = groat_command("validate", digits, "--inputs", "2")
    assert table.code == 0
    assert re.search(r"host .* 2 .* 2 .* none", table.out)


@needs_tflm
def test_validate_of_a_model_with_a_fault(groat_command: Groat, digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "compile_model", lambda *given: with_flipped_weight(compile_model(*given), 0))
    result = groat_command("validate", digits, "--format", "json")
    assert result.code == 5
    report = result.json
    assert report["equal"] is False
    difference = report["results"][0]["difference"]
    assert set(difference) == {"input", "layer", "op", "model_op", "tensor", "element", "expected", "found"}
    assert (difference["layer"], difference["op"], difference["model_op"]) == (0, "conv_2d", 0)
    assert len(difference["element"]) == 4
    assert difference["expected"] != difference["found"]
    table = groat_command("validate", digits)
    assert table.code == 5
    text = " ".join(table.out.replace("│", " ").split())
    assert "layer 0 conv_2d (op 0 of the model)" in text
    assert f"expected {difference['expected']}, found {difference['found']}" in text


def test_validate_with_wrong_arguments(groat_command: Groat, digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, message in [
        (["--against", "litert"], "cannot validate against 'litert'; expected tflm"),
        (["--inputs", "0"], "expected at least 1"),
        (["--on", "host,qemu:z80"], "cannot run on 'qemu:z80'; expected one of host, qemu:cortex-m0"),
        (["--on", ""], "cannot run on ''"),
    ]:
        assert message in groat_command.fails(2, "validate", digits, *arguments)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install --pre tflite-micro" in groat_command.fails(6, "validate", digits)


# ---- Places and tools --------------------------------------------------------------------------------------


def test_the_host_has_no_profile(groat_command: Groat, digits: Path) -> None:
    assert "does not count instructions; profile on a device" in groat_command.fails(
        2, "profile", digits, "--on", "host"
    )


@pytest.mark.parametrize("command", ["run", "validate", "profile"])
def test_a_place_that_does_not_exist(groat_command: Groat, digits: Path, command: str) -> None:
    assert "expected one of host, qemu:cortex-m0, " in groat_command.fails(2, command, digits, "--on", "qemu:z80")


@pytest.mark.parametrize("command", ["run", "profile", "validate"])
@pytest.mark.parametrize(("place", "tool"), [("qemu:cortex-m4", "arm-none-eabi-gcc"), ("qemu:cortex-m55", "clang-19")])
def test_a_toolchain_that_is_missing(
    groat_command: Groat,
    digits: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    place: str,
    tool: str,
) -> None:
    if command == "validate" and not is_installed():
        pytest.skip("needs the package tflite-micro")
    monkeypatch.setenv("PATH", str(tmp_path))
    message = groat_command.fails(6, command, digits, "--on", place)
    assert f"{tool} is not installed or not on PATH; it is needed for building firmware" in message
    assert "apt-get install --no-install-recommends" in message


def test_an_error_that_nobody_foresaw_is_not_hidden(
    groat_command: Groat, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a bug, and its traceback is what a report of it needs."""

    def explode(*arguments: object) -> None:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr(firmware, "build", explode)
    monkeypatch.setattr("groat.inference.run_model", explode)
    monkeypatch.setattr(sys, "argv", ["groat", "run", str(digits)])
    with pytest.raises(ZeroDivisionError, match="unforeseen"):
        cli.main()
