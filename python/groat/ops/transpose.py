# SPDX-License-Identifier: Apache-2.0
"""Reordering of dimensions.

inputs: x of any dtype.
attrs: permutation: dimension k of the output is dimension permutation[k] of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import MOVED, Constants, ImportedOp, OpDef, Operator, Shape, Tape, Unsupported, require_moved
from groat.ops.call import array, call

RANK = 6


class Transpose(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [tuple(inputs[0].shape[axis] for axis in op.attrs["permutation"])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [np.ascontiguousarray(inputs[0].transpose(op.attrs["permutation"]))]

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("TRANSPOSE", {}, {1: np.array(op.attrs["permutation"], np.int32)}, "inputs")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        shape = inputs[0].shape
        strides = [int(np.prod(shape[axis + 1 :], dtype=np.int64)) for axis in range(len(shape))]
        missing = RANK - len(shape)
        return {
            "dims": [1] * missing + list(outputs[0].shape),
            "in_strides": [0] * missing + [strides[axis] for axis in op.attrs["permutation"]],
            "element_bytes": np.dtype(inputs[0].dtype).itemsize,
        }

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        if not tape.wanted(0):
            return {}
        inverse = tuple(op.attrs["permutation"].index(axis) for axis in range(len(op.attrs["permutation"])))
        return {0: tape.op("transpose", (dy,), tape.tensor(op.inputs[0]).shape, {"permutation": inverse})}


def _import(source: ImportedOp) -> Op:
    x = source.input(0)
    permutation = tuple(int(axis) for axis in source.constant(1).ravel())
    if sorted(permutation) != list(range(len(x.shape))) or len(permutation) > RANK:
        raise Unsupported(f"permutation {list(permutation)} does not fit a tensor of shape {list(x.shape)}")
    require_moved(x, source.output(0))
    return source.op("transpose", source.inputs[:1], {"permutation": permutation})


Transpose.tflite = {"TRANSPOSE": _import}
OP = Transpose()


def transpose(x: ArrayLike, permutation: Sequence[int], on: str = "host", isa: str | None = None) -> Array:
    """Reorders dimensions.

    Args:
        x: int8, uint8, int16, int32 or float32, at most 6 dimensions.
        permutation: dimension k of the result is dimension permutation[k] of x.
        on, isa: as conv2d.

    Returns the reordered array.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values = array(x, "x", MOVED)
    return call("transpose", [values], {"permutation": tuple(permutation)}, str(values.dtype), on, isa)
