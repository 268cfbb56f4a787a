# SPDX-License-Identifier: Apache-2.0
"""A step of Adam (Kingma and Ba, 2015, algorithm 1), with weight decay added to the gradient.

inputs: gradient float32, already without the loss scale.
outputs: parameters w; step (loss.py), of which a gradient that is not finite makes a refused one; m and v, the averages
    of gradients and of their squares; correction float32 [2], 1 - beta^t for t steps, at first 0; the gradient, if it
    is cleared.  It updates all of them.  What is refused changes nothing but step, and clears the gradient.
attrs: beta1, beta2, epsilon, decay; clear: the gradient becomes 0, since others will be added up.

v is float32 whatever the type of w: in float16 it would not move, since a step changes it by a thousandth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import array, call_all
from groat.ops.floats import float_array
from groat.ops.loss import RATE, STEP_SHAPE, hyperparameter, of_shape, step_tensor


class AdamFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        shape = inputs[0].shape
        return [shape, STEP_SHAPE, shape, shape, (2,), *([shape] if op.attrs["clear"] else [])]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        dtype = inputs[0].dtype
        return [dtype, "float32", dtype, "float32", "float32", *([dtype] if op.attrs["clear"] else [])]

    def updates(self, op: Op) -> tuple[int, ...]:
        return (0, 1, 2, 3, 4)

    def inplace(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[int, ...]:
        return ()  # it is the same tensor that it reads and clears

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        g, old, step, m, v, correction = inputs
        betas = [np.float32(op.attrs[name]) for name in ("beta1", "beta2")]
        rests = [np.float32(1) - beta for beta in betas]
        decay, epsilon = np.float32(op.attrs["decay"]), np.float32(op.attrs["epsilon"])
        step, w, dtype = step.copy(), old, old.dtype
        step[RATE] *= bool(np.isfinite(g).all())
        if step[RATE] != 0:
            with np.errstate(all="ignore"):
                correction = np.array([b * c + r for b, c, r in zip(betas, correction, rests, strict=True)], np.float32)
                wide = w.astype(np.float32)
                d = g.astype(np.float32) + decay * wide
                mean = betas[0] * m.astype(np.float32) + rests[0] * d
                v = betas[1] * v + rests[1] * d * d
                root = np.float32(1) / np.sqrt(correction[1])
                size = step[RATE] / correction[0]
                w = (wide - size * mean / (np.sqrt(v) * root + epsilon)).astype(dtype)
                m = mean.astype(dtype)
        return [w, step, m, v, correction, *([np.zeros_like(g)] if op.attrs["clear"] else [])]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        names = ("beta1", "beta2", "epsilon", "decay")
        return {
            "elements": inputs[0].elements,
            **{name: op.attrs[name] for name in names},
            "clear": int(op.attrs["clear"]),
        }


OP = AdamFloat32()


def adam_float(
    w: ArrayLike,
    gradient: ArrayLike,
    lr: float,
    m: ArrayLike,
    v: ArrayLike,
    correction: ArrayLike,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    decay: float = 0.0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """A step of Adam, as torch.optim.Adam.

    Args:
        w: parameters, float32 or float16.
        gradient: of their shape and type.
        lr: the learning rate; 0 refuses the step.
        m: the average of gradients, of their shape and type; at first 0.
        v: that of their squares, float32; at first 0.
        correction: float32 [2], 1 - beta1^t and 1 - beta2^t for t steps; at first 0.
        beta1, beta2: from 0 on and below 1.
        epsilon: added to the root of v.
        decay: of the weights.
        on, isa: as conv2d.

    Returns (w, step, m, v, correction): step is a float32 [4] whose first value is lr, or 0 if the gradient was not
    finite; then all others are what they were.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = float_array(w, "w")
    state = {
        0: values,
        1: step_tensor(hyperparameter(lr, "lr")),
        2: of_shape(m, "m", values),
        3: of_shape(v, "v", values.astype(np.float32)),
        4: of_shape(array(correction, "correction", "float32", 1), "correction", np.zeros(2, np.float32)),
    }
    attrs = {
        "beta1": hyperparameter(beta1, "beta1", 1),
        "beta2": hyperparameter(beta2, "beta2", 1),
        "epsilon": hyperparameter(epsilon, "epsilon"),
        "decay": hyperparameter(decay, "decay"),
        "clear": False,
    }
    inputs = [of_shape(gradient, "gradient", values)]
    return tuple(call_all("adam" + suffix, inputs, attrs, on, isa, state=state))
