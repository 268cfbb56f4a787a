# SPDX-License-Identifier: Apache-2.0
"""The program in docs/KERNELS_FROM_PYTHON.md does what the page says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest
from tests.support.devices import device

PAGE = Path(__file__).parents[2] / "docs" / "KERNELS_FROM_PYTHON.md"
# A block, and what it prints if the page says that: a block of text follows.
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)


@pytest.mark.qemu
def test_the_page_tells_the_truth() -> None:
    device("cortex-m4")
    device("cortex-m55")
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 6
    assert sum(bool(printed) for _, printed in blocks) >= 3
    names: dict[str, object] = {}
    for number, (code, printed) in enumerate(blocks):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(code, f"{PAGE.name}, block {number}", "exec"), names)
        if printed:
            assert said.getvalue() == printed
