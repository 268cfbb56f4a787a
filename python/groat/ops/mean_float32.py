# SPDX-License-Identifier: Apache-2.0
"""Mean of float32 over some axes: a sum in the order of memory, divided by how many it is of.

inputs: x float32 of any rank.
attrs: axes (sorted, not negative); keep_dims.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, Tape
from groat.ops.call import axis_of, call
from groat.ops.floats import float_array
from groat.ops.mean import Mean, loops


class MeanFloat32(Mean):
    tflite = {}

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, axes = inputs[0].astype(np.float32), op.attrs["axes"]
        kept = [axis for axis in range(x.ndim) if axis not in axes]
        flat = x.transpose(*axes, *kept).reshape(-1, *(x.shape[axis] for axis in kept))
        total = np.zeros(flat.shape[1:], np.float32)
        with np.errstate(all="ignore"):
            for part in flat:
                total = total + part
            mean = total / np.float32(len(flat))
        if op.attrs["keep_dims"]:
            mean = np.expand_dims(mean, tuple(axes))
        return [np.asarray(mean, inputs[0].dtype)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return loops(inputs[0].shape, op.attrs["axes"])

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        if not tape.wanted(0):
            return {}
        shape = tape.tensor(op.inputs[0]).shape
        attrs = {"axes": op.attrs["axes"], "in_shape": shape}
        return {0: tape.op(op.kind.replace("mean", "mean_grad"), (dy,), shape, attrs)}


OP = MeanFloat32()


def mean_float(
    x: ArrayLike, axes: Sequence[int], *, keep_dims: bool = False, on: str = "host", isa: str | None = None
) -> Array:
    """Mean of floats over some axes.

    Args:
        x: float32 or float16.
        axes: not empty; negative ones count from the end.
        on, isa: as conv2d.

    Returns an array of x's type and its shape without the axes, or with 1 in their place.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = float_array(x, "x")
    positive = tuple(sorted({axis_of(axis, values.ndim) for axis in axes}))
    if not positive:
        raise InputError("mean_float: there are no axes to average over")
    return call("mean" + suffix, [values], {"axes": positive, "keep_dims": keep_dims}, str(values.dtype), on, isa)
