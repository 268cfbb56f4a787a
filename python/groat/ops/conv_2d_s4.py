# SPDX-License-Identifier: Apache-2.0
"""Two-dimensional convolution, int8 with int4 weights: all else as conv_2d.

The weights are packed two to a byte, in blocks of output channels that are unpacked one at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants
from groat.ops.call import Padding, Pair, call, four_bits
from groat.ops.conv_2d import Conv2D, conv2d_arguments, convolution_fields, packed_fields
from groat.pack.layouts import nibbles


class Conv2DS4(Conv2D):
    tflite = {}
    int4_inputs = (1,)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        groups, layouts = self.groups(op, inputs, outputs), constants.layouts
        count, size = len(groups[0].weights), groups[0].weights[0].size
        block = nibbles.block_channels(count, size, layouts.BLOCK, inputs[0].nbytes + outputs[0].nbytes)
        packed = layouts.conv_s4([part for group in groups for part in nibbles.blocks(group, block)])
        common = {**convolution_fields(op, inputs, outputs), **packed_fields(packed, constants)}
        return {"s8": {**common, "groups": op.attrs["groups"]}, "block": block}


OP = Conv2DS4()


def conv2d_s4(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    multiplier: ArrayLike,
    shift: ArrayLike,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int = -128,
    act_max: int = 127,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Two-dimensional convolution with weights of four bits.

    Args:
        weights: int8 [out_c, kernel_h, kernel_w, c / groups] in [-8, 7].
        x, bias, multiplier, shift, stride, dilation, padding, on, isa: as conv2d.

    Returns int8 [n, out_h, out_w, out_c].
    Raises InputError if a weight does not fit four bits, and as conv2d.
    """
    zero_points_and_clamp = (input_zero_point, output_zero_point, act_min, act_max)
    inputs, attrs = conv2d_arguments(
        x, four_bits(weights, "weights"), bias, multiplier, shift, stride, dilation, padding, zero_points_and_clamp
    )
    return call("conv_2d_s4", inputs, attrs, "int8", on, isa)
