# SPDX-License-Identifier: Apache-2.0
"""The runtime in the hands of others: through a shared library, CMake, PlatformIO's library.json, C++ compilers."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
from pathlib import Path
from typing import Any

import cffi
import numpy as np
import pytest
from tests.support import cc

from groat import toolchain
from groat.compiler import compile_model
from groat.errors import ToolchainError

GOOD = cc.TESTS / "golden" / "good"
EXAMPLES = cc.ROOT / "examples"
DIGITS = EXAMPLES / "digits" / "digits_int8.tflite"
PLAIN = ("-O2", "-g")
NAMES = sorted(path.stem for path in GOOD.glob("*.groat"))


# ---- The C API through its own header ---------------------------------------------------------------------


def shared_library(folder: Path, *flags: str) -> Path:
    return cc.build(folder / "libgroat.so", cc.runtime_files(), [*PLAIN, "-shared", "-fPIC", *flags])


def declarations(folder: Path) -> str:
    """groat.h after the preprocessor.  cffi knows the types of stdint.h, so that header is an empty one."""
    (folder / "stdint.h").touch()
    header = cc.RUNTIME / "include" / "groat" / "groat.h"
    compiler = toolchain.require("cc", "preprocessing groat.h")
    return toolchain.run([compiler, "-E", "-P", "-nostdinc", "-DGROAT_CFFI", f"-I{folder}", str(header)], timeout=30)


@pytest.fixture(scope="module")
def ffi(tmp_path_factory: pytest.TempPathFactory) -> cffi.FFI:
    ffi = cffi.FFI()
    ffi.cdef(declarations(tmp_path_factory.mktemp("header")))
    return ffi


@pytest.fixture(scope="module")
def groat(ffi: cffi.FFI, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return ffi.dlopen(str(shared_library(tmp_path_factory.mktemp("library"))))


class User:
    """What a C user writes: memory of one's own and calls of the API."""

    def __init__(self, ffi: cffi.FFI, groat: Any, packed: bytes) -> None:
        self.ffi, self.groat = ffi, groat
        self.model = self.aligned(len(packed))
        ffi.buffer(self.model, len(packed))[:] = packed
        self.model_bytes = len(packed)
        self.net = ffi.new("groat_t *")

    def aligned(self, count: int) -> Any:
        block = self.ffi.new("uint8_t[]", count + 16)
        pointer = block + -int(self.ffi.cast("uintptr_t", block)) % 16
        self.keep = [*getattr(self, "keep", []), block]
        return pointer

    def open(self) -> int:
        memories = self.ffi.new("groat_memory[]", self.groat.GROAT_REGIONS_MAX)
        for index, memory in enumerate(memories):
            memory.bytes = self.groat.groat_region_bytes(self.model, self.model_bytes, index)
            memory.start = self.aligned(memory.bytes)
        return int(self.groat.groat_open_regions(self.net, self.model, self.model_bytes, memories, len(memories)))

    def exchange_rows(self, inputs: dict[int, bytes]) -> dict[int, bytearray]:
        """Lets the next run ask for the rows of inputs and hand over those of outputs, which are then in the result."""
        outputs: dict[int, bytearray] = {}

        def read(_: Any, index: int, row: int, to: Any, count: int) -> None:
            self.ffi.memmove(to, inputs[index][row * count : (row + 1) * count], count)

        def write(_: Any, index: int, row: int, data: Any, count: int) -> None:
            found = outputs.setdefault(index, bytearray())
            assert len(found) == row * count
            found.extend(self.ffi.buffer(data, count))

        kind = "void(void *, uint32_t, uint32_t, {}void *, uint32_t)"
        callbacks = self.ffi.callback(kind.format(""), read), self.ffi.callback(kind.format("const "), write)
        io = self.ffi.new("groat_row_io *", {"read": callbacks[0], "write": callbacks[1]})
        self.keep = [*self.keep, *callbacks, io]
        self.groat.groat_set_row_io(self.net, io)
        return outputs

    def run(self, frame: bytes) -> bytes:
        position = 0
        by_rows: dict[int, bytes] = {}
        for index in range(self.groat.groat_input_count(self.net)):
            count = self.groat.groat_input_bytes(self.net, index)
            if self.groat.groat_input_by_rows(self.net, index):
                by_rows[index] = frame[position : position + count]
                position += count
                continue
            self.ffi.memmove(self.groat.groat_input(self.net, index), frame[position : position + count], count)
            position += count
        rows = self.exchange_rows(by_rows)
        self.groat.groat_run(self.net)
        return b"".join(
            bytes(rows[index]) if self.groat.groat_output_by_rows(self.net, index) else self.output(index)
            for index in range(self.groat.groat_output_count(self.net))
        )

    def output(self, index: int) -> bytes:
        count = self.groat.groat_output_bytes(self.net, index)
        return bytes(self.ffi.buffer(self.groat.groat_output(self.net, index), count))


@pytest.mark.parametrize("name", NAMES)
def test_a_c_user_gets_the_recorded_results(ffi: cffi.FFI, groat: Any, name: str) -> None:
    user = User(ffi, groat, (GOOD / f"{name}.groat").read_bytes())
    assert groat.groat_check_crc(user.model, user.model_bytes) == groat.GROAT_OK
    assert user.open() == groat.GROAT_OK
    groat.groat_reset_states(user.net)
    given, expected = ((GOOD / name).with_suffix(suffix).read_bytes() for suffix in (".in", ".out"))
    count = sum(groat.groat_input_bytes(user.net, i) for i in range(groat.groat_input_count(user.net)))
    found = b"".join(user.run(given[at : at + count]) for at in range(0, len(given), count))
    assert found == expected


def test_a_c_user_reads_shapes_and_quantisation(ffi: cffi.FFI, groat: Any) -> None:
    user = User(ffi, groat, (GOOD / "conv_2d.groat").read_bytes())
    assert user.open() == groat.GROAT_OK
    tensor = groat.groat_input_tensor(user.net, 0)
    assert (tensor.dtype, tensor.rank, list(tensor.dims)) == (groat.GROAT_INT8, 4, [1, 7, 6, 3, 1, 1])
    assert (np.float32(tensor.scale), tensor.zero_point) == (np.float32(0.04), -7)
    assert groat.groat_input_tensor(user.net, 1) == ffi.NULL


def test_bad_files_have_the_same_status_through_the_c_api(ffi: cffi.FFI, groat: Any) -> None:
    folder = cc.TESTS / "golden" / "bad"
    arena_bytes = 1 << 16
    memories = ffi.new("groat_memory[2]")
    for name, expected in json.loads((folder / "manifest.json").read_text(encoding="utf-8")).items():
        user = User(ffi, groat, (folder / f"{name}.groat").read_bytes())
        for memory in memories:
            memory.start, memory.bytes = user.aligned(arena_bytes), arena_bytes
        status = groat.groat_open_regions(user.net, user.model, user.model_bytes, memories, 2)
        assert status == getattr(groat, f"GROAT_{expected['open']}"), name
        status = groat.groat_check_crc(user.model, user.model_bytes)
        assert status == getattr(groat, f"GROAT_{expected['crc']}"), name
        text = ffi.string(groat.groat_status_text(groat.groat_open(ffi.NULL, user.model, 0, user.model, 0)))
        assert text == b"an argument is null or out of range"


def test_an_op_that_was_left_out_is_named_so(ffi: cffi.FFI, tmp_path: Path) -> None:
    (tmp_path / "my_ops.h").write_text("GROAT_USE(RESHAPE, reshape)\nGROAT_USE(SOFTMAX, softmax)\n")
    library = shared_library(tmp_path, '-DGROAT_OPS_FILE="my_ops.h"', f"-I{tmp_path}")
    groat = ffi.dlopen(str(library))
    for name in NAMES:
        status = User(ffi, groat, (GOOD / f"{name}.groat").read_bytes()).open()
        assert status == (groat.GROAT_OK if name in ("reshape", "softmax") else groat.GROAT_E_OP_NOT_LINKED)


# ---- Compilers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        ("cc", ["-std=c11", "-Wpedantic", "-Wconversion", "-Wcast-align", "-Wstrict-prototypes"]),
        ("c++", ["-xc++", "-std=c++17", "-Wpedantic", "-Wold-style-cast"]),
        ("clang-19", ["-std=c11", "-Weverything", "-Wno-pre-c11-compat", "-Wno-padded", "-Wno-unsafe-buffer-usage"]),
    ],
)
def test_the_public_headers_compile_without_a_warning(tmp_path: Path, compiler: str, flags: list[str]) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is missing: {toolchain.install_command([compiler])}")
    source = tmp_path / "user.c"
    headers = sorted(path.name for path in (cc.RUNTIME / "include" / "groat").glob("*.h"))
    lines = [*(f"#include <groat/{name}>" for name in headers), "int f(groat_t *net);", "int f(groat_t *net)"]
    source.write_text("\n".join([*lines, "{ return groat_select(net, 0); }", ""]))
    toolchain.run([compiler, *flags, "-Wall", "-Wextra", "-Werror", cc.INCLUDE, "-fsyntax-only", str(source)], 30)


def test_the_runtime_asks_nothing_of_a_library_but_two_functions(tmp_path: Path) -> None:
    library = shared_library(tmp_path, "-ffreestanding", "-nostdlib", "-fno-stack-protector")
    listing = toolchain.run([toolchain.require("nm", "listing symbols"), "-D", "-u", str(library)], timeout=30)
    undefined = {line.split()[-1].split("@")[0] for line in listing.splitlines() if " U " in line}
    assert undefined <= {"memcpy", "memset"}


# ---- Examples -----------------------------------------------------------------------------------------------


@pytest.fixture
def cmake(tmp_path: Path) -> Path:
    """The example's folder as somebody else has it, with a packed model in it."""
    shutil.copytree(EXAMPLES / "cmake", tmp_path / "mine", ignore=shutil.ignore_patterns("build", "*.groat"))
    return tmp_path / "mine"


def run_cmake(*arguments: str) -> None:
    """CMake of PATH or, as the development requirements install it, of this environment."""
    command = shutil.which("cmake") or shutil.which("cmake", path=str(Path(sys.executable).parent))
    assert command is not None, "cmake is missing: pip install cmake"
    toolchain.run([command, *arguments], cc.TIMEOUT_SECONDS)


def configure(folder: Path) -> None:
    run_cmake("-S", str(folder), "-B", str(folder / "build"), f"-DGROAT_RUNTIME={cc.RUNTIME}")


def test_the_cmake_example_runs(cmake: Path) -> None:
    compiled = compile_model(DIGITS)
    compiled.save(cmake / "model.groat")
    configure(cmake)
    run_cmake("--build", str(cmake / "build"))
    done = cc.run(cmake / "build" / "example")
    assert done.code == 0, done.output
    (number,) = compiled.graph.inputs
    shape = compiled.graph.tensors[number].shape
    x = (7 * np.arange(np.prod(shape))).astype(np.uint8).view(np.int8).reshape(shape)
    assert [int(line) for line in done.output.split()] == compiled.run(x).reshape(-1).tolist()


def test_the_cmake_example_says_how_to_make_its_model(cmake: Path) -> None:
    with pytest.raises(ToolchainError, match=r"groat pack MODEL\.tflite"):
        configure(cmake)


def test_the_runtime_takes_two_lines_of_cmake() -> None:
    lines = (EXAMPLES / "cmake" / "CMakeLists.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split("(")[0] for line in lines if "# line " in line] == ["add_subdirectory", "target_link_libraries"]


def selected(library: Path) -> tuple[list[Path], list[str]]:
    """The files that library.json selects, as PlatformIO reads it, and the compiler's flags."""
    build = json.loads((library / "library.json").read_text(encoding="utf-8"))["build"]
    files: set[Path] = set()
    for rule in build["srcFilter"]:
        sign, pattern = rule[0], rule[1:].strip("<>")
        found = set((library / build["srcDir"]).glob("**/*" if pattern == "*" else pattern))
        files = files | found if sign == "+" else files - found
    return sorted(path for path in files if path.suffix == ".c"), [
        *build["flags"],
        f"-I{library / build['includeDir']}",
    ]


def test_the_platformio_example_builds_from_what_library_json_selects(tmp_path: Path) -> None:
    files, flags = selected(cc.RUNTIME)
    assert [path.resolve() for path in files] == sorted(path.resolve() for path in cc.runtime_files())
    project = tmp_path / "project"
    shutil.copytree(EXAMPLES / "platformio", project, ignore=shutil.ignore_patterns(".pio", "*.groat", "model.c"))
    compiled = compile_model(DIGITS)
    compiled.save(project / "model.groat")

    class Environment:
        def subst(self, text: str) -> str:
            assert text == "$PROJECT_DIR"
            return str(project)

    runpy.run_path(str(project / "embed_model.py"), {"Import": lambda name: None, "env": Environment()})
    flags += [f"-I{project / 'include'}", "-O1"]
    done = cc.run(cc.build(tmp_path / "program", [*sorted((project / "src").glob("*.c")), *files], flags))
    assert done.code == 0, done.output
    (number,) = compiled.graph.inputs
    shape = compiled.graph.tensors[number].shape
    inputs = [(step * np.arange(np.prod(shape))).astype(np.uint8).view(np.int8).reshape(shape) for step in range(1, 6)]
    assert [int(line) for line in done.output.split()] == [int(np.argmax(compiled.run(x))) for x in inputs]
