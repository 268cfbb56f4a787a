# SPDX-License-Identifier: Apache-2.0
"""The tests that are written in C, built for this machine with the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.fuzz import fuzz
from tests.support import cc

from groat import toolchain

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
