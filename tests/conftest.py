# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support import material as published
from tests.support.command import Groat


@pytest.fixture(scope="session")
def material() -> Path:
    """The folder of published models and vectors; skips the test where it is absent."""
    folder = published.folder()
    if not folder.is_dir():
        pytest.skip(f"needs published models and vectors, which are not at {folder} (set GROAT_MATERIAL)")
    return folder


@pytest.fixture(scope="session")
def digits() -> Path:
    """The model that comes with the repository."""
    return published.ROOT / "examples" / "digits" / "digits_int8.tflite"


@pytest.fixture
def groat_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Groat:
    """The command line."""
    return Groat(monkeypatch, capsys)
