# SPDX-License-Identifier: Apache-2.0
"""Writes TensorFlow Lite flatbuffers through the schema package; TensorFlow itself is not needed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite

from groat.graph.ir import Array, Tensor

BUFFER_ALIGN = 16  # of constant data, within the file
SCHEMA_VERSION = 3

TENSOR_TYPES: dict[str, int] = {
    "float32": tflite.TensorType.FLOAT32,
    "int4": tflite.TensorType.INT4,
    "int8": tflite.TensorType.INT8,
    "uint8": tflite.TensorType.UINT8,
    "int16": tflite.TensorType.INT16,
    "int32": tflite.TensorType.INT32,
    "int64": tflite.TensorType.INT64,
    "bool": tflite.TensorType.BOOL,
    "resource": tflite.TensorType.RESOURCE,
}
VERSIONS: dict[str, tuple[int, int, int]] = {
    "ADD": (1, 2, 3),
    "AVERAGE_POOL_2D": (1, 2, 3),
    "CAST": (1, 3, 1),
    "CONCATENATION": (1, 2, 3),
    "CONV_2D": (1, 3, 4),
    "DEPTHWISE_CONV_2D": (1, 3, 5),
    "DEQUANTIZE": (1, 2, 3),
    "FULLY_CONNECTED": (1, 4, 7),
    "GATHER": (1, 2, 4),
    "LOGISTIC": (1, 2, 3),
    "MAXIMUM": (1, 2, 4),
    "MAX_POOL_2D": (1, 2, 3),
    "MEAN": (1, 2, 3),
    "MINIMUM": (1, 2, 4),
    "MUL": (1, 2, 4),
    "PAD": (1, 2, 3),
    "PADV2": (1, 2, 3),
    "RELU": (1, 2, 3),
    "RELU6": (1, 2, 3),
    "SLICE": (1, 2, 4),
    "SOFTMAX": (1, 2, 3),
    "SUB": (1, 2, 5),
    "TANH": (1, 2, 3),
    "TRANSPOSE": (1, 2, 5),
}
"""First versions of operators that take float32, int8 and int16, by TensorFlow Lite's op_version.cc; of others 1."""


@dataclass(frozen=True)
class FileOperator:
    """An operator of a file.

    Attributes:
        code: a name of the schema's BuiltinOperator, or its number.
        inputs, outputs: indices of tensors; -1: an input that is left out.
        table: the name of a table of options of the schema, and `fields` its fields, both spelt as there.
        version: None: the first that takes int8 tensors.
    """

    code: str | int
    inputs: Sequence[int]
    outputs: Sequence[int]
    table: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None

    @property
    def key(self) -> tuple[int, int]:
        """(number, version): operators that share both share an entry of the file."""
        number = getattr(tflite.BuiltinOperator, self.code) if isinstance(self.code, str) else self.code
        return number, self.version or VERSIONS.get(str(self.code), (1, 1, 1))[1]


def write_tflite(
    tensors: Sequence[Tensor],
    operators: Sequence[FileOperator],
    inputs: Sequence[int],
    outputs: Sequence[int],
    description: str = "",
    variables: Collection[int] = (),
    once: tuple[Sequence[Tensor], Sequence[FileOperator]] | None = None,
) -> bytes:
    """A file of one subgraph; the same arguments give the same bytes.

    Args:
        tensors: those with data are constants; data of int4 are int8.
        operators: in an order in which they can run.
        inputs, outputs: indices of tensors.
        variables: indices of tensors that operators keep something in.
        once: tensors and operators of a second subgraph, which CALL_ONCE runs.
    """
    fb = flatbuffers.Builder(1024)
    keys = list(dict.fromkeys(operator.key for operator in (*operators, *(once[1] if once else ()))))
    buffers = [_table(fb, "Buffer")]  # the schema reserves buffer 0 for "no data"
    subgraphs = [
        _subgraph(fb, "main", _write_tensors(fb, tensors, variables, buffers), inputs, outputs, operators, keys)
    ]
    if once:
        subgraphs.append(_subgraph(fb, "once", _write_tensors(fb, once[0], (), buffers), (), (), once[1], keys))
    model = _table(
        fb,
        "Model",
        Version=SCHEMA_VERSION,
        OperatorCodes=_offsets(fb, _write_codes(fb, keys)),
        Subgraphs=_offsets(fb, subgraphs),
        Description=fb.CreateString(description),
        Buffers=_offsets(fb, buffers),
    )
    fb.Finish(model, b"TFL3")
    return bytes(fb.Output())


def _subgraph(
    fb: flatbuffers.Builder,
    name: str,
    tensors: Sequence[int],
    inputs: Sequence[int],
    outputs: Sequence[int],
    operators: Sequence[FileOperator],
    keys: Sequence[tuple[int, int]],
) -> int:
    return _table(
        fb,
        "SubGraph",
        Tensors=_offsets(fb, tensors),
        Inputs=_ints(fb, inputs),
        Outputs=_ints(fb, outputs),
        Operators=_offsets(fb, _write_operators(fb, operators, keys)),
        Name=fb.CreateString(name),
    )


def nibbles(data: Array, name: str) -> bytes:
    """int8 in [-8, 7] two to a byte, the first in the lower half; ValueError for others."""
    if data.size > 0 and not -8 <= data.min() <= data.max() <= 7:
        raise ValueError(f"tensor {name}: data from {data.min()} to {data.max()} do not fit int4")
    flat = np.pad(data.ravel(), (0, data.size % 2)) & 15
    return (flat[0::2] | flat[1::2] << 4).astype(np.uint8).tobytes()


def _stored(tensor: Tensor) -> bytes:
    assert tensor.data is not None
    if tensor.dtype == "int4":
        return nibbles(tensor.data, tensor.name)
    return tensor.data.astype(tensor.data.dtype.newbyteorder("<")).tobytes()


def _write_tensors(
    fb: flatbuffers.Builder, tensors: Sequence[Tensor], variables: Collection[int], buffers: list[int]
) -> list[int]:
    """The tensors; the buffers of constants are added to those that there are."""
    written = []
    for index, tensor in enumerate(tensors):
        fields: dict[str, Any] = {}
        if tensor.data is not None:
            fields["Buffer"] = len(buffers)
            buffers.append(_table(fb, "Buffer", Data=_bytes(fb, _stored(tensor))))
        if tensor.quantization is not None:
            fields["Quantization"] = _table(
                fb,
                "QuantizationParameters",
                Scale=fb.CreateNumpyVector(np.asarray(tensor.quantization.scale, np.float32)),
                ZeroPoint=fb.CreateNumpyVector(np.asarray(tensor.quantization.zero_point, np.int64)),
                QuantizedDimension=tensor.quantization.axis,
            )
        fields["Shape"] = _ints(fb, tensor.shape)
        fields["Name"] = fb.CreateString(tensor.name)
        if index in variables:
            fields["IsVariable"] = True
        written.append(_table(fb, "Tensor", Type=TENSOR_TYPES[tensor.dtype], **fields))
    return written


def _write_codes(fb: flatbuffers.Builder, keys: Sequence[tuple[int, int]]) -> list[int]:
    codes = []
    for code, version in keys:
        # The old field is a signed byte; readers take the larger of the two.
        old = min(code, 127)
        codes.append(_table(fb, "OperatorCode", DeprecatedBuiltinCode=old, BuiltinCode=code, Version=version))
    return codes


def _write_operators(
    fb: flatbuffers.Builder, operators: Sequence[FileOperator], keys: Sequence[tuple[int, int]]
) -> list[int]:
    written = []
    for operator in operators:
        fields: dict[str, Any] = {"Inputs": _ints(fb, operator.inputs), "Outputs": _ints(fb, operator.outputs)}
        if operator.table is not None:
            values = {name: _field(fb, value) for name, value in operator.fields.items()}
            fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, operator.table)
            fields["BuiltinOptions"] = _table(fb, operator.table, **values)
        written.append(_table(fb, "Operator", OpcodeIndex=keys.index(operator.key), **fields))
    return written


def _table(fb: flatbuffers.Builder, name: str, **fields: Any) -> int:
    """Writes a table through the schema package's `<name>Start`, `<name>Add<field>` and `<name>End`."""
    getattr(tflite, f"{name}Start")(fb)
    for each, value in fields.items():
        getattr(tflite, f"{name}Add{each}")(fb, value)
    return int(getattr(tflite, f"{name}End")(fb))


def _field(fb: flatbuffers.Builder, value: Any) -> Any:
    """A value of a table of options: vectors and strings are written before it."""
    if isinstance(value, list):
        return _ints(fb, value)
    return fb.CreateString(value) if isinstance(value, str) else value


def _ints(fb: flatbuffers.Builder, values: Sequence[int]) -> int:
    return int(fb.CreateNumpyVector(np.asarray(values, np.int32)))


def _offsets(fb: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    fb.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        fb.PrependUOffsetTRelative(offset)
    return int(fb.EndVector())


def _bytes(fb: flatbuffers.Builder, data: bytes) -> int:
    """A byte vector whose data is aligned: readers use constants in place."""
    fb.StartVector(1, len(data), BUFFER_ALIGN)
    fb.head -= len(data)
    fb.Bytes[fb.head : fb.head + len(data)] = data
    return int(fb.EndVector())
