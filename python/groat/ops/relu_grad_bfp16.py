# SPDX-License-Identifier: Apache-2.0
"""The gradient of a ReLU of block floating point: dy where y is positive, 0 elsewhere; dx has the exponent of dy.

inputs: dy int16; y int16 of its shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, Shape
from groat.ops.bfp import Bfp
from groat.ops.call import array, call
from groat.ops.loss import of_shape


class ReluGradBfp16(Bfp):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [np.where(inputs[1] > 0, inputs[0], 0).astype(np.int16)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": inputs[0].elements}


OP = ReluGradBfp16()


def relu_grad_bfp16(dy: ArrayLike, y: ArrayLike, *, on: str = "host", isa: str | None = None) -> Array:
    """The gradient of a ReLU by its input.

    Args:
        dy: int16, the gradient by its output.
        y: int16 of that shape, its output.
        on, isa: as conv2d.

    Returns dy where y is positive, 0 elsewhere.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    gradient = array(dy, "dy", "int16")
    return call("relu_grad_bfp16", [gradient, of_shape(y, "y", gradient)], {}, "int16", on, isa)
