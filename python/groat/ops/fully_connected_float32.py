# SPDX-License-Identifier: Apache-2.0
"""Dense layer of float32.

inputs: x float32, any shape of batches * depth elements; weights float32 [out_c, depth]; bias float32 [out_c]
(optional).
attrs: act_min, act_max; out_shape; trained (see groat.ops.floats.Trainable).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, Shape
from groat.ops.call import call
from groat.ops.conv_2d import packed_fields
from groat.ops.floats import Trainable, filter_inputs, filters_of, float_array, limits, with_bias
from groat.ops.fully_connected import FullyConnected


class FullyConnectedFloat32(Trainable, FullyConnected):
    tflite = {}
    weights_axis = 0
    attributes = ("act_min", "act_max")
    kernel: ClassVar[str] = "conv_f32"

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        weights = inputs[1].astype(np.float32)
        x = inputs[0].astype(np.float32).reshape(-1, weights.shape[1])
        acc = np.zeros((len(x), len(weights)), np.float32)
        with np.errstate(all="ignore"):
            for i in range(weights.shape[1]):
                acc += x[:, i, np.newaxis] * weights[:, i]
        return [with_bias(op, acc, inputs).reshape(op.attrs["out_shape"])]

    def columns(self, op: Op, x: Array, weights_shape: Shape) -> Array:
        return x.reshape(1, -1, weights_shape[1])

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        if op.attrs.get("trained"):
            return {**self.fields(op, inputs), **self.constant_fields(op, inputs, constants, inputs[1].shape[0])}
        weights = inputs[1].data
        assert weights is not None
        out_c, depth = weights.shape
        filters = filters_of(inputs, weights.reshape(out_c, 1, 1, depth), inputs[0].elements // depth)
        packed = getattr(constants.layouts, self.kernel)([filters])
        return {**self.fields(op, inputs), **packed_fields(packed, constants)}


OP = FullyConnectedFloat32()


def fully_connected_float(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    act_min: float | None = None,
    act_max: float | None = None,
    trained: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Dense layer of floats.

    Args:
        x: float32 or float16 [batches, depth].
        weights: of the type of x, [out_c, depth].
        bias: of the type of x or float32, [out_c]; none means zeros.
        act_min, act_max, trained, on, isa: as conv2d_float.

    Returns an array [batches, out_c] of the type of x.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    rows, suffix = float_array(x, "x", 2)
    inputs = filter_inputs(rows, weights, bias, 2, 0)
    count, depth = inputs[1].shape
    if rows.shape[1] != depth:
        raise InputError(f"x has shape {rows.shape}, weights {inputs[1].shape}; expected the same depth")
    attrs = {**limits(act_min, act_max), "out_shape": (rows.shape[0], count), "trained": trained}
    return call("fully_connected" + suffix, inputs, attrs, str(rows.dtype), on, isa)
