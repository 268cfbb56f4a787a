# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime, the oracle for ONNX models of floats, through PyPI's onnxruntime.

Its sums are in another order than ours, so that outputs are compared with a tolerance; quantised models it rounds in
another way, so that theirs are not compared at all.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from groat.errors import InputError, ModelError, ToolchainError
from groat.graph import Graph
from groat.graph.ir import Array


def is_installed() -> bool:
    """Whether the package onnxruntime can be imported here."""
    return importlib.util.find_spec("onnxruntime") is not None


class OnnxRuntime:
    """One model in ONNX Runtime, with inputs and outputs in the order of dimensions of our graph.

    Args:
        source: the file.
        graph: as it was imported from that.
        orders: for each input and output of the graph, which dimension of the model each of its own is.
        states: input -> output, of the file, that runs hand on.

    Raises:
        ToolchainError: the package onnxruntime is not installed.
        InputError: the model is quantised.
        ModelError: ONNX Runtime refuses it.
    """

    def __init__(
        self, source: bytes, graph: Graph, orders: Mapping[int, Sequence[int]], states: Mapping[str, str] | None = None
    ) -> None:
        if not is_installed():
            raise ToolchainError(
                "the package onnxruntime, which is the oracle, is not installed; run: pip install onnxruntime"
            )
        if any(tensor.dtype == "int8" for tensor in graph.tensors.values()):
            raise InputError(
                f"{graph.name} computes with integers, which ONNX Runtime rounds in another way: compare it with "
                "tflm, and measure its accuracy with groat eval"
            )
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            self._session: Any = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ModelError(f"{graph.name}: ONNX Runtime refuses it: {error}") from error
        self._states = dict(states or {})
        self._names = [value.name for value in self._session.get_inputs() if value.name not in self._states]
        self._given = [value.name for value in self._session.get_outputs()]
        self._kept: dict[str, Array] = {}
        self._inputs = [orders[number] for number in graph.inputs]
        self._outputs = [orders[number] for number in graph.outputs]

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """One inference: an array for each input of the graph; one for each of its outputs."""
        given = [array.transpose(np.argsort(order)) for array, order in zip(inputs, self._inputs, strict=True)]
        feeds = {name: np.ascontiguousarray(array) for name, array in zip(self._names, given, strict=True)}
        results = dict(zip(self._given, self._session.run(None, {**feeds, **self._before()}), strict=True))
        self._kept = {name: results.pop(left) for name, left in self._states.items()}
        outputs = zip(results.values(), self._outputs, strict=True)
        return [np.ascontiguousarray(y.transpose(order)) for y, order in outputs]

    def _before(self) -> dict[str, Array]:
        """What the states hold."""
        if self._kept or not self._states:
            return self._kept
        shapes = {value.name: value.shape for value in self._session.get_inputs()}
        return {name: np.zeros(shapes[name], np.float32) for name in self._states}

    def reset(self) -> None:
        """As groat.oracle.tflm.Tflm.reset."""
        self._kept = {}

    def tensors(self, inputs: Sequence[Array], indices: Sequence[int]) -> dict[int, Array]:
        """As groat.oracle.tflm.Tflm.tensors: ONNX Runtime fuses layers, and tells of none in between."""
        return {}
