# SPDX-License-Identifier: Apache-2.0
"""Products of matrices that are both computed.

inputs: a, b float32, of any shape: strides say where their elements are.
attrs: batches, rows, depth, columns; a_strides of batches, rows and depth; b_strides of batches, depth and columns;
out_shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Operator, Shape
from groat.ops.call import array, call
from groat.ops.matrices import several


def _operand(x: Array, dims: Sequence[int], strides: Sequence[int]) -> Array:
    flat = np.ascontiguousarray(x).ravel()
    return np.lib.stride_tricks.as_strided(flat, dims, [stride * flat.itemsize for stride in strides])


class MatmulFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        attrs = op.attrs
        dims = {"a": ("batches", "rows", "depth"), "b": ("batches", "depth", "columns")}
        for tensor, (name, sizes) in zip(inputs, dims.items(), strict=True):
            last = sum((attrs[size] - 1) * stride for size, stride in zip(sizes, attrs[f"{name}_strides"], strict=True))
            if last >= tensor.elements:
                raise ValueError(f"strides {attrs[f'{name}_strides']} leave a tensor of {tensor.elements} elements")
        return [tuple(attrs["out_shape"])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs = op.attrs
        n, rows, depth, columns = (attrs[name] for name in ("batches", "rows", "depth", "columns"))
        a = _operand(inputs[0], (n, rows, depth), attrs["a_strides"])
        b = _operand(inputs[1], (n, depth, columns), attrs["b_strides"])
        y = np.zeros((n, rows, columns), np.float32)
        with np.errstate(all="ignore"):
            for k in range(depth):
                y += a[:, :, k : k + 1] * b[:, k : k + 1, :]
        return [y.reshape(attrs["out_shape"])]

    def operator(self, op: Op, dtype: str) -> Operator | None:
        return None if dtype == "float32" else Operator("BATCH_MATMUL", {"Matrices": several(op.attrs)})

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        names = ("batches", "rows", "depth", "columns", "a_strides", "b_strides")
        return {name: op.attrs[name] for name in names}

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return outputs[0].elements * int(op.attrs["depth"])


OP = MatmulFloat32()


def dense_strides(shape: Sequence[int]) -> tuple[int, int, int]:
    """Of [batches, rows, columns] in memory; a single batch serves all."""
    return (0 if shape[0] == 1 else shape[1] * shape[2], shape[2], 1)


def matmul_float(a: ArrayLike, b: ArrayLike, on: str = "host", isa: str | None = None) -> Array:
    """Products of matrices.

    Args:
        a: float32 [batches, rows, depth].
        b: float32 [batches, depth, columns]; where either has one batch, it serves all of the other.
        on, isa: as conv2d.

    Returns float32 [batches, rows, columns].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    left, right = array(a, "a", "float32", 3), array(b, "b", "float32", 3)
    batches = max(left.shape[0], right.shape[0])
    if (
        left.shape[2] != right.shape[1]
        or {left.shape[0], right.shape[0]} - {1, batches}
        or 0 in (*left.shape, *right.shape)
    ):
        raise InputError(f"matrices {left.shape} and {right.shape} do not fit each other")
    attrs = {
        "batches": batches,
        "rows": left.shape[1],
        "depth": left.shape[2],
        "columns": right.shape[2],
        "a_strides": dense_strides(left.shape),
        "b_strides": dense_strides(right.shape),
        "out_shape": (batches, left.shape[1], right.shape[2]),
    }
    return call("matmul_float32", [left, right], attrs, "float32", on, isa)
