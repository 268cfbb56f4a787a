# SPDX-License-Identifier: Apache-2.0
"""Some places along one axis, in any order: a slice with steps, a larger image, a border of what is inside.

inputs: x of any dtype.
attrs: axis (not negative); indices, for each place of the output that of the input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import MOVED, Constants, ImportedOp, OpDef, Operator, Shape, Unsupported, require_moved
from groat.ops.call import array, axis_of, call

PLACES_MAX = 65_536


class Gather(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        axis, shape = op.attrs["axis"], inputs[0].shape
        return [(*shape[:axis], len(op.attrs["indices"]), *shape[axis + 1 :])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [np.take(inputs[0], op.attrs["indices"], axis=op.attrs["axis"])]

    def operator(self, op: Op, dtype: str) -> Operator:
        indices = np.array(op.attrs["indices"], np.int32)
        return Operator("GATHER", {"Axis": op.attrs["axis"]}, {1: indices}, "inputs")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        axis, shape = op.attrs["axis"], inputs[0].shape
        return {
            "outer": math.prod(shape[:axis]),
            "in": shape[axis],
            "out": outputs[0].shape[axis],
            "inner_bytes": math.prod(shape[axis + 1 :]) * np.dtype(inputs[0].dtype).itemsize,
            "indices": constants.add(np.array(op.attrs["indices"], np.uint16).tobytes()),
        }


def _import(source: ImportedOp) -> Op:
    x, y, indices = source.input(0), source.output(0), source.constant(1)
    rank, axis = len(x.shape), int(source.options.get("Axis", 0))
    if not -rank <= axis < rank:
        raise Unsupported(f"axis {axis} is out of range for {rank} dimensions")
    if source.options.get("BatchDims", 0) != 0 or indices.ndim != 1 or indices.size == 0 or indices.dtype.kind != "i":
        shape = f"{indices.dtype}{list(indices.shape)}"
        raise Unsupported(f"its indices are {shape}; expected a list of integers that all batches share")
    most = min(x.shape[axis], PLACES_MAX)
    if indices.min() < 0 or indices.max() >= most:
        raise Unsupported(f"its indices go from {indices.min()} to {indices.max()}; expected 0 to {most - 1}")
    require_moved(x, y)
    return source.op("gather", source.inputs[:1], {"axis": axis % rank, "indices": tuple(indices.tolist())})


Gather.tflite = {"GATHER": _import}
OP = Gather()


def gather(x: ArrayLike, indices: Sequence[int], axis: int = 0, on: str = "host", isa: str | None = None) -> Array:
    """Some places along one axis, as numpy.take.

    Args:
        x: int8, uint8, int16, int32, float32 or float16; at most 65,536 along the axis.
        indices: at least one, each at least 0 and less than x has.
        axis: counted from the end if negative.
        on, isa: as conv2d.

    Returns an array of x's type, with as many places along the axis as indices.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values = array(x, "x", MOVED)
    at = axis_of(axis, values.ndim)
    places = tuple(int(index) for index in indices)
    if not places or min(places) < 0 or max(places) >= min(values.shape[at], PLACES_MAX):
        raise InputError(f"indices are {places[:8]}; expected 0 to {min(values.shape[at], PLACES_MAX) - 1}")
    return call("gather", [values], {"axis": at, "indices": places}, str(values.dtype), on, isa)
