# SPDX-License-Identifier: Apache-2.0
"""Two-dimensional convolution of block floating point; a dense layer is one whose images have one pixel.

inputs: x int16 [n, h, w, c] (or [n, c]), its exponent int32 [1]; weights int16 [out_c, kernel_h, kernel_w, c] (or
    [out_c, c]), their exponent; bias int16 [out_c], its exponent (optional).
outputs: y int16 [n, out_h, out_w, out_c] (or [n, out_c]), its exponent.
attrs: kernel, stride, dilation (height, width); padding ((top, bottom), (left, right)); relu (bool); bits, of the
    magnitude of a mantissa of y; where a model trains also gradient_bits and weight_bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import wrap32
from groat.ops.base import Constants, Shape, Tape
from groat.ops.bfp import (
    EXPONENT,
    NOT_FINITE,
    SUM_BITS,
    Bfp,
    Integers,
    as_image,
    bfp_input,
    bits_of,
    exponent_of,
    from_sums,
    not_finite,
    shifted,
    window_of,
)
from groat.ops.call import Padding, Pair, call_all, window
from groat.ops.window import pad_image, spatial_shape

GEOMETRY = ("kernel", "stride", "dilation", "padding")
POINT = {"kernel": (1, 1), "stride": (1, 1), "dilation": (1, 1), "padding": ((0, 0), (0, 0))}
"""The window of a dense layer."""


def tap(image: Array, op: Op, place: tuple[int, int], out: tuple[int, int]) -> Array:
    """What each window of a padded image has at a place: a view."""
    (dy, dx), (sy, sx) = op.attrs["dilation"], op.attrs["stride"]
    y, x = place[0] * dy, place[1] * dx
    return image[:, y : y + (out[0] - 1) * sy + 1 : sy, x : x + (out[1] - 1) * sx + 1 : sx]


def aligned(bias: Array, exponent: int, sums: int) -> Integers:
    """Biases in units of 2^sums, clamped to 2^30."""
    shift = exponent - sums
    if shift <= 0:
        return shifted(bias, min(-shift, 32))
    most = 1 << SUM_BITS
    return np.clip(bias.astype(np.int64) << min(shift, SUM_BITS + 1), -most, most)


class Conv2DBfp16(Bfp):
    trainable = (2, 4)
    exponents = (3, 5)

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        x, weights = inputs[0].shape, inputs[2].shape
        n, height, width, _ = as_image(x)
        out = spatial_shape(op.attrs, height, width) if len(x) == 4 else ()
        return [(n, *out, weights[0]), EXPONENT]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["int16", "int32"]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, weights = inputs[0].reshape(as_image(inputs[0].shape)), inputs[2]
        out = spatial_shape(op.attrs, *x.shape[1:3])
        shape = (x.shape[0], *out, len(weights)) if inputs[0].ndim == 4 else (len(x), len(weights))
        of_x, of_weights = exponent_of(inputs[1]), exponent_of(inputs[3])
        of_bias = exponent_of(inputs[5]) if len(inputs) > 4 else 0
        if NOT_FINITE in (of_x, of_weights, of_bias):
            return not_finite(shape)
        padded = pad_image(x.astype(np.int64), op, 0)
        filters = weights.reshape(len(weights), *op.attrs["kernel"], x.shape[3]).astype(np.int64)
        sums = np.zeros((x.shape[0], *out, len(weights)), np.int64)
        for ky, kx in np.ndindex(*op.attrs["kernel"]):
            sums += tap(padded, op, (ky, kx), out) @ filters[:, ky, kx].T
        if len(inputs) > 4:
            sums += aligned(inputs[4], of_bias, of_x + of_weights)
        sums = wrap32(sums).astype(np.int64)
        if op.attrs["relu"]:
            sums = np.maximum(sums, 0)
        return from_sums(sums.reshape(shape), of_x + of_weights, op.attrs["bits"])

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {
            "window": window_of(op, inputs[0].shape, outputs[0].shape),
            "out_c": outputs[0].shape[-1],
            "bits": op.attrs["bits"],
            "relu": int(op.attrs["relu"]),
        }

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return outputs[0].elements * inputs[2].elements // inputs[2].shape[0]

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        x, of_x, weights, of_weights = op.inputs[:4]
        y = op.outputs[0]
        attrs = {name: op.attrs[name] for name in GEOMETRY}
        of_dy = tape.exponent(dy)
        dz = tape.op("relu_grad_bfp16", (dy, y), tape.tensor(y).shape, exponent=of_dy) if op.attrs["relu"] else dy
        found = {}
        if tape.wanted(0):
            shape = tape.tensor(x).shape
            fields = {**attrs, "in_shape": shape, "bits": op.attrs["gradient_bits"]}
            found[0] = tape.op("conv_2d_input_grad_bfp16", (weights, of_weights, dz, of_dy), shape, fields, "int16")
        fields = {**attrs, "bits": op.attrs["weight_bits"]}
        tape.update("conv_2d_weight_grad_bfp16", (x, of_x, dz, of_dy), self.trainable, fields)
        return found


OP = Conv2DBfp16()


def conv2d_bfp16(
    x: ArrayLike,
    x_exponent: int,
    weights: ArrayLike,
    weights_exponent: int,
    bias: ArrayLike | None = None,
    bias_exponent: int = 0,
    *,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    relu: bool = False,
    bits: int = 15,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, int]:
    """Two-dimensional convolution of block floating point.

    Args:
        x: int16 [n, h, w, c]; [n, c] for a dense layer.
        x_exponent: of x.
        weights: int16 [out_c, kernel_h, kernel_w, c]; [out_c, c] for a dense layer.
        weights_exponent, bias_exponent: of these.
        bias: int16 [out_c]; none means zeros.
        stride, dilation, padding, on, isa: as conv2d.
        relu: what is negative becomes 0.
        bits: of the magnitude of a mantissa of the result, 4 to 15.

    Returns (y, exponent): int16 [n, out_h, out_w, out_c] or [n, out_c].  Sums are int32 and wrap around: the magnitudes
    of x and weights have to have few enough bits.
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """
    image, of_x = bfp_input(x, x_exponent, "x")
    inputs = [image, of_x, *bfp_input(weights, weights_exponent, "weights", image.ndim)]
    if image.ndim not in (2, 4) or inputs[2].shape[-1] != image.shape[-1]:
        raise InputError(
            f"conv2d_bfp16: x has shape {image.shape}, weights {inputs[2].shape}; expected as many channels"
        )
    if bias is not None:
        inputs += bfp_input(bias, bias_exponent, "bias", 1)
        if len(inputs[4]) != len(inputs[2]):
            raise InputError(f"bias has {len(inputs[4])} values; expected {len(inputs[2])}")
    size = inputs[2].shape[1:3] if image.ndim == 4 else (1, 1)
    geometry = window(image, (size[0], size[1]), stride, dilation, padding) if image.ndim == 4 else POINT
    attrs = {**geometry, "relu": bool(relu), "bits": bits_of(bits)}
    y, exponent = call_all("conv_2d_bfp16", inputs, attrs, on, isa)
    return y, int(exponent[0])
