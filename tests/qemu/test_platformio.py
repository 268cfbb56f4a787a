# SPDX-License-Identifier: Apache-2.0
"""The firmware as a PlatformIO project, without a registry: the images are those of the package, to the byte."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support import cc

from groat import toolchain
from groat.boards import board_names, load_board
from groat.compiler import compile_model
from groat.runners.board import image_for

pytestmark = pytest.mark.qemu

PROJECT = cc.ROOT / "firmware"
DIGITS = cc.ROOT / "examples" / "digits" / "digits_int8.tflite"
SECONDS = 120


@dataclass(frozen=True)
class Pio:
    """PlatformIO with folders of its own; the project stays as it is."""

    folder: Path
    core: Path

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "PLATFORMIO_CORE_DIR": str(self.core),
            "PLATFORMIO_WORKSPACE_DIR": str(self.folder / "work"),
            "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
            "PLATFORMIO_DISABLE_UPGRADE_CHECK": "true",
        }

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """Exit code and all that was printed."""
        command = [sys.executable, "-m", "platformio", *arguments]
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def pio(tmp_path_factory: pytest.TempPathFactory) -> Pio:
    folder = tmp_path_factory.mktemp("pio")
    script = cc.ROOT / "tools" / "platformio_offline.py"
    toolchain.run([sys.executable, str(script), str(folder / "core")], SECONDS)
    return Pio(folder, folder / "core")


def test_there_is_an_environment_for_each_board() -> None:
    project = configparser.ConfigParser(interpolation=None)
    project.read(PROJECT / "platformio.ini", encoding="utf-8")
    found = {name.removeprefix("env:") for name in project.sections() if name.startswith("env:")}
    assert found == set(board_names())
    ports = [project[f"env:{name}"]["monitor_port"] for name in found if "monitor_port" in project[f"env:{name}"]]
    assert len(set(ports)) == len(ports)


def test_it_builds_the_image_that_the_package_builds(pio: Pio) -> None:
    code, said = pio("run", "-e", "netduinoplus2")
    assert code == 0, said
    image = image_for(load_board("netduinoplus2").target, compile_model(DIGITS, "netduinoplus2").packed)
    assert (pio.folder / "work" / "build" / "netduinoplus2" / "firmware.elf").read_bytes() == image.path.read_bytes()
    assert f"{image.code_bytes} bytes of code" in said


def test_its_tests_run_in_the_emulator(pio: Pio) -> None:
    code, said = pio("test", "-e", "qemu_cortex_m4")
    assert code == 0, said
    assert re.search(r"the device's bytes are the host's\s*\[PASSED\]", said), said


def test_an_environment_of_another_platform_says_at_once_what_is_missing(pio: Pio) -> None:
    pio("run", "-e", "esp32c3")  # the first time the platform is linked
    began = time.monotonic()
    code, said = pio("run", "-e", "esp32c3")
    assert code != 0
    assert "pio pkg install -g -p espressif32" in said
    assert "Building" not in said
    assert time.monotonic() - began < 20  # a second where nothing else runs, and a minute if the registry is asked


MAIN = """\
#include <groat/groat.h>

int main(void)
{
    groat_t net;
    return groat_open(&net, 0, 0, 0, 0) == GROAT_E_ARGUMENT ? 0 : 1;
}
"""
# In the place of PlatformIO's `native`, which it fetches from its registry: this computer's compiler.
NATIVE = {
    "platform.json": '{"name": "here", "title": "Here", "description": "gcc", "version": "1.0.0", "packages": {}}',
    "platform.py": "from platformio.platform.base import PlatformBase\n\n\n"
    "class HerePlatform(PlatformBase):\n    pass\n",
    "builder/main.py": "from SCons.Script import Default, DefaultEnvironment\n\n"
    "env = DefaultEnvironment()\nDefault(env.BuildProgram())\n",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def test_a_project_of_somebody_elses_takes_the_runtime_in_ten_lines_of_platformio(pio: Pio, tmp_path: Path) -> None:
    project = f"""\
[platformio]
default_envs = mine

[env:mine]
platform = symlink://{tmp_path}/here
lib_deps = symlink://{cc.RUNTIME}
"""
    assert len(project.splitlines()) <= 10
    write(tmp_path, {f"here/{name}": text for name, text in NATIVE.items()})
    write(tmp_path / "mine", {"platformio.ini": project, "src/main.c": MAIN})
    code, said = Pio(tmp_path / "pio", pio.folder / "core")("run", "-d", str(tmp_path / "mine"))
    assert code == 0, said
    assert cc.run(tmp_path / "pio" / "work" / "build" / "mine" / "program").code == 0


def test_a_project_of_somebody_elses_takes_the_runtime_in_ten_lines_of_cmake(tmp_path: Path) -> None:
    project = f"""\
cmake_minimum_required(VERSION 3.17)
project(mine C)
add_executable(mine main.c)
add_subdirectory({cc.RUNTIME} groat)
target_link_libraries(mine PRIVATE groat)
"""
    assert len(project.splitlines()) <= 10
    write(tmp_path, {"CMakeLists.txt": project, "main.c": MAIN})
    cmake = str(Path(sys.executable).parent / "cmake")
    toolchain.run([cmake, "-S", str(tmp_path), "-B", str(tmp_path / "build")], SECONDS)
    toolchain.run([cmake, "--build", str(tmp_path / "build")], SECONDS)
    assert cc.run(tmp_path / "build" / "mine").code == 0


def test_the_runtime_is_packed_as_a_library(pio: Pio, tmp_path: Path) -> None:
    """By PlatformIO's own packer; the list of licences, which it fetches each time, is given here."""
    program = (
        "import sys\n"
        "from platformio.package.commands.pack import package_pack_cmd\n"
        "from platformio.package.manifest.schema import ManifestSchema\n"
        "known = {'licenses': [{'licenseId': 'Apache-2.0'}]}\n"
        "ManifestSchema.load_spdx_licenses = staticmethod(lambda: known)\n"
        "package_pack_cmd(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(cc.RUNTIME), "-o", str(tmp_path / "groat.tar.gz")],
        env=pio.environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with tarfile.open(tmp_path / "groat.tar.gz") as archive:
        names = set(archive.getnames())
    wanted = {str(path.relative_to(cc.RUNTIME)) for path in cc.runtime_files()}
    assert {"library.json", "include/groat/groat.h"} | wanted <= names
