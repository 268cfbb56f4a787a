# SPDX-License-Identifier: Apache-2.0
"""The command line, run in this process as a shell would run it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from groat import cli


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Groat:
    """Calls `groat …`; nothing it does may end in a traceback."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Result:
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["groat", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        assert code is None or isinstance(code, int)
        captured = self._capsys.readouterr()
        assert "Traceback" not in captured.err
        return Result(code or 0, captured.out, captured.err)

    def json(self, *arguments: object) -> Any:
        """What a command that succeeds prints with --format json."""
        result = self(*arguments, "--format", "json")
        assert result.code == 0, result.err
        return result.json

    def fails(self, code: int, *arguments: object) -> str:
        """What a command that fails with a code says; it prints nothing else."""
        result = self(*arguments)
        assert result.code == code, result
        assert result.out == ""
        assert result.err.strip()
        return result.err
