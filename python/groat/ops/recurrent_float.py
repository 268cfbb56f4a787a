# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers of float32.

inputs: as recurrent.py; constants are weights float32 [gates * hidden, inputs + hidden] and bias float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import OWN, Constants, Operator
from groat.ops.call import array, call_all
from groat.ops.floats import Float32
from groat.ops.recurrent import Recurrent, flags


def dot_from(start: Float32, weights: Float32, v: Float32) -> Float32:
    """start + weights @ v, in order: [rows]."""
    total = start.astype(np.float32)
    for k in range(weights.shape[1]):
        total = total + weights[:, k] * v[k]
    return total


class RecurrentFloat(Recurrent):
    constants = 2
    biases: ClassVar[int]
    """Of the bias, over the size of the hidden state."""

    def start(self, op: Op, hidden: int) -> tuple[Array, ...]:
        return tuple(np.zeros(hidden, np.float32) for _ in self.kept)

    def operator(self, op: Op, dtype: str) -> Operator | None:
        return Operator(OWN) if dtype == "int8" else None

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        weights, bias = inputs[1].data, inputs[2].data
        assert weights is not None
        assert bias is not None
        return {
            "layer": self.layer(op, inputs, outputs),
            "weights": constants.add(np.ascontiguousarray(weights).tobytes()),
            "bias": constants.add(np.ascontiguousarray(bias).tobytes()),
        }


def call_recurrent(
    kind: str,
    definition: RecurrentFloat,
    arrays: tuple[ArrayLike, ArrayLike, ArrayLike],
    initial: Sequence[ArrayLike],
    attrs: dict[str, Any],
    on: str,
    isa: str | None,
) -> Array | list[Array]:
    """A layer on arrays: x, weights, bias; y, or with attrs["final"] a list that begins with it."""
    x, weights = array(arrays[0], "x", "float32", 3), array(arrays[1], "weights", "float32", 2)
    bias = array(arrays[2], "bias", "float32", 1)
    start = [array(value, f"initial[{index}]", "float32", 2) for index, value in enumerate(initial)]
    hidden = weights.shape[0] // definition.gates
    fits = weights.shape == (hidden * definition.gates, x.shape[2] + hidden)
    if not fits or bias.size != definition.biases * hidden or len(start) not in (0, len(definition.kept)):
        raise InputError(
            f"{kind}: weights {weights.shape}, {bias.size} biases and {len(start)} initial values do not fit "
            f"x {x.shape}; expected [{definition.gates} * hidden, {x.shape[2]} + hidden], "
            f"{definition.biases} * hidden and 0 or "
            f"{len(definition.kept)}"
        )
    attrs = {**flags(attrs.pop("reverse"), attrs.pop("batch_major"), start, attrs.pop("final")), **attrs}
    results = call_all(kind, [x, weights, bias, *start], attrs, on, isa)
    return results if attrs["final"] else results[0]
