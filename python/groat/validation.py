# SPDX-License-Identifier: Apache-2.0
"""Compares runners with an oracle byte by byte, and finds the first layer that differs.

Models that compute with floats have a tolerance instead (docs/NUMERICS.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from groat.compiler import Compiled, Model, compile_model
from groat.ends import from_ends, to_ends
from groat.errors import InputError
from groat.export.tflite import to_tflite
from groat.frontends.tflite import IDENTIFIER
from groat.graph import Graph
from groat.graph.ir import Array
from groat.inputs import random_inputs
from groat.options import Options
from groat.oracle.onnxruntime import OnnxRuntime
from groat.oracle.tflm import Tflm
from groat.progress import Progress, silent
from groat.runners import BaseRunner, open_runner, split_where


@dataclass(frozen=True)
class Difference:
    """The first element that differs, in the order in which the model computes.

    Attributes:
        input: which of the random inputs it was found with.
        layer: index of the step; its op, and the op's index in the imported model; None if only an output differs.
        element: index in the tensor.
    """

    input: int
    layer: int | None
    op: str
    model_op: int
    tensor: str
    element: tuple[int, ...]
    expected: float
    found: float

    def __str__(self) -> str:
        place = "output" if self.layer is None else f"layer {self.layer} {self.op} (op {self.model_op} of the model)"
        return (
            f"input {self.input}: {place}, tensor {self.tensor!r}, element {list(self.element)}: "
            f"expected {self.expected}, found {self.found}"
        )


@dataclass(frozen=True)
class Verdict:
    """What one runner did: `equal` only if every byte of every output was; of floats, if they were within the
    tolerance."""

    on: str
    inputs: int
    outputs_equal: int
    difference: Difference | None

    @property
    def equal(self) -> bool:
        return self.outputs_equal == self.inputs

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "equal": self.equal}


class ExportedTflm:
    """TensorFlow Lite Micro with the file that a graph becomes."""

    def __init__(self, graph: Graph) -> None:
        """Raises UnsupportedError for ops that TensorFlow Lite does not have, and as Tflm."""
        self._file = to_tflite(graph, widen=True)
        self._tflm = Tflm(self._file.data, graph.name)

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """As Tflm.run."""
        return self._tflm.run(inputs)

    def reset(self) -> None:
        """As Tflm.reset."""
        self._tflm.reset()

    def tensors(self, inputs: Sequence[Array], indices: Sequence[int]) -> dict[int, Array]:
        """As Tflm.tensors, by the graph's numbers."""
        known = {number: self._file.indices[number] for number in indices if number in self._file.indices}
        values = self._tflm.tensors(inputs, list(known.values()))
        return {number: values[index] for number, index in known.items()}


Oracle = Tflm | ExportedTflm | OnnxRuntime

FLOAT_TOLERANCE = 1e-5
"""Of models that compute with floats: what an element may be off, over the largest magnitude of its tensor."""


HALF_TOLERANCE = 2e-2
"""The same where floats are stored as float16."""


def tolerance_of(graph: Graph) -> float:
    """Of a compiled model; 0 unless it computes with floats."""
    if any(op.kind.endswith("_float16") for op in graph.ops):
        return HALF_TOLERANCE
    return FLOAT_TOLERANCE if any(op.kind.endswith("_float32") for op in graph.ops) else 0.0


def _first_difference(
    expected: Array, found: Array, tolerance: float = 0.0
) -> tuple[tuple[int, ...], float, float] | None:
    """(index, expected, found) of the first element whose bytes differ, or of floats that are further apart than the
    tolerance allows."""
    if tolerance > 0 and found.dtype.kind == "f":
        found = found.astype(expected.dtype)
    ours = np.ascontiguousarray(found).view(np.uint8).reshape(found.size, -1)
    theirs = np.ascontiguousarray(expected).view(np.uint8).reshape(expected.size, -1)
    unequal = (ours != theirs).any(axis=1)
    if tolerance > 0 and expected.dtype.kind == "f":
        wanted, got = expected.ravel().astype(np.float64), found.ravel().astype(np.float64)
        largest = np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0)
        with np.errstate(invalid="ignore"):
            close = np.abs(wanted - got) <= tolerance * largest
        unequal &= ~close & ~(np.isnan(wanted) & np.isnan(got))
    differs = np.flatnonzero(unequal)
    if differs.size == 0:
        return None
    index = np.unravel_index(int(differs[0]), found.shape)
    return tuple(int(i) for i in index), expected.ravel()[differs[0]].item(), found.ravel()[differs[0]].item()


def find_difference(
    compiled: Compiled, runner: BaseRunner, oracle: Oracle, inputs: Sequence[Array]
) -> Difference | None:
    """The first layer of one inference whose output is not the oracle's; None if all are equal.

    Args:
        inputs: as the model itself takes them.
    """
    graph = compiled.graph
    tolerance = tolerance_of(graph)
    # Tensors that the compiler added have no counterpart in the oracle.
    known = [number for op in graph.ops for number in op.outputs if op.index >= 0]
    expected = oracle.tensors(inputs, known)
    for step, outputs in runner.trace(to_ends(inputs, graph)):
        op = graph.ops[step]
        for number, found in zip(op.outputs, outputs, strict=True):
            place = _first_difference(expected[number], found, tolerance) if number in expected else None
            if place is not None:
                return Difference(0, step, op.kind, op.index, graph.tensors[number].name, *place)
    return None


def oracles_of(model: Model) -> tuple[str, ...]:
    """The names of the runtimes that a model can be compared with; the first one is taken unless another is asked for.

    ONNX Runtime, which says so, rounds integers in another way than TensorFlow Lite, whose arithmetic ours is."""
    integers = any(tensor.dtype in ("int8", "int16") for tensor in model.graph.tensors.values())
    if not model.is_onnx:
        return ("tflm",)
    return ("tflm", "onnxruntime") if integers else ("onnxruntime", "tflm")


def _oracle(model: Model, name: str) -> Oracle:
    if name == "onnxruntime":
        return OnnxRuntime(model.source, model.graph, model.orders, model.states)
    if model.source[4:8] == IDENTIFIER:
        return Tflm(model.source, model.graph.name)
    return ExportedTflm(model.graph)


def validate(
    model: Model,
    on: Sequence[str],
    against: str | None = None,
    inputs: int = 8,
    seed: int = 0,
    progress: Progress = silent,
    options: Options | None = None,
    **choices: Any,
) -> list[Verdict]:
    """Runs seeded random inputs through the oracle and through each runner and compares every byte.

    Of a model with variables they are the steps of a sequence, which runs twice, with a reset in between.

    Args:
        on: places such as "host", "qemu:cortex-m4" and "serial:/dev/ttyACM0".
        against: the oracle: "tflm", TensorFlow Lite Micro's reference kernels, which take all others than TFLite models
            as the file that they become (groat.export), or "onnxruntime", for ONNX models of floats; None: the first of
            `oracles_of`.
        inputs: how many random inputs.
        progress: told how far planning is, and how many inputs have run where.
        options, choices: how the model is compiled, as of groat.compile.  With io="integer" the oracle gets floats, and
            runners what QUANTIZE makes of them; what DEQUANTIZE makes of their outputs is compared.

    Raises:
        InputError: an unknown place or oracle, or fewer than one input.
        UnsupportedError: TensorFlow Lite has no operators for some ops of a model that it must take as a file.
        ModelError, FitError, ToolchainError, RunnerError: as groat.compile and groat.Runner.
    """
    oracles = oracles_of(model)
    against = against or oracles[0]
    if against not in oracles:
        raise InputError(f"cannot validate against {against!r}; expected {' or '.join(oracles)}")
    if inputs < 1:
        raise InputError(f"cannot validate with {inputs} inputs; expected at least 1")
    targets = {where: split_where(where)[1] for where in on}
    batches = random_inputs(model.graph, inputs, seed)
    frames = [[batch[i] for batch in batches] for i in range(inputs)]

    oracle = _oracle(model, against)
    compiled_for = {}
    for where, target in targets.items():

        def planned(what: str, done: int, total: int, where: str = where) -> None:
            progress(f"{where}: {what}", done, total)

        compiled_for[where] = compile_model(model, target, None, options, planned, **choices)
    expected = []
    for index, frame in enumerate(frames):
        expected.append(oracle.run(frame))
        progress(against, index + 1, inputs)
    stacked = [np.stack(column) for column in zip(*expected, strict=True)]

    verdicts = []
    for where, compiled in compiled_for.items():
        tolerance = tolerance_of(compiled.graph)
        with open_runner(where, compiled.packed, progress=progress) as runner:
            given = to_ends(batches, compiled.graph)
            found = from_ends(runner.run_batch(given), compiled.graph, model.graph)
            equal = _equal(stacked, found, tolerance)
            if runner.model.has_variables and all(equal):  # the same sequence again, from its start
                runner.reset()
                found = from_ends(runner.run_batch(given), compiled.graph, model.graph)
                equal = _equal(stacked, found, tolerance)
            difference = None
            if not all(equal):
                difference = _explain(compiled, runner, oracle, frames, equal.index(False), stacked, found)
        verdicts.append(Verdict(where, inputs, sum(equal), difference))
        progress(where, inputs, inputs)
    return verdicts


def _equal(expected: Sequence[Array], found: Sequence[Array], tolerance: float) -> list[bool]:
    """For each input, whether all outputs are equal."""
    return [
        all(
            _first_difference(theirs[i], ours[i], tolerance) is None
            for theirs, ours in zip(expected, found, strict=True)
        )
        for i in range(len(expected[0]))
    ]


def _explain(
    compiled: Compiled,
    runner: BaseRunner,
    oracle: Oracle,
    frames: Sequence[Sequence[Array]],
    index: int,
    expected: Sequence[Array],
    found: Sequence[Array],
) -> Difference:
    """Where the wrong output number `index` came from."""
    if runner.model.has_variables:  # what was before leads to what is
        runner.reset()
        oracle.reset()
        for frame in frames[:index]:
            runner.run(to_ends(frame, compiled.graph))
            oracle.run(frame)
    difference = find_difference(compiled, runner, oracle, frames[index])
    if difference is not None:
        return Difference(**{**asdict(difference), "input": index})
    # No layer differs by itself: the layers ran well one by one and wrongly in a row.
    for number, theirs, ours in zip(compiled.graph.outputs, expected, found, strict=True):
        place = _first_difference(theirs[index], ours[index], tolerance_of(compiled.graph))
        if place is not None:
            return Difference(index, None, "", -1, compiled.graph.tensors[number].name, *place)
    raise AssertionError("an output differed and no longer does")
