# SPDX-License-Identifier: Apache-2.0
"""The gradient of a clamp, by the mask that clamp_mask made of its output.

inputs: dy float32; mask uint8 [(elements + 7) / 8].
attrs: none.
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


class ClampGradMaskFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        dy, mask = inputs
        passes = np.unpackbits(mask, count=dy.size, bitorder="little").reshape(dy.shape)
        return [np.where(passes, dy, 0).astype(dy.dtype)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements}


OP = ClampGradMaskFloat32()


def clamp_grad_mask_float(dy: ArrayLike, mask: ArrayLike, *, on: str = "host", isa: str | None = None) -> Array:
    """The gradient of a clamp: dy where its bit is set, 0 elsewhere.

    Args:
        dy: float32 or float16, the gradient by the clamp's output.
        mask: uint8, as clamp_mask_float returns it.
        on, isa: as conv2d.

    Returns an array of dy's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    gradient, suffix = float_array(dy, "dy")
    inputs = [gradient, array(mask, "mask", "uint8", 1)]
    return call("clamp_grad_mask" + suffix, inputs, {}, str(gradient.dtype), on, isa)
