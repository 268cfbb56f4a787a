# SPDX-License-Identifier: Apache-2.0
"""Gives PlatformIO its build tool, SCons, from the Python package, where its registry cannot be reached.

    .venv/bin/python tools/platformio_offline.py [CORE_DIR]        default: that of firmware/platformio.ini

Run by the Python that has `platformio` and `SCons`.  It does nothing if the tool is there; where the registry is within
reach PlatformIO fetches it by itself, and this is not needed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

DEFAULT = Path(__file__).resolve().parent.parent / "firmware" / ".pio" / "core"
TOOL = "tool-scons"
START = """\
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "library"))
from SCons.Script.Main import main

sys.exit(main())
"""


def tool_version(scons: str) -> str:
    """PlatformIO's number for a version of SCons: 4.11.1 is 4.41101.0."""
    major, minor, patch = map(int, scons.split("."))
    return f"{major}.{major}{minor:02}{patch:02}.0"


def main() -> int:
    core = Path(sys.argv[1] if len(sys.argv) > 1 else DEFAULT).resolve()
    core.mkdir(parents=True, exist_ok=True)
    os.environ["PLATFORMIO_CORE_DIR"] = str(core)
    import SCons
    from platformio.dependencies import get_core_dependencies
    from platformio.package.manager.core import get_core_package_dir
    from platformio.package.manager.tool import ToolPackageManager
    from platformio.package.meta import PackageSpec

    if get_core_package_dir(TOOL, auto_install=False):
        return 0
    wanted = get_core_dependencies()[TOOL]
    version = tool_version(SCons.__version__)
    if not PackageSpec(name=TOOL, requirements=wanted).requirements.match(_semantic(version)):
        sys.exit(
            f"this PlatformIO wants {TOOL} {wanted}; SCons {SCons.__version__} is {version}: install the one it wants"
        )
    with tempfile.TemporaryDirectory(prefix="groat-") as name:
        folder = Path(name) / TOOL
        library = Path(SCons.__file__).parent
        shutil.copytree(library, folder / "library" / "SCons", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "scons.py").write_text(START, encoding="utf-8")
        about = {"name": TOOL, "version": version, "description": f"SCons {SCons.__version__}", "license": "MIT"}
        (folder / "package.json").write_text(json.dumps(about), encoding="utf-8")
        # Under this owner PlatformIO looks for it.
        ToolPackageManager().install(PackageSpec(owner="platformio", name=TOOL, uri=f"file://{folder}"))
    if not get_core_package_dir(TOOL, auto_install=False):
        sys.exit(f"PlatformIO does not see the {TOOL} that was installed in {core}")
    return 0


def _semantic(version: str) -> object:
    from semantic_version import Version

    return Version(version)


if __name__ == "__main__":
    sys.exit(main())
