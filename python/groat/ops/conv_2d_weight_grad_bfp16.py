# SPDX-License-Identifier: Apache-2.0
"""Gradients of the weights and biases of a convolution of block floating point, and a step of gradient descent.

inputs: x int16 [n, h, w, c] (or [n, c]), its exponent int32 [1], unless only the biases are trained; dy int16
    [n, out_h, out_w, out_c] (or [n, out_c]), its exponent; step float32 [4] (loss.py).
outputs: weights int16 [out_c, kernel_h, kernel_w, c] (or [out_c, c]), their exponent; bias int16 [out_c], its exponent;
    the state of the generator of noise, int32 [1].
attrs: kernel, stride, dilation, padding as of the convolution; bits, of the magnitude of a mantissa of the weights;
    has_weights, has_bias.

What is less than a unit of a weight is rounded stochastically: a linear congruential generator (Knuth, "The Art of
Computer Programming", volume 2) gives a number for each weight of a filter that has a gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import wrap32
from groat.ops.base import Constants, Shape
from groat.ops.bfp import (
    BITS,
    EXPONENT,
    NOT_FINITE,
    Bfp,
    Integers,
    as_image,
    bfp_input,
    bit_length,
    bits_of,
    exponent_of,
    exponent_tensor,
    mantissas,
    window_of,
)
from groat.ops.call import Padding, Pair, call_all, window
from groat.ops.conv_2d_bfp16 import POINT, tap
from groat.ops.loss import RATE, step_tensor
from groat.ops.window import pad_image, spatial_shape

GRADIENT_BITS = 15
RATE_BITS = 16
MOST = 32767


class _Descent:
    """Steps of gradient descent, one after the other."""

    def __init__(self, rate: np.float32, noise: int) -> None:
        bits = int(rate.view(np.uint32))
        self.factor = ((bits & 0x7FFFFF) | 0x800000) >> (24 - RATE_BITS) if bits >> 23 else 0
        self.exponent = (bits >> 23) - 126 - RATE_BITS
        self.noise = noise & 0xFFFFFFFF

    def _draw(self, count: int) -> Integers:
        drawn = np.empty(count, np.int64)
        for i in range(count):
            self.noise = (self.noise * 1664525 + 1013904223) & 0xFFFFFFFF
            drawn[i] = self.noise
        return drawn

    def step(self, weights: Array, gradient: Integers, exponent: int) -> Array:
        """weights - rate * gradient * 2^exponent, in units of the weights."""
        if not gradient.any() or self.factor == 0:
            return weights
        narrow = max(bit_length(gradient) - GRADIENT_BITS, 0)
        product = (gradient >> narrow) * self.factor
        drawn = self._draw(len(gradient))
        shift = -(exponent + self.exponent + narrow)
        if shift > 0:
            product, after = product >> min(max(shift - 31, 0), 31), min(shift, 31)
            product = (product + (drawn >> (32 - after))) >> after
            down = np.clip(product, -2 * MOST, 2 * MOST)
        else:
            down = np.sign(product) * 2 * MOST
        return np.clip(weights.astype(np.int64) - down, -MOST, MOST).astype(np.int16)


def normalized(weights: Array, exponent: int, bits: int) -> tuple[Array, int]:
    """Weights whose largest has so many bits, and their exponent."""
    surplus = bit_length(weights) - bits
    if not weights.any() or surplus == 0:
        return weights, exponent
    if surplus > 0:
        return mantissas(weights, surplus, bits), exponent + surplus
    return (weights.astype(np.int64) << -surplus).astype(np.int16), exponent + surplus


class Conv2DWeightGradBfp16(Bfp):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        attrs, out_c = op.attrs, inputs[-3].shape[-1]
        found: list[Shape] = []
        if attrs["has_weights"]:
            x = inputs[0].shape
            found += [(out_c, *(attrs["kernel"] if len(x) == 4 else ()), x[-1]), EXPONENT]
        return [*found, *([(out_c,), EXPONENT] if attrs["has_bias"] else []), EXPONENT]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        parameters = op.attrs["has_weights"] + op.attrs["has_bias"]
        return [*["int16", "int32"] * parameters, "int32"]

    def updates(self, op: Op) -> tuple[int, ...]:
        return tuple(range(2 * (op.attrs["has_weights"] + op.attrs["has_bias"]) + 1))

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs = op.attrs
        reads = 5 if attrs["has_weights"] else 3
        dy, of_dy, rate = inputs[reads - 3], exponent_of(inputs[reads - 2]), inputs[reads - 1][RATE]
        of_x = exponent_of(inputs[1]) if attrs["has_weights"] else 0
        state = [array.copy() for array in inputs[reads:]]
        noise = state.pop()
        known = [of_x, of_dy, *(exponent_of(exponent) for exponent in state[1::2])]
        if NOT_FINITE in known or not (np.isfinite(rate) and rate > 0):
            return [*state, noise]
        gradient = dy.reshape(as_image(dy.shape)).astype(np.int64)
        down = _Descent(rate, int(noise[0]))
        weights = state[0].reshape(dy.shape[-1], -1) if attrs["has_weights"] else None
        bias = state[-2] if attrs["has_bias"] else None
        sums = self._sums(op, inputs[0], gradient) if attrs["has_weights"] else gradient
        for o in range(gradient.shape[3]):
            if weights is not None:
                weights[o] = down.step(weights[o], sums[o], of_x + of_dy - int(state[1][0]))
            if bias is not None:
                total = wrap32(gradient[..., o].sum().reshape(1)).astype(np.int64)
                bias[o : o + 1] = down.step(bias[o : o + 1], total, of_dy - int(state[-1][0]))
        bits = [*[attrs["bits"]] * attrs["has_weights"], *[BITS.stop - 1] * attrs["has_bias"]]
        for i, most in enumerate(bits):
            state[2 * i], exponent = normalized(state[2 * i], int(state[2 * i + 1][0]), most)
            state[2 * i + 1] = exponent_tensor(exponent)
        return [*state, np.array([down.noise], np.uint32).view(np.int32)]

    def _sums(self, op: Op, x: Array, dy: Integers) -> Integers:
        """The gradient of each filter [out_c, elements]."""
        padded = pad_image(x.reshape(as_image(x.shape)).astype(np.int64), op, 0)
        kernel = op.attrs["kernel"]
        sums = np.zeros((dy.shape[3], *kernel, x.shape[-1]), np.int64)
        for ky, kx in np.ndindex(*kernel):
            taps = tap(padded, op, (ky, kx), (dy.shape[1], dy.shape[2]))
            sums[:, ky, kx] = np.einsum("nyxo,nyxi->oi", dy, taps)
        return wrap32(sums).astype(np.int64).reshape(dy.shape[3], -1)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        attrs, dy = op.attrs, inputs[-3].shape
        if attrs["has_weights"]:
            window = window_of(op, inputs[0].shape, dy)
        else:
            window = window_of(Op("", (), (), POINT), (*dy[:-1], 1), dy)
        return {
            "window": window,
            "out_c": dy[-1],
            "has_weights": int(attrs["has_weights"]),
            "has_bias": int(attrs["has_bias"]),
            "bits": attrs["bits"],
        }

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return inputs[-3].elements * (outputs[0].elements // outputs[0].shape[0]) if op.attrs["has_weights"] else 0


OP = Conv2DWeightGradBfp16()


def conv2d_weight_grad_bfp16(
    x: ArrayLike,
    x_exponent: int,
    dy: ArrayLike,
    dy_exponent: int,
    weights: ArrayLike,
    weights_exponent: int,
    bias: ArrayLike | None = None,
    bias_exponent: int = 0,
    *,
    lr: float,
    noise: int = 1,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    bits: int = 15,
    train_weights: bool = True,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """A step of gradient descent on the parameters of conv2d_bfp16.

    Args:
        x: int16, what the convolution read; [n, c] for a dense layer.
        x_exponent: of x.
        dy: int16, the gradient by its output.
        dy_exponent: of dy.
        weights: int16 [out_c, kernel_h, kernel_w, c]; [out_c, c] for a dense layer.
        weights_exponent, bias_exponent: of these.
        bias: int16 [out_c], or none.
        lr: the learning rate, of which 16 bits count; nothing changes unless it is positive and finite.
        noise: the state of the generator of noise, 32 bits.
        stride, dilation, padding: as conv2d_bfp16.
        bits: of the magnitude of the largest mantissa of the weights, 4 to 15; biases have 15.
        train_weights: False trains the bias alone.
        on, isa: as conv2d.

    Returns (weights, exponent, bias, exponent, noise) after the step, without what is not trained.
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """
    image, of_x = bfp_input(x, x_exponent, "x")
    gradient, of_dy = bfp_input(dy, dy_exponent, "dy", image.ndim)
    filters, of_weights = bfp_input(weights, weights_exponent, "weights", image.ndim)
    if image.ndim not in (2, 4):
        raise InputError(f"x has shape {list(image.shape)}; expected 2 or 4 dimensions")
    size = filters.shape[1:3] if image.ndim == 4 else (1, 1)
    geometry = window(image, (size[0], size[1]), stride, dilation, padding) if image.ndim == 4 else POINT
    middle = spatial_shape(geometry, *image.shape[1:3]) if image.ndim == 4 else ()
    expected = (len(image), *middle, len(filters))
    if gradient.shape != expected or filters.shape[-1] != image.shape[-1]:
        raise InputError(
            f"dy has shape {list(gradient.shape)}, weights {list(filters.shape)}; "
            f"expected {list(expected)} and {image.shape[-1]} channels"
        )
    if bias is None and not train_weights:
        raise InputError("there is no bias, and train_weights is False: expected something to train")
    state = [filters, of_weights] if train_weights else []
    if bias is not None:
        state += bfp_input(bias, bias_exponent, "bias", 1)
        if len(state[-2]) != len(filters):
            raise InputError(f"bias has {len(state[-2])} values; expected {len(filters)}")
    state += [np.array([noise & 0xFFFFFFFF], np.uint32).view(np.int32)]
    reads = [*([image, of_x] if train_weights else []), gradient, of_dy, step_tensor(lr)]
    attrs = {**geometry, "bits": bits_of(bits), "has_weights": train_weights, "has_bias": bias is not None}
    return tuple(call_all("conv_2d_weight_grad_bfp16", reads, attrs, on, isa, state=dict(enumerate(state))))
