# SPDX-License-Identifier: Apache-2.0
"""The firmware as a PlatformIO project, without a registry: the images are those of the package, to the byte."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
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

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "PLATFORMIO_CORE_DIR": str(self.folder / "core"),
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
    return Pio(folder)


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
