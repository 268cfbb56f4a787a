# SPDX-License-Identifier: Apache-2.0
"""The mean of squared differences: the loss of a regression, and its gradient.

inputs: y float32; target of its shape and type[; scale float32 [2]].
outputs: loss float32 [1]; dy, times the loss scale; 0 of a loss that is not finite.
attrs: none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants
from groat.ops.call import call_all
from groat.ops.floats import float_array, sum_in_order
from groat.ops.loss import Loss, factor, of_shape, scale_input


class MeanSquaredErrorFloat32(Loss):
    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        y, target = (x.astype(np.float32) for x in inputs[:2])
        with np.errstate(all="ignore"):
            apart = y - target
            loss = sum_in_order(apart * apart) / np.float32(y.size)
            gradient = apart * (np.float32(2) * factor(inputs) / np.float32(y.size))
            gradient = gradient if np.isfinite(loss) else np.zeros_like(y)
            return [np.array([loss], np.float32), gradient.astype(inputs[0].dtype)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": inputs[0].elements}


OP = MeanSquaredErrorFloat32()


def mean_squared_error_float(
    y: ArrayLike, target: ArrayLike, *, scale: float | None = None, on: str = "host", isa: str | None = None
) -> tuple[Array, Array]:
    """Mean of squared differences over all elements, and its gradient.

    Args:
        y: float32 or float16.
        target: of its shape and type.
        scale: what the gradient is multiplied by; default 1.
        on, isa: as conv2d.

    Returns (loss, a float32 [1]; its gradient by y times scale, of its type and shape).  If the loss is not finite the
    gradient is 0.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    x, suffix = float_array(y, "y")
    inputs = [x, of_shape(target, "target", x), *scale_input(scale)]
    loss, gradient = call_all("mean_squared_error" + suffix, inputs, {}, on, isa)
    return loss, gradient
