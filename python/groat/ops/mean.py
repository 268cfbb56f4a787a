# SPDX-License-Identifier: Apache-2.0
"""Mean over some axes, int8; mean_int16 is for int16.

inputs: x int8 of any rank.
attrs: axes (sorted, not negative); keep_dims; multiplier, shift (with 1 / count folded in); input_zero_point,
output_zero_point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import LIMITS, factor, requantize, require_activations, wrap32
from groat.ops.base import Constants, ImportedOp, OpDef, Operator, Rows, Shape, Tape, Unsupported
from groat.ops.call import activations, arguments_of, axis_of, call, scale, zero_points

AXES = 4


def _merged(shape: Shape, axes: Sequence[int]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(kept, reduced): runs of neighbouring axes of the same sort as (size, stride), slowest first."""
    runs: list[tuple[bool, int, int]] = []
    stride = 1
    for axis in reversed(range(len(shape))):
        size, reduced = shape[axis], axis in axes
        if size > 1:
            if runs and runs[0][0] == reduced and runs[0][1] * runs[0][2] == stride:
                runs[0] = (reduced, runs[0][1] * size, runs[0][2])
            else:
                runs.insert(0, (reduced, size, stride))
        stride *= size
    kept = [(size, step) for reduced, size, step in runs if not reduced]
    return kept, [(size, step) for reduced, size, step in runs if reduced]


def loops(shape: Shape, axes: Sequence[int]) -> dict[str, list[int]]:
    """The fields that say what is walked, and what is added up."""
    kept, reduced = _merged(shape, axes)
    fields: dict[str, list[int]] = {}
    for name, runs in (("kept", kept), ("reduced", reduced)):
        padded = [(1, 0)] * (AXES - len(runs)) + runs
        fields[f"{name}_dims"] = [size for size, _ in padded]
        fields[f"{name}_strides"] = [stride for _, stride in padded]
    return fields


class Mean(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        axes, keep = op.attrs["axes"], op.attrs["keep_dims"]
        sizes = enumerate(inputs[0].shape)
        return [tuple(1 if axis in axes else size for axis, size in sizes if keep or axis not in axes)]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, attrs = inputs[0].astype(np.int64), op.attrs
        count = int(np.prod([x.shape[axis] for axis in attrs["axes"]]))
        acc = x.sum(axis=attrs["axes"], keepdims=attrs["keep_dims"]) - count * attrs["input_zero_point"]
        y = requantize(wrap32(acc), attrs["multiplier"], attrs["shift"])
        y = np.clip(wrap32(y + attrs["output_zero_point"]), *LIMITS[str(inputs[0].dtype)])
        return [y.astype(inputs[0].dtype)]

    def operator(self, op: Op, dtype: str) -> Operator:
        axes = np.array(op.attrs["axes"], np.int32)
        return Operator("MEAN", {"KeepDims": op.attrs["keep_dims"]}, {1: axes})

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        count = inputs[0].elements // outputs[0].elements
        return {
            **loops(inputs[0].shape, op.attrs["axes"]),
            "multiplier": op.attrs["multiplier"],
            "shift": op.attrs["shift"],
            "offset": -count * op.attrs["input_zero_point"],
            "output_zero_point": op.attrs["output_zero_point"],
        }

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        if not tape.wanted(0):
            return {}
        shape, dz = tape.tensor(op.inputs[0]).shape, tape.through_clamp(dy)
        attrs = {"axes": op.attrs["axes"], "in_shape": shape}
        return {0: tape.op(f"mean_grad_{tape.tensor(dz).dtype}", (dz,), shape, attrs)}

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        shape = inputs[0].shape
        return Rows(adds_up=True) if len(shape) == 4 and tuple(op.attrs["axes"]) == (1, 2) else None


def mean_factor(input_scale: float, output_scale: float, count: int) -> tuple[int, int]:
    """(multiplier, shift) of input_scale / output_scale / count, divided in integers as the oracle does."""
    multiplier, shift = factor(input_scale / output_scale)
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << extra) // count, shift - extra


def _import(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    suffix = require_activations((x, "input"), (y, "output"))
    rank = len(x.shape)
    axes = tuple(sorted({int(axis) % rank if rank else 0 for axis in source.constant(1).ravel()}))
    if any(not -rank <= int(axis) < rank for axis in source.constant(1).ravel()):
        raise Unsupported(f"axes {source.constant(1).ravel().tolist()} are out of range for {rank} dimensions")
    count = int(np.prod([x.shape[axis] for axis in axes]))
    if count >= 1 << 24:
        raise Unsupported(f"it averages {count} elements; expected fewer than {1 << 24}")
    if max(len(runs) for runs in _merged(x.shape, axes)) > AXES:
        raise Unsupported(f"axes {list(axes)} of shape {list(x.shape)} need more than {AXES} loops")
    what = {"axes": axes, "keep_dims": bool(source.options.get("KeepDims", False))}
    if suffix == "_float32":
        return source.op("mean_float32", source.inputs[:1], what)
    multiplier, shift = mean_factor(x.scale, y.scale, count)
    attrs = {
        **what,
        "multiplier": multiplier,
        "shift": shift,
        "input_zero_point": x.zero_point,
        "output_zero_point": y.zero_point,
    }
    return source.op("mean" + suffix, source.inputs[:1], attrs)


Mean.tflite = {"MEAN": _import}
OP = Mean()


def mean(
    x: ArrayLike,
    axes: Sequence[int],
    *,
    input_scale: float = 1.0,
    output_scale: float = 1.0,
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    keep_dims: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Mean over some axes.

    Args:
        x: int8 or int16.
        axes: not empty; negative ones count from the end.
        input_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        input_zero_point, output_zero_point: 0 for int16.
        on, isa: as conv2d.

    Returns an array of x's type and its shape without the axes, or with 1 in their place.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = activations(x, "x")
    positive = tuple(sorted({axis_of(axis, values.ndim) for axis in axes}))
    if not positive:
        raise InputError("mean: there are no axes to average over")
    count = int(np.prod([values.shape[axis] for axis in positive]))
    scales = scale(input_scale, "input_scale"), scale(output_scale, "output_scale")
    with arguments_of("mean"):
        multiplier, shift = mean_factor(*scales, count)
    attrs = {
        "axes": positive,
        "keep_dims": keep_dims,
        "multiplier": multiplier,
        "shift": shift,
        **zero_points(values.dtype, input=input_zero_point, output=output_zero_point),
    }
    return call("mean" + suffix, [values], attrs, str(values.dtype), on, isa)
