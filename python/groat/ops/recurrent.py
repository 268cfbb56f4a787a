# SPDX-License-Identifier: Apache-2.0
"""What recurrent layers of float32 share.

inputs: x float32 [steps, batches, inputs]; weights float32 [gates * hidden, inputs + hidden]; bias float32.
attrs: reverse, from the last step to the first.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import array, call
from groat.ops.floats import Float32


def dot_from(start: Float32, weights: Float32, v: Float32) -> Float32:
    """start + weights @ v, in order: [rows]."""
    total = start.astype(np.float32)
    for k in range(weights.shape[1]):
        total = total + weights[:, k] * v[k]
    return total


class Recurrent(OpDef):
    gates: ClassVar[int]

    @abstractmethod
    def start(self, hidden: int) -> tuple[Float32, ...]:
        """The state before the first step; its first part is the output."""

    @abstractmethod
    def step(
        self, op: Op, x: Float32, state: tuple[Float32, ...], weights: Float32, bias: Float32
    ) -> tuple[Float32, ...]:
        """The state after a step of one batch."""

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        steps, batches, _ = inputs[0].shape
        return [(steps, batches, inputs[1].shape[0] // self.gates)]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, weights, bias = inputs
        hidden = weights.shape[0] // self.gates
        y = np.empty((*x.shape[:2], hidden), np.float32)
        with np.errstate(all="ignore"):
            for batch in range(x.shape[1]):
                state = self.start(hidden)
                for at in range(x.shape[0])[:: -1 if op.attrs["reverse"] else 1]:
                    state = self.step(op, x[at, batch], state, weights, bias)
                    y[at, batch] = state[0]
        return [y]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        weights, bias = inputs[1].data, inputs[2].data
        assert weights is not None
        assert bias is not None
        names = ("steps", "batches", "inputs", "hidden")
        return {
            **dict(zip(names, (*inputs[0].shape, outputs[0].shape[2]), strict=True)),
            "weights": constants.add(np.ascontiguousarray(weights).tobytes()),
            "bias": constants.add(np.ascontiguousarray(bias).tobytes()),
            "reverse": int(op.attrs["reverse"]),
        }

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        steps, batches, _ = inputs[0].shape
        return steps * batches * inputs[1].elements


def call_recurrent(
    kind: str,
    gates: int,
    biases: int,
    arrays: tuple[ArrayLike, ArrayLike, ArrayLike],
    attrs: dict[str, Any],
    on: str,
    isa: str | None,
) -> Array:
    """A layer on arrays: x, weights, bias."""
    x, weights = array(arrays[0], "x", "float32", 3), array(arrays[1], "weights", "float32", 2)
    bias = array(arrays[2], "bias", "float32", 1)
    hidden = weights.shape[0] // gates
    if hidden * gates != weights.shape[0] or weights.shape[1] != x.shape[2] + hidden or bias.size != biases * hidden:
        raise InputError(
            f"{kind}: weights {weights.shape} and {bias.size} biases do not fit x {x.shape}; expected "
            f"[{gates} * hidden, {x.shape[2]} + hidden] and {biases} * hidden"
        )
    return call(kind, [x, weights, bias], attrs, "float32", on, isa)
