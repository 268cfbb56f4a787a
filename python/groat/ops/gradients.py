# SPDX-License-Identifier: Apache-2.0
"""Gradients of layers with weights: what those of convolutions, depthwise convolutions and dense layers share.

Sums are computed in double precision here; the order of a kernel's sums is its own, in float32 (docs/NUMERICS.md).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import OpDef, Shape
from groat.ops.call import array, call_all, channels
from groat.ops.conv_2d import strided_tap
from groat.ops.loss import RATE, STEP_SHAPE, UNSCALE, step_tensor
from groat.ops.window import extent, pad_image, spatial_shape

GRADIENT, SGD, ACCUMULATE = range(3)
"""`mode` of an op that computes gradients of parameters: enum groat_update_mode of format.h."""
PLAIN = {"mode": GRADIENT, "alpha": 1.0, "beta": 0.0, "decay": 0.0, "has_weights": True, "has_bias": True}
"""The attributes of an op that computes gradients, and does nothing with them."""


# ---- Formulas --------------------------------------------------------------------------------------------


def filter_gradient(op: Op, x: Array, dy: Array, groups: int) -> Array:
    """Gradient [out_c, kernel_h, kernel_w, c / groups] of a convolution's weights, float64."""
    kernel, out = op.attrs["kernel"], (dy.shape[1], dy.shape[2])
    padded = pad_image(x.astype(np.float64), op, 0)
    of_groups = dy.astype(np.float64).reshape(*dy.shape[:3], groups, -1)
    dw = np.zeros((dy.shape[3], *kernel, x.shape[3] // groups))
    with np.errstate(all="ignore"):
        for ky, kx in np.ndindex(*kernel):
            taps = strided_tap(padded, op, (ky, kx), out).reshape(*dy.shape[:3], groups, -1)
            dw[:, ky, kx] = np.einsum("nyxgo,nyxgi->goi", of_groups, taps).reshape(dy.shape[3], -1)
    return dw


def image_gradient(op: Op, weights: Array, dy: Array, groups: int) -> Array:
    """Gradient of the input of a convolution with weights [out_c, kernel_h, kernel_w, c / groups], float64."""
    in_shape, out = op.attrs["in_shape"], (dy.shape[1], dy.shape[2])
    padded = pad_image(np.zeros(in_shape), op, 0)
    of_groups = dy.astype(np.float64).reshape(*dy.shape[:3], groups, -1)
    filters = weights.astype(np.float64).reshape(groups, -1, *weights.shape[1:])
    with np.errstate(all="ignore"):
        for ky, kx in np.ndindex(*op.attrs["kernel"]):
            taps = np.einsum("nyxgo,goi->nyxgi", of_groups, filters[:, :, ky, kx])
            strided_tap(padded, op, (ky, kx), out)[...] += taps.reshape(*dy.shape[:3], -1)
    (top, _), (left, _) = op.attrs["padding"]
    return padded[:, top : top + in_shape[1], left : left + in_shape[2]]


# ---- Ops -------------------------------------------------------------------------------------------------


class WeightGradient(OpDef):
    """(x, dy) -> [dw][, db][, step], or (dy) -> db[, step] where only the gradient of the bias is wanted.

    attrs, beside those of the layer: mode, alpha, beta, decay, as of groat_update in format.h; has_weights, has_bias:
    which gradients there are.  Without a step (mode 0) dw = beta * dw + alpha * gradient.
    """

    @abstractmethod
    def weights_shape(self, op: Op, inputs: Sequence[Tensor]) -> Shape:
        """Of dw; not asked where only that of the bias is wanted."""

    @abstractmethod
    def weight_gradient(self, op: Op, x: Array, dy: Array) -> Array:
        """The gradient of the weights in float64, from one image or all of a dense layer's batches."""

    def out_channels(self, op: Op, dy: Tensor) -> int:
        return dy.shape[-1]

    def images(self, x: Array, dy: Array) -> int:
        """How many calls of the kernel add up, each rounding what it stores."""
        return len(dy)

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        attrs = op.attrs
        found = [self.weights_shape(op, inputs)] if attrs["has_weights"] else []
        found += [(self.out_channels(op, inputs[-1]),)] if attrs["has_bias"] else []
        return [*found, *([STEP_SHAPE] if attrs["mode"] != GRADIENT else [])]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        weights = [inputs[0].dtype] if op.attrs["has_weights"] else []
        return [*weights, *["float32"] * (len(self.shapes(op, inputs)) - len(weights))]

    def updates(self, op: Op) -> tuple[int, ...]:
        attrs = op.attrs
        parameters = attrs["has_weights"] + attrs["has_bias"]
        read = tuple(range(parameters)) if attrs["mode"] == SGD or attrs["beta"] != 0 else ()
        return read if attrs["mode"] == GRADIENT else (*read, parameters)

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs = op.attrs
        given = inputs[: 1 + attrs["has_weights"]]
        before = dict(zip(self.updates(op), inputs[len(given) :], strict=True))
        alpha, beta = np.float32(attrs["alpha"]), np.float32(attrs["beta"])
        parameters = attrs["has_weights"] + attrs["has_bias"]
        step = before.get(parameters)
        if step is not None:
            step = step.copy()
            if not all(np.isfinite(value).all() for value in given):
                step[RATE] = 0
            if step[RATE] == 0:
                shapes = self.shapes(op, [Tensor("", value.shape, str(value.dtype)) for value in given])
                dtypes = [str(given[0].dtype)] * attrs["has_weights"] + ["float32"] * attrs["has_bias"]
                zeros = [np.zeros(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=False)]
                return [*(before.get(i, zeros[i]) for i in range(parameters)), step]
            if attrs["mode"] == SGD:
                alpha, beta = -step[RATE] * step[UNSCALE], 1 - step[RATE] * np.float32(attrs["decay"])
            else:
                alpha = alpha * step[UNSCALE]
        results = [before.get(i) for i in range(parameters)]
        images = self.images(given[0], given[-1])
        for part in [slice(n, n + 1) for n in range(images)] if images > 1 else [slice(None)]:
            dy = given[-1][part]
            parts = [self.weight_gradient(op, given[0][part], dy)] if attrs["has_weights"] else []
            if attrs["has_bias"]:
                count = self.out_channels(op, Tensor("", dy.shape, str(dy.dtype)))
                parts.append(dy.astype(np.float64).reshape(-1, count).sum(axis=0))
            for i, gradient in enumerate(parts):
                dtype = given[0].dtype if i == 0 and attrs["has_weights"] else np.dtype(np.float32)
                results[i] = _blended(gradient, alpha, beta, results[i], dtype)
            beta = np.float32(1)
        return [*(value for value in results if value is not None), *([] if step is None else [step])]

    def update_fields(self, op: Op) -> dict[str, Any]:
        """The fields of groat_update."""
        return {name: op.attrs[name] for name in PLAIN}

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        if not op.attrs["has_weights"]:
            return 0
        return inputs[-1].elements // self.out_channels(op, inputs[-1]) * outputs[0].elements


def _blended(gradient: Array, alpha: Any, beta: Any, before: Array | None, dtype: Any) -> Array:
    """alpha * gradient, added to beta times what was there."""
    with np.errstate(all="ignore"):
        total = alpha * gradient.astype(np.float32)
        if beta != 0 and before is not None:
            total = beta * before.astype(np.float32) + total
        return np.asarray(total.astype(dtype))


class InputGradient(OpDef):
    """(weights, dy) -> dx.  attrs, beside those of the layer: in_shape, of x."""

    @abstractmethod
    def input_gradient(self, op: Op, weights: Array, dy: Array) -> Array:
        """The gradient of the input in float64."""

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [tuple(op.attrs["in_shape"])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        weights, dy = inputs
        with np.errstate(all="ignore"):
            dx = self.input_gradient(op, weights, dy).astype(np.float32).astype(dy.dtype)
        return [np.ascontiguousarray(dx).reshape(op.attrs["in_shape"])]


# ---- Arguments of calls ----------------------------------------------------------------------------------


def require_output(what: str, attrs: Mapping[str, Any], in_shape: Shape, dy: Array) -> None:
    """InputError unless dy has the batches and the size of a window's output."""
    expected = (in_shape[0], *spatial_shape(attrs, in_shape[1], in_shape[2]))
    if dy.shape[:3] != expected:
        raise InputError(f"{what}: dy has shape {dy.shape}; expected {(*expected, dy.shape[3])} for an x of {in_shape}")
    for axis in range(2):
        reach = extent(attrs["kernel"][axis], attrs["dilation"][axis])
        if max(attrs["padding"][axis]) >= reach:
            raise InputError(f"{what}: padding {attrs['padding'][axis]} holds whole windows of {reach} pixels")


def gradients_or_step(
    kind: str,
    x: Array,
    dy: Array,
    attrs: Mapping[str, Any],
    weights: ArrayLike | None,
    bias: ArrayLike | None,
    lr: float | None,
    decay: float,
    on: str,
    isa: str | None,
) -> tuple[Array, ...]:
    """Runs an op that computes gradients of weights and bias, or with a learning rate changes them by a step of
    gradient descent; as the functions of groat.kernels say."""
    if lr is None:
        if weights is not None or bias is not None or decay != 0:
            raise InputError(f"{kind}: weights, bias and decay are for a step of gradient descent; expected lr, too")
        return tuple(call_all(kind, [x, dy], {**attrs, **PLAIN}, on, isa))
    if weights is None:
        raise InputError(f"{kind}: a step of gradient descent needs the weights")
    state = [array(weights, "weights", str(x.dtype))]
    if bias is not None:
        state.append(channels(bias, "bias", dy.shape[-1], "float32"))
    step = step_tensor(lr)
    sgd = {**PLAIN, "mode": SGD, "decay": float(decay), "has_bias": bias is not None}
    return tuple(call_all(kind, [x, dy], {**attrs, **sgd}, on, isa, state=dict(enumerate([*state, step]))))
