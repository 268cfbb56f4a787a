# SPDX-License-Identifier: Apache-2.0
"""Dense layer, int8 with int4 weights: all else as fully_connected.

The weights are packed two to a byte, and the kernels compute with them as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants
from groat.ops.call import call, four_bits
from groat.ops.conv_2d import packed_fields
from groat.ops.fully_connected import FullyConnected, fully_connected_arguments


class FullyConnectedS4(FullyConnected):
    tflite = {}
    int4_inputs = (1,)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        packed = constants.layouts.dense_s4(self.filters(op, inputs))
        return {"s8": {**self.fields(op, inputs), **packed_fields([packed], constants)}}


OP = FullyConnectedS4()


def fully_connected_s4(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    multiplier: ArrayLike,
    shift: ArrayLike,
    input_zero_point: int = 0,
    weights_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int = -128,
    act_max: int = 127,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Dense layer with weights of four bits.

    Args:
        weights: int8 [out_c, depth] in [-8, 7].
        x, bias, multiplier, shift, on, isa: as fully_connected.

    Returns int8 [batches, out_c].
    Raises InputError if a weight does not fit four bits, and as fully_connected.
    """
    zero_points = (input_zero_point, weights_zero_point, output_zero_point)
    inputs, attrs = fully_connected_arguments(
        x, four_bits(weights, "weights"), bias, multiplier, shift, zero_points, (act_min, act_max)
    )
    return call("fully_connected_s4", inputs, attrs, "int8", on, isa)
