# SPDX-License-Identifier: Apache-2.0
"""Softmax of float32 over the last dimension.

inputs: x float32.
attrs: beta, which logits are multiplied by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, ImportedOp, OpDef, Operator, Shape, Tape, Unsupported
from groat.ops.call import call
from groat.ops.exp import exp
from groat.ops.floats import float_array
from groat.ops.softmax_int16 import softmax_operator


class SoftmaxFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, dtype = inputs[0].astype(np.float32), inputs[0].dtype
        most = np.fmax.reduce(x, axis=-1, keepdims=True, initial=-np.inf)
        with np.errstate(all="ignore"):
            e = exp((x - most) * np.float32(op.attrs["beta"]))
            total = np.zeros((*x.shape[:-1], 1), np.float32)
            for i in range(x.shape[-1]):
                total = total + e[..., i : i + 1]
            return [(e.astype(dtype).astype(np.float32) / total).astype(dtype)]

    def operator(self, op: Op, dtype: str) -> Operator:
        return softmax_operator(op)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        depth = inputs[0].shape[-1] if inputs[0].shape else 1
        return {"rows": inputs[0].elements // depth, "depth": depth, "beta": op.attrs["beta"]}

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        if not tape.wanted(0):
            return {}
        kind = op.kind.replace("softmax", "softmax_grad")
        return {0: tape.op(kind, (dy, op.outputs[0]), tape.tensor(dy).shape, {"beta": op.attrs["beta"]})}


def import_softmax_float32(source: ImportedOp) -> Op:
    if not source.input(0).shape:
        raise Unsupported("its input has no dimensions; expected at least one")
    beta = float(np.float32(source.options.get("Beta", 1.0)))
    return source.op("softmax_float32", source.inputs[:1], {"beta": beta})


OP = SoftmaxFloat32()


def softmax_float(x: ArrayLike, *, beta: float = 1.0, on: str = "host", isa: str | None = None) -> Array:
    """Softmax of floats over the last dimension.

    Args:
        x: float32 or float16 logits.
        beta: what logits are multiplied by.
        on, isa: as conv2d.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = float_array(x, "x")
    if not math.isfinite(beta):
        raise InputError(f"beta is {beta}; expected a finite number")
    attrs = {"beta": float(np.float32(beta))}
    return call("softmax" + suffix, [values], attrs, str(values.dtype), on, isa)
