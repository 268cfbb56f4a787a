# SPDX-License-Identifier: Apache-2.0
"""The Python API around a model: compile, run, save, report, analyze; and what it says of wrong arguments."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.random_graphs import random_inputs, random_model
from tools.tflite_builder import Builder, Quant

import groat
from groat.analysis import analyze_model
from groat.compiler import write_file
from groat.errors import (
    FitError,
    GroatError,
    InputError,
    MismatchError,
    ModelError,
    RunnerError,
    ToolchainError,
    UnsupportedError,
    VerifyError,
)
from groat.inputs import lcg_bytes, lcg_inputs
from groat.inputs import random_inputs as inputs_for
from groat.pack import read

X = Quant(0.05, -7)


@pytest.fixture(scope="module")
def two_by_two() -> groat.Compiled:
    """Two inputs, two outputs."""
    m = Builder()
    a, b = m.input((1, 3), quant=X, name="a"), m.input((2, 2), "float32", name="b")
    return groat.compile(m.build([m.relu(a), m.quantize(b, Quant(0.1, 5))]))


def test_the_errors_are_one_family_with_codes_of_their_own() -> None:
    kinds = [InputError, ModelError, FitError, MismatchError, ToolchainError, RunnerError, VerifyError]
    assert [kind.exit_code for kind in kinds] == [2, 3, 4, 5, 6, 7, 8]
    assert all(issubclass(kind, GroatError) for kind in kinds)
    assert UnsupportedError.exit_code == ModelError.exit_code
    assert issubclass(InputError, ValueError)
    for name in groat.__all__:
        assert getattr(groat, name) is not None


def test_a_model_compiles_from_all_that_names_one(digits: Path) -> None:
    packed = groat.compile(digits).packed
    for model in (str(digits), digits.read_bytes(), groat.load(digits)):
        assert groat.compile(model).packed == packed
    graph = groat.compile(groat.load(digits).graph)
    assert graph.packed != packed  # it has no source, so another hash
    x = np.zeros((1, 8, 8, 1), np.int8)
    np.testing.assert_array_equal(graph.run(x), groat.compile(digits).run(x))


def test_a_compiled_graph_compiles_again() -> None:
    for seed in range(40):
        model = random_model(seed)
        once = groat.compile(model)
        again = groat.compile(once.graph)
        with once.on("host") as first, again.on("host") as second:
            expected, found = (session.runner.run(random_inputs(model, seed)) for session in (first, second))
        assert [y.tobytes() for y in found] == [y.tobytes() for y in expected]


def test_an_unknown_target_is_an_error_with_all_names(digits: Path) -> None:
    with pytest.raises(InputError, match=r"unknown target 'cortex-m9'; there are: cortex-m0, .*host.*rv32v"):
        groat.compile(digits, target="cortex-m9")
    with pytest.raises(InputError, match=r"unknown target 'cortex-m9'"):
        analyze_model(digits, "cortex-m9")


@pytest.mark.parametrize("where", ["", "qemu", "qemu:", "qemu:host", "qemu:cortex-m9", "hots", "serial:"])
def test_an_unknown_place_is_an_error_with_all_places(digits: Path, where: str) -> None:
    with pytest.raises(InputError, match=r"cannot run on '.*'; expected one of host, qemu:cortex-m0, "):
        groat.compile(digits).on(where)


# ---- Running -----------------------------------------------------------------------------------------------


def test_one_output_is_an_array_and_several_are_a_list(two_by_two: groat.Compiled, digits: Path) -> None:
    one = groat.compile(digits).run(np.zeros((1, 8, 8, 1), np.int8))
    assert (one.shape, one.dtype) == ((1, 10), np.int8)
    a = np.array([[-128, -7, 127]], np.int8)
    several = two_by_two.run(a, np.full((2, 2), 0.3, np.float32))
    np.testing.assert_array_equal(several[0], [[-7, -7, 127]])
    np.testing.assert_array_equal(several[1], np.full((2, 2), 8))


def test_a_session_runs_again_and_again(two_by_two: groat.Compiled) -> None:
    rng = np.random.default_rng(0)
    batch = [rng.integers(-128, 128, (5, 1, 3)).astype(np.int8), rng.normal(0, 3, (5, 2, 2)).astype(np.float32)]
    with two_by_two.on("host") as session:
        outputs = session.runner.run_batch(batch)
        for index in range(5):
            for found, expected in zip(session.run(*(array[index] for array in batch)), outputs, strict=True):
                np.testing.assert_array_equal(found, expected[index])
        assert [array.shape for array in session.runner.run_batch([array[:0] for array in batch])] == [
            (0, 1, 3),
            (0, 2, 2),
        ]


def test_arrays_of_any_memory_order_are_read_as_they_look(digits: Path) -> None:
    x = np.random.default_rng(1).integers(-128, 128, (1, 8, 8, 1)).astype(np.int8)
    compiled = groat.compile(digits)
    mirrored = np.ascontiguousarray(x[:, ::-1, ::-1])
    np.testing.assert_array_equal(compiled.run(x[:, ::-1, ::-1]), compiled.run(mirrored))
    np.testing.assert_array_equal(compiled.run(np.asfortranarray(x)), compiled.run(x))


A = np.zeros((1, 3), np.int8)
B = np.zeros((2, 2), np.float32)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], r"expected a sequence of 2 input arrays \('a', 'b'\), found 0"),
        ([A], "found 1"),
        ([A, B, B], "found 3"),
        ([A.astype(np.uint8), B], r"input 0 \('a'\): expected dtype int8, found uint8"),
        ([A, B.astype(np.float64)], r"input 1 \('b'\): expected dtype float32, found float64"),
        ([A.tolist(), B], "expected dtype int8, found list"),
        ([A[0], B], r"input 0 \('a'\): expected shape \(1, 3\), found \(3,\)"),
        ([A, B[:1]], r"input 1 \('b'\): expected shape \(2, 2\), found \(1, 2\)"),
        ([A[None], B[None]], r"expected shape \(1, 3\), found \(1, 1, 3\)"),
        ([B, A], "expected dtype int8, found float32"),
    ],
)
def test_inputs_that_are_not_the_models(two_by_two: groat.Compiled, inputs: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        two_by_two.run(*inputs)


def test_a_batch_of_unequal_lengths_is_refused(two_by_two: groat.Compiled) -> None:
    with two_by_two.on("host") as session:
        with pytest.raises(InputError, match=r"input 1 .*: expected shape \(3, 2, 2\), found \(2, 2, 2\)"):
            session.runner.run_batch([np.stack([A] * 3), np.stack([B] * 2)])
        with pytest.raises(InputError, match="found an array"):
            session.runner.run_batch(np.stack([A] * 3))  # type: ignore[arg-type]


def test_the_host_has_steps_and_tensors_but_no_counter(two_by_two: groat.Compiled) -> None:
    with two_by_two.on("host") as session:
        runner = session.runner
        for call in (runner.run_step, runner.tensor):
            with pytest.raises(InputError, match="99 does not exist: the model has"):
                call(99)
        with pytest.raises(RunnerError, match="the host does not count instructions"):
            runner.profile([A, B])


# ---- Saving ------------------------------------------------------------------------------------------------


def test_a_saved_model_is_the_packed_one(digits: Path, tmp_path: Path) -> None:
    compiled = groat.compile(digits)
    path = tmp_path / "digits.groat"
    path.write_bytes(b"an older one")
    compiled.save(str(path))
    assert path.read_bytes() == compiled.packed
    assert list(tmp_path.iterdir()) == [path]
    assert read(path.read_bytes()).steps == read(compiled.packed).steps


def test_a_place_that_cannot_be_written(digits: Path, tmp_path: Path) -> None:
    compiled = groat.compile(digits)
    with pytest.raises(InputError, match=r"cannot write .*/missing/x\.groat: No such file or directory"):
        compiled.save(tmp_path / "missing" / "x.groat")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot write .*Not a directory"):
        compiled.save(tmp_path / "file" / "x.groat")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"cannot write .*Is a directory"):
        compiled.save(tmp_path / "folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_folder_that_is_read_only(digits: Path, tmp_path: Path) -> None:
    folder = tmp_path
    if os.geteuid() == 0:  # who may write everywhere but there
        folder = Path("/sys")
    else:
        folder.chmod(0o500)
    try:
        with pytest.raises(InputError, match=r"cannot write .*: (Permission denied|Read-only file system)"):
            groat.compile(digits).save(folder / "x.groat")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("fails", ["write_bytes", "replace"])
def test_a_disk_that_is_full_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    path = tmp_path / "model.groat"
    path.write_bytes(b"old")
    real = Path.write_bytes

    def fail(self: Path, *arguments: Any) -> Any:
        if fails == "write_bytes":
            real(self, b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, fails, fail)
    with pytest.raises(InputError, match=r"cannot write .*model\.groat: No space left on device"):
        write_file(path, b"new and longer")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


# ---- Reports -----------------------------------------------------------------------------------------------

REPORT_KEYS = {
    *("target", "optimize", "arena_bytes", "arena_lower_bound", "weights_bytes", "file_bytes", "macs"),
    *("inputs", "outputs", "layers", "peak"),
    *("input", "max_mac_overhead", "activation_bytes", "scratch_bytes", "optimal", "mac_overhead", "schedule"),
    *("memories", "copies", "programs"),
}


def test_a_report_has_its_keys_and_adds_up(digits: Path) -> None:
    compiled = groat.compile(digits, target="cortex-m4")
    report = json.loads(json.dumps(compiled.report))
    assert set(report) == REPORT_KEYS
    assert report["target"] == "cortex-m4"
    assert report["file_bytes"] == len(compiled.packed)
    assert report["arena_lower_bound"] <= report["arena_bytes"] == read(compiled.packed).arena_bytes
    assert report["macs"] == sum(layer["macs"] for layer in report["layers"]) == read(compiled.packed).macs
    assert [layer["index"] for layer in report["layers"]] == list(range(len(compiled.graph.ops)))
    keys = {"index", "op", "name", "macs", "output_bytes", "scratch_bytes"}
    keys |= {"layout", "packed_bytes", "expected_instructions"}
    assert all(keys == set(layer) for layer in report["layers"])
    assert sum(layer["packed_bytes"] or 0 for layer in report["layers"]) < report["file_bytes"]
    assert report["inputs"] == [
        {"name": report["inputs"][0]["name"], "shape": [1, 8, 8, 1], "dtype": "int8", "bytes": 64}
        | {"scale": pytest.approx(16 / 255), "zero_point": -128}
    ]
    peak = report["peak"]
    assert set(peak) == {"step", "op", "bytes", "tensors"}
    assert peak["bytes"] == sum(tensor["bytes"] for tensor in peak["tensors"])
    assert peak["op"] == report["layers"][peak["step"]]["op"]


def test_the_peak_is_the_step_with_the_most_alive() -> None:
    m = Builder()
    x = m.input((1, 16, 16, 4), quant=X, name="image")
    y = m.max_pool_2d(x, (2, 2), name="pool")
    report = groat.compile(m.build([m.transpose(y, (0, 2, 1, 3))])).report
    assert (report["peak"]["step"], report["peak"]["op"]) == (0, "max_pool_2d")
    assert [tensor["name"] for tensor in report["peak"]["tensors"]] == ["image", "pool", "scratch"]
    assert report["peak"]["bytes"] >= 1024 + 256


def test_weights_are_counted_as_the_model_stores_them() -> None:
    m = Builder()
    x = m.input((1, 6, 6, 2), quant=X)
    y = m.conv_2d(x, np.ones((4, 3, 3, 2), np.int8), np.zeros(4, np.int32), Quant(0.1), X)
    assert groat.compile(m.build([y])).report["weights_bytes"] == 4 * 18 + 16


@pytest.mark.parametrize(
    ("ram", "flash", "fits"),
    [(None, None, True), (0, None, False), (None, 0, False), ("exact", "exact", True), ("short", None, False)],
)
def test_analysis_says_whether_a_model_fits(digits: Path, ram: Any, flash: Any, fits: bool) -> None:
    compiled = groat.compile(digits, target="cortex-m4")
    sizes = {
        "ram": {"exact": compiled.plan.arena_bytes, "short": compiled.plan.arena_bytes - 1},
        "flash": {"exact": len(compiled.packed)},
    }
    budgets = {"ram": sizes["ram"].get(ram, ram), "flash": sizes["flash"].get(flash, flash)}
    report = analyze_model(digits, "cortex-m4", schedule="layer", **budgets)
    keys = (REPORT_KEYS - {"file_bytes"}) | {"model_bytes", "ram_bytes", "flash_bytes", "fits", "pareto"}
    assert set(report) == (keys | {"smallest_bytes", "helps"} if ram in (0, "short") else keys)
    assert report["fits"] is fits
    smallest = groat.compile(digits, target="cortex-m4", optimize="size")
    assert report["model_bytes"] == len((smallest if flash == 0 else compiled).packed)
    if ram is None:
        assert report["ram_bytes"] == compiled.target.ram_bytes


def test_the_host_has_no_limits(digits: Path) -> None:
    report = analyze_model(digits, "host")
    assert (report["ram_bytes"], report["flash_bytes"], report["fits"]) == (None, None, True)


# ---- Inputs that nobody gave -------------------------------------------------------------------------------


def test_the_lcg_is_the_published_one(two_by_two: groat.Compiled) -> None:
    state, expected = 12345, []
    for _ in range(20):
        state = (1664525 * state + 1013904223) % 2**32
        expected.append(state >> 24)
    assert lcg_bytes(20).tolist() == expected
    a, b = lcg_inputs(read(two_by_two.packed).inputs)
    np.testing.assert_array_equal(a.ravel().view(np.uint8), expected[:3])
    np.testing.assert_array_equal(b.ravel() * 128, np.array(expected[3:7], np.uint8).view(np.int8))


def test_random_inputs_repeat_and_reach_the_ends(two_by_two: groat.Compiled) -> None:
    a, b = inputs_for(two_by_two.graph, 500, 3)
    np.testing.assert_array_equal(a, inputs_for(two_by_two.graph, 500, 3)[0])
    assert (a != inputs_for(two_by_two.graph, 500, 4)[0]).any()
    assert (a.shape, a.dtype, b.shape, b.dtype) == ((500, 1, 3), np.int8, (500, 2, 2), np.float32)
    assert (a.min(), a.max()) == (-128, 127)
    with two_by_two.on("host") as session:
        quantized = session.runner.run_batch([a, b])[1]
    assert (quantized.min(), quantized.max()) == (-128, 127)
