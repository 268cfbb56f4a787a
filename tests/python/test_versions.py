# SPDX-License-Identifier: Apache-2.0
"""The library has one version, in the five places that cannot read it from one another."""

from __future__ import annotations

import json
import re
import tomllib

from tests.support.material import ROOT

import groat
from groat.pack import structs


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_versions_agree() -> None:
    number = re.search(r"#define GROAT_LIBRARY_VERSION 0x([0-9a-fA-F]{6})\n", text("runtime/include/groat/groat.h"))
    newest = re.search(r"^## (\d+\.\d+\.\d+)", text("CHANGELOG.md"), re.MULTILINE)
    assert number is not None
    assert newest is not None
    versions = {
        "pyproject.toml": tomllib.loads(text("pyproject.toml"))["project"]["version"],
        "library.json": json.loads(text("runtime/library.json"))["version"],
        "groat.h": ".".join(str(part) for part in bytes.fromhex(number[1])),
        "CHANGELOG.md": newest[1],
        "groat.__version__": groat.__version__,
    }
    assert len(set(versions.values())) == 1, versions


def test_the_changes_name_the_format() -> None:
    const = structs.constants()
    section = text("CHANGELOG.md").partition("\n## ")[2].partition("\n## ")[0]
    assert f"Format {const.GROAT_VERSION_MAJOR}.{const.GROAT_VERSION_MINOR}." in section
