# SPDX-License-Identifier: Apache-2.0
"""Dense layer, int8, per tensor or per channel; fully_connected_int16 has int16 activations.

inputs: x int8, any shape of batches * depth elements; weights int8 [out_c, depth]; bias int32 [out_c] (optional).
attrs: input_zero_point, weights_zero_point, output_zero_point; multiplier, shift (int32 arrays, one for each output
channel); act_min, act_max; out_shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import (
    activation_range,
    bounds_of,
    channel_multipliers,
    channel_scales,
    require_activations,
)
from groat.ops.base import Constants, ImportedOp, NotDifferentiable, OpDef, Operator, Shape, Tape, Unsupported
from groat.ops.call import activations, array, call
from groat.ops.conv_2d import (
    accumulators,
    bias_of,
    filters_of,
    gradients_of_frozen,
    import_bias,
    kind_of,
    packed_fields,
    rescale,
    rescaling,
    scaling,
    with_scales,
)
from groat.ops.floats import import_filters
from groat.pack.layouts import Filters, Packed

if TYPE_CHECKING:
    from groat.pack.layouts import Layouts


POINT: dict[str, Any] = {"kernel": (1, 1), "stride": (1, 1), "dilation": (1, 1), "padding": ((0, 0), (0, 0))}
"""The attributes of a window of one pixel."""


class FullyConnected(OpDef):
    trainable = (1, 2)
    attributes: ClassVar[tuple[str, ...]] = ("weights_zero_point", "output_zero_point", "act_min", "act_max")

    def finish(self, op: Op, acc: Array) -> Array:
        """From accumulators [..., out_c] to outputs."""
        return rescale(op, acc)

    def packed(self, layouts: Layouts, groups: Sequence[Filters]) -> list[Packed]:
        """The constants as the kernel wants them."""
        return layouts.conv_s8(groups)

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [tuple(op.attrs["out_shape"])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        weights = inputs[1].astype(np.int64) - op.attrs["weights_zero_point"]
        x = inputs[0].astype(np.int64).reshape(-1, weights.shape[1]) - op.attrs["input_zero_point"]
        acc = x @ weights.T
        return [self.finish(op, acc + inputs[2] if len(inputs) > 2 else acc).reshape(op.attrs["out_shape"])]

    def filters(self, op: Op, inputs: Sequence[Tensor]) -> Filters:
        """What the layouts need to know."""
        attrs = op.attrs
        weights = inputs[1].data
        assert weights is not None
        out_c, depth = weights.shape
        # sum of (w - z) * (x - zx) = sum of w * x - zx * sum of (w - z) - z * sum of x; the last is the kernel's.
        weights_sum = weights.sum(axis=1, dtype=np.int64) - depth * attrs["weights_zero_point"]
        batches = inputs[0].elements // depth
        filters = filters_of(op, inputs, weights.reshape(out_c, 1, 1, depth), weights_sum, batches, tap=depth)
        return replace(filters, acc_offset=attrs["weights_zero_point"] != 0)

    def fields(self, op: Op, inputs: Sequence[Tensor]) -> dict[str, Any]:
        """The fields of the struct but for the constants."""
        out_c, depth = inputs[1].shape
        return {
            "batches": inputs[0].elements // depth,
            "depth": depth,
            "out_c": out_c,
            **{name: op.attrs[name] for name in self.attributes},
        }

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        packed = self.packed(constants.layouts, [self.filters(op, inputs)])
        return {**self.fields(op, inputs), **packed_fields(packed, constants)}

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("FULLY_CONNECTED", {"FusedActivationFunction": bounds_of(op.attrs)})

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return outputs[0].elements * inputs[1].shape[1]

    def trained(self, op: Op, inputs: Sequence[Tensor]) -> Op:
        if op.attrs["weights_zero_point"] != 0:
            raise NotDifferentiable("its weights have a zero point that is not 0; expected symmetric ones")
        attrs = {name: value for name, value in with_scales(op, inputs, 0).items() if name != "weights_zero_point"}
        return replace(op, kind="conv_2d_trained", attrs={**attrs, **POINT, "groups": 1})

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        return gradients_of_frozen(self, op, dy, tape)


def _import(source: ImportedOp) -> Op:
    x, weights, y = source.input(0), source.input(1), source.output(0)
    suffix = require_activations((x, "input"), (y, "output"))
    if source.options.get("WeightsFormat", "DEFAULT") != "DEFAULT":
        raise Unsupported(f"weights format {source.options['WeightsFormat']} is not DEFAULT")
    shape = source.constant(1).shape
    if len(shape) != 2 or x.elements % shape[1] != 0:
        raise Unsupported(f"weights {list(shape)} do not fit an input of shape {list(x.shape)}")
    if y.elements != x.elements // shape[1] * shape[0]:
        raise Unsupported(f"its output has shape {list(y.shape)}; expected {x.elements // shape[1]} x {shape[0]}")
    low, high = activation_range(source.options["FusedActivationFunction"], y)
    clamp_and_shape = {"act_min": low, "act_max": high, "out_shape": y.shape}
    if suffix == "_float32":
        return source.op("fully_connected_float32", import_filters(source, 0), clamp_and_shape)
    scales = channel_scales(weights, shape[0], 0)
    assert weights.quantization is not None
    if not weights.quantization.per_tensor and any(weights.quantization.zero_point):
        raise Unsupported("its weights have a scale for each channel and a zero point that is not 0")
    factors = channel_multipliers(x.scale, scales, y.scale)
    inputs, bias = import_bias(source, shape[0], ("int32", "int64") if suffix else ("int32",))
    attrs = {
        **factors,
        **(accumulators(bias, factors["shift"]) if suffix else {}),
        "input_zero_point": x.zero_point,
        "weights_zero_point": weights.quantization.zero_point[0],
        "output_zero_point": y.zero_point,
        **clamp_and_shape,
    }
    return source.op(kind_of(source, "fully_connected"), inputs, attrs)


FullyConnected.tflite = {"FULLY_CONNECTED": _import}
OP = FullyConnected()


def fully_connected(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    multiplier: ArrayLike,
    shift: ArrayLike,
    input_zero_point: int = 0,
    weights_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Dense layer.

    Args:
        x: int8 or int16 [batches, depth].
        weights: int8 [out_c, depth].
        bias: int32 [out_c], or int64 with int16 activations; none means zeros.
        multiplier, shift, act_min, act_max, on, isa: as conv2d.

    Returns an array [batches, out_c] of the type of x.
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """
    zero_points = (input_zero_point, weights_zero_point, output_zero_point)
    inputs, attrs = fully_connected_arguments(x, weights, bias, multiplier, shift, zero_points, (act_min, act_max))
    dtype = str(inputs[0].dtype)
    return call("fully_connected_int16" if dtype == "int16" else "fully_connected", inputs, attrs, dtype, on, isa)


def fully_connected_arguments(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None,
    multiplier: ArrayLike,
    shift: ArrayLike,
    zero_points: tuple[int, int, int],
    clamp: tuple[int | None, int | None],
) -> tuple[list[Array], dict[str, Any]]:
    """(inputs, attrs) from the arguments of fully_connected."""
    rows, suffix = activations(x, "x", 2)
    inputs = [rows, array(weights, "weights", "int8", 2)]
    count, depth = inputs[1].shape
    if inputs[0].shape[1] != depth:
        raise InputError(f"x has shape {inputs[0].shape}, weights {inputs[1].shape}; expected the same depth")
    inputs += bias_of(bias, count, ("int32", "int64") if suffix else ("int32",))
    attrs = {
        **scaling(inputs, multiplier, shift, count),
        **rescaling(rows, (zero_points[0], zero_points[2], *clamp)),
        "weights_zero_point": zero_points[1],
        "out_shape": (inputs[0].shape[0], count),
    }
    return inputs, attrs
