# SPDX-License-Identifier: Apache-2.0
"""Fuzzes groat_open and groat_run with libFuzzer: python tests/fuzz/fuzz.py --seconds 600 (or: make fuzz).

What is found on the way is kept in build/fuzz/corpus and is where the next run starts, together with the committed
corpus and the golden files.  Ends with 1 and the name of a file crash-… at the first finding.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.support import cc  # noqa: E402

from groat import toolchain  # noqa: E402
from groat.errors import ToolchainError  # noqa: E402

FOLDER = ROOT / "tests" / "fuzz"
CORPUS = FOLDER / "corpus"
GOLDEN = [ROOT / "tests" / "golden" / "good", ROOT / "tests" / "golden" / "bad"]
WORK = ROOT / "build" / "fuzz"
CLANG = "clang-19"
MAX_INPUT_BYTES = 8192
HANG_SECONDS = 10
GRACE_SECONDS = 120
LIMITS = (f"-max_len={MAX_INPUT_BYTES}", f"-timeout={HANG_SECONDS}", "-rss_limit_mb=2048", f"-artifact_prefix={ROOT}/")
POSIX = "-D_POSIX_C_SOURCE=200112L"


def build_fuzzer(folder: Path) -> Path:
    """The fuzz target with libFuzzer and the mutator."""
    sanitizers = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", POSIX]
    files = [FOLDER / "fuzz_open.c", FOLDER / "mutate.c", *cc.runtime_files()]
    return cc.build(folder / "fuzz_open", files, sanitizers, compiler=CLANG)


def build_replay(folder: Path, runtime: list[Path]) -> Path:
    """The fuzz target with a main() that runs files, by the compiler of this machine.

    `runtime` is the runtime, as C or object files.
    """
    files = [FOLDER / "fuzz_open.c", FOLDER / "replay.c", *runtime]
    return cc.build(folder / "replay", files, [*cc.SANITIZERS, POSIX])


def seeds() -> list[Path]:
    """All committed inputs: the corpus and the golden files."""
    golden = [path for folder in GOLDEN for path in sorted(folder.glob("*.groat"))]
    return [*sorted(CORPUS.iterdir()), *golden]


def fuzz(seconds: int) -> int:
    """Runs the fuzzer for so many seconds; libFuzzer's exit code."""
    found = WORK / "corpus"
    found.mkdir(parents=True, exist_ok=True)
    command = [str(build_fuzzer(WORK)), *LIMITS, f"-max_total_time={seconds}", "-print_final_stats=1", str(found)]
    folders = [str(CORPUS), *map(str, GOLDEN)]
    return subprocess.run([*command, *folders], timeout=seconds + GRACE_SECONDS, check=False).returncode


def minimize() -> int:
    """Replaces the committed corpus by the fewest inputs that reach as much as all that were found."""
    merged = WORK / "merged"
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir(parents=True)
    sources = [str(WORK / "corpus"), str(CORPUS), *map(str, GOLDEN)]
    # One counter for each edge, not one for each number of times: a regression test needs no more.
    command = [str(build_fuzzer(WORK)), *LIMITS, "-merge=1", "-use_counters=0", str(merged), *sources]
    code = subprocess.run(command, timeout=600, check=False).returncode
    if code == 0:
        golden = {path.read_bytes() for folder in GOLDEN for path in folder.glob("*.groat")}
        for path in CORPUS.iterdir():
            path.unlink()
        for path in merged.iterdir():
            if path.read_bytes() not in golden:
                shutil.copy(path, CORPUS / path.name[:12])
    return code


def coverage() -> int:
    """Prints how much of the runtime all inputs reach, by file."""
    flags = ["-g", "-O0", "-fprofile-instr-generate", "-fcoverage-mapping", POSIX]
    files = [FOLDER / "fuzz_open.c", FOLDER / "replay.c", *cc.runtime_files()]
    WORK.mkdir(parents=True, exist_ok=True)
    program = cc.build(WORK / "covered", files, flags, compiler=CLANG)
    profile = WORK / "covered.profraw"
    inputs = [*seeds(), *sorted((WORK / "corpus").glob("*"))]
    environment = {"LLVM_PROFILE_FILE": str(profile)}
    subprocess.run([program, *inputs], env=environment, stdout=subprocess.DEVNULL, timeout=600, check=True)
    merged = WORK / "covered.profdata"
    toolchain.run(["llvm-profdata-19", "merge", "-o", str(merged), str(profile)], 60)
    report = ["llvm-cov-19", "report", str(program), f"-instr-profile={merged}", str(cc.RUNTIME)]
    print(toolchain.run(report, 60))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzzes groat_open and groat_run.")
    parser.add_argument("--seconds", type=int, default=600, help="how long (default: %(default)s)")
    parser.add_argument("--minimize", action="store_true", help="afterwards renew the committed corpus")
    parser.add_argument("--coverage", action="store_true", help="afterwards print what the inputs reach")
    arguments = parser.parse_args()
    try:
        code = fuzz(arguments.seconds) if arguments.seconds > 0 else 0
        if code == 0 and arguments.minimize:
            code = minimize()
        if code == 0 and arguments.coverage:
            code = coverage()
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
