# SPDX-License-Identifier: Apache-2.0
"""The gradient of softmax over the last dimension, from its output: beta * y * (dy - sum of dy * y).

inputs: dy, y float32 of one shape.
attrs: beta, which logits are multiplied by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import call
from groat.ops.floats import float_array
from groat.ops.loss import of_shape


class SoftmaxGradFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        dy, y = (x.astype(np.float32) for x in inputs)
        total = np.zeros((*y.shape[:-1], 1), np.float32)
        with np.errstate(all="ignore"):
            for i in range(y.shape[-1]):
                total = total + dy[..., i : i + 1] * y[..., i : i + 1]
            return [(np.float32(op.attrs["beta"]) * y * (dy - total)).astype(inputs[0].dtype)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        depth = inputs[0].shape[-1] if inputs[0].shape else 1
        return {"rows": inputs[0].elements // depth, "depth": depth, "beta": op.attrs["beta"]}


OP = SoftmaxGradFloat32()


def softmax_grad_float(
    dy: ArrayLike, y: ArrayLike, *, beta: float = 1.0, on: str = "host", isa: str | None = None
) -> Array:
    """The gradient of softmax over the last dimension by its logits.

    Args:
        dy: float32 or float16, the gradient by its output.
        y: of its shape and type, its output.
        beta: what logits are multiplied by.
        on, isa: as conv2d.

    Returns an array of their type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    gradient, suffix = float_array(dy, "dy")
    if not np.isfinite(beta) or gradient.ndim == 0:
        raise InputError(f"beta is {beta} and dy has {gradient.ndim} dimensions; expected a number, and at least one")
    inputs = [gradient, of_shape(y, "y", gradient)]
    attrs = {"beta": float(np.float32(beta))}
    return call("softmax_grad" + suffix, inputs, attrs, str(gradient.dtype), on, isa)
