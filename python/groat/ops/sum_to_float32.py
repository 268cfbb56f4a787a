# SPDX-License-Identifier: Apache-2.0
"""The sum over the axes along which an operand was repeated: its gradient.

inputs: x float32.
attrs: shape, of the sum: it broadcasts to that of x.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape, Tape
from groat.ops.call import call
from groat.ops.floats import float_array
from groat.ops.mean import loops


def repeated_axes(shape: Shape, out: Shape) -> tuple[int, ...]:
    """The axes of `out` along which an operand of a shape is repeated."""
    padded = (1,) * (len(out) - len(shape)) + tuple(shape)
    return tuple(axis for axis, size in enumerate(out) if padded[axis] != size)


def gradient_of_operand(dy: int, shape: Shape, tape: Tape) -> int:
    """The gradient of an operand of a shape, which may be repeated, from that of all its repetitions."""
    if tape.tensor(dy).shape == shape:
        return dy
    return tape.op(f"sum_to_{tape.tensor(dy).dtype}", (dy,), shape, {"shape": shape})


class SumToFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        shape = tuple(op.attrs["shape"])
        if np.broadcast_shapes(shape, inputs[0].shape) != inputs[0].shape:
            raise ValueError(f"shape {list(shape)} does not broadcast to {list(inputs[0].shape)}")
        return [shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, shape = inputs[0].astype(np.float32), op.attrs["shape"]
        axes = repeated_axes(shape, x.shape)
        kept = [axis for axis in range(x.ndim) if axis not in axes]
        flat = x.transpose(*axes, *kept).reshape(-1, *(x.shape[axis] for axis in kept))
        total = np.zeros(flat.shape[1:], np.float32)
        with np.errstate(all="ignore"):
            for part in flat:
                total = total + part
            return [total.reshape(shape).astype(inputs[0].dtype)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        shape = inputs[0].shape
        return {"mean": loops(shape, repeated_axes(outputs[0].shape, shape))}


OP = SumToFloat32()


def sum_to_float(x: ArrayLike, shape: Sequence[int], *, on: str = "host", isa: str | None = None) -> Array:
    """The sum over the axes along which an array of a shape would be repeated to get that of x.

    Args:
        x: float32 or float16.
        shape: of the sum; it broadcasts to that of x.
        on, isa: as conv2d.

    Returns an array of x's type and that shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = float_array(x, "x")
    attrs = {"shape": tuple(int(size) for size in shape)}
    return call("sum_to" + suffix, [values], attrs, str(values.dtype), on, isa)
