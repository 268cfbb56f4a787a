# SPDX-License-Identifier: Apache-2.0
"""Graphs as TensorFlow Lite files, for other tools, and for the oracle of models that came from elsewhere.

What an op's importer reads, its `operator` says again; what no file can say is written as several operators: a border
in pixels as PADV2, a clamp between any bounds as MAXIMUM and MINIMUM, a table of 256 values as CAST, ADD and GATHER.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tflite

from groat.errors import InputError, UnsupportedError
from groat.export.flatbuffer import TENSOR_TYPES, VERSIONS, FileOperator, write_tflite
from groat.frontends.operator import ImportedOperator
from groat.graph import Graph, Op, Quantization, Tensor
from groat.graph.ir import Array
from groat.ops import op_def, tflite_importers
from groat.ops.arithmetic import ACTIVATIONS, LIMITS, activation_range
from groat.ops.base import CLAMP, TABLE, Unsupported
from groat.ops.window import same_padding

TABLES = {  # of options, whose name is not the operator's
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "PADV2": "PadV2Options",
}
ENUMERATIONS = {"FusedActivationFunction": "ActivationFunctionType", "Padding": "Padding"}
NEUTRAL = {"DilationHFactor": 1, "DilationWFactor": 1, "FusedActivationFunction": "NONE"}  # said of all, had by some
FILTERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True)
class Exported:
    """A file.

    Attributes:
        data: its bytes.
        indices: number of a tensor of the graph -> its index in the file.
    """

    data: bytes
    indices: Mapping[int, int]


def to_tflite(graph: Graph, widen: bool = False) -> Exported:
    """A model as a TFLite file.

    Args:
        graph: as it was imported or quantised, before the compiler's passes.
        widen: write weights of 4 bits as the same values in 8: TensorFlow Lite Micro has no dense layer of int4.

    Raises:
        UnsupportedError: lists all ops that TensorFlow Lite has no operators for.
        InputError: the graph keeps state, or has gone through passes.
    """
    if graph.states or graph.named or graph.views:
        raise InputError(
            f"{graph.name} keeps state or was compiled; only a model that was loaded becomes a TFLite file"
        )
    return _Writer(graph, widen).run()


def options_table(name: str) -> str | None:
    """The schema's table of an operator's options; None if it has none."""
    table = TABLES.get(name) or "".join(word.capitalize() for word in name.split("_")).replace("2d", "2D") + "Options"
    return table if hasattr(tflite, table) else None


class _Writer:
    def __init__(self, graph: Graph, widen: bool) -> None:
        self.graph, self.widen = graph, widen
        self.tensors: list[Tensor] = []
        self.operators: list[FileOperator] = []
        self.indices: dict[int, int] = {}

    def run(self) -> Exported:
        graph, problems = self.graph, []
        try:
            inputs = [self.index(number) for number in graph.inputs]
        except Unsupported as reason:
            raise UnsupportedError(f"{graph.name} as TFLite", [f"inputs: {reason}"]) from None
        for op in graph.ops:
            try:
                self.write(op)
            except Unsupported as reason:
                problems.append(f"op {op.index} {op.kind} ({graph.tensors[op.outputs[0]].name}): {reason}")
        if problems:
            raise UnsupportedError(f"{graph.name} as TFLite", problems)
        outputs = [self.index(number) for number in graph.outputs]
        return Exported(write_tflite(self.tensors, self.operators, inputs, outputs, graph.name), self.indices)

    # ---- Tensors ------------------------------------------------------------------------------------------

    def add(self, tensor: Tensor) -> int:
        if tensor.dtype == "int4" and self.widen:
            tensor = replace(tensor, dtype="int8")
        if tensor.dtype not in TENSOR_TYPES:
            raise Unsupported(f"{tensor.name!r} is {tensor.dtype}, of which TensorFlow Lite has no tensors")
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def index(self, number: int) -> int:
        """The index in the file of a tensor of the graph."""
        if number not in self.indices:
            self.indices[number] = self.add(self.graph.tensors[number])
        return self.indices[number]

    def constant(self, name: str, data: Array, quantization: Quantization | None = None) -> int:
        return self.add(Tensor(name, data.shape, str(data.dtype), quantization, data))

    def like(self, index: int, suffix: str, **changes: Any) -> int:
        """Another tensor like one of the file."""
        tensor = self.tensors[index]
        return self.add(replace(tensor, name=f"{tensor.name}/{suffix}", data=None, **changes))

    # ---- Operators ----------------------------------------------------------------------------------------

    def operator(self, name: str, inputs: Sequence[int], output: int, options: Mapping[str, Any] | None = None) -> None:
        """Appends an operator; its options as importers read them."""
        table = options_table(name)
        fields: dict[str, Any] = {}
        for key, value in (options or {}).items():
            if table is not None and hasattr(tflite, f"{table}Add{key}"):
                fields[key] = getattr(getattr(tflite, ENUMERATIONS[key]), value) if key in ENUMERATIONS else value
            elif value != NEUTRAL.get(key):
                raise Unsupported(f"its {key} is {value}; {name} of TensorFlow Lite has no such option")
        if name in ("ADD", "SUB") and self.tensors[output].dtype == "int16":
            fields["PotScaleInt16"] = False  # scales need not be powers of two
        version = self.version(name, [self.tensors[i] for i in inputs], self.tensors[output], fields)
        self.operators.append(FileOperator(name, list(inputs), [output], table, fields, version))

    def version(self, name: str, inputs: Sequence[Tensor], output: Tensor, fields: Mapping[str, Any]) -> int:
        """The first version of an operator that can do what it shall, by TensorFlow Lite's op_version.cc."""
        x = inputs[0]
        floats, integers, wide = VERSIONS.get(name, (1, 1, 1))
        version = {"float32": floats, "int16": wide}.get(x.dtype, integers)
        if name == "QUANTIZE":
            return 2 if output.dtype == "int16" else 1
        if name in FILTERS:
            dense = name == "FULLY_CONNECTED"
            groups = name == "CONV_2D" and inputs[1].shape[-1] != x.shape[-1]
            dilated = max(fields.get("DilationHFactor", 1), fields.get("DilationWFactor", 1)) > 1
            needs = [
                (10 if dense else 7) if inputs[1].dtype == "int4" else 1,
                6 if groups or (dense and len(inputs) == 2) else 1,
                5 if fields.get("KeepNumDims") else 1,
                2 if dilated and name == "DEPTHWISE_CONV_2D" else 1,
            ]
            return max(version, *needs)
        if len(x.shape) > 4 and name in ("PADV2", "SLICE", "TRANSPOSE"):
            version = max(version, {"PADV2": 4, "SLICE": 5, "TRANSPOSE": 6 if len(x.shape) > 5 else 4}[name])
        return version

    def write(self, op: Op) -> None:
        x = self.graph.tensors[op.inputs[0]]
        described = op_def(op.kind).operator(op, x.dtype)
        if described is None or described.importer is not None or len(op.outputs) != 1:
            raise Unsupported("TensorFlow Lite has no operator for it")
        inputs, output, name = [self.index(number) for number in op.inputs], self.index(op.outputs[0]), described.name
        if name == TABLE:
            return self.table(op, inputs[0], output)
        for position, value in described.constants.items():
            mine = value.dtype == np.float32  # a value of the input's type
            data = value.astype(x.dtype) if mine else value
            number = self.constant(f"{self.tensors[output].name}/{position}", data, x.quantization if mine else None)
            inputs[position : position + 1] = [number]
        options = dict(described.options)
        if isinstance(options.get("Padding"), tuple):
            inputs[0], options["Padding"] = self.padded(op, name, inputs[0], options["Padding"])
        if name in FILTERS:
            self.filters(name, inputs, output, options)
        if isinstance(options.get("FusedActivationFunction"), tuple):
            return self.clamped(name, inputs, output, options)
        return self.operator(name, inputs, output, options)

    def padded(self, op: Op, name: str, x: int, padding: tuple[tuple[int, int], tuple[int, int]]) -> tuple[int, str]:
        """(the image that the window slides over, SAME or VALID)."""
        if not any(map(any, padding)):
            return x, "VALID"
        tensor, attrs = self.tensors[x], op.attrs
        same = (
            same_padding(tensor.shape[1 + i], attrs["kernel"][i], attrs["stride"][i], attrs["dilation"][i])
            for i in range(2)
        )
        if tuple(same) == tuple(padding):
            return x, "SAME"
        if name == "AVERAGE_POOL_2D":
            raise Unsupported(f"its padding {padding}, which does not count, is none of TensorFlow Lite")
        if name == "MAX_POOL_2D":
            fill: float = -math.inf if tensor.dtype == "float32" else LIMITS[tensor.dtype][0]
        else:
            fill = 0.0 if tensor.dtype == "float32" else tensor.zero_point
        borders = ((0, 0), *padding, (0, 0))
        shape = tuple(size + before + after for size, (before, after) in zip(tensor.shape, borders, strict=True))
        image = self.like(x, "padded", shape=shape)
        amounts = self.constant(f"{tensor.name}/borders", np.array(borders, np.int32))
        value = self.constant(f"{tensor.name}/border", np.array([fill], tensor.dtype), tensor.quantization)
        self.operator("PADV2", [x, amounts, value], image)
        return image, "VALID"

    def filters(self, name: str, inputs: list[int], output: int, options: dict[str, Any]) -> None:
        """What files say of layers with weights beside the op's own options."""
        x, weights, y = self.tensors[inputs[0]], self.tensors[inputs[1]], self.tensors[output]
        if len(inputs) > 2 and weights.quantization is not None:
            steps = tuple(float(np.float32(x.scale) * np.float32(scale)) for scale in weights.quantization.scale)
            bias = replace(self.tensors[inputs[2]], quantization=Quantization(steps, (0,) * len(steps)))
            inputs[2] = self.add(bias)
        if name == "DEPTHWISE_CONV_2D":
            options["DepthMultiplier"] = weights.shape[3] // x.shape[3]
        if name == "FULLY_CONNECTED":
            options["KeepNumDims"] = len(y.shape) > 2 and y.shape == (*x.shape[:-1], weights.shape[0])

    def clamped(self, name: str, inputs: Sequence[int], output: int, options: dict[str, Any]) -> None:
        """An operator, and its clamp: fused where TensorFlow Lite has that one."""
        y = self.tensors[output]
        low, high = options.pop("FusedActivationFunction")
        bounds = (-math.inf if low is None else low, math.inf if high is None else high)
        activation = next((each for each in ACTIVATIONS if activation_range(each, y) == bounds), None)
        if activation is not None and name == CLAMP and activation != "NONE":
            return self.operator(activation, inputs, output)
        if activation is not None and name != CLAMP:
            return self.operator(name, inputs, output, {**options, "FusedActivationFunction": activation})
        lowest, highest = activation_range("NONE", y)
        steps = [("MAXIMUM", bounds[0])] if bounds[0] > lowest else []
        steps += [("MINIMUM", bounds[1])] if bounds[1] < highest else []
        value = inputs[0]
        if name != CLAMP:
            value = self.like(output, "unclamped")
            self.operator(name, inputs, value, {**options, "FusedActivationFunction": "NONE"})
        for step, (function, bound) in enumerate(steps, 1):
            into = output if step == len(steps) else self.like(output, function.lower())
            limit = self.constant(f"{y.name}/{function.lower()}", np.array([bound], y.dtype), y.quantization)
            self.operator(function, [value, limit], into)
            value = into
        return None

    def table(self, op: Op, x: int, output: int) -> None:
        """A function of one 8-bit value: the operator that has this table, or a look-up."""
        tensors = dict(self.graph.tensors)
        for name in ("QUANTIZE", *(name for name in op_def("lut").tflite if options_table(name) is None)):
            source = ImportedOperator(name, op.index, {}, op.inputs[:1], op.outputs, tensors)
            try:
                found = tflite_importers()[name](source)
            except (Unsupported, KeyError):
                continue  # it has other scales, or options
            if found.kind == "lut" and np.array_equal(found.attrs["table"], op.attrs["table"]):
                return self.operator(name, [x], output)
        y, signed = self.tensors[output], self.tensors[x].dtype == "int8"
        order = np.arange(256, dtype=np.uint8) ^ (128 if signed else 0)
        values = op.attrs["table"][order].view(y.dtype)
        place = self.like(x, "place", dtype="int32", quantization=None)
        types = {"InDataType": TENSOR_TYPES[self.tensors[x].dtype], "OutDataType": TENSOR_TYPES["int32"]}
        self.operator("CAST", [x], place, types)
        if signed:
            index = self.like(place, "index")
            offset = self.constant(f"{y.name}/offset", np.array([128], np.int32))
            self.operator("ADD", [place, offset], index, {"FusedActivationFunction": "NONE"})
            place = index
        values_index = self.constant(f"{y.name}/table", values, y.quantization)
        return self.operator("GATHER", [values_index, place], output, {"Axis": 0})
