# SPDX-License-Identifier: Apache-2.0
"""The loss of a layer by itself, for forward-forward training (Hinton, "The Forward-Forward Algorithm", 2022).

The goodness g of a layer is the mean square of its output h; its loss is log(1 + exp(threshold - g)) of a sample that
is right, log(1 + exp(g - threshold)) of one that is wrong.  It counts once for each channel of h, so that rates suit
layers of any size.  The gradient of both by h is h times one number, so there is no tensor for it: that number is what
`step` multiplies gradients with, and h stands for the gradient.

inputs: h float32 [..., c]; the learning rate float32 [1][; the loss of the layers before, float32 [1]].
outputs: loss float32 [1], with that of the layers before; step float32 [4] (loss.py).
attrs: threshold; negative: the sample is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import array, call_all
from groat.ops.exp import exp, log1p, logistic
from groat.ops.floats import sum_in_order
from groat.ops.loss import STEP_SHAPE


def _pixels(shape: Shape) -> int:
    """How often h has each channel."""
    return math.prod(shape[:-1])


class Goodness(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [(1,), STEP_SHAPE]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["float32", "float32"]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        h, rate = inputs[0].astype(np.float32), inputs[1][0]
        count = np.float32(h.size)
        with np.errstate(all="ignore"):
            g = sum_in_order(h * h) / count
            threshold, negative = np.float32(op.attrs["threshold"]), op.attrs["negative"]
            wrong = g - threshold if negative else threshold - g
            far = log1p(exp(np.asarray(-wrong if wrong > 0 else wrong)))
            before = inputs[2][0] if len(inputs) > 2 else np.float32(0)
            loss = np.float32(before + (wrong + far if wrong > 0 else far))
            slope = np.float32(2) / np.float32(_pixels(h.shape)) * np.float32(logistic(np.asarray(wrong)))
            good = bool(np.isfinite(loss) and np.isfinite(rate) and rate > 0)
        step = [rate if good else 0, (slope if negative else -slope) if good else 0, not good, 0]
        return [np.array([loss], np.float32), np.array(step, np.float32)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {
            "elements": inputs[0].elements,
            "pixels": _pixels(inputs[0].shape),
            "threshold": op.attrs["threshold"],
            "negative": int(op.attrs["negative"]),
        }


OP = Goodness()


def goodness(
    h: ArrayLike,
    lr: float,
    *,
    threshold: float,
    negative: bool = False,
    loss: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array]:
    """The loss of a layer's output in forward-forward training, and the step that makes it less.

    Args:
        h: float32 [..., c], the output.
        lr: the learning rate; positive and finite, or the step is refused.
        threshold: what the mean square of h should be above.
        negative: it should be below.
        loss: of the layers before, which is added.
        on, isa: as conv2d.

    Returns (loss, float32 [1]; step, float32 [4] as that of `step`: with h as dy, conv2d_weight_grad_float goes down).
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    inputs = [array(h, "h", "float32"), np.array([lr], np.float32)]
    if loss is not None:
        inputs.append(np.array([loss], np.float32))
    attrs = {"threshold": float(np.float32(threshold)), "negative": bool(negative)}
    found, step = call_all("goodness", inputs, attrs, on, isa)
    return found, step
