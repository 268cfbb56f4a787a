# SPDX-License-Identifier: Apache-2.0
"""Group normalisation (Wu and He, 2018): each group of an image's channels gets mean 0 and variance 1, each channel
then a factor and an offset of its own.  Layer normalisation over the last dimension is one group of [rows, depth].

inputs: x float32 [n, ..., c]; gamma, beta float32 [c].
outputs: y; with `stats`, mean and rstd float32 [n * groups]: of each group, and 1 / sqrt(variance + epsilon).
attrs: groups, which divides c; epsilon; stats; act_min, act_max.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import bounds_of
from groat.ops.base import Constants, OpDef, Operator, Shape, Tape
from groat.ops.call import array, call
from groat.ops.floats import Float32, clamped, float_array, limits, sum_in_order
from groat.ops.group_norm import import_group_norm


def sizes(op: Op, x: Tensor) -> dict[str, int]:
    """The fields of groat_groups."""
    n, c = x.shape[0], x.shape[-1]
    return {"batches": n, "pixels": x.elements // (n * c), "channels": c, "groups": op.attrs["groups"]}


def grouped(x: Array, op: Op) -> Float32:
    """[n, pixels, c] or more dimensions as float32 [n, groups, pixels, channels of a group]."""
    parts = x.astype(np.float32).reshape(x.shape[0], -1, op.attrs["groups"], x.shape[-1] // op.attrs["groups"])
    return np.ascontiguousarray(parts.transpose(0, 2, 1, 3))


def ungrouped(parts: Array, shape: Shape) -> Array:
    return np.ascontiguousarray(parts.transpose(0, 2, 1, 3)).reshape(shape)


def sums(parts: Array) -> Float32:
    """Of each group of each image, in the order of memory: [n, groups, 1, 1]."""
    flat = parts.reshape(*parts.shape[:2], -1)
    total = [[sum_in_order(group) for group in one] for one in flat]
    return np.array(total, np.float32)[..., np.newaxis, np.newaxis]


class GroupNormFloat32(OpDef):
    trainable = (1, 2)

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        x, groups = inputs[0], op.attrs["groups"]
        if len(x.shape) < 2 or x.shape[-1] % groups != 0:
            raise ValueError(f"{groups} groups do not divide the channels of {list(x.shape)}")
        statistics = (x.shape[0] * groups,)
        return [x.shape, *([statistics] * 2 if op.attrs["stats"] else [])]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return [inputs[0].dtype, *(["float32"] * 2 if op.attrs["stats"] else [])]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, gamma, beta = inputs
        parts = grouped(x, op)
        count = np.float32(parts[0, 0].size)
        with np.errstate(all="ignore"):
            mean = sums(parts) / count
            apart = parts - mean
            rstd = np.float32(1) / np.sqrt(sums(apart * apart) / count + np.float32(op.attrs["epsilon"]))
            y = ungrouped(apart * rstd, x.shape) * gamma + beta
        statistics = [mean.ravel(), rstd.ravel()] if op.attrs["stats"] else []
        return [clamped(y, op.attrs, x.dtype), *statistics]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        limit = {name: op.attrs[name] for name in ("act_min", "act_max")}
        return {"sizes": sizes(op, inputs[0]), "epsilon": op.attrs["epsilon"], **limit}

    def operator(self, op: Op, dtype: str) -> Operator | None:
        if op.attrs["stats"] or dtype == "float32":
            return None
        how = {"groups": op.attrs["groups"], "epsilon": op.attrs["epsilon"], "activation": bounds_of(op.attrs)}
        return Operator("group_norm", floats=(1, 2), importer=functools.partial(import_group_norm, **how))

    def for_training(self, op: Op) -> Op:
        return replace(op, attrs={**op.attrs, "stats": True})

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        dz, result = tape.through_clamp(dy), {}
        x, gamma, attrs = op.inputs[0], op.inputs[1], {"groups": op.attrs["groups"]}
        if tape.wanted(0):
            kind = op.kind.replace("norm", "norm_grad")
            result[0] = tape.op(kind, (x, dz, gamma, *op.outputs[1:]), tape.tensor(x).shape, attrs)
        tape.update(op.kind.replace("norm", "norm_weight_grad"), (x, dz, *op.outputs[1:]), (1, 2), attrs)
        return result


OP = GroupNormFloat32()


def channel_values(value: ArrayLike, name: str, x: Array) -> Array:
    """float32 [c]; InputError unless there is one for each channel of x."""
    result = array(value, name, "float32", 1)
    if len(result) != x.shape[-1]:
        raise InputError(f"{name} has {len(result)} values; expected {x.shape[-1]}, one for each channel")
    return result


def group_norm_float(
    x: ArrayLike,
    gamma: ArrayLike,
    beta: ArrayLike,
    groups: int,
    *,
    epsilon: float = 1e-5,
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Group normalisation, as torch.nn.functional.group_norm with channels last.

    Args:
        x: float32 or float16 [n, ..., c].
        gamma, beta: float32 [c], the factor and the offset of each channel.
        groups: a divisor of c; 1 of [rows, depth] is layer normalisation.
        epsilon: added to the variance; positive.
        act_min, act_max, on, isa: as conv2d_float.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = float_array(x, "x")
    if values.ndim < 2 or groups < 1 or not (0 < epsilon < np.inf):
        raise InputError(
            f"x has {values.ndim} dimensions, groups is {groups}, epsilon {epsilon}; expected at least 2, at least 1, "
            "and a positive number"
        )
    inputs = [values, channel_values(gamma, "gamma", values), channel_values(beta, "beta", values)]
    attrs = {"groups": groups, "epsilon": float(np.float32(epsilon)), "stats": False, **limits(act_min, act_max)}
    return call("group_norm" + suffix, inputs, attrs, str(values.dtype), on, isa)
