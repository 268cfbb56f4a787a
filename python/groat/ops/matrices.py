# SPDX-License-Identifier: Apache-2.0
"""Where the matrices of a product lie: up to three dimensions of them, of which either operand may repeat some."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import ImportedOp, OpDef, Shape, Unsupported
from groat.ops.broadcast import merged_axes

BATCH_AXES = 3
SIZES = ("rows", "depth", "columns")
FIELDS = ("batches", *SIZES, "a_strides", "b_strides")


def matrices_of(a: Shape, b: Shape, adj_a: bool = False, adj_b: bool = False) -> dict[str, Any]:
    """Attributes FIELDS and out_shape of the product of tensors [..., rows, depth] and [..., depth, columns], either of
    which may have its last two dimensions the other way round.

    Raises Unsupported if they do not fit each other.
    """
    if min(len(a), len(b)) < 2:
        raise Unsupported(f"its inputs have shapes {list(a)} and {list(b)}; expected at least 2 dimensions")
    rows, depth = a[-2:][::-1] if adj_a else a[-2:]
    inner, columns = b[-2:][::-1] if adj_b else b[-2:]
    try:
        batches = tuple(int(size) for size in np.broadcast_shapes(a[:-2], b[:-2]))
    except ValueError:
        batches = None
    if batches is None or inner != depth:
        raise Unsupported(f"matrices {list(a)} and {list(b)} do not fit each other")
    dims, *strides = merged_axes(a[:-2], b[:-2], batches)
    first = len(dims) - BATCH_AXES
    if any(size != 1 for size in dims[:first]):
        raise Unsupported(f"matrices {list(a)} and {list(b)} need more than {BATCH_AXES} loops over them")

    def of(operand: Shape, steps: Sequence[int], adjoint: bool) -> tuple[int, ...]:
        inside = (1, operand[-1]) if adjoint else (operand[-1], 1)
        return (*(step * operand[-2] * operand[-1] for step in steps[first:]), *inside)

    return {
        "batches": tuple(dims[first:]),
        **dict(zip(SIZES, (rows, depth, columns), strict=True)),
        "a_strides": of(a, strides[0], adj_a),
        "b_strides": of(b, strides[1], adj_b),
        "out_shape": (*batches, rows, columns),
    }


def single(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of an op that has one dimension of matrices (matmul_float32); Unsupported if there are more."""
    if any(size != 1 for size in attrs["batches"][:-1]):
        raise Unsupported(
            f"its matrices repeat in some dimensions of {list(attrs['out_shape'])}; expected all, or none"
        )
    strides = {name: attrs[name][BATCH_AXES - 1 :] for name in ("a_strides", "b_strides")}
    return {**attrs, "batches": attrs["batches"][-1], **strides}


def several(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """The other way round."""
    before = (0,) * (BATCH_AXES - 1)
    strides = {name: (*before, *attrs[name]) for name in ("a_strides", "b_strides")}
    return {**attrs, "batches": (*(1,) * (BATCH_AXES - 1), attrs["batches"]), **strides}


def _operand(x: Array, dims: Sequence[int], strides: Sequence[int]) -> Array:
    flat = np.ascontiguousarray(x).ravel()
    return np.lib.stride_tricks.as_strided(flat, dims, [stride * flat.itemsize for stride in strides])


class Matrices(OpDef):
    """attrs: FIELDS, as in groat_matrices; out_shape."""

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        for tensor, (name, dims) in zip(inputs, self._dims(op).items(), strict=True):
            strides = op.attrs[f"{name}_strides"]
            last = sum((size - 1) * stride for size, stride in zip(dims, strides, strict=True))
            if last >= tensor.elements:
                raise ValueError(f"strides {strides} leave a tensor of {tensor.elements} elements")
        return [tuple(op.attrs["out_shape"])]

    def _dims(self, op: Op) -> dict[str, tuple[int, ...]]:
        attrs = op.attrs
        batches = tuple(attrs["batches"])
        return {
            "a": (*batches, attrs["rows"], attrs["depth"]),
            "b": (*batches, attrs["depth"], attrs["columns"]),
        }

    def operands(self, op: Op, inputs: Sequence[Array]) -> tuple[Array, Array]:
        """Both as [..., rows, depth] and [..., depth, columns]."""
        dims = self._dims(op)
        return (
            _operand(inputs[0], dims["a"], op.attrs["a_strides"]),
            _operand(inputs[1], dims["b"], op.attrs["b_strides"]),
        )

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def matrix_fields(self, op: Op) -> dict[str, Any]:
        return {"matrices": {name: op.attrs[name] for name in FIELDS}}

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return outputs[0].elements * int(op.attrs["depth"])


def import_matrices(source: ImportedOp) -> dict[str, Any]:
    """The attributes of Matrices of BATCH_MATMUL; what no file says: `Matrices` may be these attributes themselves."""
    options = source.options
    if "Matrices" in options:
        return dict(options["Matrices"])
    attrs = matrices_of(source.input(0).shape, source.input(1).shape, bool(options["AdjX"]), bool(options["AdjY"]))
    y = source.output(0)
    if math.prod(attrs["out_shape"]) != math.prod(y.shape) or tuple(attrs["out_shape"]) != y.shape:
        raise Unsupported(f"its output has shape {list(y.shape)}; expected {list(attrs['out_shape'])}")
    return attrs
