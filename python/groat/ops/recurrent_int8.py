# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers of int8: sums become int16 in steps of 1 / 4096, gates are Q15 (docs/NUMERICS.md).

inputs: as recurrent.py; constants are weights int8 [gates * hidden, inputs], recurrent ones int8 [gates * hidden,
hidden], bias int32 [2 * gates * hidden], of the sums over inputs and of those over what was.
attrs: as recurrent.py; input_factors, recurrent_factors: (multiplier, shift) for each gate; input_zero_point,
hidden_zero_point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import Int64, folded_bias, requantize, wrap32
from groat.ops.base import Constants
from groat.ops.call import array, call_all
from groat.ops.recurrent import Recurrent, flags
from groat.ops.sigmoid_int16 import logistic, table

GATE_SCALE = 2.0**-12
GATE_MULTIPLIER = 3  # of a gate's sums to an argument of the logistic function
UNIT = 2.0**-15

Factor = tuple[int, int]


def saturate(x: ArrayLike, dtype: str = "int16") -> Int64:
    limits = np.iinfo(dtype)
    return np.clip(np.asarray(x, np.int64), limits.min, limits.max)


def scaled(x: ArrayLike, factor: Factor) -> Int64:
    """requantize to an int16."""
    return saturate(requantize(x, *factor))


def sigmoid(x: Int64) -> Int64:
    return logistic(x * GATE_MULTIPLIER)


class RecurrentInt8(Recurrent):
    constants = 3

    def sums(self, op: Op, x: Array, before: Array, constants: Sequence[Array]) -> tuple[Int64, Int64]:
        """Of each gate [gates, hidden], the int16 of the sums over inputs and over what was."""
        weights, recurrent, bias = (value.astype(np.int64) for value in constants)
        own = weights @ (x.astype(np.int64) - op.attrs["input_zero_point"]) + bias[: len(weights)]
        rest = recurrent @ (before.astype(np.int64) - op.attrs["hidden_zero_point"]) + bias[len(weights) :]
        return self._scaled(own, op.attrs["input_factors"]), self._scaled(rest, op.attrs["recurrent_factors"])

    def _scaled(self, sums: Int64, factors: Sequence[Factor]) -> Int64:
        rows = wrap32(sums).reshape(self.gates, -1)
        return np.stack([scaled(row, factor) for row, factor in zip(rows, factors, strict=True)])

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        weights, recurrent, bias = (tensor.data for tensor in inputs[1:4])
        assert weights is not None
        assert recurrent is not None
        assert bias is not None
        points = (op.attrs["input_zero_point"], op.attrs["hidden_zero_point"])
        sums = (weights.sum(axis=1, dtype=np.int64), recurrent.sum(axis=1, dtype=np.int64))
        folded = [folded_bias(b, s, z) for b, s, z in zip(bias.reshape(2, -1), sums, points, strict=True)]
        return {
            "layer": self.layer(op, inputs, outputs),
            "weights": constants.add(np.ascontiguousarray(weights).tobytes()),
            "recurrent": constants.add(np.ascontiguousarray(recurrent).tobytes()),
            "bias": constants.add(np.concatenate(folded).astype("<i4").tobytes()),
            "table": constants.add(table().astype("<u2").tobytes()),
            "input_factors": [as_factor(pair) for pair in op.attrs["input_factors"]],
            "recurrent_factors": [as_factor(pair) for pair in op.attrs["recurrent_factors"]],
            "hidden_zero_point": op.attrs["hidden_zero_point"],
        }


def gate_weights(rows: Array, gates: int) -> tuple[Array, list[float]]:
    """Weights float32 [gates * hidden, n] as symmetric int8, with a scale for each gate."""
    parts, scales = [], []
    for part in rows.reshape(gates, -1, rows.shape[1]):
        scale = float(np.float32(np.abs(part).max() / 127)) or 1.0
        parts.append(np.clip(np.rint(part / scale), -127, 127).astype(np.int8))
        scales.append(scale)
    return np.concatenate(parts), scales


def gate_biases(bias: Array, steps: Sequence[float]) -> Array:
    """Biases [gates * hidden] as int32 in steps of each gate."""
    rows = bias.astype(np.float64).reshape(len(steps), -1) / np.asarray(steps)[:, np.newaxis]
    return np.clip(np.rint(rows), -(2**31), 2**31 - 1).astype(np.int32).ravel()


def as_factor(pair: Factor) -> dict[str, int]:
    """The fields of a groat_factor."""
    return {"multiplier": pair[0], "shift": pair[1]}


def call_recurrent_int8(
    kind: str,
    definition: RecurrentInt8,
    arrays: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike],
    initial: Sequence[ArrayLike],
    attrs: dict[str, Any],
    on: str,
    isa: str | None,
) -> Array | list[Array]:
    """A layer on arrays: x, weights, recurrent weights, bias; y, or with attrs["final"] a list that begins with it."""
    x, weights = array(arrays[0], "x", "int8", 3), array(arrays[1], "weights", "int8", 2)
    recurrent, bias = array(arrays[2], "recurrent", "int8", 2), array(arrays[3], "bias", "int32", 1)
    start = [
        array(value, f"initial[{index}]", dtype, 2)
        for index, (value, dtype) in enumerate(zip(initial, definition.kept, strict=False))
    ]
    rows, hidden = recurrent.shape
    fits = rows == definition.gates * hidden and weights.shape == (rows, x.shape[2]) and bias.size == 2 * rows
    if not fits or len(initial) not in (0, len(definition.kept)):
        raise InputError(
            f"{kind}: weights {weights.shape} and {recurrent.shape}, {bias.size} biases and {len(initial)} initial "
            f"values do not fit x {x.shape}; expected [{definition.gates} * hidden, {x.shape[2]}], "
            f"[{definition.gates} * hidden, hidden], {2 * definition.gates} * hidden and 0 or {len(definition.kept)}"
        )
    attrs = {**flags(attrs.pop("reverse"), attrs.pop("batch_major"), start, attrs.pop("final")), **attrs}
    results = call_all(kind, [x, weights, recurrent, bias, *start], attrs, on, isa)
    return results if attrs["final"] else results[0]
