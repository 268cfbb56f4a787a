# SPDX-License-Identifier: Apache-2.0
"""Every op of the table as a function on NumPy arrays, on this host or on a device.

Written by tools/make_kernel_stubs.py.
"""

from collections.abc import Sequence

from numpy.typing import ArrayLike

from groat.graph.ir import Array
from groat.ops.call import Padding, Pair
from groat.ops.layout import use_layout as use_layout
from groat.ops.measure import Measurement as Measurement
from groat.ops.measure import measure as measure

def function_name(
    op: str,
) -> str:
    """The function of an op: its name in the table, "_2d" written together; that for int8 serves int16 too, and one
    that ends in "_float" serves all floats.
    """

def reshape(
    x: ArrayLike,
    shape: Sequence[int],
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Copies the elements into another shape.

    Args:
        x: int8, uint8, int16, int32 or float32.
        shape: fixed sizes with as many elements as x.
        on, isa: as conv2d.

    Returns the reshaped copy.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def conv2d(
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
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Two-dimensional convolution, grouped where the filters are shallower than x.

    Args:
        x: int8 or int16 [n, h, w, c].
        weights: int8 [out_c, kernel_h, kernel_w, c / groups].
        bias: int32 [out_c], or int64 with int16 activations, whose accumulators then have 64 bits; none means zeros.
        multiplier, shift: Q31 factor and power of two that turn an accumulator into an output, for each output channel
            or one for all (groat.ops.arithmetic.quantize_multiplier makes them).
        padding: "same", "valid" or ((top, bottom), (left, right)); padding holds input_zero_point.
        input_zero_point, output_zero_point: 0 for int16.
        act_min, act_max: the clamp of the output; none means its type's range.
        on: "host" or a device such as "qemu:cortex-m4".
        isa: the kernel set: "ref", "dsp", "mve", "rvv" or "scalar"; default: the one of `on`, "ref" on the host.

    Returns an array [n, out_h, out_w, out_c] of the type of x.
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """

def depthwise_conv2d(
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
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Depthwise convolution; output channel o reads input channel o // (out_c / c).

    Args:
        x: int8 or int16 [n, h, w, c].
        weights: int8 [1, kernel_h, kernel_w, out_c]; out_c is a multiple of c.
        bias: int32 [out_c], int64 with int16 activations; none means zeros.
        multiplier, shift, padding, act_min, act_max, on, isa: as conv2d.

    Returns an array [n, out_h, out_w, out_c] of the type of x.
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """

def fully_connected(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    multiplier: ArrayLike,
    shift: ArrayLike,
    input_zero_point: int = 0,
    weights_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Dense layer.

    Args:
        x: int8 or int16 [batches, depth].
        weights: int8 [out_c, depth].
        bias: int32 [out_c], or int64 with int16 activations; none means zeros.
        multiplier, shift, act_min, act_max, on, isa: as conv2d.

    Returns an array [batches, out_c] of the type of x.
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """

def average_pool2d(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Average pooling; padding does not count, halves round away from zero.

    Args:
        x: int8 or int16 [n, h, w, c].
        kernel, stride: (height, width) or one for both; the stride is the kernel's size unless given.
        padding, act_min, act_max, on, isa: as conv2d.

    Returns an array [n, out_h, out_w, c] of the type of x, in its scale.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def max_pool2d(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Maximum pooling; padding never wins.

    Args:
        x: int8 or int16 [n, h, w, c].
        kernel, stride: (height, width) or one for both; the stride is the kernel's size unless given.
        padding, act_min, act_max, on, isa: as conv2d.

    Returns an array [n, out_h, out_w, c] of the type of x, in its scale.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def add(
    a: ArrayLike,
    b: ArrayLike,
    *,
    a_scale: float,
    b_scale: float,
    output_scale: float,
    a_zero_point: int = 0,
    b_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Sum with broadcasting.

    Args:
        a, b: int8 or int16, of one type and of shapes that broadcast to one of them.
        a_scale, b_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        a_zero_point, b_zero_point, output_zero_point: 0 for int16.
        act_min, act_max, on, isa: as conv2d.

    Returns an array of their type and the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def mean(
    x: ArrayLike,
    axes: Sequence[int],
    *,
    input_scale: float = 1.0,
    output_scale: float = 1.0,
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    keep_dims: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Mean over some axes.

    Args:
        x: int8 or int16.
        axes: not empty; negative ones count from the end.
        input_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        input_zero_point, output_zero_point: 0 for int16.
        on, isa: as conv2d.

    Returns an array of x's type and its shape without the axes, or with 1 in their place.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def pad(
    x: ArrayLike,
    padding: Sequence[tuple[int, int]],
    value: float = 0,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Constant padding.

    Args:
        x: int8, int16 or float32, at most 6 dimensions.
        padding: (before, after) for each dimension.
        value: one element, as it is stored.
        on, isa: as conv2d.

    Returns x with `value` around it.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def transpose(
    x: ArrayLike,
    permutation: Sequence[int],
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Reorders dimensions.

    Args:
        x: int8, uint8, int16, int32 or float32, at most 6 dimensions.
        permutation: dimension k of the result is dimension permutation[k] of x.
        on, isa: as conv2d.

    Returns the reordered array.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def concatenation(
    arrays: Sequence[ArrayLike],
    axis: int = 0,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Joins arrays along one axis.

    Args:
        arrays: at least one; int8, int16 or float32, all of one dtype, equal in every dimension but the axis.
        on, isa: as conv2d.

    Returns the joined array.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def softmax(
    x: ArrayLike,
    *,
    input_scale: float,
    beta: float = 1.0,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Softmax over the last dimension.

    Args:
        x: int8 or int16 logits, at most 4,095 or 65,535 in the last dimension.
        input_scale: real logit = input_scale * stored, up to a constant; read as float32.
        on, isa: as conv2d.

    Returns an array of its type and shape: probability = (stored + 128) / 256 for int8, stored / 32768 for int16.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def lut(
    x: ArrayLike,
    table: ArrayLike,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Any function of one value, as a table.

    Args:
        x: int8, uint8 or int16.
        table: int8 or uint8 [256]: the result for each byte, indexed by the byte read as unsigned; of int16, int16
            [513]: the result for -32768, -32640, … 32768, and between two of these in proportion.
        on, isa: as conv2d.

    Returns an array of x's shape and the table's dtype.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def quantize(
    x: ArrayLike,
    *,
    scale: float,
    zero_point: int = 0,
    dtype: str = "int8",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """round(x / scale) + zero_point, ties away from zero, clamped.

    Args:
        x: float32.
        scale: greater than zero; read as float32.
        zero_point: 0 for int16.
        dtype: of the result: "int8" or "int16".
        on, isa: as conv2d.

    Returns an array of that type and the same shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def dequantize(
    x: ArrayLike,
    *,
    scale: float,
    zero_point: int = 0,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """scale * (x - zero_point).

    Args:
        x: int8 or int16.
        scale: greater than zero; read as float32.
        zero_point: 0 for int16.
        on, isa: as conv2d.

    Returns float32 of the same shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def mul(
    a: ArrayLike,
    b: ArrayLike,
    *,
    a_scale: float,
    b_scale: float,
    output_scale: float,
    a_zero_point: int = 0,
    b_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Product with broadcasting.

    Args:
        a, b: int8 or int16, of one type and of shapes that broadcast to one of them.
        a_scale, b_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        a_zero_point, b_zero_point, output_zero_point: 0 for int16.
        act_min, act_max, on, isa: as conv2d.

    Returns an array of their type and the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def sigmoid(
    x: ArrayLike,
    *,
    input_scale: float,
    tanh: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The logistic function or tanh.

    Args:
        x: int16.
        input_scale: real = input_scale * stored; read as float32.
        tanh: tanh instead of the logistic function.
        on, isa: as conv2d.

    Returns int16 of the same shape: result = stored / 32768.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def rescale(
    x: ArrayLike,
    *,
    input_scale: float,
    output_scale: float,
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int | None = None,
    act_max: int | None = None,
    dtype: str = "int16",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """A change of scale, zero point and type.

    Args:
        x: int8 or int16.
        input_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        input_zero_point, output_zero_point: 0 for int16.
        act_min, act_max: the clamp of the output; none means its type's range.
        dtype: of the result: "int8" or "int16".
        on, isa: as conv2d.

    Returns an array of that type and x's shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

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

def depthwise_conv2d_s4(
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
    """Depthwise convolution with weights of four bits.

    Args:
        weights: int8 [1, kernel_h, kernel_w, out_c] in [-8, 7]; out_c is a multiple of c.
        x, bias, multiplier, shift, stride, dilation, padding, on, isa: as depthwise_conv2d.

    Returns int8 [n, out_h, out_w, out_c].
    Raises InputError if a weight does not fit four bits, and as depthwise_conv2d.
    """

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

def depthwise_conv2d_float(
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
    """Depthwise convolution of floats; output channel o reads input channel o // (out_c / c).

    Args:
        x: float32 or float16 [n, h, w, c].
        weights: of the type of x, [1, kernel_h, kernel_w, out_c]; out_c is a multiple of c.
        bias: of the type of x or float32, [out_c]; none means zeros.
        padding, act_min, act_max, trained, on, isa: as conv2d_float.

    Returns an array [n, out_h, out_w, out_c] of the type of x.
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """

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

def average_pool2d_float(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Average pooling of floats; padding does not count.

    Args:
        x: float32 or float16 [n, h, w, c].
        kernel, stride: (height, width) or one for both; the stride is the kernel's size unless given.
        padding, act_min, act_max, on, isa: as conv2d_float.

    Returns an array [n, out_h, out_w, c] of the type of x.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def max_pool2d_float(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Maximum pooling of floats; padding never wins, nor does what is not a number.

    Args:
        x: float32 or float16 [n, h, w, c].
        kernel, stride: (height, width) or one for both; the stride is the kernel's size unless given.
        padding, act_min, act_max, on, isa: as conv2d_float.

    Returns an array [n, out_h, out_w, c] of the type of x.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def add_float(
    a: ArrayLike,
    b: ArrayLike,
    *,
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Sum of floats with broadcasting.

    Args:
        a, b: float32 or float16, of one type and of shapes that broadcast to one of them.
        act_min, act_max, on, isa: as conv2d_float.

    Returns an array of their type and the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def mul_float(
    a: ArrayLike,
    b: ArrayLike,
    *,
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Product of floats with broadcasting.

    Args:
        a, b: float32 or float16, of one type and of shapes that broadcast to one of them.
        act_min, act_max, on, isa: as conv2d_float.

    Returns an array of their type and the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def mean_float(
    x: ArrayLike,
    axes: Sequence[int],
    *,
    keep_dims: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Mean of floats over some axes.

    Args:
        x: float32 or float16.
        axes: not empty; negative ones count from the end.
        on, isa: as conv2d.

    Returns an array of x's type and its shape without the axes, or with 1 in their place.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def softmax_float(
    x: ArrayLike,
    *,
    beta: float = 1.0,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Softmax of floats over the last dimension.

    Args:
        x: float32 or float16 logits.
        beta: what logits are multiplied by.
        on, isa: as conv2d.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def sigmoid_float(
    x: ArrayLike,
    *,
    tanh: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The logistic function or tanh of floats.

    Args:
        x: float32 or float16.
        tanh: tanh instead of the logistic function.
        on, isa: as conv2d.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def clamp_float(
    x: ArrayLike,
    *,
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """A clamp of floats; what is not a number stays so.

    Args:
        x: float32 or float16.
        act_min, act_max: none means no limit.
        on, isa: as conv2d.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def cast(
    x: ArrayLike,
    dtype: str,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Another type of floats.

    Args:
        x: float32 or float16.
        dtype: the other of the two; numbers are rounded to the nearest, ties to even.
        on, isa: as conv2d.

    Returns an array of that type and x's shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def conv2d_weight_grad_float(
    x: ArrayLike,
    dy: ArrayLike,
    *,
    kernel: Pair,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    groups: int = 1,
    weights: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    lr: float | None = None,
    decay: float = 0.0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """Gradients of the weights and the bias of conv2d_float, or a step of gradient descent on them.

    Args:
        x: what the convolution read, float32 or float16 [n, h, w, c].
        dy: the gradient of its output, of the type of x, [n, out_h, out_w, out_c].
        kernel: (height, width) of the filters, or one for both.
        stride, dilation, padding: as conv2d_float.
        groups: of the convolution.
        weights, bias, lr, decay: for a step of gradient descent: the parameters (the bias float32 [out_c], or none),
            the learning rate, and what of the weights is added to their gradient.
        on, isa: as conv2d.

    Returns (dw, db): dw of the type of x, [out_c, kernel_h, kernel_w, c / groups]; db float32 [out_c].  With lr,
    (weights, bias, step), without the bias if none is given: the new parameters, and a float32 [4] whose first value
    is lr, or 0 if x or dy was not finite; then the parameters are what they were.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def conv2d_input_grad_float(
    weights: ArrayLike,
    dy: ArrayLike,
    *,
    in_shape: Sequence[int],
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Gradient of the input of conv2d_float.

    Args:
        weights: of the convolution, float32 or float16 [out_c, kernel_h, kernel_w, c / groups].
        dy: the gradient of its output, of the type of the weights, [n, out_h, out_w, out_c].
        in_shape: (n, h, w, c) of its input.
        stride, dilation, padding, on, isa: as conv2d_float.

    Returns an array of in_shape and the type of the weights.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def depthwise_conv2d_weight_grad_float(
    x: ArrayLike,
    dy: ArrayLike,
    *,
    kernel: Pair,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    weights: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    lr: float | None = None,
    decay: float = 0.0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """Gradients of the weights and the bias of depthwise_conv2d_float, or a step of gradient descent on them.

    Args:
        x: what the convolution read, float32 or float16 [n, h, w, c].
        dy: the gradient of its output, of the type of x, [n, out_h, out_w, out_c]; out_c is a multiple of c.
        kernel: (height, width) of the filters, or one for both.
        stride, dilation, padding: as conv2d_float.
        weights, bias, lr, decay: for a step of gradient descent: the parameters (the bias float32 [out_c], or none),
            the learning rate, and what of the weights is added to their gradient.
        on, isa: as conv2d.

    Returns (dw, db): dw of the type of x, [1, kernel_h, kernel_w, out_c]; db float32 [out_c].  With lr, it returns
    (weights, bias, step), without the bias if none is given: the new parameters, and a float32 [4] whose first value is
    lr, or 0 if x or dy was not finite; then the parameters are what they were.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def depthwise_conv2d_input_grad_float(
    weights: ArrayLike,
    dy: ArrayLike,
    *,
    in_shape: Sequence[int],
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Gradient of the input of depthwise_conv2d_float.

    Args:
        weights: of the convolution, float32 or float16 [1, kernel_h, kernel_w, out_c].
        dy: the gradient of its output, of the type of the weights, [n, out_h, out_w, out_c].
        in_shape: (n, h, w, c) of its input; out_c is a multiple of c.
        stride, dilation, padding, on, isa: as conv2d_float.

    Returns an array of in_shape and the type of the weights.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def fully_connected_weight_grad_float(
    x: ArrayLike,
    dy: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    lr: float | None = None,
    decay: float = 0.0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """Gradients of the weights and the bias of fully_connected_float, or a step of gradient descent on them.

    Args:
        x: what the layer read, float32 or float16 [batches, depth].
        dy: the gradient of its output, of the type of x, [batches, out_c].
        weights, bias, lr, decay: for a step of gradient descent: the parameters (the bias float32 [out_c], or none),
            the learning rate, and what of the weights is added to their gradient.
        on, isa: as conv2d.

    Returns (dw, db): dw of the type of x, [out_c, depth]; db float32 [out_c].  With lr, it returns
    (weights, bias, step), without the bias if none is given: the new parameters, and a float32 [4] whose first value is
    lr, or 0 if x or dy was not finite; then the parameters are what they were.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def fully_connected_input_grad_float(
    weights: ArrayLike,
    dy: ArrayLike,
    *,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Gradient of the input of fully_connected_float.

    Args:
        weights: of the layer, float32 or float16 [out_c, depth].
        dy: the gradient of its output, of the type of the weights, [batches, out_c].
        on, isa: as conv2d.

    Returns an array [batches, depth] of the type of the weights.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def clamp_grad_float(
    dy: ArrayLike,
    y: ArrayLike,
    *,
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of a clamp such as RELU: dy where act_min < y < act_max, 0 elsewhere.

    Args:
        dy: float32 or float16, the gradient by the clamp's output.
        y: of its shape and type, the clamp's output.
        act_min, act_max: none means no limit.
        on, isa: as conv2d.

    Returns an array of their type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def clamp_grad_mask_float(
    dy: ArrayLike,
    mask: ArrayLike,
    *,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of a clamp: dy where its bit is set, 0 elsewhere.

    Args:
        dy: float32 or float16, the gradient by the clamp's output.
        mask: uint8, as clamp_mask_float returns it.
        on, isa: as conv2d.

    Returns an array of dy's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def clamp_mask_float(
    y: ArrayLike,
    *,
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Where act_min < y < act_max, so that the gradient of a clamp passes, as bits.

    Args:
        y: float32 or float16, the clamp's output.
        act_min, act_max: none means no limit.
        on, isa: as conv2d.

    Returns a uint8 array of an eighth as many bytes as y has elements, rounded up: np.packbits, bitorder "little".
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def average_pool2d_grad_float(
    dy: ArrayLike,
    in_shape: Sequence[int],
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of average pooling by its input; padding does not count.

    Args:
        dy: float32 or float16 [n, out_h, out_w, c], the gradient by the pooling's output.
        in_shape: [n, h, w, c] of its input.
        kernel, stride, padding: of the pooling, as average_pool2d_float.
        on, isa: as conv2d.

    Returns an array of dy's type and of in_shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def max_pool2d_index_float(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array]:
    """Maximum pooling, and where its maxima were.

    Args:
        x: float32 or float16 [n, h, w, c].
        kernel, stride, padding, act_min, act_max, on, isa: as max_pool2d_float; a window has 256 places at most.

    Returns (y, index), both [n, out_h, out_w, c]: index is uint8, the place of the first maximum in its window.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def max_pool2d_grad_float(
    dy: ArrayLike,
    index: ArrayLike,
    in_shape: Sequence[int],
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of maximum pooling by its input: that of a window goes to its maximum.

    Args:
        dy: float32 or float16 [n, out_h, out_w, c], the gradient by the pooling's output.
        index: uint8 of its shape, as max_pool2d_index_float returns it.
        in_shape: [n, h, w, c] of its input.
        kernel, stride, padding: of the pooling, as max_pool2d_float.
        on, isa: as conv2d.

    Returns an array of dy's type and of in_shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def mean_grad_float(
    dy: ArrayLike,
    in_shape: Sequence[int],
    axes: Sequence[int],
    *,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of a mean over some axes by its input.

    Args:
        dy: float32 or float16, the gradient by the mean, with or without the axes.
        in_shape: of the input of the mean.
        axes: of the mean; not empty, negative ones count from the end.
        on, isa: as conv2d.

    Returns an array of dy's type and of in_shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def slice(
    x: ArrayLike,
    begin: Sequence[int],
    shape: Sequence[int],
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Copies a box.

    Args:
        x: int8, uint8, int16, int32, float32 or float16, at most 6 dimensions.
        begin: the first index of the box in each dimension.
        shape: its sizes.
        on, isa: as conv2d.

    Returns an array of x's type and that shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def softmax_cross_entropy_float(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    scale: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array]:
    """Cross-entropy of softmax against labels, a mean over the rows, and its gradient.

    Args:
        logits: float32 or float16 [rows, classes].
        labels: int32 [rows].
        scale: what the gradient is multiplied by; default 1.
        on, isa: as conv2d.

    Returns (loss, a float32 [1]; its gradient by the logits times scale, of their type and shape).  If a label is no
    class the loss is no number, and if the loss is not finite the gradient is 0.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def mean_squared_error_float(
    y: ArrayLike,
    target: ArrayLike,
    *,
    scale: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array]:
    """Mean of squared differences over all elements, and its gradient.

    Args:
        y: float32 or float16.
        target: of its shape and type.
        scale: what the gradient is multiplied by; default 1.
        on, isa: as conv2d.

    Returns (loss, a float32 [1]; its gradient by y times scale, of its type and shape).  If the loss is not finite the
    gradient is 0.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def step(
    lr: ArrayLike,
    loss: ArrayLike,
    *,
    scale: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """What steers the updates of a training step.

    Args:
        lr: the learning rate; positive, or the step is refused.
        loss: finite, or the step is refused.
        scale: what the loss's gradient was multiplied by; default 1.
        on, isa: as conv2d.

    Returns a float32 [4]: the rate, 0 if the step is refused; 1 / scale; 1 if the step is refused; 0.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def loss_scale(
    scale: ArrayLike,
    step: ArrayLike,
    *,
    interval: int = 200,
    maximum: float = 65536.0,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The next loss scale.

    Args:
        scale: float32 [2]: the loss scale, and for how many steps it has been good.
        step: float32 [4], as `step` returns it; a rate of 0 that an update has set halves the scale.
        interval: after so many good steps it doubles.
        maximum: which it does not exceed.
        on, isa: as conv2d.

    Returns a float32 [2].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def sgd_float(
    w: ArrayLike,
    gradient: ArrayLike,
    lr: float,
    *,
    velocity: ArrayLike | None = None,
    momentum: float = 0.0,
    decay: float = 0.0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """A step of gradient descent, as torch.optim.SGD: v = momentum * v + gradient + decay * w; w = w - lr * v.

    Args:
        w: parameters, float32 or float16.
        gradient: of their shape and type.
        lr: the learning rate; 0 refuses the step.
        velocity: v, of their shape and type; none without momentum.
        momentum: from 0 on and below 1.
        decay: of the weights.
        on, isa: as conv2d.

    Returns (w, step[, velocity]): step is a float32 [4] whose first value is lr, or 0 if the gradient was not finite;
    then w and velocity are what they were.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def adam_float(
    w: ArrayLike,
    gradient: ArrayLike,
    lr: float,
    m: ArrayLike,
    v: ArrayLike,
    correction: ArrayLike,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-08,
    decay: float = 0.0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """A step of Adam, as torch.optim.Adam.

    Args:
        w: parameters, float32 or float16.
        gradient: of their shape and type.
        lr: the learning rate; 0 refuses the step.
        m: the average of gradients, of their shape and type; at first 0.
        v: that of their squares, float32; at first 0.
        correction: float32 [2], 1 - beta1^t and 1 - beta2^t for t steps; at first 0.
        beta1, beta2: from 0 on and below 1.
        epsilon: added to the root of v.
        decay: of the weights.
        on, isa: as conv2d.

    Returns (w, step, m, v, correction): step is a float32 [4] whose first value is lr, or 0 if the gradient was not
    finite; then all others are what they were.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def group_norm_float(
    x: ArrayLike,
    gamma: ArrayLike,
    beta: ArrayLike,
    groups: int,
    *,
    epsilon: float = 1e-05,
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Group normalisation, as torch.nn.functional.group_norm with channels last.

    Args:
        x: float32 or float16 [n, ..., c].
        gamma, beta: float32 [c], the factor and the offset of each channel.
        groups: a divisor of c; 1 of [rows, depth] is layer normalisation.
        epsilon: added to the variance; positive.
        act_min, act_max, on, isa: as conv2d_float.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def group_norm_grad_float(
    x: ArrayLike,
    dy: ArrayLike,
    gamma: ArrayLike,
    mean: ArrayLike,
    rstd: ArrayLike,
    groups: int,
    *,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of group normalisation by its input.

    Args:
        x: float32 or float16 [n, ..., c].
        dy: of its shape and type, the gradient by the output.
        gamma: float32 [c].
        mean, rstd: float32 [n * groups]: of each group of each image, and 1 / sqrt(variance + epsilon).
        groups: a divisor of c.
        on, isa: as conv2d.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def group_norm_weight_grad_float(
    x: ArrayLike,
    dy: ArrayLike,
    mean: ArrayLike,
    rstd: ArrayLike,
    groups: int,
    *,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array]:
    """Gradients of the factors and offsets of group normalisation.

    Args:
        x: float32 or float16 [n, ..., c].
        dy: of its shape and type, the gradient by the output.
        mean, rstd: float32 [n * groups]: of each group of each image, and 1 / sqrt(variance + epsilon).
        groups: a divisor of c.
        on, isa: as conv2d.

    Returns (dgamma, dbeta), float32 [c].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def sum_to_float(
    x: ArrayLike,
    shape: Sequence[int],
    *,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The sum over the axes along which an array of a shape would be repeated to get that of x.

    Args:
        x: float32 or float16.
        shape: of the sum; it broadcasts to that of x.
        on, isa: as conv2d.

    Returns an array of x's type and that shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def softmax_grad_float(
    dy: ArrayLike,
    y: ArrayLike,
    *,
    beta: float = 1.0,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of softmax over the last dimension by its logits.

    Args:
        dy: float32 or float16, the gradient by its output.
        y: of its shape and type, its output.
        beta: what logits are multiplied by.
        on, isa: as conv2d.

    Returns an array of their type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def sigmoid_grad_float(
    dy: ArrayLike,
    y: ArrayLike,
    *,
    tanh: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of the logistic function or tanh by its argument.

    Args:
        dy: float32 or float16, the gradient by its output.
        y: of its shape and type, its output.
        tanh: tanh instead of the logistic function.
        on, isa: as conv2d.

    Returns an array of their type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def conv2d_trained(
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
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """conv2d of int8 with weights and bias that are tensors, as in a model that trains: the same result.

    Args:
        x: int8 [n, h, w, c].
        weights: int8 [out_c, kernel_h, kernel_w, c / groups].
        bias: int32 [out_c]; none means zeros.
        multiplier, shift, stride, dilation, padding, input_zero_point, output_zero_point, act_min, act_max, on, isa: as
            conv2d.

    Returns an array int8 [n, out_h, out_w, out_c].
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """

def depthwise_conv2d_trained(
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
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """depthwise_conv2d of int8 with weights and bias that are tensors, as in a model that trains: the same result.

    Args:
        x: int8 [n, h, w, c].
        weights: int8 [1, kernel_h, kernel_w, out_c]; out_c is a multiple of c.
        bias: int32 [out_c]; none means zeros.
        multiplier, shift, stride, dilation, padding, input_zero_point, output_zero_point, act_min, act_max, on, isa: as
            conv2d.

    Returns an array int8 [n, out_h, out_w, out_c].
    Raises InputError if the arrays do not fit each other, and as groat.Runner on a device.
    """

def conv2d_weight_grad_int8_float(
    x: ArrayLike,
    dy: ArrayLike,
    *,
    kernel: Pair,
    weights_scales: ArrayLike,
    input_scale: float = 1.0,
    input_zero_point: int = 0,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    groups: int = 1,
    weights: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    lr: float | None = None,
    decay: float = 0.0,
    seed: int = 0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """Gradients of the weights and the bias of conv2d, or a step of gradient descent on them.

    Args:
        x: what the convolution read, int8 [n, h, w, c].
        dy: the gradient of its output as a real number, float32 or float16 [n, out_h, out_w, out_c].
        kernel: (height, width) of the filters, or one for both.
        weights_scales: of the weights, one for each output channel or one for all.
        input_scale, input_zero_point: of x.
        stride, dilation, padding: as conv2d.
        groups: of the convolution.
        weights, bias, lr, decay: for a step of gradient descent: the parameters (int8; bias int32 [out_c], or none),
            the learning rate, and what of the weights is added to their gradient.
        seed: of the generator that rounds the step.
        on, isa: as conv2d.

    Returns (dw, db), gradients of real numbers: dw of the type of dy, in the shape of the weights; db float32 [out_c].
    With lr, it returns (weights, bias, random, step), without the bias if none is given: the new parameters; the
    generator's state, int32 [1]; and a float32 [4] whose first value is lr, or 0 if dy was not finite; then the
    parameters are what they were.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def conv2d_input_grad_int8_float(
    weights: ArrayLike,
    dy: ArrayLike,
    *,
    in_shape: Sequence[int],
    weights_scales: ArrayLike,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Gradient of the input of conv2d, as a real number.

    Args:
        weights: of the convolution, int8 [out_c, kernel_h, kernel_w, c / groups].
        dy: the gradient of its output as a real number, float32 or float16 [n, out_h, out_w, out_c].
        in_shape: (n, h, w, c) of its input.
        weights_scales: of the weights, one for each output channel or one for all.
        stride, dilation, padding, on, isa: as conv2d.

    Returns an array of in_shape and the type of dy.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def depthwise_conv2d_weight_grad_int8_float(
    x: ArrayLike,
    dy: ArrayLike,
    *,
    kernel: Pair,
    weights_scales: ArrayLike,
    input_scale: float = 1.0,
    input_zero_point: int = 0,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    weights: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    lr: float | None = None,
    decay: float = 0.0,
    seed: int = 0,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """Gradients of the weights and the bias of depthwise_conv2d, or a step of gradient descent on them.

    Args:
        x: what the convolution read, int8 [n, h, w, c].
        dy: the gradient of its output as a real number, float32 or float16 [n, out_h, out_w, out_c]; out_c is a
            multiple of c.
        kernel: (height, width) of the filters, or one for both.
        weights_scales: of the weights, one for each output channel or one for all.
        input_scale, input_zero_point: of x.
        stride, dilation, padding: as conv2d.
        weights, bias, lr, decay: for a step of gradient descent: the parameters (int8; bias int32 [out_c], or none),
            the learning rate, and what of the weights is added to their gradient.
        seed: of the generator that rounds the step.
        on, isa: as conv2d.

    Returns (dw, db), gradients of real numbers: dw of the type of dy, in the shape of the weights; db float32 [out_c].
    With lr, it returns (weights, bias, random, step), without the bias if none is given: the new parameters; the
    generator's state, int32 [1]; and a float32 [4] whose first value is lr, or 0 if dy was not finite; then the
    parameters are what they were.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def depthwise_conv2d_input_grad_int8_float(
    weights: ArrayLike,
    dy: ArrayLike,
    *,
    in_shape: Sequence[int],
    weights_scales: ArrayLike,
    stride: Pair = 1,
    dilation: Pair = 1,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Gradient of the input of depthwise_conv2d, as a real number.

    Args:
        weights: of the convolution, int8 [1, kernel_h, kernel_w, out_c].
        dy: the gradient of its output as a real number, float32 or float16 [n, out_h, out_w, out_c].
        in_shape: (n, h, w, c) of its input; out_c is a multiple of c.
        weights_scales: of the weights, one for each output channel or one for all.
        stride, dilation, padding, on, isa: as conv2d.

    Returns an array of in_shape and the type of dy.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def clamp_grad_int8_float(
    dy: ArrayLike,
    y: ArrayLike,
    *,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """dy where act_min < y < act_max, 0 elsewhere.

    Args:
        dy: float32 or float16.
        y: int8 of its shape, what an op with this clamp made.
        act_min, act_max, on, isa: as conv2d.

    Returns an array like dy.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def clamp_mask_int8(
    y: ArrayLike,
    *,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Where act_min < y < act_max, so that the gradient of a clamp passes, as bits.

    Args:
        y: int8, what an op with this clamp made.
        act_min, act_max, on, isa: as conv2d.

    Returns a uint8 array of an eighth as many bytes as y has elements, rounded up: np.packbits, bitorder "little".
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def max_pool2d_index_int8(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array]:
    """Maximum pooling, and where its maxima were.

    Args:
        x: int8 [n, h, w, c].
        kernel, stride, padding, act_min, act_max, on, isa: as max_pool2d; a window has 256 places at most.

    Returns (y, index), both [n, out_h, out_w, c]: index is uint8, the place of the first maximum in its window.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def quantize_bfp16(
    x: ArrayLike,
    *,
    bits: int = 15,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, int]:
    """float32 as block floating point.

    Args:
        x: float32.
        bits: of the magnitude of a mantissa, 4 to 15.
        on, isa: as conv2d.

    Returns (y, exponent): y int16 of the shape of x, x = y * 2^exponent.  The exponent is 2^31 - 1 if some of x is not
    finite.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def dequantize_bfp16(
    x: ArrayLike,
    exponent: int,
    *,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Block floating point as float32.

    Args:
        x: int16.
        exponent: of x; what is not -512 to 512 makes results that are no numbers.
        on, isa: as conv2d.

    Returns x * 2^exponent, float32; 0 where that is subnormal.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

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

def relu_grad_bfp16(
    dy: ArrayLike,
    y: ArrayLike,
    *,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of a ReLU by its input.

    Args:
        dy: int16, the gradient by its output.
        y: int16 of that shape, its output.
        on, isa: as conv2d.

    Returns dy where y is positive, 0 elsewhere.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def max_pool2d_index_bfp16(
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array]:
    """Maximum pooling of mantissas, and where their maxima were.

    Args:
        x: int16 [n, h, w, c].
        kernel, stride, padding, on, isa: as max_pool2d_index_float; a window has 256 places at most.

    Returns (y, index), both [n, out_h, out_w, c]: index is uint8, the place of the first maximum in its window.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def max_pool2d_grad_bfp16(
    dy: ArrayLike,
    index: ArrayLike,
    in_shape: Sequence[int],
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = "valid",
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The gradient of maximum pooling of mantissas by its input: that of a window goes to its maximum.

    Args:
        dy: int16 [n, out_h, out_w, c], the gradient by the pooling's output.
        index: uint8 of its shape, as max_pool2d_index_bfp16 returns it.
        in_shape: [n, h, w, c] of its input.
        kernel, stride, padding: of the pooling, whose windows must not overlap.
        on, isa: as conv2d.

    Returns an int16 array of in_shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def softmax_cross_entropy_bfp16(
    logits: ArrayLike,
    exponent: int,
    labels: ArrayLike,
    *,
    bits: int = 15,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array, int]:
    """Cross-entropy of softmax against labels, a mean over the rows, and its gradient.

    Args:
        logits: int16 [rows, classes], at most 32,767 each.
        exponent: of the logits.
        labels: int32 [rows].
        bits: of the magnitude of a mantissa of the gradient, 4 to 15.
        on, isa: as conv2d.

    Returns (loss, a float32 [1]; its gradient by the logits, int16; its exponent).  If a label is no class the loss is
    no number, and the gradient is 0.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def softmax_bfp16(
    x: ArrayLike,
    exponent: int,
    *,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Softmax of block floating point.

    Args:
        x: int16 [rows, depth], a depth of at most 32,767.
        exponent: of x; what is not -512 to 512 makes results that are no numbers.
        on, isa: as conv2d.

    Returns float32 of the shape of x, multiples of 2^-15.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def embed_label(
    x: ArrayLike,
    label: int | None,
    *,
    classes: int,
    amplitude: float = 1.0,
    pattern: bool = False,
    noise: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """An image that shows a label.

    Args:
        x: float32.
        label: the class; None shows none, which is 0 everywhere of a pattern, else the mean of all labels.
        classes: how many there are, at least 2.
        amplitude: of what is shown.
        pattern: the label is a pattern of plus and minus, added to x; else one of the first elements of x, which make
            room for all classes.
        noise: the state of a generator, 32 bits: then a label is shown that is not the given one.
        on, isa: as conv2d.

    Returns (y, float32 of the shape of x), and the new state if noise is given, an int32 [1].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def goodness(
    h: ArrayLike,
    lr: float,
    *,
    threshold: float,
    negative: bool = False,
    loss: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, Array]:
    """The loss of a layer's output in forward-forward training, and the step that makes it less.

    Args:
        h: float32 [..., c], the output.
        lr: the learning rate; positive and finite, or the step is refused.
        threshold: what the mean square of h should be above.
        negative: it should be below.
        loss: of the layers before, which is added.
        on, isa: as conv2d.

    Returns (loss, float32 [1]; step, float32 [4] as that of `step`: with h as dy, conv2d_weight_grad_float goes down).
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def unary_float(
    x: ArrayLike,
    function: str,
    *,
    alpha: float | None = None,
    beta: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """A function of each element.

    Args:
        x: float32 or float16.
        function: "abs", "neg", "reciprocal", "sqrt", "exp", "log", "erf", "leaky_relu", "elu", "hard_sigmoid",
            "hard_swish", "gelu", "gelu_tanh" (its approximation), "swish", "softplus" or "mish".
        alpha, beta: of "leaky_relu" (the slope below 0), "elu", "hard_sigmoid" and "hard_swish" (alpha x + beta between
            0 and 1) and "swish" (x times the logistic function of alpha x); None: as ONNX has them.
        on, isa: as conv2d.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def binary_float(
    a: ArrayLike,
    b: ArrayLike,
    function: str,
    *,
    act_min: float | None = None,
    act_max: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """A function of two tensors, element by element, with broadcasting.

    Args:
        a, b: float32 or float16, of one type and of shapes that broadcast to one of them.
        function: "sub", "div", "maximum" or "minimum".
        act_min, act_max, on, isa: as conv2d_float.

    Returns an array of their type and the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def gather(
    x: ArrayLike,
    indices: Sequence[int],
    axis: int = 0,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Some places along one axis, as numpy.take.

    Args:
        x: int8, uint8, int16, int32, float32 or float16; at most 65,536 along the axis.
        indices: at least one, each at least 0 and less than x has.
        axis: counted from the end if negative.
        on, isa: as conv2d.

    Returns an array of x's type, with as many places along the axis as indices.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def interpolate_float(
    x: ArrayLike,
    indices: Sequence[int],
    weights: ArrayLike,
    axis: int = 0,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Values between neighbours along one axis.

    Args:
        x: float32, at most 65,536 along the axis.
        indices: the first neighbour of each place of the result.
        weights: float32 [len(indices)]: how much the second neighbour counts; the last place has none but itself.
        axis: counted from the end if negative.
        on, isa: as conv2d.

    Returns a float32 array with as many places along the axis as indices.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def matmul_float(
    a: ArrayLike,
    b: ArrayLike,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Products of matrices.

    Args:
        a: float32 [batches, rows, depth].
        b: float32 [batches, depth, columns]; where either has one batch, it serves all of the other.
        on, isa: as conv2d.

    Returns float32 [batches, rows, columns].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def lstm_float(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike,
    *,
    initial: Sequence[ArrayLike] = (),
    final: bool = False,
    reverse: bool = False,
    batch_major: bool = False,
    cell_clip: float = 0.0,
    on: str = "host",
    isa: str | None = None,
) -> Array | list[Array]:
    """A long short-term memory.

    Args:
        x: float32 [steps, batches, inputs].
        weights: float32 [4 * hidden, inputs + hidden]: rows of input, output, forget and cell gates.
        bias: float32 [4 * hidden].
        initial: (h, c), float32 [batches, hidden] each, that it starts from; none: zeros.
        final: also return what it ends with.
        reverse: from the last step to the first.
        batch_major: x and the result are [batches, steps, ...].
        cell_clip: what a cell is at most; 0: anything.
        on, isa: as conv2d.

    Returns float32 [steps, batches, hidden]: the output after each step; with `final` a list of it, h and c.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def gru_float(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike,
    *,
    initial: Sequence[ArrayLike] = (),
    final: bool = False,
    reset_after: bool = True,
    reverse: bool = False,
    batch_major: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array | list[Array]:
    """Gated recurrent units.

    Args:
        x: float32 [steps, batches, inputs].
        weights: float32 [3 * hidden, inputs + hidden]: rows of update, reset and hidden gates.
        bias: float32 [4 * hidden]: of the three gates, and of the hidden gate's recurrent part.
        initial: (h,), float32 [batches, hidden], that it starts from; none: zeros.
        final: also return what it ends with.
        reset_after: the reset gate scales the recurrent product, as in PyTorch; false: what goes into it.
        reverse: from the last step to the first.
        batch_major: x and the result are [batches, steps, ...].
        on, isa: as conv2d.

    Returns float32 [steps, batches, hidden]: the output after each step; with `final` a list of it and h.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def sub(
    a: ArrayLike,
    b: ArrayLike,
    *,
    a_scale: float,
    b_scale: float,
    output_scale: float,
    a_zero_point: int = 0,
    b_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Difference with broadcasting.

    Args:
        a, b: int8 or int16, of one type and of shapes that broadcast to one of them.
        a_scale, b_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        a_zero_point, b_zero_point, output_zero_point: 0 for int16.
        act_min, act_max, on, isa: as conv2d.

    Returns an array of their type and the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def maximum_minimum(
    a: ArrayLike,
    b: ArrayLike,
    function: str = "maximum",
    *,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """The larger or the smaller of two, with broadcasting.

    Args:
        a, b: int8 or int16, of one type, one scale and zero point, and of shapes that broadcast to one of them.
        function: "maximum" or "minimum".
        on, isa: as conv2d.

    Returns an array of their type and the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def div(
    a: ArrayLike,
    b: ArrayLike,
    *,
    a_scale: float,
    b_scale: float,
    output_scale: float,
    a_zero_point: int = 0,
    b_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Quotient with broadcasting; what is divided by zero is as far from it as the clamp allows.

    Args:
        a, b: int8, of shapes that broadcast to one of them.
        a_scale, b_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        a_zero_point, b_zero_point, output_zero_point: -128 to 127.
        act_min, act_max, on, isa: as conv2d.

    Returns an int8 array of the common shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def matmul(
    a: ArrayLike,
    b: ArrayLike,
    *,
    a_scale: float,
    b_scale: float,
    output_scale: float,
    a_zero_point: int = 0,
    b_zero_point: int = 0,
    output_zero_point: int = 0,
    adj_a: bool = False,
    adj_b: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Products of matrices, as numpy.matmul.

    Args:
        a: int8 or int16 [..., rows, depth]; with adj_a, [..., depth, rows].
        b: of its type [..., depth, columns]; with adj_b, [..., columns, depth].  The dimensions before broadcast.
        a_scale, b_scale, output_scale: real = scale * (stored - zero_point); read as float32.
        a_zero_point, b_zero_point, output_zero_point: 0 for int16.
        on, isa: as conv2d.

    Returns an array of their type [..., rows, columns].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def resize_nearest_neighbor(
    x: ArrayLike,
    rows: Sequence[int],
    columns: Sequence[int],
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """An image of other rows and columns, each of them one of the image's.

    Args:
        x: int8, uint8, int16, int32, float32 or float16 [n, h, w, c].
        rows, columns: at least one each: which of x it is.
        on, isa: as conv2d.

    Returns an array of x's type [n, len(rows), len(columns), c].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def resize_bilinear(
    x: ArrayLike,
    rows: Sequence[tuple[int, int]],
    columns: Sequence[tuple[int, int]],
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """An image of other rows and columns, each between two of the image's.

    Args:
        x: int8 or int16 [n, h, w, c].
        rows, columns: at least one each: the index of one of x, and how much the next one counts, in 1024ths; the
            last has none but itself behind it.
        on, isa: as conv2d.

    Returns an array of x's type [n, len(rows), len(columns), c].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def leaky_relu(
    x: ArrayLike,
    alpha: float = 0.01,
    *,
    input_scale: float,
    output_scale: float,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """x where it is not negative, alpha times x elsewhere.

    Args:
        x: int16.
        alpha: any number; -1 gives the absolute value.
        input_scale, output_scale: real = scale * stored; read as float32.
        on, isa: as conv2d.

    Returns int16 of the same shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def transpose_conv(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    multiplier: ArrayLike,
    shift: ArrayLike,
    out_size: tuple[int, int],
    stride: Pair = 1,
    padding: Padding = "valid",
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Transposed convolution: each pixel of x adds its filters to a window of the result.

    Args:
        x: int8 or int16 [n, h, w, c].
        weights: int8 [out_c, kernel_h, kernel_w, c].
        bias: int32 [out_c], or one for all; int64 for int16.
        multiplier, shift: int32, as of conv2d; for int16, shifts up to 14.
        out_size: (height, width) of the result.
        stride: from one window to the next; padding: what of them lies outside, "same", "valid" or
            ((top, bottom), (left, right)), of which only top and left count.
        input_zero_point, output_zero_point: 0 for int16.
        act_min, act_max, on, isa: as conv2d.

    Returns an array of x's type [n, height, width, out_c].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

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

def group_norm(
    x: ArrayLike,
    gamma: ArrayLike,
    beta: ArrayLike,
    groups: int,
    *,
    input_scale: float,
    output_scale: float,
    output_zero_point: int = 0,
    epsilon: float = 1e-05,
    act_min: int | None = None,
    act_max: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Group normalisation of integers.

    Args:
        x: int8 or int16 [n, ..., c]; its zero point does not matter.
        gamma, beta: [c], the factor and the offset of each channel, real numbers.
        groups: a divisor of c; 1 of [rows, depth] is layer normalisation.
        input_scale, output_scale: real = scale * (stored - zero_point).
        output_zero_point: 0 for int16.
        epsilon: added to the variance; not negative.
        act_min, act_max, on, isa: as conv2d.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def lstm_int8(
    x: ArrayLike,
    weights: ArrayLike,
    recurrent: ArrayLike,
    bias: ArrayLike,
    *,
    input_scale: float,
    weight_scales: Sequence[float],
    recurrent_scales: Sequence[float],
    hidden_scale: float,
    cell_scale: float = 0.000244140625,
    input_zero_point: int = 0,
    hidden_zero_point: int = 0,
    cell_clip: float = 0.0,
    initial: Sequence[ArrayLike] = (),
    final: bool = False,
    reverse: bool = False,
    batch_major: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array | list[Array]:
    """A long short-term memory of int8.

    Args:
        x: int8 [steps, batches, inputs].
        weights, recurrent: int8 [4 * hidden, inputs] and [4 * hidden, hidden]: rows of input, output, forget and cell
            gates.
        bias: int32 [4 * hidden], in steps of input_scale times the gate's weight scale.
        input_scale, weight_scales, recurrent_scales: real = scale * (stored - zero_point); of each gate.
        hidden_scale: of the output; cell_scale: of cells, a power of two.
        cell_clip: what a cell is at most, as a real number; 0: anything.
        initial: (h, c), int8 and int16 [batches, hidden], that it starts from; none: zeros.
        final: also return what it ends with.
        reverse: from the last step to the first.
        batch_major: x and the result are [batches, steps, ...].
        on, isa: as conv2d.

    Returns int8 [steps, batches, hidden]: the output after each step; with `final` a list of it, h and c.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """

def gru_int8(
    x: ArrayLike,
    weights: ArrayLike,
    recurrent: ArrayLike,
    bias: ArrayLike,
    *,
    input_scale: float,
    weight_scales: Sequence[float],
    recurrent_scales: Sequence[float],
    hidden_scale: float,
    input_zero_point: int = 0,
    hidden_zero_point: int = 0,
    initial: Sequence[ArrayLike] = (),
    final: bool = False,
    reset_after: bool = True,
    reverse: bool = False,
    batch_major: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array | list[Array]:
    """Gated recurrent units of int8.

    Args:
        x: int8 [steps, batches, inputs].
        weights, recurrent: int8 [3 * hidden, inputs] and [3 * hidden, hidden]: rows of update, reset and hidden gates.
        bias: int32 [6 * hidden]: of the sums over inputs, in steps of input_scale times the gate's weight scale, and of
            those over the output, in steps of hidden_scale times the gate's recurrent scale.
        input_scale, weight_scales, recurrent_scales: real = scale * (stored - zero_point); of each gate.
        hidden_scale: of the output.
        initial: (h,), int16 [batches, hidden] in steps of 2**-15, that it starts from; none: zeros.
        final: also return what it ends with.
        reset_after: the reset gate scales the recurrent product, as in PyTorch; false: what goes into it.
        reverse: from the last step to the first.
        batch_major: x and the result are [batches, steps, ...].
        on, isa: as conv2d.

    Returns int8 [steps, batches, hidden]: the output after each step; with `final` a list of it and h.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
