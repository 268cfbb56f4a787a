# SPDX-License-Identifier: Apache-2.0
"""ONNX's own single-node tests, of the material: which of them we can run, and why not the others.

python -m tests.support.onnx_nodes     writes the list of those that we cannot into docs/ONNX.md
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from tests.support.material import ROOT, folder

import groat
from groat.compiler import Model
from groat.errors import GroatError, UnsupportedError
from groat.graph.ir import Array

PAGE = ROOT / "docs" / "ONNX.md"
BEGIN, END = "<!-- begin: node tests -->\n", "<!-- end: node tests -->\n"


def node_tests(material: Path) -> list[Path]:
    """Their folders."""
    return sorted(path.parent for path in (material / "vectors" / "onnx_node").glob("*/model.onnx"))


def load_node_test(path: Path) -> tuple[Model, list[Array], list[Array]]:
    """(the model, its inputs, its outputs).

    A model for a device has its weights, axes and the like as constants: where one does not import with all inputs, all
    but the first become that.  Raises GroatError if neither imports."""
    arrays = np.load(path / "data.npz", allow_pickle=True)
    inputs, outputs = ([arrays[key] for key in arrays if key.startswith(kind)] for kind in ("in", "out"))
    model = onnx.load(path / "model.onnx")
    try:
        return _load(model, inputs), inputs, outputs
    except GroatError as error:
        if len(inputs) < 2:
            raise
        first = error
    names = [value.name for value in model.graph.input]
    for name, array in zip(names[1:], inputs[1:], strict=True):
        model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
    del model.graph.input[1:]
    try:
        return _load(model, inputs[:1]), inputs[:1], outputs
    except UnsupportedError:
        raise
    except GroatError:
        raise first from None


def _load(model: onnx.ModelProto, inputs: Sequence[Array]) -> Model:
    shapes = {value.name: array.shape for value, array in zip(model.graph.input, inputs, strict=True)}
    return groat.load(model.SerializeToString(), shape=shapes)


def reason(error: GroatError) -> str:
    """Why a model does not import, in a line: of several nodes the first."""
    if isinstance(error, UnsupportedError):
        where, _, why = error.problems[0].partition("): ")
        op = where.partition(" (")[0].rpartition(", ")[2]
        return f"{op}: {why}" if why else error.problems[0]
    text = str(error).removeprefix("model: ")
    return re.sub(r"^(input|output) '[^']*':?( '[^']*')?", r"\1", text)


def unsupported(material: Path) -> dict[str, list[str]]:
    """Reason -> tests."""
    found: dict[str, list[str]] = {}
    for path in node_tests(material):
        try:
            load_node_test(path)
        except GroatError as error:
            found.setdefault(reason(error), []).append(path.name.removeprefix("test_"))
    return found


def section(found: dict[str, list[str]]) -> str:
    """The list as it is in the page."""
    rows = [f"| {why.replace('|', '/')} | {', '.join(tests)} |\n" for why, tests in sorted(found.items())]
    return "| reason | tests |\n|---|---|\n" + "".join(rows)


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + section(unsupported(folder())) + END + rest.partition(END)[2], encoding="utf-8")
