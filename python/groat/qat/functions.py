# SPDX-License-Identifier: Apache-2.0
"""Ops of floats by PyTorch, which finds their gradients: the formulas of their `reference`, to rounding.

Tensors have the shapes of the graph; batches are torch.vmap's to add.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from groat.graph import Op
from groat.ops.arithmetic import bounds_of

Function = Callable[[Op, Sequence[Tensor]], Tensor]


def _clamped(y: Tensor, op: Op) -> Tensor:
    low, high = bounds_of(op.attrs)
    return y if low is None and high is None else y.clamp(low, high)


# ---- Layers with weights -----------------------------------------------------------------------------------


def _image(x: Tensor, op: Op, outside: float = 0.0) -> Tensor:
    """An image [n, h, w, c] with its border, in PyTorch's order: [n, c, h, w]."""
    (top, bottom), (left, right) = op.attrs["padding"]
    return F.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom), value=outside)


def _convolution(x: Tensor, weights: Tensor, op: Op, inputs: Sequence[Tensor], groups: int) -> Tensor:
    bias = inputs[2] if len(inputs) > 2 else None
    y = F.conv2d(x, weights, bias, op.attrs["stride"], 0, op.attrs["dilation"], groups)
    return _clamped(y.permute(0, 2, 3, 1), op)


def _conv_2d(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    return _convolution(_image(inputs[0], op), inputs[1].permute(0, 3, 1, 2), op, inputs, op.attrs["groups"])


def _depthwise_conv_2d(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    return _convolution(_image(inputs[0], op), inputs[1].permute(3, 0, 1, 2), op, inputs, inputs[0].shape[3])


def _fully_connected(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    x, weights, *bias = inputs
    return _clamped(F.linear(x.reshape(-1, weights.shape[1]), weights, *bias), op).reshape(op.attrs["out_shape"])


def _transposed(x: Tensor, weights: Tensor, op: Op, shape: Sequence[int], groups: int) -> Tensor:
    """An image of a shape [n, h, w, c], of which a convolution would make `x`; weights as PyTorch has them."""
    (top, _), (left, _) = op.attrs["padding"]
    _, height, width, _ = shape
    y = F.conv_transpose2d(
        x.permute(0, 3, 1, 2), weights, stride=op.attrs["stride"], dilation=op.attrs["dilation"], groups=groups
    )
    # Rows that no window reaches are zeros.
    y = F.pad(y, (0, max(0, left + width - y.shape[3]), 0, max(0, top + height - y.shape[2])))
    return y[:, :, top : top + height, left : left + width].permute(0, 2, 3, 1)


def _conv_2d_input_grad(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    weights, x = inputs
    return _transposed(x, weights.permute(0, 3, 1, 2), op, op.attrs["in_shape"], op.attrs["groups"])


def _transpose_conv(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    x, weights, *bias = inputs
    y = _transposed(x, weights.permute(3, 0, 1, 2), op, op.attrs["out_shape"], 1)
    return _clamped(y + bias[0] if bias else y, op)


def _group_norm(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    x, gamma, beta = inputs
    rows = x.reshape(x.shape[0], -1, x.shape[-1]).permute(0, 2, 1)
    y = F.group_norm(rows, op.attrs["groups"], gamma, beta, op.attrs["epsilon"])
    return _clamped(y.permute(0, 2, 1).reshape(x.shape), op)


# ---- Pools and sums ------------------------------------------------------------------------------------------


def _average_pool_2d(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    """Padding does not count: both the sum and the number of pixels are means with zeros outside."""
    (x,) = inputs
    window = {"kernel_size": op.attrs["kernel"], "stride": op.attrs["stride"]}
    sums, counts = (F.avg_pool2d(_image(each, op), **window) for each in (x, torch.ones_like(x)))
    return _clamped((sums / counts).permute(0, 2, 3, 1), op)


def _max_pool_2d(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    image = _image(inputs[0], op, -torch.inf)
    return _clamped(F.max_pool2d(image, op.attrs["kernel"], op.attrs["stride"]).permute(0, 2, 3, 1), op)


def _matmul(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    """Strides say where the elements are."""

    def operand(x: Tensor, sizes: tuple[str, ...], strides: Sequence[int]) -> Tensor:
        steps = [torch.arange(op.attrs[size]) * stride for size, stride in zip(sizes, strides, strict=True)]
        places = steps[0][:, None, None] + steps[1][:, None] + steps[2]
        return x.reshape(-1)[places.to(x.device)]

    a = operand(inputs[0], ("batches", "rows", "depth"), op.attrs["a_strides"])
    b = operand(inputs[1], ("batches", "depth", "columns"), op.attrs["b_strides"])
    return (a @ b).reshape(op.attrs["out_shape"])


# ---- Elements ------------------------------------------------------------------------------------------------

BINARY: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sub": torch.sub,
    "div": torch.div,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
}


def _hard_sigmoid(x: Tensor, alpha: float, beta: float) -> Tensor:
    return (alpha * x + beta).clamp(0, 1)


UNARY: Mapping[str, Callable[[Tensor, float, float], Tensor]] = {
    "abs": lambda x, a, b: x.abs(),
    "neg": lambda x, a, b: -x,
    "reciprocal": lambda x, a, b: 1 / x,
    "sqrt": lambda x, a, b: x.sqrt(),
    "exp": lambda x, a, b: x.exp(),
    "log": lambda x, a, b: x.log(),
    "erf": lambda x, a, b: x.erf(),
    "leaky_relu": lambda x, a, b: F.leaky_relu(x, a),
    "elu": lambda x, a, b: F.elu(x, a),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": lambda x, a, b: x * _hard_sigmoid(x, a, b),
    "gelu": lambda x, a, b: F.gelu(x),
    "gelu_tanh": lambda x, a, b: F.gelu(x, approximate="tanh"),
    "swish": lambda x, a, b: x * torch.sigmoid(a * x),
    "softplus": lambda x, a, b: F.softplus(x),
    "mish": lambda x, a, b: F.mish(x),
}


def _unary(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    return UNARY[op.attrs["function"]](inputs[0], op.attrs["alpha"], op.attrs["beta"])


def _interpolate(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    (x,), axis = inputs, op.attrs["axis"]
    first = torch.tensor(op.attrs["indices"], device=x.device)
    second = (first + 1).clamp(max=x.shape[axis] - 1)
    weights = torch.tensor(op.attrs["weights"], device=x.device).reshape(-1, *[1] * (x.ndim - 1 - axis))
    return x.index_select(axis, first) * (1 - weights) + x.index_select(axis, second) * weights


# ---- Places --------------------------------------------------------------------------------------------------


def _pad(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    sides = [side for pair in reversed(op.attrs["padding"]) for side in pair]  # the last dimension first
    return F.pad(inputs[0], sides, value=float(op.attrs["value"]))


def _slice(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    box = zip(op.attrs["begin"], op.attrs["shape"], strict=True)
    return inputs[0][tuple(slice(begin, begin + size) for begin, size in box)]


def _gather(op: Op, inputs: Sequence[Tensor]) -> Tensor:
    return inputs[0].index_select(op.attrs["axis"], torch.tensor(op.attrs["indices"], device=inputs[0].device))


FUNCTIONS: Mapping[str, Function] = {
    "conv_2d_float32": _conv_2d,
    "depthwise_conv_2d_float32": _depthwise_conv_2d,
    "fully_connected_float32": _fully_connected,
    "conv_2d_input_grad_float32": _conv_2d_input_grad,
    "transpose_conv_float32": _transpose_conv,
    "group_norm_float32": _group_norm,
    "average_pool_2d_float32": _average_pool_2d,
    "max_pool_2d_float32": _max_pool_2d,
    "mean_float32": lambda op, inputs: inputs[0].mean(op.attrs["axes"], keepdim=bool(op.attrs["keep_dims"])),
    "matmul_float32": _matmul,
    "add_float32": lambda op, inputs: _clamped(inputs[0] + inputs[1], op),
    "mul_float32": lambda op, inputs: _clamped(inputs[0] * inputs[1], op),
    "binary_float32": lambda op, inputs: _clamped(BINARY[op.attrs["function"]](*inputs), op),
    "unary_float32": _unary,
    "clamp_float32": lambda op, inputs: _clamped(inputs[0], op),
    "sigmoid_float32": lambda op, inputs: inputs[0].tanh() if op.attrs["tanh"] else inputs[0].sigmoid(),
    "softmax_float32": lambda op, inputs: torch.softmax(inputs[0] * op.attrs["beta"], -1),
    "interpolate_float32": _interpolate,
    "reshape": lambda op, inputs: inputs[0].reshape(op.attrs["out_shape"]),
    "transpose": lambda op, inputs: inputs[0].permute(op.attrs["permutation"]),
    "concatenation": lambda op, inputs: torch.cat(list(inputs), op.attrs["axis"]),
    "pad": _pad,
    "slice": _slice,
    "gather": _gather,
    "resize_nearest_neighbor": lambda op, inputs: inputs[0][:, list(op.attrs["rows"])][:, :, list(op.attrs["columns"])],
}
"""Kind of an op -> its first output."""


def apply(op: Op, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
    """The first output of an op for a batch.

    Args:
        inputs: of the graph's shapes, after the dimension of the batch where they are `batched`.
    """

    def one(*each: Tensor) -> Tensor:
        return FUNCTIONS[op.kind](op, each)

    found: Tensor = torch.vmap(one, in_dims=tuple(0 if own else None for own in batched))(*inputs)
    return found
