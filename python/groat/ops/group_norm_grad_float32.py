# SPDX-License-Identifier: Apache-2.0
"""The gradient of group normalisation by its input.

inputs: x, dy float32 [n, ..., c]; gamma float32 [c]; mean, rstd float32 [n * groups], as group_norm returns them.
attrs: groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import array, call
from groat.ops.floats import float_array
from groat.ops.group_norm_float32 import channel_values, grouped, sizes, sums, ungrouped
from groat.ops.loss import of_shape


class GroupNormGradFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, dy, gamma, mean, rstd = inputs
        parts = grouped(x, op)
        mean, rstd = (value.reshape(*parts.shape[:2], 1, 1) for value in (mean, rstd))
        count = np.float32(parts[0, 0].size)
        with np.errstate(all="ignore"):
            h = grouped(dy.astype(np.float32) * gamma, op)
            normal = (parts - mean) * rstd
            dx = (h - sums(h) / count - normal * (sums(h * normal) / count)) * rstd
            return [ungrouped(dx, x.shape).astype(x.dtype)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"sizes": sizes(op, inputs[0])}


OP = GroupNormGradFloat32()


def group_norm_grad_float(
    x: ArrayLike,
    dy: ArrayLike,
    gamma: ArrayLike,
    mean: ArrayLike,
    rstd: ArrayLike,
    groups: int,
    *,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of group normalisation by its input.

    Args:
        x: float32 or float16 [n, ..., c].
        dy: of its shape and type, the gradient by the output.
        gamma: float32 [c].
        mean, rstd: float32 [n * groups]: of each group of each image, and 1 / sqrt(variance + epsilon).
        groups: a divisor of c.
        on, isa: as conv2d.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = float_array(x, "x")
    statistics = [array(value, name, "float32", 1) for value, name in ((mean, "mean"), (rstd, "rstd"))]
    inputs = [values, of_shape(dy, "dy", values), channel_values(gamma, "gamma", values), *statistics]
    return call("group_norm_grad" + suffix, inputs, {"groups": groups}, str(values.dtype), on, isa)
