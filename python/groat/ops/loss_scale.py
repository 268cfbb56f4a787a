# SPDX-License-Identifier: Apache-2.0
"""The factor on the loss that keeps gradients of float16 within its range: halved where one was infinite, doubled after
many steps without.

inputs: step (loss.py).
outputs: scale float32 [2], which it updates.
attrs: interval, of steps without an infinite gradient until it doubles; maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import array, call_all
from groat.ops.loss import RATE, REFUSED, SCALE_SHAPE


class LossScale(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [SCALE_SHAPE]

    def updates(self, op: Op) -> tuple[int, ...]:
        return (0,)

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        step, (scale, good) = inputs[0], inputs[1]
        if step[REFUSED] == 0:
            if step[RATE] == 0:
                scale, good = max(scale / 2, 1), 0
            elif good + 1 >= op.attrs["interval"]:
                scale, good = min(2 * scale, np.float32(op.attrs["maximum"])), 0
            else:
                good = good + 1
        return [np.array([scale, good], np.float32)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"interval": op.attrs["interval"], "maximum": op.attrs["maximum"]}


OP = LossScale()


def loss_scale(
    scale: ArrayLike,
    step: ArrayLike,
    *,
    interval: int = 200,
    maximum: float = 65536.0,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The next loss scale.

    Args:
        scale: float32 [2]: the loss scale, and for how many steps it has been good.
        step: float32 [4], as `step` returns it; a rate of 0 that an update has set halves the scale.
        interval: after so many good steps it doubles.
        maximum: which it does not exceed.
        on, isa: as conv2d.

    Returns a float32 [2].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    state, told = array(scale, "scale", "float32", 1), array(step, "step", "float32", 1)
    if not (1 <= interval <= 1 << 24 and 1 <= maximum < np.inf):
        raise InputError(f"interval is {interval}, maximum {maximum}; expected 1 to {1 << 24}, and a number from 1 on")
    attrs = {"interval": interval, "maximum": float(np.float32(maximum))}
    return call_all("loss_scale", [told], attrs, on, isa, state={0: state})[0]
