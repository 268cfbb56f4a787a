# SPDX-License-Identifier: Apache-2.0
"""Trained parameters back into the model that they came from, as TFLite, for `groat.compile` and every other tool."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import tflite

from groat.compiler import Model, load
from groat.errors import InputError
from groat.export.tflite import to_tflite as write_graph
from groat.graph import Graph
from groat.graph.ir import Array
from groat.runners.base import cast


def to_tflite(model: Model | str | os.PathLike[str] | bytes, parameters: Mapping[str, Array]) -> bytes:
    """The same model with other values for some constants.

    Args:
        model: the model that was trained: what groat.load returns, a path, or the bytes of the file.
        parameters: tensor name -> value of the tensor's shape, such as `parameters()` gives, or of its first rows,
            where only these were trained; the others stay.

    Returns the bytes of a TFLite file; of a TFLite model one of the same length, where all else is as it was.

    Raises:
        ModelError: the file is no valid model.
        UnsupportedError: the model came from ONNX, and TensorFlow Lite has no operators for some of its ops.
        InputError: a name is not that of exactly one constant of the model, a shape or type is not the tensor's, a
            value is not finite or does not fit, or a constant's bytes are also those of another one.
    """
    loaded = model if isinstance(model, Model) else load(model)
    name = "model" if isinstance(model, bytes) else loaded.graph.name
    source = loaded.source
    if loaded.is_onnx:
        return write_graph(_with(loaded.graph, parameters)).data
    data = bytearray(source)
    tables = tflite.Model.GetRootAsModel(source, 0)
    graph = tables.Subgraphs(0)
    tensors = [graph.Tensors(index) for index in range(graph.TensorsLength())]
    ranges = [_range(tables.Buffers(index)) for index in range(tables.BuffersLength())]
    for key, value in parameters.items():
        found = [tensor for tensor in tensors if _name(tensor) == key and _length(ranges[tensor.Buffer()]) > 0]
        if len(found) != 1:
            raise InputError(f"{name} has {len(found)} constants of the name {key!r}; expected one to give a value to")
        number = found[0].Buffer()
        start, end = ranges[number]
        shares = sum(tensor.Buffer() == number for tensor in tensors) > 1
        if shares or any(start < b and a < end for index, (a, b) in enumerate(ranges) if index != number):
            raise InputError(f"{name}: the bytes of constant {key!r} are also those of another one, which would change")
        dtype = _dtype(found[0])
        shape = tuple(int(size) for size in found[0].ShapeAsNumpy()) if found[0].ShapeLength() else ()
        array = cast(f"{name}: constant {key!r}", value, _first_rows(np.shape(value), shape), dtype)
        stored = array.astype(np.dtype(dtype).newbyteorder("<"))
        if math.prod(shape) * stored.itemsize != end - start:
            expected = math.prod(shape) * stored.itemsize
            raise InputError(f"{name}: constant {key!r} has {end - start} bytes; expected {expected}")
        data[start : start + stored.nbytes] = stored.tobytes()
    return bytes(data)


def _with(graph: Graph, parameters: Mapping[str, Array]) -> Graph:
    """A graph with other values for some constants."""
    tensors = dict(graph.tensors)
    for key, value in parameters.items():
        found = [number for number, each in graph.tensors.items() if each.name == key and each.data is not None]
        if len(found) != 1:
            raise InputError(
                f"{graph.name} has {len(found)} constants of the name {key!r}; expected one to give a value to"
            )
        tensor, dtype = tensors[found[0]], tensors[found[0]].dtype
        rows = _first_rows(np.shape(value), tensor.shape)
        given = cast(f"{graph.name}: constant {key!r}", value, rows, "int8" if dtype == "int4" else dtype)
        assert tensor.data is not None
        data = tensor.data.copy()
        data[: len(given)] = given
        tensors[found[0]] = replace(tensor, data=data)
    return replace(graph, tensors=tensors)


def _first_rows(found: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that is expected of a value: the tensor's, or of so many of its first rows as were found."""
    return (found[0], *shape[1:]) if found and shape and 0 < found[0] < shape[0] else shape


def _name(tensor: Any) -> str:
    return (tensor.Name() or b"").decode(errors="replace")


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def _range(buffer: Any) -> tuple[int, int]:
    """From where to where the bytes of a buffer lie in the file."""
    if buffer.DataLength() == 0:
        return 0, 0
    table = buffer._tab
    start = table.Vector(table.Offset(4))  # `data`, the first field of the schema's Buffer
    return start, start + buffer.DataLength()


def _dtype(tensor: Any) -> str:
    """The NumPy name of a tensor's type."""
    kinds = {value: key for key, value in vars(tflite.TensorType).items() if isinstance(value, int)}
    return kinds[tensor.Type()].lower()
