# SPDX-License-Identifier: Apache-2.0
"""Where Monocypher's curve comes from, which checks signatures in firmware: a package of PyPI that holds its C files.

No code of it is part of Groat.  `python -m groat.monocypher` downloads the one version that is built, once; firmware
without a public key needs none of it.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from groat.cache import cache_folder
from groat.errors import ToolchainError

_NAME, _VERSION = "pymonocypher", "4.0.3.4"  # with Monocypher 4.0.3
_SHA256 = "5e56e3d3eb770a53e0b9f6274146663c11a11f3d0de5cd48e3be0428d1b07a4a"
_ARCHIVE = f"{_NAME}-{_VERSION}.tar.gz"
_FILES = ("monocypher.c", "monocypher.h", "LICENSE.txt")
_TIMEOUT_SECONDS = 300


def find() -> Path:
    """The folder with monocypher.c and monocypher.h.

    Raises ToolchainError if they were not downloaded; the message names the command that does.
    """
    folder = _folder()
    if not all((folder / name).is_file() for name in _FILES):
        raise ToolchainError(
            "firmware that checks signatures is built with Monocypher, whose files are not yet here; run\n"
            f"    {Path(sys.executable).name} -m groat.monocypher\n"
            f"which downloads {_NAME} {_VERSION} from PyPI"
        )
    return folder


def fetch() -> Path:
    """Downloads it, unless it is there, and returns its folder.

    Raises ToolchainError if that fails, or if what came is not what this version was made for.
    """
    folder = _folder()
    if all((folder / name).is_file() for name in _FILES):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder.parent) as name:
        archive = _download(Path(name))
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != _SHA256:
            raise ToolchainError(f"{_ARCHIVE} has the SHA-256 {found}, expected {_SHA256}; nothing of it is used")
        unpacked = Path(name) / "unpacked"
        unpacked.mkdir()
        with tarfile.open(archive) as files:
            for wanted in _FILES:
                member = files.extractfile(f"{_NAME}-{_VERSION}/{wanted}")
                assert member is not None  # its SHA-256 is known
                (unpacked / wanted).write_bytes(member.read())
        if not folder.is_dir():
            unpacked.rename(folder)
    return folder


def _folder() -> Path:
    return cache_folder() / f"monocypher-{_VERSION}"


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary", _NAME, "--no-build-isolation", "--dest", str(folder), f"{_NAME}=={_VERSION}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(f"no end after {_TIMEOUT_SECONDS} s: {' '.join(command)}") from error
    if done.returncode != 0:
        raise ToolchainError(f"exit code {done.returncode} from {' '.join(command)}\n{done.stdout}{done.stderr}")
    return folder / _ARCHIVE


if __name__ == "__main__":
    try:
        print(fetch())
    except ToolchainError as failed:
        sys.exit(f"groat: {failed}")
