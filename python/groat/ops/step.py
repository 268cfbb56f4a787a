# SPDX-License-Identifier: Apache-2.0
"""What the updates of a training step may do: nothing, if its loss or its learning rate makes no sense.

inputs: lr float32 [1]; loss float32 [1][; scale float32 [2]].
outputs: step (loss.py).
attrs: none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import call
from groat.ops.loss import STEP_SHAPE, factor, scale_input


class Step(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [STEP_SHAPE]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        rate, loss = inputs[0][0], inputs[1][0]
        good = np.isfinite(loss) and np.isfinite(rate) and rate > 0
        with np.errstate(all="ignore"):
            return [np.array([rate if good else 0, np.float32(1) / factor(inputs), not good, 0], np.float32)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {}


OP = Step()


def step(
    lr: ArrayLike, loss: ArrayLike, *, scale: float | None = None, on: str = "host", isa: str | None = None
) -> Array:
    """What steers the updates of a training step.

    Args:
        lr: the learning rate; positive, or the step is refused.
        loss: finite, or the step is refused.
        scale: what the loss's gradient was multiplied by; default 1.
        on, isa: as conv2d.

    Returns a float32 [4]: the rate, 0 if the step is refused; 1 / scale; 1 if the step is refused; 0.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    inputs = [np.asarray(value, np.float32).reshape(1) for value in (lr, loss)]
    return call("step", [*inputs, *scale_input(scale)], {}, "float32", on, isa)
