# SPDX-License-Identifier: Apache-2.0
"""Gradients of the weights and the bias of a dense layer of float32.

inputs: x float32, any shape of batches * depth elements; dy float32, any shape of batches * out_c elements.
outputs: dw float32 [out_c, depth]; db float32 [out_c]; step float32 [4]; as attrs say.
attrs: weights_shape: (out_c, depth); those of groat.ops.gradients.WeightGradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, Shape
from groat.ops.call import array
from groat.ops.floats import float_array
from groat.ops.gradients import WeightGradient, gradients_or_step


class FullyConnectedWeightGradFloat32(WeightGradient):
    def weights_shape(self, op: Op, inputs: Sequence[Tensor]) -> Shape:
        return tuple(op.attrs["weights_shape"])

    def out_channels(self, op: Op, dy: Tensor) -> int:
        return int(op.attrs["weights_shape"][0])

    def images(self, x: Array, dy: Array) -> int:
        return 1

    def weight_gradient(self, op: Op, x: Array, dy: Array) -> Array:
        out_c, depth = op.attrs["weights_shape"]
        with np.errstate(all="ignore"):
            return np.asarray(dy.astype(np.float64).reshape(-1, out_c).T @ x.astype(np.float64).reshape(-1, depth))

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        out_c, depth = op.attrs["weights_shape"]
        return {
            "batches": inputs[-1].elements // out_c,
            "depth": depth,
            "out_c": out_c,
            "update": self.update_fields(op),
        }


OP = FullyConnectedWeightGradFloat32()


def fully_connected_weight_grad_float(
    x: ArrayLike,
    dy: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    lr: float | None = None,
    decay: float = 0.0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """Gradients of the weights and the bias of fully_connected_float, or a step of gradient descent on them.

    Args:
        x: what the layer read, float32 or float16 [batches, depth].
        dy: the gradient of its output, of the type of x, [batches, out_c].
        weights, bias, lr, decay: for a step of gradient descent: the parameters (the bias float32 [out_c], or none),
            the learning rate, and what of the weights is added to their gradient.
        on, isa: as conv2d.

    Returns (dw, db): dw of the type of x, [out_c, depth]; db float32 [out_c].  With lr, it returns
    (weights, bias, step), without the bias if none is given: the new parameters, and a float32 [4] whose first value is
    lr, or 0 if x or dy was not finite; then the parameters are what they were.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    rows, suffix = float_array(x, "x", 2)
    gradient = array(dy, "dy", str(rows.dtype), 2)
    if len(rows) != len(gradient):
        raise InputError(f"x has shape {rows.shape}, dy {gradient.shape}; expected as many rows")
    attrs = {"weights_shape": (gradient.shape[1], rows.shape[1])}
    kind = "fully_connected_weight_grad" + suffix
    return gradients_or_step(kind, rows, gradient, attrs, weights, bias, lr, decay, on, isa)
