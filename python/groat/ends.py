# SPDX-License-Identifier: Apache-2.0
"""A model's floats as the integers that a model compiled with io="integer" takes and gives, and back.

By the very kernels of QUANTIZE and DEQUANTIZE that it no longer has.
"""

from __future__ import annotations

from collections.abc import Sequence

from groat.graph import Graph
from groat.graph.ir import Array


def to_ends(arrays: Sequence[Array], graph: Graph) -> list[Array]:
    """Arrays for the inputs of a compiled graph, from those that the model itself takes: each of any shape, such as a
    batch."""
    from groat.kernels import quantize

    tensors = [graph.tensors[number] for number in graph.inputs]
    return [
        quantize(array, scale=tensor.scale, zero_point=tensor.zero_point, dtype=tensor.dtype)
        if array.dtype != tensor.dtype
        else array
        for array, tensor in zip(arrays, tensors, strict=True)
    ]


def from_ends(arrays: Sequence[Array], graph: Graph, model: Graph) -> list[Array]:
    """What the outputs of a compiled graph are as outputs of the model that it was compiled from."""
    from groat.kernels import dequantize

    ends = [(graph.tensors[ours], model.tensors[its]) for ours, its in zip(graph.outputs, model.outputs, strict=True)]
    return [
        dequantize(array, scale=ours.scale, zero_point=ours.zero_point) if ours.dtype != its.dtype else array
        for array, (ours, its) in zip(arrays, ends, strict=True)
    ]
