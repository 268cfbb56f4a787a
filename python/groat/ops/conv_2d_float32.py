# SPDX-License-Identifier: Apache-2.0
"""Two-dimensional convolution of float32, grouped or not.

inputs: x float32 [n, h, w, c]; weights float32 [out_c, kernel_h, kernel_w, c / groups]; bias float32 [out_c]
(optional).
attrs: kernel, stride, dilation (height, width); padding ((top, bottom), (left, right)); groups; act_min, act_max;
trained (see groat.ops.floats.Trainable).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, Shape
from groat.ops.call import Padding, Pair, call, window
from groat.ops.conv_2d import Conv2D, convolution_fields, packed_fields, strided_tap
from groat.ops.floats import Trainable, filter_inputs, filters_of, float_array, limits, with_bias
from groat.ops.window import pad_image, spatial_shape
from groat.pack.layouts import FloatFilters


class Conv2DFloat32(Trainable, Conv2D):
    tflite = {}
    weights_axis = 0
    attributes = ("act_min", "act_max")
    kernel: ClassVar[str] = "conv_f32"

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, weights = (array.astype(np.float32) for array in inputs[:2])
        groups = op.attrs["groups"]
        out = spatial_shape(op.attrs, *x.shape[1:3])
        padded = pad_image(x, op, 0)
        acc = np.zeros((x.shape[0], *out, groups, weights.shape[0] // groups), np.float32)
        with np.errstate(all="ignore"):
            for ky, kx in np.ndindex(*weights.shape[1:3]):
                taps = strided_tap(padded, op, (ky, kx), out)
                taps = taps.reshape(*taps.shape[:3], groups, -1)
                kernel = weights[:, ky, kx, :].reshape(groups, -1, weights.shape[3])
                for i in range(weights.shape[3]):
                    acc += taps[..., i, np.newaxis] * kernel[:, :, i]
        return [with_bias(op, acc.reshape(*acc.shape[:3], -1), inputs)]

    def float_filters(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[FloatFilters]:
        """What the layouts need to know of each group."""
        weights, groups = inputs[1].data, op.attrs["groups"]
        assert weights is not None
        out_c, rows, taps, depth = weights.shape
        if groups == 1 and op.attrs["dilation"][1] == 1:
            weights = weights.reshape(out_c, rows, 1, taps * depth)
        height, width = outputs[0].shape[1:3]
        whole = rows == taps == 1 and inputs[0].shape[1:3] == (height, width)  # the image is one row
        filters = filters_of(inputs, weights, height * width if whole else width)
        size = out_c // groups
        parts = [slice(group * size, (group + 1) * size) for group in range(groups)]
        return [FloatFilters(filters.weights[part], filters.bias[part], filters.pixels) for part in parts]

    def columns(self, op: Op, x: Array, weights_shape: Shape) -> Array:
        groups, kernel, depth = op.attrs["groups"], weights_shape[1:3], weights_shape[3]
        out, padded = spatial_shape(op.attrs, *x.shape[1:3]), pad_image(x, op, 0)
        taps = [strided_tap(padded, op, tap, out).reshape(-1, groups, depth) for tap in np.ndindex(*kernel)]
        return np.stack(taps, axis=2).transpose(1, 0, 2, 3).reshape(groups, -1, len(taps) * depth)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        if op.attrs.get("trained"):
            return {
                **convolution_fields(op, inputs, outputs, self.attributes),
                **self.constant_fields(op, inputs, constants, inputs[1].shape[0], op.attrs["groups"]),
                "groups": op.attrs["groups"],
            }
        packed = getattr(constants.layouts, self.kernel)(self.float_filters(op, inputs, outputs))
        return {
            **convolution_fields(op, inputs, outputs, self.attributes),
            **packed_fields(packed, constants),
            "groups": op.attrs["groups"],
        }


OP = Conv2DFloat32()


def conv2d_float(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    act_min: float | None = None,
    act_max: float | None = None,
    trained: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Two-dimensional convolution of floats, grouped where the filters are shallower than x.

    Args:
        x: float32 or float16 [n, h, w, c].
        weights: of the type of x, [out_c, kernel_h, kernel_w, c / groups].
        bias: of the type of x or float32, [out_c]; none means zeros.
        padding: "same", "valid" or ((top, bottom), (left, right)); padding holds zeros.
        act_min, act_max: the clamp of the output; none means no limit.
        trained: weights and bias are tensors in the order given here, as in a model that trains; else constants, in an
            order of the kernels' own.
        on, isa: as conv2d.

    Returns an array [n, out_h, out_w, out_c] of the type of x.
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """
    image, suffix = float_array(x, "x", 4)
    inputs = filter_inputs(image, weights, bias, 4, 0)
    (count, *kernel, depth), in_c = inputs[1].shape, image.shape[3]
    if depth == 0 or in_c % depth != 0 or count % (in_c // depth) != 0:
        raise InputError(
            f"conv2d_float: {in_c} input channels do not divide into groups of {depth} for {count} filters"
        )
    attrs = {
        **window(image, (kernel[0], kernel[1]), stride, dilation, padding),
        "groups": in_c // depth,
        **limits(act_min, act_max),
        "trained": trained,
    }
    return call("conv_2d" + suffix, inputs, attrs, str(image.dtype), on, isa)
