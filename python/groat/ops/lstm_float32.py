# SPDX-License-Identifier: Apache-2.0
"""Long short-term memory (Hochreiter and Schmidhuber, 1997) with forget gates; attributes: recurrent.py.

weights: of input, output, forget and cell gates; bias float32 [4 * hidden].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op
from groat.ops.exp import logistic, tanh
from groat.ops.floats import Float32
from groat.ops.recurrent import Recurrent, call_recurrent, dot_from


class LstmFloat32(Recurrent):
    gates = 4

    def start(self, hidden: int) -> tuple[Float32, ...]:
        return np.zeros(hidden, np.float32), np.zeros(hidden, np.float32)

    def step(
        self, op: Op, x: Float32, state: tuple[Float32, ...], weights: Float32, bias: Float32
    ) -> tuple[Float32, ...]:
        h, cell = state
        total = dot_from(dot_from(bias, weights[:, : len(x)], x), weights[:, len(x) :], h)
        take, give, keep = logistic(total[: 3 * len(h)]).reshape(3, -1)
        cell = keep * cell + take * tanh(total[3 * len(h) :])
        return give * tanh(cell), cell


OP = LstmFloat32()


def lstm_float(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike,
    *,
    reverse: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """A long short-term memory that starts from zeros.

    Args:
        x: float32 [steps, batches, inputs].
        weights: float32 [4 * hidden, inputs + hidden]: rows of input, output, forget and cell gates.
        bias: float32 [4 * hidden].
        reverse: from the last step to the first.
        on, isa: as conv2d.

    Returns float32 [steps, batches, hidden]: the output after each step.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    return call_recurrent("lstm_float32", 4, 4, (x, weights, bias), {"reverse": reverse}, on, isa)
