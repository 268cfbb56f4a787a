# SPDX-License-Identifier: Apache-2.0
"""docs/PORTING.md adds a board in a page: its files, as they stand there, make firmware that runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.support import cc, single_layers

from groat.boards import board_names
from groat.compiler import compile_model
from groat.inputs import lcg_inputs
from groat.runners import open_runner

pytestmark = pytest.mark.qemu

NAME = "stm32vldiscovery"


def test_the_page_adds_a_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert NAME not in board_names()
    page = (cc.ROOT / "docs" / "PORTING.md").read_text(encoding="utf-8")
    page = page[page.index("## A new board in a page") :]
    for kind in ("toml", "c"):
        (block,) = re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL)
        (tmp_path / f"{NAME}.{kind}").write_text(block, encoding="utf-8")
    file = tmp_path / "model.tflite"
    file.write_bytes(single_layers.model("conv"))
    packed = compile_model(file, "cortex-m3").packed
    with open_runner("host", compile_model(file).packed) as host:
        inputs = lcg_inputs(host.model.inputs)
        expected = host.run(inputs)
    monkeypatch.setenv("GROAT_BOARDS", str(tmp_path))
    for where in (f"qemu:{tmp_path / NAME}.toml", f"qemu:{NAME}"):
        with open_runner(where, packed) as board:
            for found, known in zip(board.run(inputs), expected, strict=True):
                np.testing.assert_array_equal(found, known)
