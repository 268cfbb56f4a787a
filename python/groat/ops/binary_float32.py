# SPDX-License-Identifier: Apache-2.0
"""Difference, quotient, maximum or minimum of two float32 tensors, with broadcasting.

inputs: a, b float32.
attrs: function, a key of FUNCTIONS; act_min, act_max.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import bounds_of
from groat.ops.base import Constants, ImportedOp, Importer, Operator
from groat.ops.broadcast import Elementwise, import_elementwise
from groat.ops.call import call
from groat.ops.div import import_div
from groat.ops.floats import clamped, float_operands, limits
from groat.ops.maximum_minimum import import_maximum_minimum
from groat.ops.sub import import_sub

FUNCTIONS: dict[str, Callable[[Array, Array], Array]] = {
    "sub": lambda a, b: a - b,
    "div": lambda a, b: a / b,
    "maximum": lambda a, b: np.where((a > b) | np.isnan(a), a, b),
    "minimum": lambda a, b: np.where((a < b) | np.isnan(a), a, b),
}


class BinaryFloat32(Elementwise):
    fields = ("act_min", "act_max")

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        a, b = (x.astype(np.float32) for x in inputs)
        with np.errstate(all="ignore"):
            return [clamped(FUNCTIONS[op.attrs["function"]](a, b), op.attrs, inputs[0].dtype)]

    def operator(self, op: Op, dtype: str) -> Operator | None:
        name, bounds = op.attrs["function"].upper(), bounds_of(op.attrs)
        if name in ("SUB", "DIV"):
            return Operator(name, {"FusedActivationFunction": bounds}) if (name, dtype) != ("DIV", "int16") else None
        return Operator(name, scale="inputs") if bounds == (None, None) else None

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        from groat.pack import structs

        function = getattr(structs.constants(), f"GROAT_BINARY_{op.attrs['function'].upper()}")
        return {"operands": self.common_fields(op, inputs, outputs), "function": function}


def _importer(function: str) -> Importer:
    def importer(source: ImportedOp) -> Op:
        suffix, attrs = import_elementwise(source, function in ("sub", "div"))
        if suffix == "_float32":
            return source.op("binary_float32", source.inputs[:2], {**attrs, "function": function})
        if function == "sub":
            return import_sub(source, suffix, attrs)
        return import_div(source, suffix, attrs) if function == "div" else import_maximum_minimum(source)

    return importer


BinaryFloat32.tflite = {name.upper(): _importer(name) for name in FUNCTIONS}
OP = BinaryFloat32()


def binary_float(
    a: ArrayLike,
    b: ArrayLike,
    function: str,
    *,
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """A function of two tensors, element by element, with broadcasting.

    Args:
        a, b: float32 or float16, of one type and of shapes that broadcast to one of them.
        function: "sub", "div", "maximum" or "minimum".
        act_min, act_max, on, isa: as conv2d_float.

    Returns an array of their type and the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    inputs, suffix = float_operands(a, b)
    if function not in FUNCTIONS:
        raise InputError(f"there is no function {function!r}; expected one of {', '.join(FUNCTIONS)}")
    attrs = {"function": function, **limits(act_min, act_max)}
    return call("binary" + suffix, inputs, attrs, str(inputs[0].dtype), on, isa)
