# SPDX-License-Identifier: Apache-2.0
"""What recurrent layers share: their tensors, and the walk over steps.

inputs: x [steps, batches, inputs]; constants; with `initial`, what the layer starts from, [batches, hidden] each.
outputs: y [steps, batches, hidden]; with `final`, what it ends with, as what it starts from.
attrs: reverse, from the last step to the first; batch_major, x and y are [batches, steps, ...]; initial; final.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import OpDef, Shape

FLAGS = ("reverse", "batch_major", "initial", "final")


class Recurrent(OpDef):
    """A recurrent layer.

    Attributes:
        gates: rows of weights, over the size of the hidden state.
        constants: how many inputs are constants; the first is the weights.
        kept: types of what it keeps from step to step.
    """

    gates: ClassVar[int]
    constants: ClassVar[int]
    kept: ClassVar[tuple[str, ...]]

    @abstractmethod
    def start(self, op: Op, hidden: int) -> tuple[Array, ...]:
        """What it keeps, before the first step, if it starts from zeros."""

    @abstractmethod
    def step(self, op: Op, x: Array, state: tuple[Array, ...], constants: Sequence[Array]) -> tuple[Array, ...]:
        """What it keeps after a step of one batch."""

    def given(self, op: Op, state: tuple[Array, ...]) -> Array:
        """The output after a step, [hidden]."""
        return state[0]

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        x, rows = inputs[0].shape, inputs[1].shape[0]
        hidden = rows // self.gates
        state = (x[0] if op.attrs["batch_major"] else x[1], hidden)
        count = 1 + self.constants + (len(self.kept) if op.attrs["initial"] else 0)
        if len(x) != 3 or rows != hidden * self.gates or len(inputs) != count:
            raise ValueError(f"{len(inputs)} inputs, x {list(x)} and weights of {rows} rows are no such layer")
        if any(tensor.shape != state for tensor in inputs[1 + self.constants :]):
            found = [list(tensor.shape) for tensor in inputs[1 + self.constants :]]
            raise ValueError(f"it starts from {found}; expected {list(state)} each")
        return [(*x[:2], hidden)] + [state] * (len(self.kept) if op.attrs["final"] else 0)

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return [inputs[0].dtype, *(self.kept if op.attrs["final"] else ())]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return (op.inputs[0], *op.inputs[1 + self.constants :])

    def inplace(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[int, ...]:
        return ()  # but states: see carried

    def carried(self, op: Op) -> tuple[tuple[int, int], ...]:
        both = op.attrs["initial"] and op.attrs["final"]
        return tuple((1 + self.constants + k, 1 + k) for k in range(len(self.kept))) if both else ()

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, constants, initial = inputs[0], inputs[1 : 1 + self.constants], inputs[1 + self.constants :]
        hidden = constants[0].shape[0] // self.gates
        major = op.attrs["batch_major"]
        x = x.swapaxes(0, 1) if major else x
        y = np.empty((*x.shape[:2], hidden), x.dtype)
        final = [np.empty((x.shape[1], hidden), dtype) for dtype in self.kept]
        with np.errstate(all="ignore"):
            for batch in range(x.shape[1]):
                state = tuple(tensor[batch] for tensor in initial) or self.start(op, hidden)
                for at in range(x.shape[0])[:: -1 if op.attrs["reverse"] else 1]:
                    state = self.step(op, x[at, batch], state, constants)
                    y[at, batch] = self.given(op, state)
                for tensor, value in zip(final, state, strict=True):
                    tensor[batch] = value
        y = np.ascontiguousarray(y.swapaxes(0, 1)) if major else y
        return [y, *(final if op.attrs["final"] else ())]

    def layer(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> dict[str, Any]:
        """The fields of a groat_recurrent."""
        first, second, count = inputs[0].shape
        steps, batches = (second, first) if op.attrs["batch_major"] else (first, second)
        sizes = {"steps": steps, "batches": batches, "inputs": count, "hidden": outputs[0].shape[2]}
        return {**sizes, **{name: int(op.attrs[name]) for name in FLAGS}}

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        steps, batches, count = inputs[0].shape
        hidden = outputs[0].shape[2]
        return steps * batches * self.gates * hidden * (count + hidden)


def flags(reverse: bool, batch_major: bool, initial: Sequence[Array], final: bool) -> dict[str, bool]:
    """The attributes of a layer that a caller described."""
    return {"reverse": reverse, "batch_major": batch_major, "initial": len(initial) > 0, "final": final}
