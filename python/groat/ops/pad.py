# SPDX-License-Identifier: Apache-2.0
"""Constant padding of any dimension, int8, int16 or float32.

inputs: x.
attrs: padding, ((before, after), ...) for each dimension; value, one stored element.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import require_activations
from groat.ops.base import Constants, ImportedOp, OpDef, Operator, Rows, Shape, Tape, Unsupported
from groat.ops.call import array, call

RANK = 6
MOST_BEFORE = 65_535  # rows or columns, in a stream


class Pad(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        sizes = zip(inputs[0].shape, op.attrs["padding"], strict=True)
        return [tuple(before + size + after for size, (before, after) in sizes)]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [np.pad(inputs[0], op.attrs["padding"], constant_values=op.attrs["value"])]

    def operator(self, op: Op, dtype: str) -> Operator:
        paddings = np.array(op.attrs["padding"], np.int32)
        return Operator("PADV2", {}, {1: paddings, 2: np.array([op.attrs["value"]], np.float32)}, "inputs")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        missing = RANK - len(inputs[0].shape)
        value = np.array([op.attrs["value"]], inputs[0].dtype).tobytes()
        return {
            "in_dims": [1] * missing + list(inputs[0].shape),
            "out_dims": [1] * missing + list(outputs[0].shape),
            "before": [0] * missing + [before for before, _ in op.attrs["padding"]],
            "element_bytes": len(value),
            "value": list(value.ljust(4, b"\0")),
        }

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        borders = op.attrs["padding"]
        if len(borders) != 4 or borders[0] != (0, 0) or borders[3] != (0, 0):
            return None
        top, left = borders[1][0], borders[2][0]
        return Rows(pad=top, pad_w=left, gathers=True, cuts=True) if max(top, left) <= MOST_BEFORE else None

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        if not tape.wanted(0):
            return {}
        shape = tape.tensor(op.inputs[0]).shape
        attrs = {"begin": tuple(before for before, _ in op.attrs["padding"]), "shape": shape}
        return {0: tape.op("slice", (dy,), shape, attrs)}


def _import(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    floating = require_activations((x, "input"), (y, "output")) == "_float32"
    pairs = source.constant(1).reshape(-1, 2).tolist()
    if len(pairs) != len(x.shape) or len(pairs) > RANK or min(min(pair) for pair in pairs) < 0:
        raise Unsupported(f"paddings {pairs} do not fit a tensor of shape {list(x.shape)}")
    if x.quantization != y.quantization:
        raise Unsupported("its input and output differ in scale or zero point")
    value: float = 0.0 if floating else y.zero_point
    if len(source.inputs) > 2 and source.inputs[2] >= 0:
        given = source.constant(2)
        if str(given.dtype) != y.dtype:
            raise Unsupported(f"its value is {given.dtype}; expected {y.dtype}")
        value = given.ravel()[0].item()
    attrs = {"padding": tuple((int(before), int(after)) for before, after in pairs), "value": value}
    return source.op("pad", source.inputs[:1], attrs)


Pad.tflite = {"PAD": _import, "PADV2": _import}
OP = Pad()


def pad(
    x: ArrayLike, padding: Sequence[tuple[int, int]], value: float = 0, on: str = "host", isa: str | None = None
) -> Array:
    """Constant padding.

    Args:
        x: int8, int16 or float32, at most 6 dimensions.
        padding: (before, after) for each dimension.
        value: one element, as it is stored.
        on, isa: as conv2d.

    Returns x with `value` around it.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values = array(x, "x", ("int8", "int16", "float32"))
    attrs = {"padding": tuple((int(before), int(after)) for before, after in padding), "value": value}
    return call("pad", [values], attrs, str(values.dtype), on, isa)
