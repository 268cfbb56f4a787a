# SPDX-License-Identifier: Apache-2.0
"""Gradient of the input of a dense layer of float32.

inputs: weights float32 [out_c, depth]; dy float32, any shape of batches * out_c elements.
attrs: in_shape, of the gradient: batches * depth elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants
from groat.ops.call import array, call
from groat.ops.floats import float_array
from groat.ops.gradients import InputGradient


class FullyConnectedInputGradFloat32(InputGradient):
    def input_gradient(self, op: Op, weights: Array, dy: Array) -> Array:
        return np.asarray(dy.astype(np.float64).reshape(-1, len(weights)) @ weights.astype(np.float64))

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        out_c, depth = inputs[0].shape
        return {"batches": inputs[1].elements // out_c, "depth": depth, "out_c": out_c}

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return inputs[1].elements * inputs[0].shape[1]


OP = FullyConnectedInputGradFloat32()


def fully_connected_input_grad_float(
    weights: ArrayLike,
    dy: ArrayLike,
    *,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Gradient of the input of fully_connected_float.

    Args:
        weights: of the layer, float32 or float16 [out_c, depth].
        dy: the gradient of its output, of the type of the weights, [batches, out_c].
        on, isa: as conv2d.

    Returns an array [batches, depth] of the type of the weights.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    filters, suffix = float_array(weights, "weights", 2)
    gradient = array(dy, "dy", str(filters.dtype), 2)
    if gradient.shape[1] != len(filters):
        raise InputError(f"weights have shape {filters.shape}, dy {gradient.shape}; expected as many output channels")
    attrs = {"in_shape": (len(gradient), filters.shape[1])}
    return call("fully_connected_input_grad" + suffix, [filters, gradient], attrs, str(filters.dtype), on, isa)
