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

    Raises:
        ToolchainError: the package onnxruntime is not installed.
        InputError: the model is quantised.
        ModelError: ONNX Runtime refuses it.
    """

    def __init__(self, source: bytes, graph: Graph, orders: Mapping[int, Sequence[int]]) -> None:
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
        self._names = [value.name for value in self._session.get_inputs()]
        self._inputs = [orders[number] for number in graph.inputs]
        self._outputs = [orders[number] for number in graph.outputs]

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """One inference: an array for each input of the graph; one for each of its outputs."""
        given = [array.transpose(np.argsort(order)) for array, order in zip(inputs, self._inputs, strict=True)]
        feeds = {name: np.ascontiguousarray(array) for name, array in zip(self._names, given, strict=True)}
        results = self._session.run(None, feeds)
        return [np.ascontiguousarray(y.transpose(order)) for y, order in zip(results, self._outputs, strict=True)]

    def tensors(self, inputs: Sequence[Array], indices: Sequence[int]) -> dict[int, Array]:
        """As groat.oracle.tflm.Tflm.tensors: ONNX Runtime fuses layers, and tells of none in between."""
        return {}
