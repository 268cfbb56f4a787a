# SPDX-License-Identifier: Apache-2.0
"""A step of gradient descent, with weight decay and momentum.

inputs: gradient g float32, already without the loss scale.
outputs: parameters w; step (loss.py), of which a gradient that is not finite makes a refused one; g, if it is not only
    read; the velocity v, if there is one.  It updates all of them.  What is refused changes no parameter.
attrs: decay; momentum, None without a velocity of its own; gradient: "read", "clear" (it becomes 0: others will be
    added up) or "velocity" (it is the velocity, to which its op has added the gradient).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import call_all
from groat.ops.floats import finite, float_array
from groat.ops.loss import RATE, STEP_SHAPE, hyperparameter, of_shape, step_tensor
from groat.pack.structs import constants as format_constants


class SgdFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        shape, attrs = inputs[0].shape, op.attrs
        further = (attrs["gradient"] != "read") + (attrs["momentum"] is not None)
        return [shape, STEP_SHAPE, *[shape] * further]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["float32" if index == 1 else inputs[0].dtype for index in range(len(self.shapes(op, inputs)))]

    def updates(self, op: Op) -> tuple[int, ...]:
        return (0, 1, len(op.outputs) - 1) if op.attrs["momentum"] is not None else (0, 1)

    def inplace(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[int, ...]:
        return ()  # it is the same tensor that it reads and clears

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        g, old, step = inputs[:3]
        attrs, w, step = op.attrs, old.astype(np.float32), step.copy()
        usable = bool(np.isfinite(g).all())
        g = g if usable or attrs["gradient"] == "read" else np.zeros_like(g)
        step[RATE] *= usable
        d, rate = g.astype(np.float32), step[RATE]
        velocity = inputs[3:]
        with np.errstate(all="ignore"):
            if rate != 0:
                d = d + np.float32(attrs["decay"]) * w
                if attrs["momentum"] is not None:
                    d = np.float32(attrs["momentum"]) * velocity[0].astype(np.float32) + d
                    velocity = [finite(d, g.dtype)]
                    d = velocity[0].astype(np.float32)
                elif attrs["gradient"] == "velocity":
                    g = finite(d, g.dtype)
                    d = g.astype(np.float32)
                w = w - rate * d
        if attrs["gradient"] == "clear":
            g = np.zeros_like(g)
        return [finite(w, old.dtype), step, *([g] if attrs["gradient"] != "read" else []), *velocity]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {
            "elements": inputs[0].elements,
            "decay": op.attrs["decay"],
            "momentum": op.attrs["momentum"] or 0.0,
            "gradient": getattr(format_constants(), f"GROAT_GRADIENT_{op.attrs['gradient'].upper()}"),
            "has_velocity": op.attrs["momentum"] is not None,
        }


OP = SgdFloat32()


def sgd_float(
    w: ArrayLike,
    gradient: ArrayLike,
    lr: float,
    *,
    velocity: ArrayLike | None = None,
    momentum: float = 0.0,
    decay: float = 0.0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """A step of gradient descent, as torch.optim.SGD: v = momentum * v + gradient + decay * w; w = w - lr * v.

    Args:
        w: parameters, float32 or float16.
        gradient: of their shape and type.
        lr: the learning rate; 0 refuses the step.
        velocity: v, of their shape and type; none without momentum.
        momentum: from 0 on and below 1.
        decay: of the weights.
        on, isa: as conv2d.

    Returns (w, step[, velocity]): step is a float32 [4] whose first value is lr, or 0 if the gradient was not finite;
    then w and velocity are what they were.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = float_array(w, "w")
    state = {0: values, 1: step_tensor(hyperparameter(lr, "lr"))}
    if velocity is not None:
        state[2] = of_shape(velocity, "velocity", values)
    attrs = {
        "decay": hyperparameter(decay, "decay"),
        "momentum": None if velocity is None else hyperparameter(momentum, "momentum", 1),
        "gradient": "read",
    }
    inputs = [of_shape(gradient, "gradient", values)]
    return tuple(call_all("sgd" + suffix, inputs, attrs, on, isa, state=state))
