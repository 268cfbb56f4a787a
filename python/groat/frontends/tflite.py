# SPDX-License-Identifier: Apache-2.0
"""Imports TensorFlow Lite flatbuffers through the schema package; TensorFlow itself is not needed."""

from __future__ import annotations

import functools
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tflite

from groat.errors import ModelError, UnsupportedError
from groat.graph import Graph, Op, Quantization, Tensor, verify
from groat.graph.ir import Array
from groat.ops import tflite_importers
from groat.ops.base import Unsupported

IDENTIFIER = b"TFL3"


@functools.cache
def _names(enumeration: str) -> dict[int, str]:
    """Value -> name of an enumeration of the schema."""
    members = vars(getattr(tflite, enumeration)).items()
    return {value: name for name, value in members if isinstance(value, int) and not name.startswith("_")}


OPTION_ENUMS = {
    "FusedActivationFunction": "ActivationFunctionType",
    "Padding": "Padding",
    "WeightsFormat": "FullyConnectedOptionsWeightsFormat",
}


def _options(operator: Any) -> dict[str, Any]:
    """The builtin options of an operator by name, enumerations as their names."""
    kind = _names("BuiltinOptions").get(operator.BuiltinOptionsType(), "NONE")
    table = operator.BuiltinOptions()
    if kind == "NONE" or table is None or not hasattr(tflite, kind):
        # Options left out have the schema's defaults, which are zero.
        return {"FusedActivationFunction": "NONE", "Padding": "SAME"}
    options = getattr(tflite, kind)()
    options.Init(table.Bytes, table.Pos)
    values: dict[str, Any] = {}
    for name in dir(options):
        if name[0].isupper() and name != "Init" and not name.startswith("GetRootAs"):
            method = getattr(options, name)
            if method.__code__.co_argcount == 1:
                values[name] = method()
    for name, enumeration in OPTION_ENUMS.items():
        if name in values:
            values[name] = _names(enumeration).get(values[name], str(values[name]))
    return values


@dataclass
class _Operator:
    """One operator of the flatbuffer, as importers see it (groat.ops.base.ImportedOp)."""

    name: str
    index: int
    options: Mapping[str, Any]
    inputs: Sequence[int]
    outputs: Sequence[int]
    tensors: Mapping[int, Tensor] = field(repr=False)

    def tensor(self, number: int) -> Tensor:
        return self.tensors[number]

    def input(self, index: int) -> Tensor:
        if index >= len(self.inputs) or self.inputs[index] < 0:
            raise Unsupported(f"input {index} is missing")
        return self.tensors[self.inputs[index]]

    def output(self, index: int) -> Tensor:
        if index >= len(self.outputs):
            raise Unsupported(f"output {index} is missing")
        return self.tensors[self.outputs[index]]

    def constant(self, index: int) -> Array:
        tensor = self.input(index)
        if tensor.data is None:
            raise Unsupported(f"input {index}, {tensor.name!r}, is computed at run time; expected a constant")
        return tensor.data

    def op(self, kind: str, inputs: Sequence[int], attrs: Mapping[str, Any]) -> Op:
        return Op(kind, tuple(inputs), tuple(self.outputs), dict(attrs), self.index)

    def describe(self) -> str:
        def show(number: int) -> str:
            if number < 0:
                return "none"
            tensor = self.tensors[number]
            # Converters join the names of all that they fused.
            return f"{tensor.name.split(';')[0]} {tensor.dtype}{list(tensor.shape)}"

        reads = ", ".join(show(number) for number in self.inputs)
        writes = ", ".join(show(number) for number in self.outputs)
        return f"op {self.index} {self.name} ({reads} -> {writes})"


DTYPES = {"INT8": "int8", "UINT8": "uint8", "INT32": "int32", "FLOAT32": "float32"}


def _quantization(table: Any) -> Quantization | None:
    parameters = table.Quantization()
    if parameters is None or parameters.ScaleLength() == 0:
        return None
    count = parameters.ScaleLength()
    zeros = [parameters.ZeroPoint(i) for i in range(parameters.ZeroPointLength())]
    if len(zeros) not in (0, count):
        zeros = zeros[:1] * count
    return Quantization(
        scale=tuple(float(parameters.Scale(i)) for i in range(count)),
        zero_point=tuple(int(zero) for zero in zeros) or (0,) * count,
        axis=parameters.QuantizedDimension(),
    )


def _tensor(model: Any, table: Any) -> Tensor:
    """A tensor; dtypes that Groat does not know keep their schema name, in lower case."""
    kind = _names("TensorType").get(table.Type(), f"type {table.Type()}")
    dtype = DTYPES.get(kind, kind.lower())
    shape = tuple(int(table.Shape(i)) for i in range(table.ShapeLength()))
    name = (table.Name() or b"").decode(errors="replace")
    data = None
    buffer = model.Buffers(table.Buffer())
    if buffer is not None and buffer.DataLength() > 0 and dtype in DTYPES.values():
        raw = buffer.DataAsNumpy().tobytes()
        item = np.dtype(dtype).newbyteorder("<")
        if len(raw) != int(np.prod(shape, dtype=np.int64)) * item.itemsize:
            raise ModelError(f"constant {name!r} has {len(raw)} bytes; expected {dtype}{list(shape)}")
        data = np.frombuffer(raw, item).astype(dtype).reshape(shape)
    return Tensor(name, shape, dtype, _quantization(table), data)


def load_tflite(data: bytes, name: str = "model") -> Graph:
    """Imports the first subgraph of a TFLite file.

    Args:
        data: the whole file.
        name: what errors call the model, usually its path.

    Raises:
        ModelError: the file is empty, cut, damaged or not TFLite.
        UnsupportedError: lists every operator that there is no kernel for, with its tensors and the reason.
    """
    if len(data) < 8:
        raise ModelError(f"{name}: {len(data)} bytes are too few for a TFLite model")
    if data[4:8] != IDENTIFIER:
        raise ModelError(f"{name}: not a TFLite model: expected {IDENTIFIER!r} at byte 4, found {data[4:8]!r}")
    try:
        return _import(data, name)
    except (
        struct.error,
        IndexError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        MemoryError,
    ) as error:
        # The schema package reads without checks: whatever a damaged file makes it raise ends here.
        raise ModelError(f"{name}: the TFLite file is cut or damaged ({type(error).__name__}: {error})") from error


def _import(data: bytes, name: str) -> Graph:
    model = tflite.Model.GetRootAs(data, 0)
    if model.SubgraphsLength() == 0:
        raise ModelError(f"{name}: the TFLite file has no subgraph; it is cut or damaged")
    subgraph = model.Subgraphs(0)
    tensors = {number: _tensor(model, subgraph.Tensors(number)) for number in range(subgraph.TensorsLength())}
    inputs = tuple(int(subgraph.Inputs(i)) for i in range(subgraph.InputsLength()))
    outputs = tuple(int(subgraph.Outputs(i)) for i in range(subgraph.OutputsLength()))
    ops: list[Op] = []
    problems: list[str] = []
    for operator in _operators(model, subgraph, tensors):
        importer = tflite_importers().get(operator.name)
        try:
            if importer is None:
                raise Unsupported("there is no kernel for this op")
            for number in operator.outputs:
                if tensors[number].dtype not in DTYPES.values():
                    raise Unsupported(f"its output is {tensors[number].dtype}")
            ops.append(importer(operator))
        except Unsupported as reason:
            problems.append(f"{operator.describe()}: {reason}")
    if problems:
        raise UnsupportedError(name, problems)
    used = {number for op in ops for number in (*op.inputs, *op.outputs)} | set(inputs) | set(outputs)
    for number in used:
        if any(size <= 0 for size in tensors[number].shape):
            shape = list(tensors[number].shape)
            raise ModelError(
                f"{name}: tensor {number} {tensors[number].name!r} has shape {shape}; expected fixed sizes"
            )
    if not inputs or not outputs:
        raise ModelError(f"{name}: {len(inputs)} inputs and {len(outputs)} outputs; expected at least one of each")
    graph = Graph(name, {number: tensors[number] for number in sorted(used)}, tuple(ops), inputs, outputs)
    return verify(graph)


def _operators(model: Any, subgraph: Any, tensors: Mapping[int, Tensor]) -> list[_Operator]:
    names = _names("BuiltinOperator")
    operators = []
    for index in range(subgraph.OperatorsLength()):
        operator = subgraph.Operators(index)
        entry = model.OperatorCodes(operator.OpcodeIndex())
        # Files older than the 32-bit field have the code in the deprecated one.
        code = max(entry.BuiltinCode(), entry.DeprecatedBuiltinCode())
        name = names.get(code, f"builtin {code}")
        if name == "CUSTOM":
            name = f"CUSTOM {(entry.CustomCode() or b'').decode(errors='replace')}"
        reads = [int(operator.Inputs(i)) for i in range(operator.InputsLength())]
        writes = [int(operator.Outputs(i)) for i in range(operator.OutputsLength())]
        if any(number >= len(tensors) for number in (*reads, *writes)) or any(number < 0 for number in writes):
            raise IndexError(f"op {index} names a tensor that does not exist")
        operators.append(_Operator(name, index, _options(operator), reads, writes, tensors))
    return operators
