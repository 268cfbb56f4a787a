# SPDX-License-Identifier: Apache-2.0
"""The larger or the smaller of two int8 or int16, with broadcasting; all have one scale and zero point.

inputs: a, b int8 or int16.
attrs: minimum: 0 or 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, ImportedOp, Operator, Unsupported
from groat.ops.broadcast import Elementwise, operands
from groat.ops.call import call

FUNCTIONS = ("maximum", "minimum")


class MaximumMinimum(Elementwise):
    fields = ("minimum",)

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [(np.minimum if op.attrs["minimum"] else np.maximum)(*inputs)]

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("MINIMUM" if op.attrs["minimum"] else "MAXIMUM", scale="inputs")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return self.common_fields(op, inputs, outputs)


def import_maximum_minimum(source: ImportedOp) -> Op:
    """MAXIMUM or MINIMUM of integers, which import_elementwise has looked at."""
    y = source.output(0)
    for tensor, role in ((source.input(0), "first"), (source.input(1), "second")):
        if tensor.quantization != y.quantization:
            raise Unsupported(f"its {role} input and its output differ in scale or zero point; {source.name} compares")
    return source.op("maximum_minimum", source.inputs[:2], {"minimum": int(source.name == "MINIMUM")})


OP = MaximumMinimum()


def maximum_minimum(
    a: ArrayLike, b: ArrayLike, function: str = "maximum", *, on: str = "host", isa: str | None = None
) -> Array:
    """The larger or the smaller of two, with broadcasting.

    Args:
        a, b: int8 or int16, of one type, one scale and zero point, and of shapes that broadcast to one of them.
        function: "maximum" or "minimum".
        on, isa: as conv2d.

    Returns an array of their type and the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    _, inputs = operands(a, b)
    if function not in FUNCTIONS:
        raise InputError(f"there is no function {function!r}; expected one of {', '.join(FUNCTIONS)}")
    attrs = {"minimum": int(function == "minimum")}
    return call("maximum_minimum", inputs, attrs, str(inputs[0].dtype), on, isa)
