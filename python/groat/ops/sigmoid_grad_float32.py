# SPDX-License-Identifier: Apache-2.0
"""The gradient of the logistic function, dy * y * (1 - y), or of tanh, dy * (1 - y) * (1 + y), from its output.

inputs: dy, y float32 of one shape.
attrs: tanh.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import call
from groat.ops.floats import float_array
from groat.ops.loss import of_shape


class SigmoidGradFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        dy, y = (x.astype(np.float32) for x in inputs)
        with np.errstate(all="ignore"):
            slope = (np.float32(1) - y) * (np.float32(1) + y if op.attrs["tanh"] else y)
            return [(dy * slope).astype(inputs[0].dtype)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements, "tanh": int(op.attrs["tanh"])}


OP = SigmoidGradFloat32()


def sigmoid_grad_float(
    dy: ArrayLike, y: ArrayLike, *, tanh: bool = False, on: str = "host", isa: str | None = None
) -> Array:
    """The gradient of the logistic function or tanh by its argument.

    Args:
        dy: float32 or float16, the gradient by its output.
        y: of its shape and type, its output.
        tanh: tanh instead of the logistic function.
        on, isa: as conv2d.

    Returns an array of their type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    gradient, suffix = float_array(dy, "dy")
    inputs = [gradient, of_shape(y, "y", gradient)]
    return call("sigmoid_grad" + suffix, inputs, {"tanh": tanh}, str(gradient.dtype), on, isa)
