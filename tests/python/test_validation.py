# SPDX-License-Identifier: Apache-2.0
"""Validation finds planted faults, and names the layer, the element and both values."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.graphs import evaluate, with_flipped_weight
from tests.support.oracle import needs_tflm
from tests.support.random_graphs import random_model
from tools.tflite_builder import Builder, Quant

import groat
from groat import validation
from groat.compiler import compile_model
from groat.errors import InputError, ToolchainError, UnsupportedError
from groat.graph import Graph
from groat.inputs import random_inputs
from groat.oracle.tflm import Tflm
from groat.runners.host import HostRunner
from groat.validation import Difference, Verdict, find_difference, validate

Array = npt.NDArray[Any]


def filters(graph: Graph) -> list[int]:
    return [i for i, op in enumerate(graph.ops) if op.kind in ("conv_2d", "depthwise_conv_2d", "fully_connected")]


@needs_tflm
def test_a_model_that_is_right(digits: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    (verdict,) = validate(groat.load(digits), ["host"], inputs=5, progress=lambda *step: seen.append(step))
    assert verdict == Verdict("host", 5, 5, None)
    assert verdict.equal
    assert seen == [*(("tflm", done, 5) for done in range(1, 6)), ("host", 5, 5)]
    assert json.loads(json.dumps(verdict.as_dict())) == {
        "on": "host",
        "inputs": 5,
        "outputs_equal": 5,
        "difference": None,
        "equal": True,
    }


@needs_tflm
def test_a_flipped_weight_is_found_where_it_is(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = groat.load(digits)
    layers = filters(groat.compile(model).graph)
    assert len(layers) >= 4
    for layer in layers:

        def wrong(*given: Any, layer: int = layer, **named: Any) -> groat.Compiled:
            return with_flipped_weight(compile_model(*given, **named), layer)

        monkeypatch.setattr(validation, "compile_model", wrong)
        (verdict,) = validate(model, ["host"], inputs=4)
        difference = verdict.difference
        assert not verdict.equal
        assert difference is not None
        graph = groat.compile(model).graph
        op = graph.ops[layer]
        assert (difference.layer, difference.op, difference.model_op) == (layer, op.kind, op.index)
        assert difference.tensor == graph.tensors[op.outputs[0]].name
        # The two values are what NumPy says of the right model, and what the wrong one has in that place.
        frame = [batch[difference.input] for batch in random_inputs(graph, 4, 0)]
        right = evaluate(graph, frame)[op.outputs[0]]
        with HostRunner(with_flipped_weight(groat.compile(model), layer).packed) as runner:
            wrong = dict(runner.trace(frame))[layer][0]
        assert difference.element == tuple(np.argwhere(right != wrong)[0])
        assert difference.expected == right[difference.element]
        assert difference.found == wrong[difference.element]
        assert str(difference) == (
            f"input {difference.input}: layer {layer} {op.kind} (op {op.index} of the model), tensor "
            f"{difference.tensor!r}, element {list(difference.element)}: expected {difference.expected}, "
            f"found {difference.found}"
        )


@needs_tflm
def test_the_first_input_that_differs_is_named(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = groat.load(digits)

    class Late(HostRunner):
        """Wrong from the third frame of a batch on, in the last element; single steps are right."""

        def run_batch(self, inputs: Sequence[Array]) -> list[Array]:
            (y,) = super().run_batch(inputs)
            y[2:].reshape(len(y) - 2, -1)[:, -1] ^= 1
            return [y]

    monkeypatch.setattr(validation, "open_runner", lambda where, packed, progress: Late(packed))
    (verdict,) = validate(model, ["host"], inputs=6)
    assert (verdict.outputs_equal, verdict.equal) == (2, False)
    difference = verdict.difference
    assert difference is not None
    assert (difference.input, difference.layer, difference.element) == (2, None, (0, 9))
    assert difference.found == int(difference.expected) ^ 1
    assert str(difference).startswith("input 2: output, tensor ")


@needs_tflm
def test_bytes_count_and_not_values() -> None:
    """0.0 and -0.0 are equal numbers of different bytes."""
    m = Builder()
    x = m.input((3,), quant=Quant(0.5, 4))
    model = groat.load(m.build([m.dequantize(x)]))
    compiled = groat.compile(model)

    class Negative(HostRunner):
        def trace(self, inputs: Sequence[Array]) -> Any:
            for index, (y,) in super().trace(inputs):
                yield index, [-np.abs(y)]

    with Negative(compiled.packed) as runner:
        zero = [np.array([4, 4, 4], np.int8)]
        difference = find_difference(compiled, runner, Tflm(model.source), zero)
    assert difference == Difference(0, 0, "dequantize", 0, "t1", (0,), 0.0, -0.0)


@needs_tflm
def test_layers_that_the_compiler_changed_are_compared_too() -> None:
    """Folded pads and clamps, views, and copies that it added."""
    for seed in range(40):
        model = groat.load(random_model(seed))
        (verdict,) = validate(model, ["host"], inputs=1, seed=seed)
        assert verdict.equal, str(verdict.difference)


@needs_tflm
def test_the_seed_chooses_the_inputs(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = groat.load(digits)
    seen: list[Array] = []

    class Listening(HostRunner):
        def run_batch(self, inputs: Sequence[Array]) -> list[Array]:
            seen.append(inputs[0])
            return super().run_batch(inputs)

    monkeypatch.setattr(validation, "open_runner", lambda where, packed, progress: Listening(packed))
    for seed in (1, 1, 2):
        validate(model, ["host"], inputs=3, seed=seed)
    np.testing.assert_array_equal(seen[0], seen[1])
    assert (seen[0] != seen[2]).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"against": "litert"}, "cannot validate against 'litert'; expected tflm"),
        ({"inputs": 0}, "cannot validate with 0 inputs; expected at least 1"),
        ({"on": ["host", "qemu:cortex-m9"]}, "cannot run on 'qemu:cortex-m9'; expected one of host, qemu:cortex-m0"),
    ],
)
def test_wrong_arguments(digits: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        validate(groat.load(digits), **{"on": ["host"], **arguments})


def test_without_the_oracle(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolchainError, match="pip install --pre tflite-micro"):
        validate(groat.load(digits), ["host"])


def test_what_cannot_be_imported_is_not_compared() -> None:
    m = Builder()
    y = m.tensor((4,), quant=Quant(1.0))
    m.op("TANH", [m.input((4,), quant=Quant(1.0))], [y])
    with pytest.raises(UnsupportedError):
        groat.load(m.build([y]))
