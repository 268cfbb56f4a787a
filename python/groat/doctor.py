# SPDX-License-Identifier: Apache-2.0
"""What is installed, what is missing, and the command that installs it."""

from __future__ import annotations

import importlib.metadata
import sys
from dataclasses import asdict
from typing import Any

from groat import toolchain
from groat.flash.listing import flash_tools
from groat.targets import list_targets, load_target

# Package -> (what needs it, how to install it); those that Groat itself requires cannot be missing.
PACKAGES = {
    "numpy": ("everything", "pip install numpy"),
    "tflite-micro": ("groat validate --against tflm", "pip install --pre tflite-micro"),
    "onnx": ("ONNX models", "pip install 'groat[onnx]'"),
    "onnxscript": ("PyTorch modules", "pip install 'groat[torch]'"),
    "onnxruntime": ("groat validate --against onnxruntime", "pip install onnxruntime"),
    "scikit-learn": ("the digits demo", "pip install scikit-learn"),
}


def examine() -> dict[str, Any]:
    """Keys: installed: [{what, path, version}], missing: [{what, needed_for, install_command}], optional: the same
    of what only some boards need."""
    installed = [{"what": "python", "path": sys.executable, "version": sys.version.split()[0]}]
    missing: dict[str, dict[str, str]] = {}
    for package, (needed_for, command) in PACKAGES.items():
        try:
            version = importlib.metadata.version(package)
            installed.append({"what": package, "path": "", "version": version})
        except importlib.metadata.PackageNotFoundError:
            missing[package] = {"what": package, "needed_for": needed_for, "install_command": command}
    installed += [asdict(tool) for tool in toolchain.installed()]
    for name in list_targets():
        for tool in toolchain.check(load_target(name)):
            missing.setdefault(tool.what, asdict(tool))
    there, absent = flash_tools()
    installed += [asdict(tool) for tool in there]
    return {
        "installed": installed,
        "missing": list(missing.values()),
        "optional": [asdict(tool) for tool in absent],
    }
