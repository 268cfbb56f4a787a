# SPDX-License-Identifier: Apache-2.0
"""The same elements in another shape.  A pass turns nearly all of them into views that cost nothing.

inputs: x of any dtype.
attrs: out_shape; apart, true where the result must not take over the memory of x.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import (
    MOVED,
    Constants,
    ImportedOp,
    OpDef,
    Operator,
    Rows,
    Shape,
    Tape,
    Unsupported,
    rows_alike,
)
from groat.ops.call import array, call


class Reshape(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [tuple(op.attrs["out_shape"])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [inputs[0].reshape(op.attrs["out_shape"])]

    def operator(self, op: Op, dtype: str) -> Operator:
        shape = [int(size) for size in op.attrs["out_shape"]]
        return Operator("RESHAPE", {"NewShape": shape}, {1: np.array(shape, np.int32)}, "inputs")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements}

    def inplace(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[int, ...]:
        return () if op.attrs.get("apart") else super().inplace(op, inputs, outputs)

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return rows_alike(inputs[:1], outputs)

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        shape = tape.tensor(op.inputs[0]).shape
        return {0: tape.op("reshape", (dy,), shape, {"out_shape": shape})} if tape.wanted(0) else {}


def _import(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    if x.elements != y.elements or x.dtype != y.dtype:
        raise Unsupported(f"{x.dtype}{list(x.shape)} cannot become {y.dtype}{list(y.shape)}")
    if x.dtype not in MOVED:
        raise Unsupported(f"its input is {x.dtype}; expected {', '.join(MOVED)}")
    if x.quantization is not None and x.quantization != y.quantization:
        raise Unsupported("its input and output differ in scale or zero point")
    return source.op("reshape", source.inputs[:1], {"out_shape": y.shape})


Reshape.tflite = {"RESHAPE": _import, "SQUEEZE": _import, "EXPAND_DIMS": _import}
OP = Reshape()


def reshape(x: ArrayLike, shape: Sequence[int], on: str = "host", isa: str | None = None) -> Array:
    """Copies the elements into another shape.

    Args:
        x: int8, uint8, int16, int32 or float32.
        shape: fixed sizes with as many elements as x.
        on, isa: as conv2d.

    Returns the reshaped copy.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values = array(x, "x", MOVED)
    return call("reshape", [values], {"out_shape": tuple(shape)}, str(values.dtype), on, isa)
