# SPDX-License-Identifier: Apache-2.0
"""Gradients of the factors and offsets of group normalisation.

inputs: x, dy float32 [n, ..., c]; mean, rstd float32 [n * groups], as group_norm returns them.
outputs: [dgamma][, dbeta][, step (loss.py)], float32 [c] each.
attrs: groups, and those of gradients.WeightGradient, for which gamma is the weights and beta the bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import array, call_all
from groat.ops.floats import float_array, sum_in_order
from groat.ops.gradients import GRADIENT, PLAIN, SGD
from groat.ops.group_norm_float32 import grouped, sizes, ungrouped
from groat.ops.loss import RATE, STEP_SHAPE, UNSCALE, of_shape


class GroupNormWeightGradFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        parameters = [(inputs[0].shape[-1],)] * (op.attrs["has_weights"] + op.attrs["has_bias"])
        return [*parameters, *([STEP_SHAPE] if op.attrs["mode"] != GRADIENT else [])]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["float32"] * len(self.shapes(op, inputs))

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def updates(self, op: Op) -> tuple[int, ...]:
        attrs = op.attrs
        parameters = attrs["has_weights"] + attrs["has_bias"]
        read = tuple(range(parameters)) if attrs["mode"] == SGD or attrs["beta"] != 0 else ()
        return read if attrs["mode"] == GRADIENT else (*read, parameters)

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        (x, dy, mean, rstd), attrs = inputs[:4], op.attrs
        before = dict(zip(self.updates(op), inputs[4:], strict=True))
        alpha, beta = np.float32(attrs["alpha"]), np.float32(attrs["beta"])
        count = attrs["has_weights"] + attrs["has_bias"]
        step = before.pop(count, np.array([1, 1, 0, 0], np.float32)).copy()
        with np.errstate(all="ignore"):
            if attrs["mode"] != GRADIENT:
                step[RATE] *= bool(np.isfinite(x).all() and np.isfinite(dy).all())
                alpha = alpha * step[UNSCALE]
            if attrs["mode"] == SGD:
                alpha, beta = -step[RATE] * step[UNSCALE], np.float32(1) - step[RATE] * np.float32(attrs["decay"])
            parts = grouped(x, op)
            normal = (parts - mean.reshape(*parts.shape[:2], 1, 1)) * rstd.reshape(*parts.shape[:2], 1, 1)
            channels = ungrouped(normal, x.shape).reshape(-1, x.shape[-1])
            wide = dy.astype(np.float32).reshape(channels.shape)
            terms = [wide * channels] * attrs["has_weights"] + [wide] * attrs["has_bias"]
            results = []
            for index, term in enumerate(terms):
                gradient = alpha * np.array([sum_in_order(column) for column in term.T], np.float32)
                old = before.get(index, np.zeros_like(gradient))
                new = gradient if beta == 0 else beta * old + gradient
                results.append((new if step[RATE] != 0 else old).astype(np.float32))
        return [*results, *([step] if attrs["mode"] != GRADIENT else [])]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"sizes": sizes(op, inputs[0]), "update": {name: op.attrs[name] for name in PLAIN}}


OP = GroupNormWeightGradFloat32()


def group_norm_weight_grad_float(
    x: ArrayLike,
    dy: ArrayLike,
    mean: ArrayLike,
    rstd: ArrayLike,
    groups: int,
    *,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array]:
    """Gradients of the factors and offsets of group normalisation.

    Args:
        x: float32 or float16 [n, ..., c].
        dy: of its shape and type, the gradient by the output.
        mean, rstd: float32 [n * groups]: of each group of each image, and 1 / sqrt(variance + epsilon).
        groups: a divisor of c.
        on, isa: as conv2d.

    Returns (dgamma, dbeta), float32 [c].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = float_array(x, "x")
    statistics = [array(value, name, "float32", 1) for value, name in ((mean, "mean"), (rstd, "rstd"))]
    inputs = [values, of_shape(dy, "dy", values), *statistics]
    dgamma, dbeta = call_all("group_norm_weight_grad" + suffix, inputs, {"groups": groups, **PLAIN}, on, isa)
    return dgamma, dbeta
