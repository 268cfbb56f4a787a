# SPDX-License-Identifier: Apache-2.0
"""From a graph of floats to one of integers: each op is imported again, as the operator of TFLite that it would be.

So the result has the ops, multipliers and clamps of a model that came from a file, and what holds for those
holds here: kernels, plans, oracle.  Tensor numbers stay: a tensor is what it was, in integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from groat.errors import UnsupportedError
from groat.frontends.operator import ImportedOperator
from groat.graph import Graph, Op, Quantization, Tensor, verify
from groat.graph.ir import Array
from groat.ops import op_def, tflite_importers
from groat.ops.arithmetic import LIMITS
from groat.ops.base import OWN, TABLE, Operator, Unsupported
from groat.ops.lut_int16 import tabulate_int16
from groat.ops.tabulate import tabulate
from groat.quantization.observers import Range
from groat.quantization.schemes import ACTIVATIONS, FLOAT, WEIGHT_BITS
from groat.quantization.weights import IntegerWeights

ONE = Quantization((1.0,), (0,))
NOTHING = 1e-30  # of a range: nothing but zeros was seen, and any scale will do


def quantization_of(span: Range, dtype: str) -> Quantization:
    """Scale and zero point of a range: of int8 over all 256 values, of int16 symmetric."""
    low, high = span
    if high - low < NOTHING:
        low, high = 0.0, 1.0
    if dtype == "int16":
        return Quantization((float(np.float32(max(-low, high) / 32767)),), (0,))
    scale = float(np.float32((high - low) / 255))
    return Quantization((scale,), (int(np.clip(np.round(-128 - low / scale), -128, 127)),))


def to_integers(values: Array, quantization: Quantization, dtype: str) -> Array:
    """Real values as stored ones, to the nearest."""
    stored = np.round(values.astype(np.float64) / quantization.scale[0]) + quantization.zero_point[0]
    return np.clip(stored, *LIMITS[dtype]).astype(dtype)


def to_reals(stored: Array, quantization: Quantization) -> Array:
    """What stored values stand for, float32."""
    return ((stored.astype(np.float64) - quantization.zero_point[0]) * quantization.scale[0]).astype(np.float32)


@dataclass(frozen=True)
class Scales:
    """The quantisation of every tensor that is not constant, for either type.

    Attributes:
        groups: tensor number -> the number that stands for all tensors that share their scale with it; those whose
            scale an operator prescribes are left out.
    """

    of: Mapping[tuple[int, str], Quantization]
    groups: Mapping[int, int]

    def __getitem__(self, key: tuple[int, str]) -> Quantization:
        return self.of[key]


def describe(graph: Graph, op: Op, scheme: str) -> Operator:
    """The op as an operator of integers; Unsupported if there is no kernel for the scheme."""
    dtype = ACTIVATIONS[scheme]
    definition = op_def(op.kind)
    found = definition.operator(op, dtype)
    if found is None:
        raise Unsupported(f"there is no kernel of {dtype} for it")
    if any(graph.tensors[number].dtype != "float32" for number in (*op.inputs, *op.outputs)):
        raise Unsupported("its tensors are not float32")
    if definition.weights_axis is not None:
        if any(graph.tensors[number].data is None for number in op.inputs[1:]):
            raise Unsupported("its weights or bias are computed at run time")
        if graph.tensors[op.inputs[0]].data is not None:
            raise Unsupported("its input is a constant")
    return found


def kept_by(op: Op) -> list[tuple[int, Quantization | None]]:
    """What a recurrent op of floats starts from and ends with (tensor numbers), with the scale of int16 that its form
    of integers prescribes; None: that of its output, int8."""
    definition = op_def(op.kind)
    found = []
    kept = definition.kept_integers(op, ONE)
    for numbers in (op.inputs[len(op.inputs) - len(kept) :] if op.attrs.get("initial") else (), op.outputs[1:]):
        for number, (dtype, quantization) in zip(numbers, kept, strict=False):
            found.append((number, quantization if dtype == "int16" else None))
    return found


def wide_of(graph: Graph) -> set[int]:
    """Tensors that are moved, and nothing else, to where a recurrent op starts from an int16."""
    wide: set[int] = set()
    for op in reversed(graph.ops):
        described = op_def(op.kind).operator(op, "int16")
        if described is not None and described.scale == "inputs" and op.outputs[0] in wide:
            wide.update(op.inputs)
        wide.update(number for number, quantization in kept_by(op) if quantization is not None and number in op.inputs)
    return wide


def scales_of(graph: Graph, ranges: Mapping[int, Range], schemes: Mapping[int, str]) -> Scales:
    """Ops that move elements, and pools, have one scale on both sides: such tensors share their widest range.

    Args:
        ranges: tensor number -> its range.
        schemes: position of an op -> its scheme.
    """
    group = {number: number for number in ranges}

    def find(number: int) -> int:
        while group[number] != number:
            number = group[number]
        return number

    pinned: dict[int, Quantization] = {}  # what recurrent layers keep as int16
    fixed: dict[int, Mapping[str, Quantization]] = {}
    tied: set[int] = set()  # outputs that take their inputs' scale
    for position, op in enumerate(graph.ops):
        if schemes[position] == FLOAT:
            continue
        scale = describe(graph, op, schemes[position]).scale
        if scale == "inputs":
            tied.update(op.outputs)
            for number in op.inputs:
                if number in group:
                    group[find(number)] = find(op.outputs[0])
        elif scale != "measured":
            fixed[op.outputs[0]] = scale
        for number, quantization in kept_by(op):
            if quantization is None:
                group[find(number)] = find(op.outputs[0])
            else:
                pinned[number] = quantization
    members: dict[int, list[int]] = {}
    for number in ranges:
        members.setdefault(find(number), []).append(number)
    of: dict[tuple[int, str], Quantization] = {}
    groups: dict[int, int] = {}
    for leader, numbers in members.items():
        sources = [number for number in numbers if number not in tied]
        prescribed = [fixed.get(number) for number in sources]
        first = prescribed[0] if prescribed else None
        one = first if first is not None and all(each == first for each in prescribed) else None
        if one is None:
            groups |= {number: leader for number in numbers if number not in fixed}
        low, high = min(ranges[n][0] for n in numbers), max(ranges[n][1] for n in numbers)
        pins = [pinned[number] for number in numbers if number in pinned]
        for dtype in ("int8", "int16"):
            common = one[dtype] if one is not None else quantization_of((low, high), dtype)
            if dtype == "int16" and pins:
                common = pins[0]
            for number in numbers:
                of[number, dtype] = fixed[number][dtype] if number in fixed else common
    return Scales(of, groups)


def _named(tensor: Tensor, dtype: str, quantization: Quantization | None) -> Tensor:
    """A tensor in another type beside the one that has its name."""
    return replace(tensor, name=f"{tensor.name}/{dtype}", dtype=dtype, quantization=quantization)


class Converter:
    """One conversion.

    Attributes:
        tensors, ops: of the new graph, so far.
    """

    def __init__(
        self, graph: Graph, scales: Scales, schemes: Mapping[int, str], weights: Mapping[int, IntegerWeights]
    ) -> None:
        """As `convert`."""
        self.graph, self.scales, self.schemes, self.weights = graph, scales, schemes, weights
        self.tensors: dict[int, Tensor] = {number: graph.tensors[number] for number in (*graph.inputs, *graph.outputs)}
        self.ops: list[Op] = []
        self._next = max(graph.tensors) + 1
        # (tensor, type, quantisation) -> the number that it has there.
        self._known: dict[tuple[int, str, Quantization | None], int] = {
            (number, "float32", None): number
            for number, tensor in self.tensors.items()
            if number in graph.inputs or tensor.data is not None
        }
        self._home: dict[int, int] = {number: number for number in graph.inputs}

    def run(self) -> Graph:
        problems = []
        for position, op in enumerate(self.graph.ops):
            try:
                self._convert(position, op)
            except Unsupported as reason:
                problems.append(f"op {op.index} {op.kind} ({self.graph.tensors[op.outputs[0]].name}): {reason}")
        if problems:
            raise UnsupportedError(self.graph.name, problems)
        for number in self.graph.outputs:
            self._as(number, "float32", None)
        used = {n for op in self.ops for n in (*op.inputs, *op.outputs)} | {*self.graph.inputs, *self.graph.outputs}
        tensors = {number: tensor for number, tensor in sorted(self.tensors.items()) if number in used}
        result = Graph(self.graph.name, tensors, tuple(self.ops), self.graph.inputs, self.graph.outputs)
        return verify(result, "quantization")

    def _new(self, tensor: Tensor) -> int:
        number = self._next
        self._next += 1
        self.tensors[number] = tensor
        return number

    def _as(self, number: int, dtype: str, quantization: Quantization | None) -> int:
        """A tensor in another type or scale; an op that converts it is appended if there is none yet."""
        tensor = self.graph.tensors[number]
        key = (number, dtype, quantization)
        if key in self._known:
            return self._known[key]
        if tensor.data is not None:
            data = tensor.data if quantization is None else to_integers(tensor.data, quantization, dtype)
            self._known[key] = self._new(replace(tensor, dtype=dtype, quantization=quantization, data=data))
            return self._known[key]
        home = self._home[number]
        if dtype == "float32" and number in self.graph.outputs:
            target = number
        else:
            target = self._new(_named(tensor, dtype, quantization))
        name = "DEQUANTIZE" if dtype == "float32" else "QUANTIZE"
        index = next((op.index for op in self.graph.ops if number in op.outputs), -1)
        self.ops.append(tflite_importers()[name](ImportedOperator(name, index, {}, [home], [target], self.tensors)))
        self._known[key] = target
        return target

    def _convert(self, position: int, op: Op) -> None:
        scheme, output = self.schemes[position], op.outputs[0]
        tensor = self.graph.tensors[output]
        if scheme == FLOAT:
            inputs = tuple(self._as(number, "float32", None) for number in op.inputs)
            for number in op.outputs:
                self.tensors[number] = self.graph.tensors[number]
                self._home[number] = self._known[number, "float32", None] = number
            self.ops.append(replace(op, inputs=inputs))
            return
        dtype, described = ACTIVATIONS[scheme], describe(self.graph, op, scheme)
        quantization = self.scales[output, dtype]
        inputs = self._inputs(position, op, described, dtype, quantization)
        if output in self.graph.outputs:
            target = self._new(_named(tensor, dtype, quantization))
        else:
            target = output
            self.tensors[target] = replace(tensor, dtype=dtype, quantization=quantization)
        self._home[output] = self._known[output, dtype, quantization] = target
        if described.name == OWN:
            kept = self._kept(op, quantization)
            source = ImportedOperator(OWN, op.index, {}, list(inputs), [target, *kept], self.tensors)
            self.ops.append(op_def(op.kind).integers(op, source))
            self._next = max(self._next, max(self.tensors) + 1)
            return
        source = ImportedOperator(described.name, op.index, described.options, list(inputs), [target], self.tensors)
        if described.name == TABLE:
            self.ops.append(self._table(source, op))
            return
        for index, value in described.constants.items():
            data = value
            if value.dtype == np.float32:
                data = to_integers(value, quantization, dtype)
            number = self._new(Tensor(f"{tensor.name}/{index}", data.shape, str(data.dtype), data=data))
            source.inputs = [*source.inputs[:index], number, *source.inputs[index + 1 :]]
        importer = described.importer or tflite_importers()[described.name]
        self.ops.append(importer(source))

    def _kept(self, op: Op, output: Quantization) -> list[int]:
        """What an op ends with, beside its first output, in the types that it prescribes."""
        numbers = []
        kept = op_def(op.kind).kept_integers(op, output)
        for number, (dtype, quantization) in zip(op.outputs[1:], kept, strict=False):
            tensor = self.graph.tensors[number]
            target = number
            if number in self.graph.outputs:
                target = self._new(_named(tensor, dtype, quantization))
            else:
                self.tensors[number] = replace(tensor, dtype=dtype, quantization=quantization)
            self._home[number] = self._known[number, dtype, quantization] = target
            numbers.append(target)
        return numbers

    def _inputs(self, position: int, op: Op, described: Operator, dtype: str, output: Quantization) -> tuple[int, ...]:
        """The inputs in integers, weights included."""
        if op_def(op.kind).weights_axis is not None:
            x = self._as(op.inputs[0], dtype, self.scales[op.inputs[0], dtype])
            found = self.weights[position]
            weights, bias = self.graph.tensors[op.inputs[1]], found.bias
            bits = WEIGHT_BITS[self.schemes[position]]
            kind = "int8" if bits == 8 else "int4"
            w = self._new(replace(weights, dtype=kind, quantization=found.quantization, data=found.weights))
            width = "int32" if dtype == "int8" else "int64"
            name = self.graph.tensors[op.inputs[2]].name if len(op.inputs) > 2 else f"{weights.name}/bias"
            b = self._new(Tensor(name, bias.shape, width, data=bias.astype(width)))
            return x, w, b
        if described.name == OWN:
            kept = op_def(op.kind).kept_integers(op, output)
            first = self._as(op.inputs[0], dtype, self.scales[op.inputs[0], dtype])
            start = len(op.inputs) - len(kept) if op.attrs["initial"] else len(op.inputs)
            constants = [self._as(number, "float32", None) for number in op.inputs[1:start]]
            begins = zip(op.inputs[start:], kept, strict=False)
            return first, *constants, *(self._as(number, *of_kept) for number, of_kept in begins)
        result = []
        for index, number in enumerate(op.inputs):
            tensor = self.graph.tensors[number]
            if index in described.floats:
                result.append(self._as(number, "float32", None))
                continue
            if described.scale == "inputs":
                wanted = output
            elif tensor.data is not None:
                wanted = quantization_of((min(float(tensor.data.min()), 0), max(float(tensor.data.max()), 0)), dtype)
            else:
                wanted = self.scales[number, dtype]
            result.append(self._as(number, dtype, wanted))
        return tuple(result)

    def _table(self, source: ImportedOperator, op: Op) -> Op:
        """A function of one value, as the op of floats computes it: for each of 256 integers, or for some of int16."""
        x, y = source.input(0), source.output(0)
        assert x.quantization is not None
        assert y.quantization is not None
        span, output = x.quantization, y.quantization

        def curve(stored: Array) -> Array:
            (values,) = op_def(op.kind).reference(op, [to_reals(stored, span)])
            # Where the function is no number, samples were not either: any value will do.
            return np.nan_to_num(values, nan=0.0)

        if x.dtype == "int16":
            return tabulate_int16(source, lambda stored: curve(stored).astype(np.float64) / output.scale[0])
        return tabulate(source, lambda stored: to_integers(curve(stored), output, "int8").astype(np.int64))


def convert(graph: Graph, scales: Scales, schemes: Mapping[int, str], weights: Mapping[int, IntegerWeights]) -> Graph:
    """The graph in integers; its inputs and outputs stay floats, quantised at once and last.

    Args:
        schemes: position of an op -> one of the schemes, or FLOAT to leave it.
        weights: position of a layer with weights -> its integers.

    Raises UnsupportedError that lists all ops without a kernel.
    """
    return Converter(graph, scales, schemes, weights).run()
