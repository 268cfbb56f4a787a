# SPDX-License-Identifier: Apache-2.0
"""The tests that are written in C, built for this machine with the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.fuzz import fuzz
from tests.support import cc
from tools.tflite_builder import Builder, Quant

import groat
from groat import _core, toolchain
from groat.pack import pack_steps, read, write
from groat.passes import run_passes
from groat.planner import plan_memory
from groat.planner.streams import Streams, Stretch

# ---- The public API -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Objects of the runtime."""
    return cc.objects(tmp_path_factory.mktemp("runtime"), cc.runtime_files())


@pytest.fixture(scope="module")
def user(runtime: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cc.build(tmp_path_factory.mktemp("user") / "user", [cc.TESTS / "runtime" / "user.c", *runtime])


def golden(name: str) -> list[Path]:
    return [(cc.TESTS / "golden" / "good" / name).with_suffix(suffix) for suffix in (".groat", ".in", ".out")]


def test_the_api_keeps_its_promises_for_every_op(user: Path) -> None:
    names = sorted(path.stem for path in (cc.TESTS / "golden" / "good").glob("*.groat"))
    done = cc.run(user, [path for name in names for path in golden(name)])
    assert (done.code, done.output) == (0, f"{len(names)} models: all as the header says\n")


def test_a_wrong_result_is_found(user: Path, tmp_path: Path) -> None:
    model, inputs, outputs = golden("network")
    changed = bytearray(outputs.read_bytes())
    changed[-1] ^= 1
    (tmp_path / "wrong.out").write_bytes(changed)
    done = cc.run(user, [model, inputs, tmp_path / "wrong.out"])
    assert done.code == 1
    assert "run 2, output 0, byte 5: expected " in done.output


# ---- What it takes to open a model --------------------------------------------------------------------------


def in_one_stream(model: bytes, cuts: int) -> tuple[bytes, int]:
    """(a model packed as one stream, however long it takes to open; bytes of its arena)."""
    streams = Streams(run_passes(groat.load(model).graph))
    graph = streams.graph
    schedule = streams.schedule([Stretch(0, len(graph.ops), cuts)])
    steps = pack_steps(graph, "ref", schedule)
    plan = plan_memory(graph, [step.scratch_bytes for step in steps.steps], schedule)
    return write(graph, steps, plan, bytes(32))[0], plan.arena_bytes


REFUSED = "steps that run row by row contradict each other"


def pools(rows: int, count: int) -> bytes:
    """So many pools of three rows, one behind the other."""
    m = Builder()
    x = m.input((1, rows, 1, 1), quant=Quant(0.05))
    for _ in range(count):
        x = m.max_pool_2d(x, (3, 1), stride=(1, 1), padding="SAME")
    return m.build([x])


def tall_windows(rows: int, window: int) -> bytes:
    """Windows of stride 2 over what a smaller one makes."""
    m = Builder()
    x = m.max_pool_2d(m.input((1, rows, 2, 1), quant=Quant(0.05)), (1, 1))
    return m.build([m.max_pool_2d(x, (window, 1), stride=(2, 1))])


@pytest.fixture(scope="module")
def opening(runtime: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that opens a model and counts."""
    wrapped = [f"-Wl,--wrap={name}" for name in ("groat_for_each_unit", "groat_line_for")]
    files = [cc.TESTS / "runtime" / "open_work.c", *runtime]
    flags = (*cc.SANITIZERS, f"-I{cc.RUNTIME}")
    return cc.build(tmp_path_factory.mktemp("opening") / "opening", files, flags, link_flags=wrapped)


def opened(opening: Path, packed: bytes, folder: Path) -> str:
    path = folder / "model.groat"
    path.write_bytes(packed)
    done = cc.run(opening, [path])
    assert done.code == 0, done.output
    return done.output.strip()


def test_a_stream_that_takes_long_to_check_is_refused_before(
    opening: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 30
    most = _core.STREAM_WORK_MAX // (count * 2 * 3 * count)  # rows: calls, two lines in a buffer, and who reads
    monkeypatch.setattr(_core, "STREAM_WORK_MAX", 1 << 62)
    for rows in (most, most + 1):
        model = pools(rows, count)
        packed, arena = in_one_stream(model, 1)
        assert (_core.Model.open_status(packed, arena) == 0) == (rows == most)
    assert opened(opening, packed, tmp_path) == f"{REFUSED}, 0 walks, 0 lookups"


def test_tall_windows_over_several_lines_are_refused_before(
    opening: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_core, "STREAM_WORK_MAX", 1 << 62)
    monkeypatch.setattr(Streams, "_variants", lambda *_: [(True, False)])  # each second row is a line of its own
    ends = []
    for rows, window in ((60, 21), (60_000, 20_001)):
        model = tall_windows(rows, window)
        packed, _ = in_one_stream(model, 2)
        ends.append(opened(opening, packed, tmp_path))
    assert ends == ["success, 1 walks, 420 lookups", f"{REFUSED}, 0 walks, 0 lookups"]


def test_no_such_stream_is_planned() -> None:
    """The planner takes other schedules instead."""
    packed = groat.compile(pools(60_000, 30), "host", schedule="stream").packed
    assert _core.Model.open_status(packed, read(packed).arena_bytes) == 0


# ---- Fuzzing ------------------------------------------------------------------------------------------------


def test_the_corpus_of_the_fuzzer_finds_nothing(runtime: list[Path], tmp_path: Path) -> None:
    inputs = fuzz.seeds()
    assert len(list(fuzz.CORPUS.iterdir())) > 100
    assert sum(path.stat().st_size for path in fuzz.CORPUS.iterdir()) < 700_000
    done = cc.run(fuzz.build_replay(tmp_path, runtime), inputs)
    assert done.code == 0, done.output[-3000:]
    assert done.output.endswith(f"{len(inputs)} files\n")


def test_a_missing_check_is_found_by_the_corpus(runtime: list[Path], tmp_path: Path) -> None:
    """With checks of constants that accept anything, some committed file leads outside its block."""
    source = (cc.RUNTIME / "core" / "open.c").read_text(encoding="utf-8")
    check = "return check_range(call->net, offset, bytes, GROAT_ALIGN);"
    assert source.count(check) == 1
    careless = tmp_path / "careless.c"
    careless.write_text(source.replace(check, "(void)call, (void)offset, (void)bytes;\n    return GROAT_OK;"))
    objects = [path for path in runtime if path.name != "open.o"]
    objects += cc.objects(tmp_path, [careless], [*cc.SANITIZERS, "-iquote", str(cc.RUNTIME / "core")])
    done = cc.run(fuzz.build_replay(tmp_path, objects), fuzz.seeds())
    assert done.code != 0
    assert "SUMMARY: AddressSanitizer: " in done.output


@pytest.mark.slow
def test_fuzzing_for_a_minute_finds_nothing(tmp_path: Path) -> None:
    if shutil.which(fuzz.CLANG) is None:
        pytest.skip(f"{fuzz.CLANG} is missing: {toolchain.install_command([fuzz.CLANG])}")
    program = fuzz.build_fuzzer(tmp_path)
    (tmp_path / "found").mkdir()
    folders = [tmp_path / "found", fuzz.CORPUS, *fuzz.GOLDEN]
    limits = [*fuzz.LIMITS, f"-artifact_prefix={tmp_path}/", "-max_total_time=60", "-print_final_stats=1"]
    done = cc.run(program, [*limits, *folders], timeout=180)
    assert done.code == 0, done.output[-3000:]
    executed = re.search(r"stat::number_of_executed_units: (\d+)", done.output)
    assert executed is not None
    assert int(executed[1]) > 10_000
