# SPDX-License-Identifier: Apache-2.0
"""A change of scale between int8 and int16: QUANTIZE between integers, RELU and RELU6 of int16.

inputs: x int8 or int16.
attrs: multiplier, shift; input_zero_point, output_zero_point; act_min, act_max; input_dtype, dtype (of the output).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import (
    LIMITS,
    activation_range,
    factor,
    requantize,
    require_activations,
    require_int8,
    require_int16,
    round_half_away,
    steps,
    wrap32,
)
from groat.ops.base import CLAMP, Constants, ImportedOp, OpDef, Operator, Rows, Shape, Unsupported, rows_alike
from groat.ops.call import arguments_of, array, call, clamp, zero_points
from groat.ops.call import scale as checked_scale

INTEGERS = ("int8", "int16")
FIELDS = ("multiplier", "shift", "input_zero_point", "output_zero_point", "act_min", "act_max")


class Rescale(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs = op.attrs
        x = inputs[0].astype(np.int64) - attrs["input_zero_point"]
        y = wrap32(requantize(x, attrs["multiplier"], attrs["shift"]) + attrs["output_zero_point"])
        return [np.clip(y, attrs["act_min"], attrs["act_max"]).astype(attrs["dtype"])]

    def operator(self, op: Op, dtype: str) -> Operator:
        clamp = op.attrs["act_min"], op.attrs["act_max"]
        lowest, highest = LIMITS[op.attrs["dtype"]]
        if clamp == (lowest, highest):
            return Operator("QUANTIZE")
        return Operator("RELU") if clamp == (0, highest) else Operator(CLAMP, {"FusedActivationFunction": clamp})

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements, **{name: op.attrs[name] for name in FIELDS}}

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return rows_alike(inputs[:1], outputs)


def _attributes(x: Tensor, y: Tensor, act_min: int, act_max: int) -> dict[str, Any]:
    multiplier, shift = factor(x.scale / y.scale)
    return {
        "multiplier": multiplier,
        "shift": shift,
        "input_zero_point": x.zero_point,
        "output_zero_point": y.zero_point,
        "act_min": act_min,
        "act_max": act_max,
        "input_dtype": x.dtype,
        "dtype": y.dtype,
    }


def import_rescale(source: ImportedOp) -> Op:
    """QUANTIZE between int16 and int8 or int16."""
    x, y = source.input(0), source.output(0)
    for tensor, role in ((x, "input"), (y, "output")):
        (require_int16 if tensor.dtype == "int16" else require_int8)(tensor, role)
    low, high = activation_range(source.options.get("FusedActivationFunction", "NONE"), y)  # no file has one
    return source.op("rescale", source.inputs[:1], _attributes(x, y, int(low), int(high)))


def import_relu_int16(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    require_activations((x, "input"), (y, "output"))
    return source.op("rescale", source.inputs[:1], _attributes(x, y, 0, LIMITS["int16"][1]))


def import_relu6_int16(source: ImportedOp) -> Op:
    x, y = source.input(0), source.output(0)
    require_activations((x, "input"), (y, "output"))
    if x.quantization != y.quantization:
        raise Unsupported("its input and output differ in scale or zero point; RELU6 does not rescale")
    six = min(round_half_away(float(np.float32(steps(6.0, x.scale)))), LIMITS["int16"][1])
    return source.op("rescale", source.inputs[:1], _attributes(x, y, 0, six))


OP = Rescale()


def rescale(
    x: ArrayLike,
    *,
    input_scale: float,
    output_scale: float,
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int | None = None,
    act_max: int | None = None,
    dtype: str = "int16",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """A change of scale, zero point and type.

    Args:
        x: int8 or int16.
        input_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        input_zero_point, output_zero_point: 0 for int16.
        act_min, act_max: the clamp of the output; none means its type's range.
        dtype: of the result: "int8" or "int16".
        on, isa: as conv2d.

    Returns an array of that type and x's shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values = array(x, "x", INTEGERS)
    array(np.zeros(0, dtype), "the result", INTEGERS)
    scales = checked_scale(input_scale, "input_scale"), checked_scale(output_scale, "output_scale")
    with arguments_of("rescale"):
        multiplier, shift = factor(scales[0] / scales[1])
    attrs = {
        "multiplier": multiplier,
        "shift": shift,
        **zero_points(values.dtype, input=input_zero_point),
        **zero_points(dtype, output=output_zero_point),
        **clamp(dtype, act_min, act_max),
        "input_dtype": str(values.dtype),
        "dtype": dtype,
    }
    return call("rescale", [values], attrs, dtype, on, isa)
