# SPDX-License-Identifier: Apache-2.0
"""Long short-term memory (Hochreiter and Schmidhuber, 1997) of int8, with cells of int16, as TensorFlow Lite Micro's.

Weights are of input, output, forget and cell gates.  It keeps h, int8, and the cell c, int16.
attrs: as recurrent_int8.py; keep, take, give: (multiplier, shift) of forget gate times cell, of input gate times cell
gate, of output gate times the cell's tanh; tanh_multiplier, tanh_shift: of a cell before tanh; cell_clip: what a cell
is at most (0: anything).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import factor, requantize, require_int8, require_int16
from groat.ops.base import Constants, ImportedOp, Unsupported
from groat.ops.call import arguments_of
from groat.ops.recurrent_int8 import (
    GATE_MULTIPLIER,
    GATE_SCALE,
    UNIT,
    RecurrentInt8,
    as_factor,
    call_recurrent_int8,
    saturate,
    scaled,
    sigmoid,
)
from groat.ops.sigmoid_int16 import argument, tanh

# Inputs of UNIDIRECTIONAL_SEQUENCE_LSTM, in our order of gates.
WEIGHTS, RECURRENT, BIASES = (1, 4, 2, 3), (5, 8, 6, 7), (12, 15, 13, 14)
VARIANTS = {**dict.fromkeys((9, 10, 11), "peepholes"), **dict.fromkeys((16, 17), "a projection")}
VARIANTS |= dict.fromkeys((20, 21, 22, 23), "layer normalization")
HIDDEN, CELL = 18, 19


class LstmInt8(RecurrentInt8):
    gates = 4
    kept = ("int8", "int16")

    def start(self, op: Op, hidden: int) -> tuple[Array, ...]:
        return np.full(hidden, op.attrs["hidden_zero_point"], np.int8), np.zeros(hidden, np.int16)

    def step(self, op: Op, x: Array, state: tuple[Array, ...], constants: Sequence[Array]) -> tuple[Array, ...]:
        attrs, (h, cell) = op.attrs, state
        own, rest = self.sums(op, x, h, constants)
        total = saturate(own + rest)
        take, give, keep = sigmoid(total[:3])
        fresh = tanh(total[3] * GATE_MULTIPLIER)
        c = saturate(scaled(keep * cell, attrs["keep"]) + scaled(take * fresh, attrs["take"]))
        if attrs["cell_clip"] > 0:
            c = np.clip(c, -attrs["cell_clip"], attrs["cell_clip"])
        given = give * tanh(argument(c, attrs["tanh_multiplier"], attrs["tanh_shift"]))
        y = saturate(requantize(given, *attrs["give"]) + attrs["hidden_zero_point"], "int8")
        return y.astype(np.int8), c.astype(np.int16)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {
            **super().params(op, inputs, outputs, constants),
            **{name: as_factor(op.attrs[name]) for name in ("keep", "take", "give")},
            **{name: op.attrs[name] for name in ("tanh_multiplier", "tanh_shift", "cell_clip")},
        }


def lstm_factors(
    input_scale: float, scales: Sequence[float], recurrent: Sequence[float], hidden_scale: float, cell_scale: float
) -> dict[str, Any]:
    """The attributes that follow from scales: of inputs, of each gate's two kinds of weights, of h and of cells.

    Raises Unsupported for those that cannot be expressed.
    """
    power = math.log2(cell_scale)
    if abs(power - round(power)) >= 1e-3:
        raise Unsupported(f"its cells have scale {cell_scale}; expected a power of two")
    left = 12 + round(power)
    if not -31 <= left <= 13:
        raise Unsupported(f"its cells have scale {cell_scale}; expected 2**-43 to 2")
    return {
        "input_factors": [factor(input_scale * scale / GATE_SCALE) for scale in scales],
        "recurrent_factors": [factor(hidden_scale * scale / GATE_SCALE) for scale in recurrent],
        "keep": factor(UNIT * cell_scale / cell_scale),
        "take": factor(UNIT * UNIT / cell_scale),
        "give": factor(UNIT * UNIT / hidden_scale),
        "tanh_multiplier": GATE_MULTIPLIER << max(left, 0),
        "tanh_shift": max(-left, 0),
    }


def import_lstm(source: ImportedOp) -> Op:
    """UNIDIRECTIONAL_SEQUENCE_LSTM of int8 or float32, whose h and c are variables of the file."""
    for index, variant in VARIANTS.items():
        if index < len(source.inputs) and source.inputs[index] >= 0:
            raise Unsupported(f"it has {variant}; there is no kernel for that")
    if source.options["FusedActivationFunction"] != "TANH":
        raise Unsupported(f"its activation is {source.options['FusedActivationFunction']}; expected TANH")
    x, y, h, c = source.input(0), source.output(0), source.input(HIDDEN), source.input(CELL)
    if len(x.shape) != 3 or len(y.shape) != 3:
        raise Unsupported(f"its input has shape {list(x.shape)}, its output {list(y.shape)}; expected 3 dimensions")
    flags = {
        "reverse": False,
        "batch_major": not source.options["TimeMajor"],
        "initial": True,
        "final": True,
    }
    states = (source.inputs[HIDDEN], source.inputs[CELL])
    weights, recurrent, biases = (
        [source.constant(index) for index in indices] for indices in (WEIGHTS, RECURRENT, BIASES)
    )
    require_shapes(x, y, (h, c), flags["batch_major"], weights, recurrent, biases)
    clip = float(source.options["CellClip"])
    if clip < 0:
        raise Unsupported(f"its cell_clip is {clip}; expected 0 or more")
    if x.dtype == "float32":
        if any(tensor.dtype != "float32" for tensor in (y, h, c)) or weights[0].dtype != np.float32:
            raise Unsupported("its input is float32, and its weights, output or states are not")
        both = np.concatenate([np.concatenate(weights), np.concatenate(recurrent)], axis=1)
        constants = [
            source.add_constant(f"{y.name}/weights", both),
            source.add_constant(f"{y.name}/bias", np.concatenate(biases)),
        ]
        op = source.op("lstm_float32", (source.inputs[0], *constants, *states), {**flags, "cell_clip": clip})
        return replace(op, outputs=(*op.outputs, *states))
    for tensor, role in ((x, "input"), (y, "output"), (h, "hidden state")):
        require_int8(tensor, role)
    require_int16(c, "cell")
    if h.quantization != y.quantization:
        raise Unsupported("its hidden state and its output differ in scale or zero point")
    scales = [[_weight_scale(source.input(index)) for index in indices] for indices in (WEIGHTS, RECURRENT)]
    if any(bias.dtype != np.int32 for bias in biases):
        raise Unsupported(f"its biases are {biases[0].dtype}; expected int32")
    if 0 < clip < c.scale:
        raise Unsupported(f"its cell_clip {clip} is less than the cells' scale {c.scale}")
    attrs = {
        **flags,
        **lstm_factors(x.scale, scales[0], scales[1], h.scale, c.scale),
        "input_zero_point": x.zero_point,
        "hidden_zero_point": h.zero_point,
        "cell_clip": int(min(clip / c.scale, 32767.0)),
    }
    bias = np.concatenate([*biases, np.zeros_like(np.concatenate(biases))])
    constants = [
        source.add_constant(f"{y.name}/weights", np.concatenate(weights)),
        source.add_constant(f"{y.name}/recurrent", np.concatenate(recurrent)),
        source.add_constant(f"{y.name}/bias", bias),
    ]
    op = source.op("lstm_int8", (source.inputs[0], *constants, *states), attrs)
    return replace(op, outputs=(*op.outputs, *states))


def require_shapes(
    x: Tensor,
    y: Tensor,
    states: tuple[Tensor, Tensor],
    batch_major: bool,
    weights: Sequence[Array],
    recurrent: Sequence[Array],
    biases: Sequence[Array],
) -> None:
    """Raises Unsupported unless all sizes are those of one layer."""
    hidden = y.shape[2]
    state = (x.shape[0] if batch_major else x.shape[1], hidden)
    right = (
        x.shape[:2] == y.shape[:2]
        and all(tensor.shape == state for tensor in states)
        and all(array.shape == (hidden, x.shape[2]) for array in weights)
        and all(array.shape == (hidden, hidden) for array in recurrent)
        and all(array.shape == (hidden,) for array in biases)
    )
    if not right:
        raise Unsupported(
            f"its weights {[array.shape for array in (*weights, *recurrent, *biases)]} or states "
            f"{[tensor.shape for tensor in states]} do not fit x {list(x.shape)} and y {list(y.shape)}"
        )


def _weight_scale(weights: Tensor) -> float:
    require_int8(weights, "weights")
    if weights.zero_point != 0:
        raise Unsupported(f"its weights have zero point {weights.zero_point}; expected 0")
    return weights.scale


LstmInt8.tflite = {"UNIDIRECTIONAL_SEQUENCE_LSTM": import_lstm}
OP = LstmInt8()


def lstm_int8(
    x: ArrayLike,
    weights: ArrayLike,
    recurrent: ArrayLike,
    bias: ArrayLike,
    *,
    input_scale: float,
    weight_scales: Sequence[float],
    recurrent_scales: Sequence[float],
    hidden_scale: float,
    cell_scale: float = 2.0**-12,
    input_zero_point: int = 0,
    hidden_zero_point: int = 0,
    cell_clip: float = 0.0,
    initial: Sequence[ArrayLike] = (),
    final: bool = False,
    reverse: bool = False,
    batch_major: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array | list[Array]:
    """A long short-term memory of int8.

    Args:
        x: int8 [steps, batches, inputs].
        weights, recurrent: int8 [4 * hidden, inputs] and [4 * hidden, hidden]: rows of input, output, forget and cell
            gates.
        bias: int32 [4 * hidden], in steps of input_scale times the gate's weight scale.
        input_scale, weight_scales, recurrent_scales: real = scale * (stored - zero_point); of each gate.
        hidden_scale: of the output; cell_scale: of cells, a power of two.
        cell_clip: what a cell is at most, as a real number; 0: anything.
        initial: (h, c), int8 and int16 [batches, hidden], that it starts from; none: zeros.
        final: also return what it ends with.
        reverse: from the last step to the first.
        batch_major: x and the result are [batches, steps, ...].
        on, isa: as conv2d.

    Returns int8 [steps, batches, hidden]: the output after each step; with `final` a list of it, h and c.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    with arguments_of("lstm_int8"):
        factors = lstm_factors(input_scale, weight_scales, recurrent_scales, hidden_scale, cell_scale)
    attrs = {
        **factors,
        "reverse": reverse,
        "batch_major": batch_major,
        "final": final,
        "input_zero_point": input_zero_point,
        "hidden_zero_point": hidden_zero_point,
        "cell_clip": int(min(cell_clip / cell_scale, 32767.0)),
    }
    bias = np.asarray(bias)
    both = np.concatenate([bias, np.zeros_like(bias)])
    return call_recurrent_int8("lstm_int8", OP, (x, weights, recurrent, both), initial, attrs, on, isa)
