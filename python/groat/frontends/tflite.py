# SPDX-License-Identifier: Apache-2.0
"""Imports TensorFlow Lite flatbuffers through the schema package; TensorFlow itself is not needed."""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import tflite

from groat.errors import ModelError, UnsupportedError, VerifyError
from groat.frontends.operator import ImportedOperator
from groat.frontends.variables import VARIABLES, Variables
from groat.graph import Graph, Op, Quantization, State, Tensor, verify
from groat.graph.ir import Array
from groat.ops import op_def, tflite_importers
from groat.ops.base import MOVED, Unsupported

IDENTIFIER = b"TFL3"
# Vectors of a file may share bytes, but all of them together are never this many times as long as the file.
OVERLAP = 16
RANK_MAX = 6


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


class _Options(dict[str, Any]):
    """Options by name.  One that is missing makes the operator unsupported."""

    def __missing__(self, name: str) -> Any:
        raise Unsupported(f"its options have no {name}")


def _options(operator: Any) -> _Options:
    """The builtin options of an operator by name, enumerations as their names."""
    kind = _names("BuiltinOptions").get(operator.BuiltinOptionsType(), "NONE")
    table = operator.BuiltinOptions()
    if kind == "NONE" or table is None or not hasattr(tflite, kind):
        # Options left out have the schema's defaults, which are zero.
        return _Options(FusedActivationFunction="NONE", Padding="SAME")
    options = getattr(tflite, kind)()
    options.Init(table.Bytes, table.Pos)
    values = _Options()
    for name in dir(options):
        if name[0].isupper() and name != "Init" and not name.startswith("GetRootAs"):
            method = getattr(options, name)
            if method.__code__.co_argcount == 1:
                values[name] = method()
    for name, enumeration in OPTION_ENUMS.items():
        if name in values:
            values[name] = _names(enumeration).get(values[name], str(values[name]))
    return values


DTYPES = {name.upper(): name for name in (*MOVED, "int64")}  # int64 only for biases
CONSTANT_DTYPES = {"INT4": "int4"}  # of weights alone


class _Vectors:
    """Reads vectors, until they are longer than a file of this length can mean: damaged ones may all overlap."""

    def __init__(self, file_bytes: int) -> None:
        self._left = OVERLAP * file_bytes

    def numbers(self, vector: Array | int) -> list[Any]:
        """What the schema package returns as a vector: an array, or 0 for one that is absent."""
        if isinstance(vector, int):
            return []
        self._take(vector.nbytes)
        numbers: list[Any] = vector.tolist()
        return numbers

    def text(self, vector: bytes | None) -> str:
        self._take(len(vector or b""))
        return (vector or b"").decode(errors="replace")

    def data(self, vector: Array) -> bytes:
        self._take(vector.nbytes)
        return vector.tobytes()

    def _take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise ValueError("its vectors are longer than the file")


def _quantization(vectors: _Vectors, table: Any) -> Quantization | None:
    parameters = table.Quantization()
    if parameters is None or parameters.ScaleLength() == 0:
        return None
    scales = vectors.numbers(parameters.ScaleAsNumpy())
    zeros = vectors.numbers(parameters.ZeroPointAsNumpy())
    if len(zeros) not in (0, len(scales)):
        zeros = zeros[:1] * len(scales)
    return Quantization(
        scale=tuple(scales),
        zero_point=tuple(zeros) or (0,) * len(scales),
        axis=parameters.QuantizedDimension(),
    )


def _tensor(model: Any, vectors: _Vectors, table: Any) -> Tensor:
    """A tensor; dtypes that Groat does not know keep their schema name, in lower case."""
    kind = _names("TensorType").get(table.Type(), f"type {table.Type()}")
    dtype = {**DTYPES, **CONSTANT_DTYPES}.get(kind, kind.lower())
    shape = tuple(vectors.numbers(table.ShapeAsNumpy()))
    name = vectors.text(table.Name())
    data = None
    buffer = model.Buffers(table.Buffer())
    if buffer is not None and buffer.DataLength() > 0 and (dtype in DTYPES.values() or dtype == "int4"):
        data = _constant(vectors.data(buffer.DataAsNumpy()), dtype, shape)
        if data is None:
            raise ModelError(f"constant {name!r} has {buffer.DataLength()} bytes; expected {dtype}{list(shape)}")
    return Tensor(name, shape, dtype, _quantization(vectors, table), data)


def _constant(raw: bytes, dtype: str, shape: tuple[int, ...]) -> Array | None:
    """The data of a constant; None if they are not as many bytes as that takes."""
    elements = math.prod(shape)
    if dtype == "int4":  # two to a byte, the first in the lower half
        if len(raw) != (elements + 1) // 2:
            return None
        packed = np.frombuffer(raw, np.int8)
        return np.stack([packed << 4 >> 4, packed >> 4], axis=1).ravel()[:elements].reshape(shape)
    item = np.dtype(dtype).newbyteorder("<")
    if len(raw) != elements * item.itemsize:
        return None
    return np.frombuffer(raw, item).astype(dtype).reshape(shape)


def _require_describable(tensor: Tensor) -> None:
    """Raises Unsupported for a type or rank that no packed model can have."""
    if tensor.dtype not in MOVED and not (tensor.dtype in ("int4", "int64") and tensor.data is not None):
        raise Unsupported(f"a tensor is {tensor.dtype}; expected {', '.join(MOVED)}")
    if len(tensor.shape) > RANK_MAX:
        raise Unsupported(f"a tensor has {len(tensor.shape)} dimensions; expected at most {RANK_MAX}")


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
    except VerifyError as error:
        raise ModelError(f"{name}: the TFLite file contradicts itself: {error}") from error
    except (struct.error, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, MemoryError) as error:
        # The schema package reads without checks: whatever a damaged file makes it raise ends here.
        raise ModelError(f"{name}: the TFLite file is cut or damaged ({type(error).__name__}: {error})") from error


def _import(data: bytes, name: str) -> Graph:
    model = tflite.Model.GetRootAs(data, 0)
    if model.SubgraphsLength() == 0:
        raise ModelError(f"{name}: the TFLite file has no subgraph; it is cut or damaged")
    vectors = _Vectors(len(data))
    subgraph = model.Subgraphs(0)
    tensors = _tensors(model, vectors, subgraph)
    main = _operators(model, vectors, subgraph, tensors)
    others = [
        _operators(model, vectors, other, _tensors(model, vectors, other))
        for other in map(model.Subgraphs, range(1, model.SubgraphsLength()))
    ]
    variables = Variables(name, tensors, [main, *others], main)
    inputs = tuple(vectors.numbers(subgraph.InputsAsNumpy()))
    outputs = tuple(vectors.numbers(subgraph.OutputsAsNumpy()))
    if any(number not in tensors for number in (*inputs, *outputs)):
        raise ModelError(f"{name}: an input or output is a tensor that does not exist; the file is damaged")
    ops: list[Op] = []
    problems: list[str] = []
    for operator in main:
        importer = tflite_importers().get(operator.name)
        try:
            if operator.name in VARIABLES:
                taken = variables.take(operator)
                ops += [] if taken is None else [taken]
                continue
            if importer is None:
                raise Unsupported("there is no kernel for this op")
            for number in (*operator.inputs, *operator.outputs):
                if number >= 0:
                    _require_describable(tensors[number])
            op = importer(operator)
            for position, number in enumerate(op.inputs):
                if tensors[number].dtype == "int4" and position not in op_def(op.kind).int4_inputs:
                    raise Unsupported(f"input {position} is int4; there are kernels for int4 weights only")
            ops.append(op)
        except Unsupported as reason:
            problems.append(f"{operator.describe()}: {reason}")
    if problems:
        raise UnsupportedError(name, problems)
    used = {number for op in ops for number in (*op.inputs, *op.outputs)} | set(inputs) | set(outputs)
    for number in sorted(used):
        try:
            _require_describable(tensors[number])
        except Unsupported as reason:
            raise ModelError(f"{name}: input or output {tensors[number].name!r}: {reason}") from None
        if any(size <= 0 for size in tensors[number].shape):
            shape = list(tensors[number].shape)
            raise ModelError(
                f"{name}: tensor {number} {tensors[number].name!r} has shape {shape}; expected fixed sizes"
            )
    if any(tensors[number].dtype == "int4" for number in outputs):
        raise ModelError(f"{name}: an output is an int4 constant")
    if not inputs or not outputs:
        raise ModelError(f"{name}: {len(inputs)} inputs and {len(outputs)} outputs; expected at least one of each")
    for number in inputs:
        if tensors[number].data is not None or inputs.count(number) > 1:
            raise ModelError(f"{name}: input {tensors[number].name!r} is a constant, or two inputs at once")
    states = {**_kept(subgraph, tensors, ops), **variables.states}
    kept = {number: tensors[number] for number in sorted(used | set(states))}
    graph = Graph(name, kept, tuple(ops), inputs, outputs, states=states)
    return verify(graph)


def _kept(subgraph: Any, tensors: Mapping[int, Tensor], ops: list[Op]) -> dict[int, State]:
    """The tensors that the file calls variable and an op keeps something in: they start from zeros, as reals."""
    written = sorted({number for op in ops for number in op.outputs if number < subgraph.TensorsLength()})
    return {
        number: State(np.full(tensors[number].shape, _zero(tensors[number]), tensors[number].dtype), "variable")
        for number in written
        if subgraph.Tensors(number).IsVariable()
    }


def _zero(tensor: Tensor) -> int:
    return tensor.zero_point if tensor.quantization is not None else 0


def _tensors(model: Any, vectors: _Vectors, subgraph: Any) -> dict[int, Tensor]:
    return {i: _tensor(model, vectors, subgraph.Tensors(i)) for i in range(subgraph.TensorsLength())}


def _operators(model: Any, vectors: _Vectors, subgraph: Any, tensors: dict[int, Tensor]) -> list[ImportedOperator]:
    names = _names("BuiltinOperator")
    operators = []
    for index in range(subgraph.OperatorsLength()):
        operator = subgraph.Operators(index)
        entry = model.OperatorCodes(operator.OpcodeIndex())
        # Files older than the 32-bit field have the code in the deprecated one.
        code = max(entry.BuiltinCode(), entry.DeprecatedBuiltinCode())
        name = names.get(code, f"builtin {code}")
        if name == "CUSTOM":
            name = f"CUSTOM {vectors.text(entry.CustomCode())}".rstrip()
        reads = vectors.numbers(operator.InputsAsNumpy())
        writes = vectors.numbers(operator.OutputsAsNumpy())
        if any(number >= len(tensors) for number in (*reads, *writes)) or any(number < 0 for number in writes):
            raise IndexError(f"op {index} names a tensor that does not exist")
        operators.append(ImportedOperator(name, index, _options(operator), reads, writes, tensors))
    return operators
