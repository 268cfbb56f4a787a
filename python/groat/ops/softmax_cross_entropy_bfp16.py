# SPDX-License-Identifier: Apache-2.0
"""Softmax and cross-entropy of block floating point against labels: the loss, a mean over the rows, and its gradient.

inputs: logits int16 [rows, classes]; their exponent int32 [1]; labels int32 [rows].
outputs: loss float32 [1]; dlogits int16, its exponent.  Of a loss that is not finite, dlogits is 0; a label that is no
    class makes a loss that is no number, and so do logits that are not finite.
attrs: bits, of the magnitude of a mantissa of dlogits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, Shape
from groat.ops.bfp import (
    EXPONENT,
    NOT_FINITE,
    below,
    bfp_input,
    bit_length,
    bits_of,
    exp2,
    exponent_of,
    exponent_tensor,
    mantissas,
    shares,
    shifted,
    values_of,
)
from groat.ops.call import array, call_all
from groat.ops.loss import Loss
from groat.ops.softmax_bfp16 import DEPTH_MOST

LN_2 = 45426
"""Q16."""
LOSS_MOST = 1 << 30


def log2(x: int) -> int:
    """Of an x from 2^16 on, Q16 as the result is: digit by digit, by squares."""
    length = x.bit_length()
    y, x = (length - 17) << 16, x >> (length - 16) if length > 16 else x << (16 - length)
    for place in reversed(range(16)):
        x *= x
        y |= (x >> 31) << place
        x >>= 16 if x >> 31 else 15
    return y


class SoftmaxCrossEntropyBfp16(Loss):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [(1,), inputs[0].shape, EXPONENT]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["float32", "int16", "int32"]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, exponent, labels = inputs[0], exponent_of(inputs[1]), inputs[2]
        rows, classes = x.shape
        if exponent == NOT_FINITE or not all(0 <= label < classes for label in labels):
            return [np.array([np.nan], np.float32), np.zeros(x.shape, np.int16), exponent_tensor(0)]
        loss, gradient = 0, np.zeros(x.shape, np.int64)
        for row, label in enumerate(labels):
            lower = below(x[row], exponent)
            exponents = log2(int(exp2(lower).sum())) + int(lower[label])
            loss = min(loss + (exponents >> 16) * LN_2 + (((exponents & 0xFFFF) * LN_2) >> 16), LOSS_MOST)
            gradient[row] = shares(x[row], exponent)
            gradient[row, label] -= 1 << 15
        gradient = np.sign(gradient) * ((np.abs(gradient) + rows // 2) // rows) if rows > 1 else gradient
        shift = max(bit_length(gradient) - op.attrs["bits"], 0)
        return [
            rounded_float((loss + rows // 2) // rows, -16),
            mantissas(gradient, shift, op.attrs["bits"]),
            exponent_tensor(shift - 15 if gradient.any() else 0),
        ]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        rows, classes = inputs[0].shape
        return {"rows": rows, "classes": classes, "bits": op.attrs["bits"]}


OP = SoftmaxCrossEntropyBfp16()


def rounded_float(magnitude: int, exponent: int) -> Array:
    """The float32 next to magnitude * 2^exponent, halves away from zero."""
    surplus = max(magnitude.bit_length() - 24, 0)
    return values_of(shifted(np.array([magnitude]), surplus), exponent + surplus)


def softmax_cross_entropy_bfp16(
    logits: ArrayLike,
    exponent: int,
    labels: ArrayLike,
    *,
    bits: int = 15,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array, int]:
    """Cross-entropy of softmax against labels, a mean over the rows, and its gradient.

    Args:
        logits: int16 [rows, classes], at most 32,767 each.
        exponent: of the logits.
        labels: int32 [rows].
        bits: of the magnitude of a mantissa of the gradient, 4 to 15.
        on, isa: as conv2d.

    Returns (loss, a float32 [1]; its gradient by the logits, int16; its exponent).  If a label is no class the loss is
    no number, and the gradient is 0.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    x, of_x = bfp_input(logits, exponent, "logits", 2)
    targets = array(labels, "labels", "int32", 1)
    if len(targets) != len(x) or not 1 <= max(x.shape) <= DEPTH_MOST:
        raise InputError(
            f"logits has shape {list(x.shape)}, labels {len(targets)} values; expected a label for each row, and at "
            f"most {DEPTH_MOST:,} rows and classes"
        )
    attrs = {"bits": bits_of(bits)}
    loss, gradient, of_gradient = call_all("softmax_cross_entropy_bfp16", [x, of_x, targets], attrs, on, isa)
    return loss, gradient, int(of_gradient[0])
