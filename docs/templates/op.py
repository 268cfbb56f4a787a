# SPDX-License-Identifier: Apache-2.0
"""MY_OP in one sentence: each channel times a constant of its own, int8.

A template: copy it to python/groat/ops/my_op.py, put your op's name for my_op, and replace what it computes.
Every op's module begins with these two lines on what the rest of the compiler may rely on:

inputs: x int8 [..., channels]; weights int8 [channels].
attrs: multiplier, shift; input_zero_point, output_zero_point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import clamp_int8, factor, requantize, require_int8, wrap32
from groat.ops.base import Constants, ImportedOp, OpDef, Shape, Unsupported
from groat.ops.call import array, call


class MyOp(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, weights = (value.astype(np.int64) for value in inputs)
        product = (x - op.attrs["input_zero_point"]) * weights
        y = requantize(product, op.attrs["multiplier"], op.attrs["shift"])
        return [clamp_int8(wrap32(y + op.attrs["output_zero_point"]))]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        weights = inputs[1].data
        assert weights is not None
        return {
            "weights": constants.add(weights.tobytes()),
            "pixels": inputs[0].elements // weights.size,
            "channels": weights.size,
            **op.attrs,
        }

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return outputs[0].elements

    # OpDef has defaults for the rest: the device sees the first input as a tensor (arguments), and the output may
    # take over its memory if ops.def says GROAT_INPLACE (inplace).


def _import(source: ImportedOp) -> Op:
    """Turns scales into integers, here and nowhere else; raises Unsupported, with the reason, for what cannot run."""
    x, weights, y = source.input(0), source.input(1), source.output(0)
    for tensor, role in ((x, "input"), (weights, "weights"), (y, "output")):
        require_int8(tensor, role)
    shape = source.constant(1).shape
    if not x.shape or shape != x.shape[-1:]:
        raise Unsupported(f"its weights have shape {list(shape)}; expected {list(x.shape[-1:])}")
    if weights.zero_point != 0:
        raise Unsupported(f"its weights have zero point {weights.zero_point}; expected 0")
    multiplier, shift = factor(x.scale * weights.scale / y.scale)
    attrs = {
        "multiplier": multiplier,
        "shift": shift,
        "input_zero_point": x.zero_point,
        "output_zero_point": y.zero_point,
    }
    return source.op("my_op", source.inputs[:2], attrs)


# Names of TFLite's builtin operators -> how each becomes this op.
MyOp.tflite = {"MY_OP": _import}
OP = MyOp()


def my_op(
    x: ArrayLike,
    weights: ArrayLike,
    *,
    multiplier: int,
    shift: int,
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Each channel times a constant of its own; becomes groat.kernels.my_op.

    Args:
        x: int8 [..., channels].
        weights: int8 [channels].
        multiplier, shift, on, isa: as conv2d.

    Returns int8 of x's shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    attrs = {
        "multiplier": multiplier,
        "shift": shift,
        "input_zero_point": input_zero_point,
        "output_zero_point": output_zero_point,
    }
    return call("my_op", [array(x, "x", "int8"), array(weights, "weights", "int8", 1)], attrs, "int8", on, isa)
