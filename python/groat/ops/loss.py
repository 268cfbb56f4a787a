# SPDX-License-Identifier: Apache-2.0
"""What losses and optimizers share: the tensors that steer a training step.

step: float32 [4]: the learning rate, 0 if this step is refused; what gradients are multiplied by, 1 / the loss scale; 1
    if it was refused before there were gradients; 0.
scale: float32 [2]: a loss scale that adapts, and for how many steps it has been good.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import OpDef, Shape
from groat.ops.call import array

RATE, UNSCALE, REFUSED = range(3)
STEP_SHAPE = (4,)
SCALE_SHAPE = (2,)


class Loss(OpDef):
    """inputs: x, what it should be[, scale].  outputs: the loss, its gradient by x times the loss scale."""

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [(1,), inputs[0].shape]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["float32", inputs[0].dtype]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs


def loss_position(ops: Sequence[Op]) -> int:
    """Where the loss is in a step of training: what comes before it is the forward half, what comes after it the
    backward half.  Raises ValueError if there is none."""
    from groat.ops import op_def

    found = [position for position, op in enumerate(ops) if isinstance(op_def(op.kind), Loss)]
    if len(found) != 1:
        raise ValueError(f"a step of training has {len(found)} losses; expected one")
    return found[0]


def factor(inputs: Sequence[Array]) -> np.float32:
    """The loss scale that a loss is given, or 1."""
    return np.float32(inputs[2][0] if len(inputs) > 2 else 1)


# ---- Arguments of calls ----------------------------------------------------------------------------------


def scale_input(scale: float | None) -> list[Array]:
    """The third input of a loss, if any; InputError unless it is a positive number."""
    if scale is None:
        return []
    if not (np.isfinite(scale) and scale > 0):
        raise InputError(f"scale is {scale}; expected a positive number")
    return [np.array([scale, 0], np.float32)]


def step_tensor(rate: float, unscale: float = 1.0) -> Array:
    """The tensor `step` of a step that is not refused."""
    return np.array([rate, unscale, 0, 0], np.float32)


def of_shape(value: ArrayLike, name: str, like: Array) -> Array:
    """`value` as an array; InputError unless it has the shape and type of another."""
    result = array(value, name, str(like.dtype))
    if result.shape != like.shape:
        raise InputError(f"{name} has shape {list(result.shape)}; expected {list(like.shape)}")
    return result


def hyperparameter(value: float, name: str, below: float | None = None) -> float:
    """`value` as float32; InputError unless it is a number from 0 on, and less than `below`."""
    result = float(np.float32(value))
    if not (np.isfinite(result) and result >= 0 and (below is None or result < below)):
        raise InputError(f"{name} is {value}; expected a number from 0 on{'' if below is None else f' below {below}'}")
    return result
