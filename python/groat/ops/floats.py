# SPDX-License-Identifier: Apache-2.0
"""What the ops of floats share: the clamp, the arguments of calls, the filters of layers with weights.

Sums are float32, in the order that docs/NUMERICS.md gives; NumPy's float32 rounds after each operation, as the portable
kernels do.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import require_activations
from groat.ops.base import Constants, ImportedOp, OpDef, Shape, Tape, Unsupported
from groat.ops.call import Padding, Pair, array, call, channels, window
from groat.pack.layouts import FloatFilters

Float32 = NDArray[np.float32]
DTYPES = ("float32", "float16")


class StoredAsFloat16(OpDef):
    """Before the class of an op of float32: the same of float16, whose parameter struct holds the other one."""

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"f32": super().params(op, inputs, outputs, constants)}  # type: ignore[safe-super]


def clamped(y: Array, attrs: Any, dtype: Any) -> Array:
    """`y` between act_min and act_max, as a type; what is not a number stays so."""
    low, high = np.float32(attrs["act_min"]), np.float32(attrs["act_max"])
    with np.errstate(all="ignore"):
        return np.where(y < low, low, np.where(y > high, high, y)).astype(dtype)


def with_bias(op: Op, acc: Float32, inputs: Sequence[Array]) -> Array:
    """Outputs from accumulators [..., out_c]."""
    bias = inputs[2] if len(inputs) > 2 else np.zeros(acc.shape[-1], np.float32)
    with np.errstate(all="ignore"):
        return clamped(acc + bias.astype(np.float32), op.attrs, inputs[0].dtype)


def sum_in_order(x: Array) -> np.float32:
    """The sum of floats from 0, one after the other, in float32."""
    with np.errstate(all="ignore"):
        return np.add.accumulate(np.concatenate([[0], x.ravel()]).astype(np.float32))[-1]


def finite(y: Array, dtype: Any) -> Array:
    """float32 as a type; as float16, the largest number takes the place of infinity."""
    half = np.dtype(dtype) == np.float16
    return clamped(y, {"act_min": -65504, "act_max": 65504}, dtype) if half else y.astype(dtype)


def filters_of(inputs: Sequence[Tensor], weights: Array, pixels: int, multiplier_depth: int = 1) -> FloatFilters:
    """What the layouts need to know of an op with weights; `weights` in the order that its kernel is called with."""
    axis = 2 if weights.ndim == 3 else 0
    bias = inputs[2].data if len(inputs) > 2 else np.zeros(weights.shape[axis], np.float32)
    assert bias is not None
    return FloatFilters(np.ascontiguousarray(weights), bias.astype(np.float32), pixels, multiplier_depth)


def require_floats(source: ImportedOp) -> None:
    """Raises Unsupported unless input and output are float32."""
    require_activations((source.input(0), "input"), (source.output(0), "output"))


def import_filters(source: ImportedOp, channel_axis: int) -> list[int]:
    """The inputs of a float op with weights; Unsupported unless weights and bias are finite float32 constants."""
    weights = source.constant(1)
    if weights.dtype != np.float32:
        raise Unsupported(f"its weights are {source.input(1).dtype}; expected float32, as its input is")
    constants = [weights]
    inputs = list(source.inputs[:2])
    if len(source.inputs) > 2 and source.inputs[2] >= 0:
        bias = source.constant(2)
        count = weights.shape[channel_axis]
        if bias.dtype != np.float32 or bias.shape != (count,):
            raise Unsupported(f"its bias is {bias.dtype}{list(bias.shape)}; expected float32[{count}]")
        constants.append(bias)
        inputs.append(source.inputs[2])
    if not all(np.isfinite(constant).all() for constant in constants):
        raise Unsupported("its weights or bias are infinite, or no numbers")
    return inputs


# ---- Training --------------------------------------------------------------------------------------------

_ALIGN = 16  # of constants in a packed model
_GEOMETRY = ("kernel", "stride", "dilation", "padding", "groups")


class WeightedLayer(OpDef):
    """A layer of floats with weights."""

    @abstractmethod
    def columns(self, op: Op, x: Array, weights_shape: Shape) -> Array:
        """[groups, rows, taps]: what the filters of each group are multiplied with, for every place of the output.

        The taps are in the order of a filter's weights with its output channel left out."""


class Trainable(WeightedLayer):
    """Before the class of a layer of floats with weights: with the attribute `trained` the device sees weights and bias
    as tensors, in the order of the model, and may write them; either may still be a constant.  A layer without a bias
    has zeros in the file."""

    trainable = (1, 2)

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs if op.attrs.get("trained") else op.inputs[:1]

    def constant_fields(
        self, op: Op, inputs: Sequence[Tensor], constants: Constants, channels_out: int, groups: int = 1
    ) -> dict[str, int]:
        """The fields of constants of a trained layer."""
        aligned = -(-channels_out // groups * 4 // _ALIGN) * _ALIGN * groups
        return {"weights": 0, "channels": constants.add(bytes(aligned)) if len(inputs) < 3 else 0, "layout": 0}

    def trained(self, op: Op, inputs: Sequence[Tensor]) -> Op:
        return OpDef.trained(self, op, inputs)  # not that of int8

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        kind, _, dtype = op.kind.rpartition("_")
        x, weights = op.inputs[:2]
        attrs = {name: op.attrs[name] for name in _GEOMETRY if name in op.attrs}
        attrs |= {"in_shape": tape.tensor(x).shape, "weights_shape": tape.tensor(weights).shape}
        dz = tape.through_clamp(dy)
        found = {}
        if tape.wanted(0):
            found[0] = tape.op(f"{kind}_input_grad_{dtype}", (weights, dz), attrs["in_shape"], attrs)
        tape.update(f"{kind}_weight_grad_{dtype}", (x, dz), self.trainable, attrs)
        return found


# ---- Arguments of calls ----------------------------------------------------------------------------------


def float_array(value: ArrayLike, name: str, rank: int | None = None) -> tuple[Array, str]:
    """(an array of floats, the ending of the name of its op)."""
    result = array(value, name, DTYPES, rank)
    return result, f"_{result.dtype}"


def limits(act_min: float | None, act_max: float | None) -> dict[str, float]:
    """The attributes act_min and act_max; None stands for no limit.  InputError if there is nothing between them."""
    low, high = (
        float(np.float32(default if value is None else value))
        for value, default in ((act_min, -math.inf), (act_max, math.inf))
    )
    if not low <= high:
        raise InputError(f"act_min is {act_min}, act_max is {act_max}; expected the first to be at most the second")
    return {"act_min": low, "act_max": high}


def filter_inputs(x: Array, weights: ArrayLike, bias: ArrayLike | None, rank: int, channel_axis: int) -> list[Array]:
    """x, weights and bias as the inputs of an op; InputError if they do not have x's type (a bias may be float32)."""
    inputs = [x, array(weights, "weights", str(x.dtype), rank)]
    if bias is not None:
        values = array(bias, "bias", tuple(dict.fromkeys((str(x.dtype), "float32"))))
        inputs.append(channels(values, "bias", inputs[1].shape[channel_axis], str(values.dtype)))
    return inputs


def float_operands(a: ArrayLike, b: ArrayLike) -> tuple[list[Array], str]:
    """(two arrays of floats of one type, the ending of the name of their op)."""
    first, suffix = float_array(a, "a")
    return [first, array(b, "b", str(first.dtype))], suffix


def call_pool(
    kind: str,
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None,
    padding: Padding,
    act_min: float | None,
    act_max: float | None,
    on: str,
    isa: str | None,
) -> Array:
    """Either pooling on arrays; the stride is the kernel's size unless given."""
    image, suffix = float_array(x, "x", 4)
    attrs = {
        **window(image, kernel, kernel if stride is None else stride, 1, padding),
        **limits(act_min, act_max),
    }
    return call(kind + suffix, [image], attrs, str(image.dtype), on, isa)
