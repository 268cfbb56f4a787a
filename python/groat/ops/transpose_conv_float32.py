# SPDX-License-Identifier: Apache-2.0
"""Transposed convolution of float32: the gradient of a convolution's input, as a layer.

inputs: x float32 [n, h, w, c]; weights float32 [out_c, kernel_h, kernel_w, c]; bias float32 [out_c] (optional).
attrs: kernel, stride, dilation; padding; out_shape; act_min, act_max.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import bounds_of
from groat.ops.base import Constants, Operator, Shape
from groat.ops.call import Padding, Pair, array, call, channels, pair
from groat.ops.floats import WeightedLayer, clamped, limits
from groat.ops.transpose_conv import taps_of, transposed_attrs

WINDOW = ("kernel", "stride", "dilation", "padding")


class TransposeConvFloat32(WeightedLayer):
    weights_axis = 0

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [tuple(op.attrs["out_shape"])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        acc = np.zeros(op.attrs["out_shape"])
        with np.errstate(all="ignore"):
            for ky, kx, taps in taps_of(op, inputs[0].astype(np.float64)):
                acc += taps @ inputs[1][:, ky, kx].astype(np.float64).T
            y = acc.astype(np.float32) + (inputs[2] if len(inputs) > 2 else np.float32(0))
        return [clamped(y, op.attrs, np.float32)]

    def columns(self, op: Op, x: Array, weights_shape: Shape) -> Array:
        one = Op(op.kind, op.inputs, op.outputs, {**op.attrs, "out_shape": (len(x), *op.attrs["out_shape"][1:])})
        taps = [part.reshape(-1, x.shape[3]) for _, _, part in taps_of(one, x)]
        return np.concatenate(taps, axis=1)[np.newaxis]

    def operator(self, op: Op, dtype: str) -> Operator | None:
        if dtype == "float32":
            return None
        options = {"Window": {name: op.attrs[name] for name in WINDOW}}
        return Operator("TRANSPOSE_CONV", {**options, "FusedActivationFunction": bounds_of(op.attrs)})

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        weights, y, x = inputs[1].data, outputs[0].shape, inputs[0].shape
        bias = inputs[2].data if len(inputs) > 2 else np.zeros(y[3], np.float32)
        assert weights is not None
        assert bias is not None
        fields: dict[str, Any] = dict(zip(("batches", "in_h", "in_w", "in_c"), y, strict=True))
        for name in ("kernel", "stride", "dilation"):
            fields[f"{name}_h"], fields[f"{name}_w"] = op.attrs[name]
        pads = op.attrs["padding"]
        window = {**fields, "out_h": x[1], "out_w": x[2], "pad_top": pads[0][0], "pad_left": pads[1][0]}
        return {
            "weights": constants.add(np.ascontiguousarray(weights.transpose(3, 1, 2, 0), "<f4").tobytes()),
            "bias": constants.add(np.asarray(bias, "<f4").tobytes()),
            "window": window,
            "x_c": x[3],
            "act_min": op.attrs["act_min"],
            "act_max": op.attrs["act_max"],
        }

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return inputs[0].elements * inputs[1].elements // inputs[1].shape[3]


OP = TransposeConvFloat32()


def transpose_conv_float(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    out_size: tuple[int, int],
    stride: Pair = 1,
    padding: Padding = "valid",
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Transposed convolution of floats.

    Args:
        x: float32 [n, h, w, c].
        weights: float32 [out_c, kernel_h, kernel_w, c].
        bias: float32 [out_c], or one for all.
        out_size, stride, padding: as transpose_conv.
        act_min, act_max, on, isa: as conv2d_float.

    Returns float32 [n, height, width, out_c].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    image, filters = array(x, "x", "float32", 4), array(weights, "weights", "float32", 4)
    inputs = [image, filters]
    if bias is not None:
        inputs.append(channels(bias, "bias", filters.shape[0], "float32"))
    attrs = {
        **transposed_attrs(image, filters, pair(out_size), stride, padding, "transpose_conv_float"),
        **limits(act_min, act_max),
    }
    return call("transpose_conv_float32", inputs, attrs, "float32", on, isa)
