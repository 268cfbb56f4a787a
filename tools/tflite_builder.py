# SPDX-License-Identifier: Apache-2.0
"""Writes small `.tflite` files without TensorFlow.

The tests need models that nobody has published (odd paddings, extreme scales, ops that Groat refuses), and
the demo needs a model that this repository has trained itself.  `Builder` infers the shapes of outputs, so
that a model reads as a list of layers, and is deterministic: the same calls give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import tflite

import groat.graph
from groat.export.flatbuffer import TENSOR_TYPES, FileOperator, nibbles, write_tflite

Array = npt.NDArray[Any]
Padding = Literal["SAME", "VALID"]
Activation = Literal["NONE", "RELU", "RELU6", "RELU_N1_TO_1", "TANH"]
Pair = tuple[int, int]


# ---- Quantisation ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quant:
    """real = scale * (stored - zero_point); several scales are per channel, along dimension `axis`."""

    scale: float | tuple[float, ...]
    zero_point: int | tuple[int, ...] = 0
    axis: int = 0

    @property
    def scales(self) -> tuple[float, ...]:
        """The scales as a tuple, as float32 values."""
        values = self.scale if isinstance(self.scale, tuple) else (self.scale,)
        return tuple(float(np.float32(value)) for value in values)

    @property
    def zero_points(self) -> tuple[int, ...]:
        """One zero point for each scale."""
        if isinstance(self.zero_point, tuple):
            return self.zero_point
        return (self.zero_point,) * len(self.scales)


def range_quant(low: float, high: float) -> Quant:
    """The int8 quantisation of activations that covers [low, high]; zero is always exact."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32((high - low) / 255.0)) or 1.0
    return Quant(scale, int(np.clip(round(-128 - low / scale), -128, 127)))


def quantize_weights(weights: Array, axis: int | None) -> tuple[npt.NDArray[np.int8], Quant]:
    """Symmetric int8 weights in [-127, 127] of float ones: a scale for each index of `axis`, or one in all."""
    others = tuple(i for i in range(weights.ndim) if i != axis)
    peaks = np.abs(weights).max(axis=others if axis is not None else None, keepdims=True)
    scales = np.where(peaks > 0, peaks / 127.0, 1.0).astype(np.float32)
    stored = np.clip(np.rint(weights / scales), -127, 127).astype(np.int8)
    flat = tuple(float(scale) for scale in scales.reshape(-1))
    return stored, Quant(flat if axis is not None else flat[0], 0, axis or 0)


def quantize_bias(bias: Array, input_quant: Quant, weight_quant: Quant) -> npt.NDArray[np.int32]:
    """An int32 bias of a float one [channels]: in steps of input scale times weight scale."""
    steps = np.asarray(weight_quant.scales, np.float64) * input_quant.scales[0]
    limits = np.iinfo(np.int32)
    return np.clip(np.rint(bias / steps), limits.min, limits.max).astype(np.int32)


# ---- Shapes ------------------------------------------------------------------------------------------------


def window_output(size: int, kernel: int, stride: int, dilation: int, padding: Padding) -> int:
    """How many positions a sliding window has along one dimension."""
    reach = (kernel - 1) * dilation + 1
    return math.ceil(size / stride) if padding == "SAME" else math.ceil((size - reach + 1) / stride)


# ---- The builder -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph under construction; `index` is its index in the file."""

    index: int
    shape: tuple[int, ...]
    dtype: str
    quant: Quant | None
    name: str
    data: Array | None
    variable: bool = False

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def quantization(self) -> groat.graph.Quantization | None:
        """As a graph has it."""
        if self.quant is None:
            return None
        return groat.graph.Quantization(self.quant.scales, self.quant.zero_points, self.quant.axis)


class Builder:
    """A model under construction: one subgraph, its tensors and ops in the order of the calls.

    Methods named after ops add one op and return its output.  Outputs take the quantisation `quant`; ops that
    only move data take that of their input.  Of float32 tensors, every quantisation is None.  Pairs are
    (height, width).  `build` writes the file.
    """

    def __init__(self, description: str = "") -> None:
        self._description = description
        self._tensors: list[Tensor] = []
        self._ops: list[FileOperator] = []
        self._inputs: list[int] = []
        self._once: Builder | None = None  # what runs before the first inference

    # -- tensors --

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "int8",
        quant: Quant | None = None,
        data: Array | None = None,
        name: str | None = None,
        variable: bool = False,
    ) -> Tensor:
        """Adds a tensor; with `data` it is a constant; `variable`: ops keep something in it from run to run.
        ValueError for an unknown dtype or unfitting data.

        Data of an int4 tensor are int8 in [-8, 7].
        """
        index = len(self._tensors)
        name = name or f"t{index}"
        if dtype not in TENSOR_TYPES:
            raise ValueError(f"tensor {name}: dtype {dtype} is none of {', '.join(TENSOR_TYPES)}")
        if data is not None:
            if data.shape != tuple(shape) or data.dtype != ("int8" if dtype == "int4" else dtype):
                found = f"{data.dtype}{list(data.shape)}"
                raise ValueError(f"tensor {name}: data is {found}, expected {dtype}{list(shape)}")
            if dtype == "int4":
                nibbles(data, name)
        tensor = Tensor(index, tuple(int(dim) for dim in shape), dtype, quant, name, data, variable)
        self._tensors.append(tensor)
        return tensor

    def input(
        self, shape: Sequence[int], dtype: str = "int8", quant: Quant | None = None, name: str | None = None
    ) -> Tensor:
        """Adds an input of the model."""
        tensor = self.tensor(shape, dtype, quant, name=name or f"input{len(self._inputs)}")
        self._inputs.append(tensor.index)
        return tensor

    def constant(self, data: Array, quant: Quant | None = None, name: str | None = None) -> Tensor:
        """Adds a constant with the shape and dtype of `data`."""
        return self.tensor(data.shape, data.dtype.name, quant, data, name)

    # -- ops --

    def op(
        self,
        code: str | int,
        inputs: Sequence[Tensor | None],
        outputs: Sequence[Tensor],
        options: str | None = None,
        *,
        version: int | None = None,
        **fields: Any,
    ) -> None:
        """Adds any op.

        `code` is a name of the schema's BuiltinOperator or its number; None among the inputs is an absent
        optional one; `options` is the name of an options table of the schema and `fields` its fields, both
        spelt as there.
        """
        read = tuple(-1 if tensor is None else tensor.index for tensor in inputs)
        written = tuple(tensor.index for tensor in outputs)
        self._ops.append(FileOperator(code, read, written, options, fields, version))

    def variable(self, name: str, initial: Array | None = None, quant: Quant | None = None) -> Tensor:
        """A handle of a variable, for `read` and `assign`; with its first contents, which CALL_ONCE gives it."""
        if initial is not None:
            if self._once is None:
                self._once = Builder()
                self._ops.insert(0, FileOperator("CALL_ONCE", (), (), "CallOnceOptions",
                                        {"InitSubgraphIndex": 1}))  # fmt: skip
            self._once.assign(self._once.variable(name), self._once.constant(initial, quant))
        handle = self.tensor((), "resource", name=f"{name}/handle{len(self._tensors)}")
        self.op("VAR_HANDLE", [], [handle], "VarHandleOptions", Container="", SharedName=name)
        return handle

    def read(self, handle: Tensor, shape: Sequence[int], dtype: str, quant: Quant | None = None) -> Tensor:
        """What a variable holds."""
        y = self.tensor(shape, dtype, quant)
        self.op("READ_VARIABLE", [handle], [y], "ReadVariableOptions")
        return y

    def assign(self, handle: Tensor, x: Tensor) -> None:
        """Gives a variable other contents."""
        self.op("ASSIGN_VARIABLE", [handle, x], [], "AssignVariableOptions")

    def lstm(
        self,
        x: Tensor,
        weights: Sequence[Array],
        recurrent: Sequence[Array],
        biases: Sequence[Array],
        weight_quants: Sequence[Quant | None],
        recurrent_quants: Sequence[Quant | None],
        quant: Quant | None,
        cell_quant: Quant | None,
        *,
        time_major: bool = False,
        cell_clip: float = 0.0,
    ) -> Tensor:
        """x [n,t,c] (time_major: [t,n,c]); of input, forget, cell and output gates weights [h,c], recurrent weights
        [h,h] and biases [h] -> y [n,t,h]."""
        hidden = recurrent[0].shape[0]
        state = (x.shape[1] if time_major else x.shape[0], hidden)
        h = self.tensor(state, x.dtype, quant, variable=True)
        c = self.tensor(state, "float32" if cell_quant is None else "int16", cell_quant, variable=True)
        y = self.tensor((*x.shape[:2], hidden), x.dtype, quant)
        gates = [
            [self.constant(array, of_gate) for array, of_gate in zip(arrays, quants, strict=True)]
            for arrays, quants in ((weights, weight_quants), (recurrent, recurrent_quants), (biases, [None] * 4))
        ]
        none = [None]
        inputs = [x, *gates[0], *gates[1], *none * 3, *gates[2], *none * 2, h, c, *none * 4]
        activation = _activation("TANH")
        self.op("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], "UnidirectionalSequenceLSTMOptions",
                FusedActivationFunction=activation, CellClip=cell_clip, ProjClip=0.0, TimeMajor=time_major)  # fmt: skip
        return y

    def conv_2d(
        self,
        x: Tensor,
        weights: Array,
        bias: Array | None,
        weight_quant: Quant | None,
        quant: Quant | None,
        *,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        padding: Padding = "SAME",
        weight_bits: int = 8,
        activation: Activation = "NONE",
        name: str | None = None,
    ) -> Tensor:
        """x [n,h,w,c], weights int8 [out,kh,kw,c/groups], bias int32 or int64 [out] -> y [n,oh,ow,out]."""
        out_c, kernel_h, kernel_w, _ = weights.shape
        y = self.tensor(
            _window_shape(x, (kernel_h, kernel_w), stride, dilation, padding, out_c),
            x.dtype,
            quant,
            name=name,
        )
        self.op(
            "CONV_2D",
            self._filter_inputs(x, weights, bias, weight_quant, weight_bits),
            [y],
            "Conv2DOptions",
            **_window_fields(stride, padding, activation),
            **_dilation_fields(dilation),
        )
        return y

    def depthwise_conv_2d(
        self,
        x: Tensor,
        weights: Array,
        bias: Array | None,
        weight_quant: Quant | None,
        quant: Quant | None,
        *,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        padding: Padding = "SAME",
        weight_bits: int = 8,
        activation: Activation = "NONE",
        name: str | None = None,
    ) -> Tensor:
        """x [n,h,w,c], weights int8 [1,kh,kw,c*multiplier], bias int32 -> y [n,oh,ow,c*multiplier].

        Several scales of weights lie along axis 3.
        """
        _, kernel_h, kernel_w, out_c = weights.shape
        y = self.tensor(
            _window_shape(x, (kernel_h, kernel_w), stride, dilation, padding, out_c),
            x.dtype,
            quant,
            name=name,
        )
        self.op(
            "DEPTHWISE_CONV_2D",
            self._filter_inputs(x, weights, bias, weight_quant, weight_bits),
            [y],
            "DepthwiseConv2DOptions",
            DepthMultiplier=out_c // x.shape[3],
            **_window_fields(stride, padding, activation),
            **_dilation_fields(dilation),
        )
        return y

    def fully_connected(
        self,
        x: Tensor,
        weights: Array,
        bias: Array | None,
        weight_quant: Quant | None,
        quant: Quant | None,
        *,
        keep_num_dims: bool = False,
        weight_bits: int = 8,
        activation: Activation = "NONE",
        name: str | None = None,
    ) -> Tensor:
        """x [...,depth], weights int8 [out,depth], bias int32 or int64 [out] -> y [batches,out].

        With `keep_num_dims`, y keeps all dimensions of x but the last.
        """
        out_c, depth = weights.shape
        shape = (*x.shape[:-1], out_c) if keep_num_dims else (math.prod(x.shape) // depth, out_c)
        y = self.tensor(shape, x.dtype, quant, name=name)
        self.op(
            "FULLY_CONNECTED",
            self._filter_inputs(x, weights, bias, weight_quant, weight_bits),
            [y],
            "FullyConnectedOptions",
            KeepNumDims=keep_num_dims,
            FusedActivationFunction=_activation(activation),
        )
        return y

    def average_pool_2d(
        self,
        x: Tensor,
        kernel: Pair,
        *,
        stride: Pair | None = None,
        padding: Padding = "VALID",
        activation: Activation = "NONE",
        name: str | None = None,
    ) -> Tensor:
        """x [n,h,w,c] -> y [n,oh,ow,c]; the stride is the kernel unless given."""
        return self._pool("AVERAGE_POOL_2D", x, kernel, stride or kernel, padding, activation, name)

    def max_pool_2d(
        self,
        x: Tensor,
        kernel: Pair,
        *,
        stride: Pair | None = None,
        padding: Padding = "VALID",
        activation: Activation = "NONE",
        name: str | None = None,
    ) -> Tensor:
        """x [n,h,w,c] -> y [n,oh,ow,c]; the stride is the kernel unless given."""
        return self._pool("MAX_POOL_2D", x, kernel, stride or kernel, padding, activation, name)

    def add(
        self, a: Tensor, b: Tensor, quant: Quant | None, *, activation: Activation = "NONE", name: str | None = None
    ) -> Tensor:
        """a + b with broadcasting."""
        y = self.tensor(np.broadcast_shapes(a.shape, b.shape), a.dtype, quant, name=name)
        self.op("ADD", [a, b], [y], "AddOptions", FusedActivationFunction=_activation(activation))
        return y

    def mul(
        self, a: Tensor, b: Tensor, quant: Quant | None, *, activation: Activation = "NONE", name: str | None = None
    ) -> Tensor:
        """a * b with broadcasting."""
        y = self.tensor(np.broadcast_shapes(a.shape, b.shape), a.dtype, quant, name=name)
        self.op("MUL", [a, b], [y], "MulOptions", FusedActivationFunction=_activation(activation))
        return y

    def mean(
        self,
        x: Tensor,
        axes: Sequence[int],
        quant: Quant | None,
        keep_dims: bool = False,
        *,
        name: str | None = None,
    ) -> Tensor:
        """The mean over `axes`, which may be negative."""
        reduced = {axis % x.rank for axis in axes}
        shape = [1 if i in reduced else dim for i, dim in enumerate(x.shape) if keep_dims or i not in reduced]
        y = self.tensor(shape, x.dtype, quant, name=name)
        self.op("MEAN", [x, self._int_constant(axes)], [y], "ReducerOptions", KeepDims=keep_dims)
        return y

    def pad(
        self, x: Tensor, paddings: Sequence[Pair], value: float | None = None, *, name: str | None = None
    ) -> Tensor:
        """Adds (before, after) elements in each dimension.

        PAD, which fills with real zero; or, with a stored `value`, PADV2.
        """
        shape = [dim + before + after for dim, (before, after) in zip(x.shape, paddings, strict=True)]
        y = self.tensor(shape, x.dtype, x.quant, name=name)
        amounts = self._int_constant(paddings)
        if value is None:
            self.op("PAD", [x, amounts], [y], "PadOptions")
        else:
            fill = self.constant(np.asarray([value], x.dtype), x.quant)
            self.op("PADV2", [x, amounts, fill], [y], "PadV2Options")
        return y

    def reshape(self, x: Tensor, shape: Sequence[int], *, name: str | None = None) -> Tensor:
        """The same elements in another shape; one dimension may be -1."""
        known = math.prod(dim for dim in shape if dim != -1)
        full = [math.prod(x.shape) // known if dim == -1 else dim for dim in shape]
        y = self.tensor(full, x.dtype, x.quant, name=name)
        self.op("RESHAPE", [x, self._int_constant(shape)], [y], "ReshapeOptions", NewShape=list(shape))
        return y

    def transpose(self, x: Tensor, permutation: Sequence[int], *, name: str | None = None) -> Tensor:
        """Dimension i of the output is dimension permutation[i] of x."""
        y = self.tensor([x.shape[axis] for axis in permutation], x.dtype, x.quant, name=name)
        self.op("TRANSPOSE", [x, self._int_constant(permutation)], [y], "TransposeOptions")
        return y

    def concatenation(self, parts: Sequence[Tensor], axis: int, *, name: str | None = None) -> Tensor:
        """Joins tensors of equal quantisation along `axis`, which may be negative."""
        first = parts[0]
        shape = list(first.shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        y = self.tensor(shape, first.dtype, first.quant, name=name)
        self.op("CONCATENATION", parts, [y], "ConcatenationOptions", Axis=axis)
        return y

    def softmax(self, x: Tensor, *, beta: float = 1.0, name: str | None = None) -> Tensor:
        """Softmax along the last dimension; the output's scale is 1/256, its zero point -128 (int16: 1/32768, 0)."""
        y = self.tensor(x.shape, x.dtype, _unit_quant(x), name=name)
        self.op("SOFTMAX", [x], [y], "SoftmaxOptions", Beta=beta)
        return y

    def logistic(self, x: Tensor, *, name: str | None = None) -> Tensor:
        """The sigmoid; the output's scale is 1/256, its zero point -128 (int16: 1/32768, 0)."""
        y = self.tensor(x.shape, x.dtype, _unit_quant(x), name=name)
        self.op("LOGISTIC", [x], [y])
        return y

    def tanh(self, x: Tensor, *, name: str | None = None) -> Tensor:
        """The hyperbolic tangent; the output's scale is 1/128 (int16: 1/32768)."""
        scale = 1.0 / 32768.0 if x.dtype == "int16" else 1.0 / 128.0
        y = self.tensor(x.shape, x.dtype, None if x.dtype == "float32" else Quant(scale), name=name)
        self.op("TANH", [x], [y])
        return y

    def relu(self, x: Tensor, quant: Quant | None = None, *, name: str | None = None) -> Tensor:
        """max(x, 0)."""
        y = self.tensor(x.shape, x.dtype, quant or x.quant, name=name)
        self.op("RELU", [x], [y])
        return y

    def relu6(self, x: Tensor, *, name: str | None = None) -> Tensor:
        """min(max(x, 0), 6), in the quantisation of x."""
        y = self.tensor(x.shape, x.dtype, x.quant, name=name)
        self.op("RELU6", [x], [y])
        return y

    def quantize(self, x: Tensor, quant: Quant, dtype: str = "int8", *, name: str | None = None) -> Tensor:
        """Float or integer to integer of another quantisation."""
        y = self.tensor(x.shape, dtype, quant, name=name)
        self.op("QUANTIZE", [x], [y], "QuantizeOptions")
        return y

    def dequantize(self, x: Tensor, *, name: str | None = None) -> Tensor:
        """Integer to float32."""
        y = self.tensor(x.shape, "float32", name=name)
        self.op("DEQUANTIZE", [x], [y], "DequantizeOptions")
        return y

    def _int_constant(self, values: Sequence[Any]) -> Tensor:
        return self.constant(np.asarray(values, np.int32))

    def _filter_inputs(
        self, x: Tensor, weights: Array, bias: Array | None, weight_quant: Quant | None, weight_bits: int
    ) -> list[Tensor | None]:
        if weight_quant is None:
            constants = [weights] if bias is None else [weights, bias]
            return [x, *(self.constant(constant) for constant in constants)]
        inputs: list[Tensor | None] = [x, self.tensor(weights.shape, f"int{weight_bits}", weight_quant, weights)]
        if bias is not None:
            steps = tuple(x.quant.scales[0] * scale for scale in weight_quant.scales) if x.quant else (1.0,)
            inputs.append(self.constant(bias, Quant(steps)))
        return inputs

    def _pool(
        self,
        code: str,
        x: Tensor,
        kernel: Pair,
        stride: Pair,
        padding: Padding,
        activation: Activation,
        name: str | None,
    ) -> Tensor:
        shape = _window_shape(x, kernel, stride, (1, 1), padding, x.shape[3])
        y = self.tensor(shape, x.dtype, x.quant, name=name)
        fields = _window_fields(stride, padding, activation)
        self.op(code, [x], [y], "Pool2DOptions", FilterHeight=kernel[0], FilterWidth=kernel[1], **fields)
        return y

    # -- writing --

    def build(self, outputs: Sequence[Tensor]) -> bytes:
        """The `.tflite` file.  Inputs are in the order of the calls of `input`."""
        once = None if self._once is None else (self._once._written, self._once._ops)
        variables = [tensor.index for tensor in self._tensors if tensor.variable]
        indices = [tensor.index for tensor in outputs]
        return write_tflite(self._written, self._ops, self._inputs, indices, self._description, variables, once)

    @property
    def _written(self) -> list[groat.graph.Tensor]:
        """The tensors as a graph has them."""
        return [
            groat.graph.Tensor(each.name, each.shape, each.dtype, each.quantization, each.data)
            for each in self._tensors
        ]


def _activation(name: Activation) -> int:
    return int(getattr(tflite.ActivationFunctionType, name))


def _unit_quant(x: Tensor) -> Quant | None:
    if x.dtype == "int16":
        return Quant(1.0 / 32768.0)
    return None if x.dtype == "float32" else Quant(1.0 / 256.0, -128)


def _window_shape(
    x: Tensor, kernel: Pair, stride: Pair, dilation: Pair, padding: Padding, channels: int
) -> tuple[int, int, int, int]:
    height, width = (window_output(x.shape[1 + i], kernel[i], stride[i], dilation[i], padding) for i in range(2))
    return x.shape[0], height, width, channels


def _window_fields(stride: Pair, padding: Padding, activation: Activation) -> dict[str, Any]:
    return {
        "Padding": getattr(tflite.Padding, padding),
        "StrideH": stride[0],
        "StrideW": stride[1],
        "FusedActivationFunction": _activation(activation),
    }


def _dilation_fields(dilation: Pair) -> dict[str, Any]:
    return {"DilationHFactor": dilation[0], "DilationWFactor": dilation[1]}
