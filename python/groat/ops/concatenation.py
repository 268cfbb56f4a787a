# SPDX-License-Identifier: Apache-2.0
"""Joining of tensors along one axis.

inputs: x0, x1, ... of one dtype, equal in every dimension but the axis.
attrs: axis (not negative).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, ImportedOp, OpDef, Operator, Rows, Shape, Tape, Unsupported
from groat.ops.call import array, axis_of, call


class Concatenation(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        axis, shape = op.attrs["axis"], inputs[0].shape
        return [(*shape[:axis], sum(tensor.shape[axis] for tensor in inputs), *shape[axis + 1 :])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [np.concatenate(list(inputs), axis=op.attrs["axis"])]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def operator(self, op: Op, dtype: str) -> Operator:
        options = {"Axis": op.attrs["axis"], "FusedActivationFunction": "NONE"}
        return Operator("CONCATENATION", options, scale="inputs")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"outer": int(np.prod(outputs[0].shape[: op.attrs["axis"]], dtype=np.int64))}

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return Rows() if len(outputs[0].shape) == 4 and op.attrs["axis"] == 3 else None

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        axis, begin, result = op.attrs["axis"], 0, {}
        for i, number in enumerate(op.inputs):
            shape = tape.tensor(number).shape
            if tape.wanted(i):
                start = tuple(begin if at == axis else 0 for at in range(len(shape)))
                result[i] = tape.op("slice", (dy,), shape, {"begin": start, "shape": shape})
            begin += shape[axis]
        return result


def _import(source: ImportedOp) -> Op:
    y = source.output(0)
    tensors = [source.input(index) for index in range(len(source.inputs))]
    axis = int(source.options["Axis"])
    rank = len(y.shape)
    if not -rank <= axis < rank:
        raise Unsupported(f"axis {axis} is out of range for {rank} dimensions")
    axis %= rank
    if source.options["FusedActivationFunction"] != "NONE":
        raise Unsupported(f"fused activation {source.options['FusedActivationFunction']} is not NONE")
    for tensor in tensors:
        if tensor.dtype != y.dtype or tensor.dtype not in ("int8", "int16", "float32"):
            raise Unsupported(
                f"input {tensor.name!r} is {tensor.dtype}, the output {y.dtype}; expected int8, int16 or float32"
            )
        if tensor.quantization != y.quantization:
            raise Unsupported(f"input {tensor.name!r} and the output differ in scale or zero point")
        others = [size for i, size in enumerate(tensor.shape) if i != axis]
        if len(tensor.shape) != rank or others != [size for i, size in enumerate(y.shape) if i != axis]:
            raise Unsupported(f"input {tensor.name!r} has shape {list(tensor.shape)}, the output {list(y.shape)}")
    return source.op("concatenation", source.inputs, {"axis": axis})


Concatenation.tflite = {"CONCATENATION": _import}
OP = Concatenation()


def concatenation(arrays: Sequence[ArrayLike], axis: int = 0, on: str = "host", isa: str | None = None) -> Array:
    """Joins arrays along one axis.

    Args:
        arrays: at least one; int8, int16 or float32, all of one dtype, equal in every dimension but the axis.
        on, isa: as conv2d.

    Returns the joined array.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values = [array(value, f"arrays[{index}]", ("int8", "int16", "float32")) for index, value in enumerate(arrays)]
    if not values or len({value.dtype for value in values}) != 1 or len({value.ndim for value in values}) != 1:
        raise InputError(f"expected arrays of one dtype and rank, found {[(v.dtype.name, v.shape) for v in values]}")
    attrs = {"axis": axis_of(axis, values[0].ndim)}
    return call("concatenation", values, attrs, str(values[0].dtype), on, isa)
