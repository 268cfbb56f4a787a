# SPDX-License-Identifier: Apache-2.0
"""What elementwise ops of two operands share: broadcasting as strides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import activation_range, require_activations
from groat.ops.base import ImportedOp, OpDef, Rows, Shape, Unsupported, rows_alike
from groat.ops.call import activations, array, clamp, zero_points

AXES = 6


def _strides(shape: Shape, out: Shape) -> list[int]:
    """Stride of an operand along each dimension of the output; 0 where it repeats."""
    padded = (1,) * (len(out) - len(shape)) + tuple(shape)
    strides, step = [], 1
    for size in reversed(padded):
        strides.append(step if size != 1 else 0)
        step *= size
    return strides[::-1]


def merged_axes(a: Shape, b: Shape, out: Shape) -> tuple[list[int], list[int], list[int]]:
    """(dims, a_strides, b_strides), each of AXES entries: neighbouring dimensions become one where both operands
    run on.  Raises Unsupported if more than AXES remain."""
    merged: list[tuple[int, int, int]] = []
    for size, stride_a, stride_b in zip(out, _strides(a, out), _strides(b, out), strict=True):
        if size == 1:
            continue
        if merged:
            outer, outer_a, outer_b = merged[-1]
            if outer_a == size * stride_a and outer_b == size * stride_b:
                merged[-1] = (outer * size, stride_a, stride_b)
                continue
        merged.append((size, stride_a, stride_b))
    # The kernel's innermost run has strides 0 or 1.
    if merged and max(merged[-1][1:]) > 1:
        merged.append((1, 0, 0))
    if len(merged) > AXES:
        raise Unsupported(
            f"broadcasting {list(a)} with {list(b)} needs {len(merged)} loops; at most {AXES} are supported"
        )
    axes = [(1, 0, 0)] * (AXES - len(merged)) + merged
    return [axis[0] for axis in axes], [axis[1] for axis in axes], [axis[2] for axis in axes]


class Elementwise(OpDef):
    """attrs of every elementwise op: a_zero_point, b_zero_point, output_zero_point, act_min, act_max."""

    fields: ClassVar[tuple[str, ...]] = ("a_zero_point", "b_zero_point", "output_zero_point", "act_min", "act_max")

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [tuple(np.broadcast_shapes(inputs[0].shape, inputs[1].shape))]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def inplace(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[int, ...]:
        return tuple(i for i, tensor in enumerate(inputs) if tensor.elements == outputs[0].elements)

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return rows_alike(inputs, outputs)

    def common_fields(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> dict[str, Any]:
        dims, a_strides, b_strides = merged_axes(inputs[0].shape, inputs[1].shape, outputs[0].shape)
        return {
            "dims": dims,
            "a_strides": a_strides,
            "b_strides": b_strides,
            **{name: op.attrs[name] for name in self.fields},
        }


def import_elementwise(source: ImportedOp, fused: bool = True) -> tuple[str, dict[str, Any]]:
    """(ending of the op's name, the attributes of Elementwise); `fused`: the operator may have an activation."""
    a, b, y = source.input(0), source.input(1), source.output(0)
    suffix = require_activations((a, "first input"), (b, "second input"), (y, "output"))
    try:
        shape = tuple(np.broadcast_shapes(a.shape, b.shape))
    except ValueError:
        raise Unsupported(f"shapes {list(a.shape)} and {list(b.shape)} do not broadcast") from None
    if shape != y.shape:
        raise Unsupported(f"its output has shape {list(y.shape)}; expected {list(shape)}")
    merged_axes(a.shape, b.shape, y.shape)
    low, high = activation_range(source.options["FusedActivationFunction"] if fused else "NONE", y)
    if suffix == "_float32":
        return suffix, {"act_min": low, "act_max": high}
    return suffix, {
        "a_zero_point": a.zero_point,
        "b_zero_point": b.zero_point,
        "output_zero_point": y.zero_point,
        "act_min": low,
        "act_max": high,
    }


def operands(a: ArrayLike, b: ArrayLike) -> tuple[str, list[Array]]:
    """(ending of the op's name, two int8 or two int16 arrays)."""
    first, suffix = activations(a, "a")
    return suffix, [first, array(b, "b", str(first.dtype))]


def call_attrs(
    dtype: Any, a_zero_point: int, b_zero_point: int, output_zero_point: int, act_min: int | None, act_max: int | None
) -> dict[str, int]:
    """The attributes of Elementwise from the arguments of a call."""
    points = zero_points(dtype, a=a_zero_point, b=b_zero_point, output=output_zero_point)
    return {**points, **clamp(dtype, act_min, act_max)}
