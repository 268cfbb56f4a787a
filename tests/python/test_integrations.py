# SPDX-License-Identifier: Apache-2.0
"""The runtime as other build systems take it: Zephyr, ESP-IDF and Arduino, each with stand-ins for what is theirs.

The stand-ins do what the manuals say of the functions that our files call, so that real programs come out and run;
whether Zephyr and ESP-IDF would take them was not tried.
"""

from __future__ import annotations

import json
import runpy
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support import cc

import groat
from groat import toolchain
from groat.pack import read
from groat.targets import load_target

DIGITS = cc.ROOT / "examples" / "digits" / "digits_int8.tflite"
ARDUINO = cc.ROOT / "integrations" / "arduino"
STEPS = 3  # of the sketch

MAIN = """
#include <stdio.h>
#include <groat/groat.h>
#include "model.h"
static _Alignas(16) uint8_t arena[8192];
int main(void)
{
    groat_t net;
    if (groat_open(&net, model, sizeof model, arena, sizeof arena) != GROAT_OK) {
        return 1;
    }
    for (uint32_t i = 0; i < groat_input_bytes(&net, 0); i++) {
        ((uint8_t *)groat_input(&net, 0))[i] = (uint8_t)(7 * i);
    }
    groat_run(&net);
    for (uint32_t i = 0; i < groat_output_bytes(&net, 0); i++) {
        printf("%d\\n", ((int8_t *)groat_output(&net, 0))[i]);
    }
    return 0;
}
"""

ZEPHYR = """
cmake_minimum_required(VERSION 3.20)
project(app C)
set(CONFIG_GROAT y)
set(CONFIG_GROAT_ISA "ref")
set(CONFIG_GROAT_OPS_FILE "${CMAKE_CURRENT_SOURCE_DIR}/ops.h")
add_library(zephyr_interface INTERFACE)
macro(zephyr_library_named name)
    set(ZEPHYR_CURRENT_LIBRARY ${name})
    add_library(${name} STATIC)
    target_link_libraries(${name} PUBLIC zephyr_interface)
endmacro()
function(zephyr_library_sources)
    target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_library_compile_options)
    target_compile_options(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_library_compile_definitions)
    target_compile_definitions(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_include_directories)
    target_include_directories(zephyr_interface INTERFACE ${ARGN})
endfunction()
add_subdirectory("MODULE" module)
add_executable(app main.c)
target_link_libraries(app PRIVATE groat zephyr_interface)
"""

# ESP-IDF looks at components twice: by a script, which asks what they require and goes no further than their call, and
# when it builds them.
ESP_SCRIPT = """
set(ESP_PLATFORM 1)
macro(idf_component_register)
    message("SEEN ${ARGN}")
    return()
endmacro()
include("@FOLDER@/CMakeLists.txt")
"""
ESP_PROJECT = """
cmake_minimum_required(VERSION 3.16)
project(app C)
set(ESP_PLATFORM 1)
set(GROAT_OPS_FILE "${CMAKE_CURRENT_SOURCE_DIR}/ops.h")
function(idf_component_register)
    cmake_parse_arguments(_ "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
    add_library(__idf_groat STATIC ${__SRCS})
    target_include_directories(__idf_groat PUBLIC ${__INCLUDE_DIRS})
    set(COMPONENT_LIB __idf_groat PARENT_SCOPE)
endfunction()
add_subdirectory("@FOLDER@" component)
add_executable(app main.c)
target_link_libraries(app PRIVATE __idf_groat)
"""


def cmake(*arguments: object) -> str:
    return toolchain.run([toolchain.require("cmake", "building an app"), *map(str, arguments)], timeout=300)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A program that runs the model of the digits, and a header with that model's ops."""
    compiled = groat.compile(DIGITS, schedule="layer")
    packed = compiled.packed
    body = ",".join(map(str, packed))
    (tmp_path / "model.h").write_text(f"static const _Alignas(16) uint8_t model[] = {{{body}}};\n", encoding="utf-8")
    (tmp_path / "main.c").write_text(MAIN, encoding="utf-8")
    ops = sorted({step.op for step in read(packed).all_steps})
    lines = [f"GROAT_USE({name.upper()}, {name})\n" for name in ops]
    (tmp_path / "ops.h").write_text("".join(lines), encoding="utf-8")
    return tmp_path


def expected() -> list[int]:
    x = (7 * np.arange(64)).astype(np.uint8).view(np.int8).reshape(1, 8, 8, 1)
    return [int(y) for y in groat.compile(DIGITS).run(x).ravel()]


def build_and_run(app: Path, project: str) -> None:
    (app / "CMakeLists.txt").write_text(project, encoding="utf-8")
    cmake("-S", app, "-B", app / "build")
    cmake("--build", app / "build", "--parallel", 2)
    done = cc.run(app / "build" / "app")
    assert (done.code, [int(line) for line in done.output.split()]) == (0, expected())


def test_the_module_of_zephyr(app: Path) -> None:
    module = dict(
        line.strip().split(": ")
        for line in (cc.ROOT / "zephyr" / "module.yml").read_text(encoding="utf-8").splitlines()
        if ": " in line and not line.startswith("#")
    )
    assert module["name"] == "groat"
    folder, kconfig = cc.ROOT / module["cmake"], cc.ROOT / module["kconfig"]
    words = kconfig.read_text(encoding="utf-8").split()
    known = {words[at + 1] for at, word in enumerate(words) if word == "config"}
    assert known == {"GROAT", "GROAT_ISA", "GROAT_OPS_FILE"}
    build_and_run(app, ZEPHYR.replace("MODULE", str(folder)))


def test_the_component_of_esp_idf(app: Path) -> None:
    component = app / "components" / "groat"
    component.parent.mkdir()
    component.symlink_to(cc.RUNTIME)  # as integrations/README.md says
    script = app / "requirements.cmake"
    script.write_text(ESP_SCRIPT.replace("@FOLDER@", str(component)), encoding="utf-8")
    done = subprocess.run(["cmake", "-P", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.startswith("SEEN SRCS;/")) == (0, True), done.stderr
    assert (component / "idf_component.yml").is_file()
    build_and_run(app, ESP_PROJECT.replace("@FOLDER@", str(component)))


# ---- Arduino ----------------------------------------------------------------------------------------------

ARDUINO_H = """
#pragma once
#include <stdint.h>
#include <stdio.h>
struct Port {
    void begin(unsigned long) {}
    void println(const char *text) { puts(text); }
    void println(uint32_t number) { printf("%u\\n", (unsigned)number); }
};
extern Port Serial;
void delay(unsigned long);
"""
ARDUINO_MAIN = f"""
#include "Arduino.h"
Port Serial;
void delay(unsigned long) {{}}
void setup();
void loop();
int main()
{{
    setup();
    for (int i = 0; i < {STEPS}; i++) {{
        loop();
    }}
}}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked library, with the sketch."""
    folder = tmp_path_factory.mktemp("arduino")
    groat.compile(DIGITS, schedule="layer").save(folder / "model.groat")
    made = runpy.run_path(str(ARDUINO / "make_library.py"))
    with zipfile.ZipFile(folder / "groat.zip", "w") as archive:
        for name, text in made["library"](folder / "model.groat").items():
            archive.writestr(f"groat/{name}", text)
    with zipfile.ZipFile(folder / "groat.zip") as archive:
        archive.extractall(folder)
    (folder / "Arduino.h").write_text(ARDUINO_H, encoding="utf-8")
    return folder / "groat"


def sketch(library: Path) -> list[str]:
    """How Arduino compiles it: as C++, with its own header before it."""
    source = library / "examples" / "hello_groat" / "hello_groat.ino"
    header = library.parent / "Arduino.h"
    return ["-x", "c++", "-std=gnu++17", "-Wall", "-Wextra", "-include", str(header), "-c", str(source)]


def test_the_library_of_arduino_runs(library: Path, tmp_path: Path) -> None:
    files = sorted((library / "src").rglob("*.c"))
    assert len(files) == len(cc.runtime_files())
    include = f"-I{library / 'src'}"
    (tmp_path / "main.cpp").write_text(ARDUINO_MAIN, encoding="utf-8")
    for name in ("main.o", "sketch.o"):
        source = sketch(library) if name == "sketch.o" else ["-c", str(tmp_path / "main.cpp")]
        toolchain.run(["c++", *source, include, f"-I{library.parent}", "-o", str(tmp_path / name)], timeout=120)
    objects = [tmp_path / "main.o", tmp_path / "sketch.o"]
    (tmp_path / "objects").mkdir()
    done = subprocess.run(
        ["cc", "-std=gnu11", "-O0", "-Wno-unknown-pragmas", "-c", *map(str, files)],
        cwd=tmp_path / "objects",
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    objects += sorted((tmp_path / "objects").iterdir())
    toolchain.run(["c++", *map(str, objects), "-o", str(tmp_path / "app")], timeout=120)
    found = [int(line) for line in cc.run(tmp_path / "app").output.split()]
    compiled: Any = groat.compile(DIGITS)
    inputs = [(step * np.arange(64)).astype(np.uint8).view(np.int8).reshape(1, 8, 8, 1) for step in range(1, STEPS + 1)]
    assert found == [int(compiled.run(x).argmax()) for x in inputs]


@pytest.mark.qemu
def test_the_library_of_arduino_compiles_for_a_cortex_m4_and_rounds_as_ours(library: Path, tmp_path: Path) -> None:
    """Without options: C files say for themselves that nothing is contracted."""
    target = load_target("cortex-m4")
    assert target.compiler is not None
    gcc = toolchain.require("arm-none-eabi-gcc", "compiling for Arduino")
    flags = [*target.compiler.flags, "-Os", f"-I{library / 'src'}"]
    toolchain.run([gcc, *sketch(library), *flags, "-o", str(tmp_path / "sketch.o")], timeout=120)
    source = library / "src" / "kernels" / "ref" / "softmax_f32.c"
    text = source.read_text(encoding="utf-8")
    fused = []
    for path in (source, source.with_name("contracted.c")):
        path.write_text(text if path == source else text.partition("\n")[2], encoding="utf-8")
        assembly = tmp_path / "out.s"
        toolchain.run([gcc, "-std=gnu11", *flags, "-S", str(path), "-o", str(assembly)], timeout=120)
        fused.append("vfma" in assembly.read_text(encoding="utf-8"))
    path.unlink()
    assert fused == [False, True]


def test_one_version() -> None:
    version = json.loads((cc.RUNTIME / "library.json").read_text(encoding="utf-8"))["version"]
    assert f"version={version}\n" in (ARDUINO / "library.properties").read_text(encoding="utf-8")
    assert f'version: "{version}"\n' in (cc.RUNTIME / "idf_component.yml").read_text(encoding="utf-8")
