# SPDX-License-Identifier: Apache-2.0
"""Long short-term memory (Hochreiter and Schmidhuber, 1997) with forget gates; attributes: recurrent.py, and cell_clip,
what a cell is at most (0: anything).

weights: of input, output, forget and cell gates; bias float32 [4 * hidden].  It keeps h and the cell c.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Quantization, Tensor
from groat.ops.base import Constants, ImportedOp
from groat.ops.exp import logistic, tanh
from groat.ops.lstm_int8 import lstm_factors
from groat.ops.recurrent import FLAGS
from groat.ops.recurrent_float import RecurrentFloat, call_recurrent, dot_from
from groat.ops.recurrent_int8 import gate_biases, gate_weights

CELL_SCALE = 2.0**-11
"""Of cells of int16, when a layer is quantised: up to 16, beyond which the tanh of a cell is 1."""


class LstmFloat32(RecurrentFloat):
    gates = 4
    biases = 4
    kept = ("float32", "float32")

    def step(self, op: Op, x: Array, state: tuple[Array, ...], constants: Sequence[Array]) -> tuple[Array, ...]:
        (h, cell), (weights, bias) = state, constants
        total = dot_from(dot_from(bias, weights[:, : len(x)], x), weights[:, len(x) :], h)
        take, give, keep = logistic(total[: 3 * len(h)]).reshape(3, -1)
        cell = keep * cell + take * tanh(total[3 * len(h) :])
        limit = np.float32(op.attrs["cell_clip"])
        cell = np.clip(cell, -limit, limit) if limit > 0 else cell
        return give * tanh(cell), cell

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {**super().params(op, inputs, outputs, constants), "cell_clip": op.attrs["cell_clip"]}

    def kept_integers(self, op: Op, output: Quantization) -> Sequence[tuple[str, Quantization]]:
        return ("int8", output), ("int16", Quantization((CELL_SCALE,), (0,)))

    def integers(self, op: Op, source: ImportedOp) -> Op:
        x, y = source.input(0), source.output(0)
        both, bias = source.constant(1), source.constant(2)
        weights, scales = gate_weights(both[:, : x.shape[2]], self.gates)
        recurrent, recurrent_scales = gate_weights(both[:, x.shape[2] :], self.gates)
        biases = gate_biases(bias, [x.scale * scale for scale in scales])
        constants = [
            source.add_constant(f"{y.name}/weights", weights),
            source.add_constant(f"{y.name}/recurrent", recurrent),
            source.add_constant(f"{y.name}/bias", np.concatenate([biases, np.zeros_like(biases)])),
        ]
        attrs = {
            **{name: op.attrs[name] for name in FLAGS},
            **lstm_factors(x.scale, scales, recurrent_scales, y.scale, CELL_SCALE),
            "input_zero_point": x.zero_point,
            "hidden_zero_point": y.zero_point,
            "cell_clip": int(min(op.attrs["cell_clip"] / CELL_SCALE, 32767.0)),
        }
        return source.op("lstm_int8", (source.inputs[0], *constants, *source.inputs[3:]), attrs)


OP = LstmFloat32()


def lstm_float(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike,
    *,
    initial: Sequence[ArrayLike] = (),
    final: bool = False,
    reverse: bool = False,
    batch_major: bool = False,
    cell_clip: float = 0.0,
    on: str = "host",
    isa: str | None = None,
) -> Array | list[Array]:
    """A long short-term memory.

    Args:
        x: float32 [steps, batches, inputs].
        weights: float32 [4 * hidden, inputs + hidden]: rows of input, output, forget and cell gates.
        bias: float32 [4 * hidden].
        initial: (h, c), float32 [batches, hidden] each, that it starts from; none: zeros.
        final: also return what it ends with.
        reverse: from the last step to the first.
        batch_major: x and the result are [batches, steps, ...].
        cell_clip: what a cell is at most; 0: anything.
        on, isa: as conv2d.

    Returns float32 [steps, batches, hidden]: the output after each step; with `final` a list of it, h and c.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    attrs = {"reverse": reverse, "batch_major": batch_major, "final": final, "cell_clip": float(cell_clip)}
    return call_recurrent("lstm_float32", OP, (x, weights, bias), initial, attrs, on, isa)
