# SPDX-License-Identifier: Apache-2.0
"""Makes a fresh clone ready for work, and costs next to nothing when it already is.

Run by the Makefile before every target, with whatever Python the machine has and nothing beside it:

    python3 tools/bootstrap.py            Debian's compiler, .venv with locked packages, the extension module
    python3 tools/bootstrap.py --cross    and the cross toolchains and emulators

Each part leaves a stamp in .venv: a hash of the files that it depends on. Debian packages are installed as
root, or through sudo where that asks no password; otherwise nothing changes and the command is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "groat-stamps.json"
PACKAGE_LIST = ROOT / "tools" / "debian-packages.txt"
REQUIREMENTS = ROOT / "requirements" / "dev.txt"

PYTHON_MIN = (3, 11)
MINUTE = 60


class SetupError(Exception):
    """Something is missing that this script cannot install; the text says what to do."""


def say(text: str) -> None:
    print(f"groat: {text}", flush=True)


def run(command: list[str], minutes: int, env: dict[str, str] | None = None) -> None:
    """Runs a command in the root of the repository, its output shown."""
    try:
        code = subprocess.run(command, cwd=ROOT, env=env, timeout=minutes * MINUTE, check=False).returncode
    except subprocess.TimeoutExpired:
        raise SetupError(f"no end after {minutes} minutes: {' '.join(command)}") from None
    if code != 0:
        raise SetupError(f"exit code {code} from: {' '.join(command)}")


# ---- Debian packages ---------------------------------------------------------------------------------


class Package:
    """A row of debian-packages.txt: alternative package names, and what shows that one is installed."""

    def __init__(self, row: str) -> None:
        self.group, names, self.evidence = row.split()
        self.names = names.split("|")

    def present(self) -> bool:
        if self.evidence == "python:ensurepip":
            # Debian's Python always has `venv`; without ensurepip that makes none with pip in it.
            return succeeds([sys.executable, "-c", "import venv, ensurepip"])
        if self.evidence == "python:headers":
            return Path(sysconfig.get_path("include"), "Python.h").exists()
        if self.evidence.startswith("/"):
            return any(Path("/").glob(self.evidence[1:]))
        return shutil.which(self.evidence) is not None

    def available_name(self) -> str | None:
        """The first of its names that apt could install; None if there is none."""
        for name in self.names:
            command = ["apt-cache", "policy", name]
            text = subprocess.run(command, capture_output=True, text=True, timeout=MINUTE, check=False).stdout
            if "Candidate:" in text and "Candidate: (none)" not in text:
                return name
        return None


def succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=MINUTE, check=False).returncode == 0
    except OSError:
        return False


def missing_packages(group: str) -> list[Package]:
    lines = PACKAGE_LIST.read_text(encoding="utf-8").splitlines()
    packages = [Package(line) for line in lines if line.strip() and not line.startswith("#")]
    return [package for package in packages if package.group == group and not package.present()]


def release_name() -> str:
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split("=", 1)[1].strip('"') for line in lines if line.startswith("PRETTY_NAME=")]
    return names[0] if names else "this system"


def privilege() -> list[str] | None:
    """What to put before a command to run it as root, without a password; None if there is no way."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    return sudo if succeeds([*sudo, "true"]) else None


def install_packages(group: str) -> None:
    missing = missing_packages(group)
    if not missing:
        return
    if not shutil.which("apt-get"):
        wanted = "\n".join(f"    {package.evidence}  (Debian: {package.names[-1]})" for package in missing)
        raise SetupError(f"{release_name()} has no apt-get. Install in its own way what shows as\n{wanted}")
    root = privilege()
    if root is None:
        names = " ".join(package.available_name() or package.names[-1] for package in missing)
        raise SetupError(
            "Debian packages are missing, and neither root nor sudo without a password is at hand. Run\n"
            f"    sudo apt-get update && sudo apt-get install --no-install-recommends {names}"
        )

    size = "about two minutes" if group == "cross" else "less than a minute"
    say(f"installing {len(missing)} Debian packages ({size})")
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    apt = [*root, "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    try:
        run([*apt, "update"], 10, env)
    except SetupError as error:
        say(f"{error}; going on with the package lists at hand")
    chosen = []
    for package in missing:
        name = package.available_name()
        if name is None:
            raise SetupError(no_candidate(package))
        chosen.append(name)
    run([*apt, "install", "-y", "--no-install-recommends", *chosen], 30, env)
    absent = [package for package in missing if not package.present()]
    if absent:
        texts = ", ".join(f"{package.evidence} (from {'|'.join(package.names)})" for package in absent)
        raise SetupError(f"apt-get succeeded, but this is still not there: {texts}")


def no_candidate(package: Package) -> str:
    text = f"{release_name()} has no package {' or '.join(package.names)}."
    if package.names[0].endswith("-19") or "-19-" in package.names[0]:
        text += (
            " LLVM 19 builds the Cortex-M55 firmware and the fuzzer; older compilers get Helium code wrong."
            " Use Debian 12, Ubuntu 24.04 or newer, or add LLVM's own package source."
        )
    return text + " `make test-fast` needs no cross toolchain and no emulator."


# ---- Python ------------------------------------------------------------------------------------------


def check_python() -> None:
    if sys.version_info < PYTHON_MIN:
        found = ".".join(map(str, sys.version_info[:3]))
        wanted = ".".join(map(str, PYTHON_MIN))
        raise SetupError(
            f"{sys.executable} is Python {found}, and Groat needs {wanted} or newer. "
            f"Name another one: make PYTHON=python{wanted}"
        )


def digest(paths: list[Path]) -> str:
    """Of these files' names and contents, and of the place of the checkout, on which a venv depends."""
    total = hashlib.sha256(str(ROOT).encode())
    for path in sorted(paths):
        total.update(str(path.relative_to(ROOT)).encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def extension_sources() -> list[Path]:
    suffixes = {".c", ".h", ".cpp", ".def", ".cmake"}
    found = [ROOT / "CMakeLists.txt", ROOT / "pyproject.toml"]
    for folder in ("bindings", "runtime"):
        files = (path for path in (ROOT / folder).rglob("*") if path.is_file())
        found += [path for path in files if path.suffix in suffixes or path.name == "CMakeLists.txt"]
    return found


def pip(*arguments: str, minutes: int) -> None:
    run([str(VENV_PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments], minutes)


def create_venv() -> None:
    say("creating .venv")
    run([sys.executable, "-m", "venv", "--clear", str(VENV)], 5)


def install_requirements() -> None:
    say("installing the locked Python packages into .venv (about a minute)")
    pip("install", "-r", str(REQUIREMENTS), minutes=30)


def install_extension() -> None:
    say("building the extension module")
    # Editable: Python files are used where they are; C and C++ make this run again, and then incrementally.
    pip("install", "--quiet", "--no-build-isolation", "--no-deps", "--editable", str(ROOT), minutes=15)


def fetch_curve() -> None:
    say("downloading Monocypher, with which firmware checks signatures")
    run([str(VENV_PYTHON), "-m", "groat.monocypher"], 10)


# ---- Putting it together -------------------------------------------------------------------------------


def read_stamps() -> dict[str, str]:
    if not VENV_PYTHON.exists():
        return {}
    try:
        stamps: dict[str, str] = json.loads(STAMPS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamps


def main() -> int:
    parser = argparse.ArgumentParser(description="Make this checkout ready for work.")
    parser.add_argument("--cross", action="store_true", help="also the cross toolchains and emulators")
    options = parser.parse_args()
    check_python()

    packages = digest([PACKAGE_LIST])
    requirements = list(REQUIREMENTS.parent.glob("*.txt"))
    steps: list[tuple[str, str, Callable[[], None]]] = [
        ("build packages", packages, lambda: install_packages("build")),
    ]
    if options.cross:
        steps.append(("cross packages", packages, lambda: install_packages("cross")))
    steps += [
        ("venv", digest([]), create_venv),
        ("requirements", digest(requirements), install_requirements),
        ("extension", digest(requirements + extension_sources()), install_extension),
    ]
    if options.cross:
        steps.append(("curve", digest([ROOT / "python" / "groat" / "monocypher.py"]), fetch_curve))

    stamps = read_stamps()
    for name, wanted, install in steps:
        if stamps.get(name) == wanted:
            continue
        install()
        stamps[name] = wanted
        if VENV.is_dir():
            STAMPS.write_text(json.dumps(stamps, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupError as error:
        sys.exit(f"groat: {error}")
    except KeyboardInterrupt:
        sys.exit("groat: interrupted")
