# SPDX-License-Identifier: Apache-2.0
"""A function of int16 with two slopes, which meet at zero: LEAKY_RELU and ABS.

inputs: x int16.
attrs: multiplier, shift; negative_multiplier, negative_shift: of what is negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import clamp_int16, factor, requantize
from groat.ops.base import Constants, OpDef, Rows, Shape, rows_alike
from groat.ops.call import arguments_of, array, call
from groat.ops.call import scale as checked_scale


class LeakyReluInt16(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs, x = op.attrs, inputs[0].astype(np.int64)
        above = requantize(x, attrs["multiplier"], attrs["shift"])
        below = requantize(x, attrs["negative_multiplier"], attrs["negative_shift"])
        return [clamp_int16(np.where(x >= 0, above, below))]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements, **op.attrs}

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return rows_alike(inputs[:1], outputs)


def slopes(positive: float, negative: float) -> dict[str, int]:
    """The attributes for two factors, of which the second may be negative."""
    multiplier, shift = factor(positive)
    size, negative_shift = factor(abs(negative))
    return {
        "multiplier": multiplier,
        "shift": shift,
        "negative_multiplier": size if negative >= 0 else -size,
        "negative_shift": negative_shift,
    }


OP = LeakyReluInt16()


def leaky_relu(
    x: ArrayLike,
    alpha: float = 0.01,
    *,
    input_scale: float,
    output_scale: float,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """x where it is not negative, alpha times x elsewhere.

    Args:
        x: int16.
        alpha: any number; -1 gives the absolute value.
        input_scale, output_scale: real = scale * stored; read as float32.
        on, isa: as conv2d.

    Returns int16 of the same shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values = array(x, "x", "int16")
    step = checked_scale(input_scale, "input_scale") / checked_scale(output_scale, "output_scale")
    with arguments_of("leaky_relu"):
        attrs = slopes(step, alpha * step)
    return call("leaky_relu_int16", [values], attrs, "int16", on, isa)
