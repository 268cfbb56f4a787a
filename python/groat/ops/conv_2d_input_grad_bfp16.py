# SPDX-License-Identifier: Apache-2.0
"""The gradient of a convolution of block floating point by its input.

inputs: weights int16 [out_c, kernel_h, kernel_w, c] (or [out_c, c]), their exponent int32 [1]; dy int16
    [n, out_h, out_w, out_c] (or [n, out_c]), its exponent.
outputs: dx int16 of in_shape, its exponent.
attrs: kernel, stride, dilation, padding as of the convolution; in_shape, of its input; bits, of the magnitude of a
    mantissa of dx.
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
    EXPONENT,
    NOT_FINITE,
    Bfp,
    as_image,
    bfp_input,
    bits_of,
    exponent_of,
    from_sums,
    not_finite,
    window_of,
)
from groat.ops.call import Padding, Pair, call_all, window
from groat.ops.conv_2d_bfp16 import POINT, tap
from groat.ops.window import pad_image, spatial_shape


class Conv2DInputGradBfp16(Bfp):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [tuple(op.attrs["in_shape"]), EXPONENT]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["int16", "int32"]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        weights, dy = inputs[0], inputs[2].reshape(as_image(inputs[2].shape)).astype(np.int64)
        shape = tuple(op.attrs["in_shape"])
        of_weights, of_dy = exponent_of(inputs[1]), exponent_of(inputs[3])
        if NOT_FINITE in (of_weights, of_dy):
            return not_finite(shape)
        image = as_image(shape)
        filters = weights.reshape(len(weights), *op.attrs["kernel"], image[3]).astype(np.int64)
        (top, _), (left, _) = op.attrs["padding"]
        padded = pad_image(np.zeros(image, np.int64), op, 0)
        for ky, kx in np.ndindex(*op.attrs["kernel"]):
            place = tap(padded, op, (ky, kx), (dy.shape[1], dy.shape[2]))
            place += dy @ filters[:, ky, kx]
        sums = wrap32(padded[:, top : top + image[1], left : left + image[2]]).astype(np.int64)
        return from_sums(sums.reshape(shape), of_weights + of_dy, op.attrs["bits"])

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {
            "window": window_of(op, outputs[0].shape, inputs[2].shape),
            "out_c": inputs[2].shape[-1],
            "bits": op.attrs["bits"],
        }

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return inputs[2].elements * inputs[0].elements // inputs[0].shape[0]


OP = Conv2DInputGradBfp16()


def conv2d_input_grad_bfp16(
    weights: ArrayLike,
    weights_exponent: int,
    dy: ArrayLike,
    dy_exponent: int,
    in_shape: Sequence[int],
    *,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    bits: int = 15,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, int]:
    """The gradient of conv2d_bfp16 by its input.

    Args:
        weights: int16 [out_c, kernel_h, kernel_w, c]; [out_c, c] for a dense layer.
        weights_exponent: of these.
        dy: int16, the gradient by the convolution's output.
        dy_exponent: of dy.
        in_shape: of the convolution's input.
        stride, dilation, padding: as conv2d_bfp16.
        bits: of the magnitude of a mantissa of the result, 4 to 15.
        on, isa: as conv2d.

    Returns (dx, exponent): int16 of in_shape.
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """
    gradient, of_dy = bfp_input(dy, dy_exponent, "dy")
    filters, of_weights = bfp_input(weights, weights_exponent, "weights", gradient.ndim)
    shape = tuple(int(size) for size in in_shape)
    if len(shape) != gradient.ndim or len(shape) not in (2, 4) or min(shape) < 1:
        raise InputError(f"in_shape is {list(shape)}; expected as many sizes as dy has, which are 2 or 4")
    size = filters.shape[1:3] if filters.ndim == 4 else (1, 1)
    image = np.broadcast_to(np.int16(0), as_image(shape))
    geometry = window(image, (size[0], size[1]), stride, dilation, padding) if len(shape) == 4 else POINT
    expected = (shape[0], *(spatial_shape(geometry, *shape[1:3]) if len(shape) == 4 else ()), len(filters))
    if gradient.shape != expected or filters.shape[-1] != shape[-1]:
        raise InputError(
            f"dy has shape {list(gradient.shape)}, weights {list(filters.shape)}; "
            f"expected {list(expected)} and {shape[-1]} channels"
        )
    attrs = {**geometry, "in_shape": shape, "bits": bits_of(bits)}
    inputs = [filters, of_weights, gradient, of_dy]
    dx, exponent = call_all("conv_2d_input_grad_bfp16", inputs, attrs, on, isa)
    return dx, int(exponent[0])
