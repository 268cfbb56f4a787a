# SPDX-License-Identifier: Apache-2.0
"""int8 layers that learn: what convolutions, depthwise convolutions and dense layers share.

A parameter is scale * q: weights int8 with a scale for each output channel, biases int32 with that scale times the
input's.  Gradients are floats, of real numbers.  A step of gradient descent on q in units of its scale,
q -= rate / scale * gradient, is the one that training with floats makes on scale * q; quantisation-aware scaling (Lin
et al., "On-Device Training Under 256KB Memory", 2022) is the same.  It is rounded at random to one of the two whole
numbers beside it, with probabilities such that the mean is right (docs/NUMERICS.md).

attrs of the ops of gradients, beside those of the layer: weights_shape; weights_scales, a float for each output
channel; input_scale, input_zero_point; in_shape, of x.  A dense layer is a convolution of a row of pixels, one to each
batch.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape, Tape
from groat.ops.call import array, call_all, channels, scale
from groat.ops.floats import DTYPES
from groat.ops.gradients import GRADIENT, PLAIN, SGD, InputGradient
from groat.ops.loss import RATE, STEP_SHAPE, UNSCALE, step_tensor

GEOMETRY = ("kernel", "stride", "dilation", "padding", "groups")
MOST_WEIGHT = 127
_FRACTION = 24  # bits of a step that rounding at random sees


class Int8Trained(OpDef):
    """Before the class of an int8 layer: its parameters are tensors, in the order of the model."""

    trainable = (1, 2)

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        kind = op.kind.removesuffix("_trained")
        x, weights = op.inputs[:2]
        scales = ("weights_scales", "input_scale", "input_zero_point")
        attrs = {name: op.attrs[name] for name in (*GEOMETRY, *scales) if name in op.attrs}
        attrs |= {"in_shape": tape.tensor(x).shape, "weights_shape": tape.tensor(weights).shape}
        dz = tape.through_clamp(dy)
        dtype = tape.tensor(dz).dtype
        found = {}
        if tape.wanted(0):
            shape = attrs["in_shape"]
            found[0] = tape.op(f"{kind}_input_grad_int8_{dtype}", (weights, dz), shape, attrs, dtype)
        tape.update(f"{kind}_weight_grad_int8_{dtype}", (dz, x), self.trainable, attrs)
        return found


def factors_of_channels(op: Op, constants: Constants) -> int:
    """Stores groat_channel records of an op whose biases are in a tensor, or zeros; returns their offset."""
    columns = (np.zeros_like(op.attrs["multiplier"]), op.attrs["multiplier"], op.attrs["shift"])
    return constants.add(np.stack(columns, axis=1).astype("<i4").tobytes())


# ---- A step ----------------------------------------------------------------------------------------------


class Generator:
    """The linear congruential generator of the device (Knuth and Lewis)."""

    def __init__(self, state: int) -> None:
        self.state = state & 0xFFFFFFFF

    def draw(self, count: int) -> NDArray[np.int64]:
        """Numbers of 24 bits."""
        found = np.empty(count, np.int64)
        for i in range(count):
            self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
            found[i] = self.state >> 8
        return found


def rounded(x: Array, random: Array) -> NDArray[np.int64]:
    """float32 numbers below 2^39 as one of the two whole numbers beside each."""
    return (np.trunc(x.astype(np.float64) * (1 << _FRACTION)).astype(np.int64) + random) >> _FRACTION


def stepped_weights(weights: Array, step: Array, random: Array) -> Array:
    """int8 weights after a step, float32 in units of their scales."""
    bounded = np.clip(np.where(np.isnan(step), 0, step), -MOST_WEIGHT, MOST_WEIGHT).astype(np.float32)
    moved = weights.astype(np.int64) + rounded(bounded, random)
    return np.clip(moved, -MOST_WEIGHT, MOST_WEIGHT).astype(np.int8)


def stepped_biases(biases: Array, step: Array, random: Array) -> Array:
    """The same of int32 biases."""
    bounded = np.clip(np.where(np.isnan(step), 0, step), -(2.0**30), 2.0**30).astype(np.float32)
    whole = np.trunc(bounded)
    moved = biases.astype(np.int64) + whole.astype(np.int64) + rounded(bounded - whole, random)
    return np.clip(moved, -(1 << 31), (1 << 31) - 1).astype(np.int32)


# ---- Ops -------------------------------------------------------------------------------------------------


class Int8WeightGradient(OpDef):
    """(dy[, x]) -> [dw][, db] as floats, or with mode SGD [weights int8][, biases int32], random int32 [1], step.

    x is an input where the gradient of the weights is wanted.  attrs: see the module, and those of
    groat.ops.gradients.WeightGradient but for mode ACCUMULATE.
    """

    channel_axis: int

    @abstractmethod
    def weight_gradient(self, op: Op, x: Array, dy: Array) -> Array:
        """The gradient of the weights in float64, of one image; x are real numbers."""

    @abstractmethod
    def layer_fields(self, op: Op, dy: Tensor) -> dict[str, Any]:
        """The struct of the layer's gradient with floats."""

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        attrs = op.attrs
        found: list[Shape] = [tuple(attrs["weights_shape"])] if attrs["has_weights"] else []
        found += [(inputs[0].shape[-1],)] if attrs["has_bias"] else []
        return [*found, *([(1,), STEP_SHAPE] if attrs["mode"] == SGD else [])]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        sgd = op.attrs["mode"] == SGD
        found = ["int8" if sgd else inputs[0].dtype] if op.attrs["has_weights"] else []
        found += ["int32" if sgd else "float32"] if op.attrs["has_bias"] else []
        return [*found, *(["int32", "float32"] if sgd else [])]

    def updates(self, op: Op) -> tuple[int, ...]:
        parameters = op.attrs["has_weights"] + op.attrs["has_bias"]
        if op.attrs["mode"] == SGD:
            return tuple(range(parameters + 2))
        return tuple(range(parameters)) if op.attrs["beta"] != 0 else ()

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs = op.attrs
        given = inputs[: 1 + attrs["has_weights"]]
        before = dict(zip(self.updates(op), inputs[len(given) :], strict=True))
        dy = given[0]
        parameters = attrs["has_weights"] + attrs["has_bias"]
        if attrs["mode"] == GRADIENT:
            gradients = self._gradients(op, given, np.float32(attrs["alpha"]))
            beta = np.float32(attrs["beta"])
            if beta == 0:
                return gradients
            totals = [beta * before[i].astype(np.float32) + g.astype(np.float32) for i, g in enumerate(gradients)]
            return [total.astype(g.dtype) for total, g in zip(totals, gradients, strict=True)]
        random, step = before[parameters], before[parameters + 1].copy()
        if not np.isfinite(dy).all():
            step[RATE] = 0
        if step[RATE] == 0:
            return [*(before[i] for i in range(parameters + 1)), step]
        gradients = self._gradients(op, given, step[UNSCALE])
        found, state = self._stepped(op, gradients, [before[i] for i in range(parameters)], int(random[0]), step[RATE])
        return [*found, np.array([state], np.uint32).view(np.int32), step]

    def _gradients(self, op: Op, given: Sequence[Array], alpha: Any) -> list[Array]:
        """Times alpha: [dw of dy's type][, db float32]."""
        dy, found = given[0], []
        with np.errstate(all="ignore"):
            if op.attrs["has_weights"]:
                x = given[1].astype(np.int32) - op.attrs["input_zero_point"]
                real = (np.float32(op.attrs["input_scale"]) * x.astype(np.float32)).astype(dy.dtype)
                total = self.weight_gradient(op, real, dy).reshape(op.attrs["weights_shape"])
                found.append((alpha * total.astype(np.float32)).astype(dy.dtype))
            if op.attrs["has_bias"]:
                total = dy.astype(np.float64).reshape(-1, dy.shape[-1]).sum(axis=0)
                found.append(alpha * total.astype(np.float32))
        return found

    def _stepped(
        self, op: Op, gradients: Sequence[Array], before: Sequence[Array], state: int, rate: Any
    ) -> tuple[list[Array], int]:
        """([weights][, biases], the generator's state) after a step."""
        attrs, generator = op.attrs, Generator(state)
        per_scale = np.float32(1) / np.asarray(attrs["weights_scales"], np.float32)
        decay = rate * np.float32(attrs["decay"])
        weights, biases = attrs["has_weights"], attrs["has_bias"]
        count = len(per_scale)
        each = (before[0].size // count if weights else 0) + biases
        if self.channel_axis == 0:  # channel by channel, weights and then the bias
            draws = generator.draw(count * each).reshape(count, each)
            of_weights, of_biases = draws[:, : each - biases], draws[:, -1]
        else:
            drawn = generator.draw(count * each)
            of_weights, of_biases = drawn[: count * (each - biases)], drawn[len(drawn) - count :]
        found: list[Array] = []
        with np.errstate(all="ignore"):
            if weights:
                sizes = [count if axis == self.channel_axis else 1 for axis in range(before[0].ndim)]
                step = -rate * gradients[0].astype(np.float32) * per_scale.reshape(sizes)
                step = step - decay * before[0].astype(np.float32)
                found.append(stepped_weights(before[0], step, of_weights.reshape(before[0].shape)))
            if biases:
                step = -rate * gradients[-1] * (per_scale / np.float32(attrs["input_scale"]))
                found.append(stepped_biases(before[-1], step - decay * before[-1].astype(np.float32), of_biases))
        return found, generator.state

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        update = {name: op.attrs[name] for name in PLAIN}
        return {
            "layer": {**self.layer_fields(op, inputs[0]), "update": update},
            "scales": scales_in_file(op, constants),
            "input_scale": op.attrs["input_scale"],
            "input_zero_point": op.attrs["input_zero_point"],
        }

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        if not op.attrs["has_weights"]:
            return 0
        return inputs[0].elements // inputs[0].shape[-1] * outputs[0].elements


class Int8InputGradient(InputGradient):
    """(weights int8, dy) -> dx."""

    @abstractmethod
    def layer_fields(self, op: Op, dy: Tensor) -> dict[str, Any]:
        """The struct of the layer's gradient with floats."""

    @abstractmethod
    def real_weights(self, op: Op, weights: Array) -> Array:
        """As float32."""

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        weights, dy = inputs
        return super().reference(op, [self.real_weights(op, weights).astype(dy.dtype), dy])

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return [inputs[1].dtype]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"layer": self.layer_fields(op, inputs[1]), "scales": scales_in_file(op, constants)}

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return inputs[1].elements // inputs[1].shape[-1] * inputs[0].elements


def scales_in_file(op: Op, constants: Constants) -> int:
    """Stores the scales of the weights; returns their offset."""
    return constants.add(np.asarray(op.attrs["weights_scales"], "<f4").tobytes())


# ---- Arguments of calls ----------------------------------------------------------------------------------


def float_gradient(dy: ArrayLike, rank: int | None = None) -> tuple[Array, str]:
    """(dy, the ending of the name of an op)."""
    result = array(dy, "dy", DTYPES, rank)
    return result, f"_{result.dtype}"


def scale_attrs(
    weights_scales: ArrayLike, count: int, input_scale: float = 1.0, input_zero_point: int = 0
) -> dict[str, Any]:
    """The attributes that say what int8 stands for; InputError unless scales are positive numbers."""
    scales = [scale(float(value), "weights_scales") for value in channels(weights_scales, "scales", count, "float32")]
    if not -128 <= input_zero_point <= 127:
        raise InputError(f"input_zero_point is {input_zero_point}; expected -128 to 127")
    return {
        "weights_scales": tuple(scales),
        "input_scale": scale(input_scale, "input_scale"),
        "input_zero_point": input_zero_point,
    }


def int8_gradients_or_step(
    kind: str,
    x: Array,
    dy: Array,
    attrs: Mapping[str, Any],
    weights: ArrayLike | None,
    bias: ArrayLike | None,
    lr: float | None,
    decay: float,
    seed: int,
    on: str,
    isa: str | None,
) -> tuple[Array, ...]:
    """Runs an op that computes gradients of weights and bias, or with a learning rate changes them by a step of
    gradient descent; as the functions of groat.kernels say."""
    if lr is None:
        if weights is not None or bias is not None or decay != 0:
            raise InputError(f"{kind}: weights, bias and decay are for a step of gradient descent; expected lr, too")
        return tuple(call_all(kind, [dy, x], {**attrs, **PLAIN}, on, isa))
    if weights is None:
        raise InputError(f"{kind}: a step of gradient descent needs the weights")
    state = [array(weights, "weights", "int8")]
    if bias is not None:
        state.append(channels(bias, "bias", dy.shape[-1]))
    state += [np.array([seed], np.uint32).view(np.int32), step_tensor(lr)]
    sgd = {**PLAIN, "mode": SGD, "decay": float(decay), "has_bias": bias is not None}
    return tuple(call_all(kind, [dy, x], {**attrs, **sgd}, on, isa, state=dict(enumerate(state))))
