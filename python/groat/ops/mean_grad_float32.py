# SPDX-License-Identifier: Apache-2.0
"""The gradient of a mean over some axes: each element gets its mean's, divided by their number.

inputs: dy float32.
attrs: axes (sorted, not negative); in_shape, of the input of the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import axis_of, call
from groat.ops.floats import float_array
from groat.ops.mean import loops


class MeanGradFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [tuple(op.attrs["in_shape"])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        shape, axes = op.attrs["in_shape"], op.attrs["axes"]
        kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
        dy = inputs[0].reshape(kept).astype(np.float32)
        with np.errstate(all="ignore"):
            share = (dy / np.float32(np.prod(shape) // np.prod(kept))).astype(inputs[0].dtype)
        return [np.ascontiguousarray(np.broadcast_to(share, shape))]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"mean": loops(outputs[0].shape, op.attrs["axes"])}


OP = MeanGradFloat32()


def mean_grad_float(
    dy: ArrayLike, in_shape: Sequence[int], axes: Sequence[int], *, on: str = "host", isa: str | None = None
) -> Array:
    """The gradient of a mean over some axes by its input.

    Args:
        dy: float32 or float16, the gradient by the mean, with or without the axes.
        in_shape: of the input of the mean.
        axes: of the mean; not empty, negative ones count from the end.
        on, isa: as conv2d.

    Returns an array of dy's type and of in_shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    gradient, suffix = float_array(dy, "dy")
    positive = tuple(sorted({axis_of(axis, len(in_shape)) for axis in axes}))
    if not positive:
        raise InputError("mean_grad_float: there are no axes")
    attrs = {"axes": positive, "in_shape": tuple(int(size) for size in in_shape)}
    return call("mean_grad" + suffix, [gradient], attrs, str(gradient.dtype), on, isa)
