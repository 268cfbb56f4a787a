# SPDX-License-Identifier: Apache-2.0
"""Gated recurrent units (Cho et al., 2014) of int8, with a state of int16 (docs/NUMERICS.md).

Weights are of update, reset and hidden gates.  It keeps h, int16 in steps of 2**-15; the output is h as int8.
attrs: as recurrent_int8.py; give: (multiplier, shift) from h to the output; reset_after: the reset gate scales the
recurrent product, not what goes into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import Int64, factor, requantize
from groat.ops.base import Constants
from groat.ops.call import arguments_of
from groat.ops.recurrent_int8 import (
    GATE_MULTIPLIER,
    GATE_SCALE,
    UNIT,
    RecurrentInt8,
    as_factor,
    call_recurrent_int8,
    saturate,
    sigmoid,
)
from groat.ops.sigmoid_int16 import tanh

ONE, HALF = 1 << 15, 1 << 14


def scale_by(gate: Int64, x: Int64) -> Int64:
    """A gate, Q15, times x; halves up."""
    return (gate * x + HALF) >> 15


class GruInt8(RecurrentInt8):
    gates = 3
    kept = ("int16",)

    def start(self, op: Op, hidden: int) -> tuple[Array, ...]:
        return (np.zeros(hidden, np.int16),)

    def given(self, op: Op, state: tuple[Array, ...]) -> Array:
        y = requantize(state[0], *op.attrs["give"]) + op.attrs["hidden_zero_point"]
        return saturate(y, "int8").astype(np.int8)

    def step(self, op: Op, x: Array, state: tuple[Array, ...], constants: Sequence[Array]) -> tuple[Array, ...]:
        before, zero = self.given(op, state), op.attrs["hidden_zero_point"]
        own, rest = self.sums(op, x, before, constants)
        update, reset = sigmoid(saturate(own[:2] + rest[:2]))
        if op.attrs["reset_after"]:
            part = scale_by(reset, rest[2])
        else:
            passed = saturate(scale_by(reset, before.astype(np.int64) - zero) + zero, "int8")
            part = self.sums(op, x, passed, constants)[1][2]
        fresh = tanh(saturate(own[2] + part) * GATE_MULTIPLIER)
        return (((update * state[0] + (ONE - update) * fresh + HALF) >> 15).astype(np.int16),)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        common = super().params(op, inputs, outputs, constants)
        return {**common, "give": as_factor(op.attrs["give"]), "reset_after": int(op.attrs["reset_after"])}


OP = GruInt8()


def gru_factors(
    input_scale: float, scales: Sequence[float], recurrent: Sequence[float], hidden_scale: float
) -> dict[str, Any]:
    """The attributes that follow from scales: of inputs, of each gate's two kinds of weights, of the output."""
    return {
        "input_factors": [factor(input_scale * scale / GATE_SCALE) for scale in scales],
        "recurrent_factors": [factor(hidden_scale * scale / GATE_SCALE) for scale in recurrent],
        "give": factor(UNIT / hidden_scale),
    }


def gru_int8(
    x: ArrayLike,
    weights: ArrayLike,
    recurrent: ArrayLike,
    bias: ArrayLike,
    *,
    input_scale: float,
    weight_scales: Sequence[float],
    recurrent_scales: Sequence[float],
    hidden_scale: float,
    input_zero_point: int = 0,
    hidden_zero_point: int = 0,
    initial: Sequence[ArrayLike] = (),
    final: bool = False,
    reset_after: bool = True,
    reverse: bool = False,
    batch_major: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array | list[Array]:
    """Gated recurrent units of int8.

    Args:
        x: int8 [steps, batches, inputs].
        weights, recurrent: int8 [3 * hidden, inputs] and [3 * hidden, hidden]: rows of update, reset and hidden gates.
        bias: int32 [6 * hidden]: of the sums over inputs, in steps of input_scale times the gate's weight scale, and of
            those over the output, in steps of hidden_scale times the gate's recurrent scale.
        input_scale, weight_scales, recurrent_scales: real = scale * (stored - zero_point); of each gate.
        hidden_scale: of the output.
        initial: (h,), int16 [batches, hidden] in steps of 2**-15, that it starts from; none: zeros.
        final: also return what it ends with.
        reset_after: the reset gate scales the recurrent product, as in PyTorch; false: what goes into it.
        reverse: from the last step to the first.
        batch_major: x and the result are [batches, steps, ...].
        on, isa: as conv2d.

    Returns int8 [steps, batches, hidden]: the output after each step; with `final` a list of it and h.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    with arguments_of("gru_int8"):
        factors = gru_factors(input_scale, weight_scales, recurrent_scales, hidden_scale)
    attrs = {
        **factors,
        "reverse": reverse,
        "batch_major": batch_major,
        "final": final,
        "reset_after": reset_after,
        "input_zero_point": input_zero_point,
        "hidden_zero_point": hidden_zero_point,
    }
    return call_recurrent_int8("gru_int8", OP, (x, weights, recurrent, bias), initial, attrs, on, isa)
