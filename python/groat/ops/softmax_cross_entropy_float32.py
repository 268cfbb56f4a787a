# SPDX-License-Identifier: Apache-2.0
"""Softmax and cross-entropy against labels: the loss of a classifier, a mean over the rows, and its gradient.

inputs: logits float32 [rows, classes]; labels int32 [rows][; scale float32 [2]].
outputs: loss float32 [1]; dlogits, times the loss scale.  Of a loss that is not finite, dlogits is 0; a label that is
    no class makes a loss that is no number.
attrs: none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants
from groat.ops.call import array, call_all
from groat.ops.exp import exp, log1p
from groat.ops.floats import Float32, float_array, sum_in_order
from groat.ops.loss import Loss, factor, scale_input


class SoftmaxCrossEntropyFloat32(Loss):
    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, labels = inputs[0].astype(np.float32), inputs[1]
        rows, classes = x.shape
        none = np.zeros(x.shape, inputs[0].dtype)
        if not all(0 <= label < classes for label in labels):
            return [np.array([np.nan], np.float32), none]
        loss: Any = np.float32(0)
        gradient = np.empty(x.shape, np.float32)
        scale = factor(inputs) / np.float32(rows)
        with np.errstate(all="ignore"):
            for row, label in enumerate(labels):
                most = x[row, 0]
                for value in x[row, 1:]:
                    most = value if most < value else most
                e: Float32 = exp(x[row] - most)
                others = sum_in_order(np.delete(e, label))
                below = most - x[row, label]
                rest = others if below == 0 else others + e[label] - np.float32(1)
                loss = loss + (log1p(np.asarray(rest)) + (np.float32(0) if below == 0 else below))
                share = e.copy()
                share[label] = -others
                gradient[row] = share / (others + e[label]) * scale
            loss = loss / np.float32(rows)
            finite = np.isfinite(loss)
            return [np.array([loss], np.float32), gradient.astype(inputs[0].dtype) if finite else none]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        rows, classes = inputs[0].shape
        return {"rows": rows, "classes": classes}


OP = SoftmaxCrossEntropyFloat32()


def softmax_cross_entropy_float(
    logits: ArrayLike, labels: ArrayLike, *, scale: float | None = None, on: str = "host", isa: str | None = None
) -> tuple[Array, Array]:
    """Cross-entropy of softmax against labels, a mean over the rows, and its gradient.

    Args:
        logits: float32 or float16 [rows, classes].
        labels: int32 [rows].
        scale: what the gradient is multiplied by; default 1.
        on, isa: as conv2d.

    Returns (loss, a float32 [1]; its gradient by the logits times scale, of their type and shape).  If a label is no
    class the loss is no number, and if the loss is not finite the gradient is 0.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    x, suffix = float_array(logits, "logits", 2)
    targets = array(labels, "labels", "int32", 1)
    if len(targets) != len(x):
        raise InputError(f"labels has {len(targets)} values; expected one for each of {len(x)} rows of logits")
    inputs = [x, targets, *scale_input(scale)]
    loss, gradient = call_all("softmax_cross_entropy" + suffix, inputs, {}, on, isa)
    return loss, gradient
