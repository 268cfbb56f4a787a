# SPDX-License-Identifier: Apache-2.0
"""Trained parameters back into the TFLite model that they came from, for `groat.compile` and every other tool."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from groat.compiler import load
from groat.errors import InputError
from groat.graph.ir import Array
from groat.runners.base import cast


def to_tflite(model: str | os.PathLike[str] | bytes, parameters: Mapping[str, Array]) -> bytes:
    """The same model with other values for some constants.

    Args:
        model: the TFLite model that was trained: a path, or the bytes of the file.
        parameters: tensor name -> value of the tensor's shape, such as `parameters()` gives, or of its first rows,
            where only these were trained; the others stay.

    Returns the bytes of a TFLite file of the same length.

    Raises:
        ModelError: the file is no valid model.
        InputError: a name is not that of exactly one constant of the model, a shape or type is not the tensor's, a
            value is not finite or does not fit, or a constant's bytes are also those of another one.
    """
    name = "model" if isinstance(model, bytes) else Path(model).name
    source = load(model).source
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
