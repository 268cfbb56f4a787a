# SPDX-License-Identifier: Apache-2.0
"""Gated recurrent units (Cho et al., 2014); attributes: recurrent.py, and reset_after.

reset_after: the reset gate scales the recurrent product, not what goes into it.

weights: of update, reset and hidden gates; bias float32 [4 * hidden], the last of the hidden gate's recurrent part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants
from groat.ops.exp import logistic, tanh
from groat.ops.floats import Float32
from groat.ops.recurrent import Recurrent, call_recurrent, dot_from


class GruFloat32(Recurrent):
    gates = 3

    def start(self, hidden: int) -> tuple[Float32, ...]:
        return (np.zeros(hidden, np.float32),)

    def step(
        self, op: Op, x: Float32, state: tuple[Float32, ...], weights: Float32, bias: Float32
    ) -> tuple[Float32, ...]:
        (h,) = state
        of_x, of_h = weights[:, : len(x)], weights[:, len(x) :]
        two = 2 * len(h)
        update, reset = logistic(dot_from(dot_from(bias[:two], of_x[:two], x), of_h[:two], h)).reshape(2, -1)
        own = dot_from(bias[two : 3 * len(h)], of_x[two:], x)
        after = op.attrs["reset_after"]
        rest = dot_from(bias[3 * len(h) :], of_h[two:], h if after else reset * h)
        return ((np.float32(1) - update) * tanh(own + (reset * rest if after else rest)) + update * h,)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {**super().params(op, inputs, outputs, constants), "reset_after": int(op.attrs["reset_after"])}


OP = GruFloat32()


def gru_float(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike,
    *,
    reset_after: bool = True,
    reverse: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Gated recurrent units that start from zeros.

    Args:
        x: float32 [steps, batches, inputs].
        weights: float32 [3 * hidden, inputs + hidden]: rows of update, reset and hidden gates.
        bias: float32 [4 * hidden]: of the three gates, and of the hidden gate's recurrent part.
        reset_after: the reset gate scales the recurrent product, as in PyTorch; false: what goes into it.
        reverse: from the last step to the first.
        on, isa: as conv2d.

    Returns float32 [steps, batches, hidden]: the output after each step.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    attrs = {"reverse": reverse, "reset_after": reset_after}
    return call_recurrent("gru_float32", 3, 4, (x, weights, bias), attrs, on, isa)
