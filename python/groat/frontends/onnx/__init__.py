# SPDX-License-Identifier: Apache-2.0
"""Imports ONNX models, of floats or quantised with QuantizeLinear and DequantizeLinear.

reader.py   nodes with fixed shapes and computed constants
qdq.py      quantised values instead of nodes that quantise
fuse.py     nodes that one op does
layout.py   where the elements of a value lie
images.py, elements.py, moves.py   importers of nodes; emitter.py is what they write to
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from groat.errors import InputError, ModelError, UnsupportedError, VerifyError
from groat.frontends.onnx import elements, images, moves, recurrent
from groat.frontends.onnx.emitter import Emitter
from groat.frontends.onnx.fuse import fused, without_aliases
from groat.frontends.onnx.layout import Order, channels_last, natural, stored
from groat.frontends.onnx.qdq import SIGNED, fold_quantization, parameters
from groat.frontends.onnx.reader import Node, OnnxModel, Shapes, live, read_onnx
from groat.graph import Graph, Quantization, verify
from groat.ops.base import Unsupported

Channels = Literal["last", "first"]
CHANNELS: tuple[Channels, ...] = get_args(Channels)
Importer = Callable[[Emitter, Node], None]


def _quantize(to: Emitter, node: Node) -> None:
    """One that could not go: of a value that is read without it too, or rounded in another way before."""
    quantization, _ = parameters(node, to.model)
    value = to.value(node.inputs[0])
    if not quantization.per_tensor:
        raise Unsupported("it has a scale for each channel; expected one, but for weights")
    number = to.rounded(value.number, quantization)
    to.keep(node.outputs[0], replace(value, number=number))


def _dequantize(to: Emitter, node: Node) -> None:
    parameters(node, to.model)
    raise Unsupported("it is of a value with other scales; expected the one that QuantizeLinear rounded it with")


UNARY = {
    *("Abs", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Mish", "Neg", "Reciprocal"),
    *("Softplus", "Sqrt", "Swish"),
}
_WORDS = {"HardSigmoid": "hard_sigmoid", "HardSwish": "hard_swish", "LeakyRelu": "leaky_relu"}

IMPORTERS: dict[str, Importer] = {
    **{name: elements.unary(_WORDS.get(name, name.lower())) for name in sorted(UNARY)},
    "Add": elements.elementwise("ADD"),
    "AveragePool": images.pool,
    "BatchNormalization": images.batch_norm,
    "Clip": elements.clamp,
    "Concat": moves.concat,
    "Conv": images.conv,
    "ConvTranspose": images.conv_transpose,
    "DepthToSpace": moves.depth_to_space,
    "DequantizeLinear": _dequantize,
    "Div": elements.elementwise("DIV"),
    "Expand": moves.expand,
    "Flatten": moves.reshape,
    "Gather": moves.gather,
    "Gemm": elements.gemm,
    "GRU": recurrent.recurrent,
    "GlobalAveragePool": elements.mean,
    "GlobalMaxPool": images.global_max_pool,
    "GroupNormalization": images.group_norm,
    "InstanceNormalization": images.group_norm,
    "LSTM": recurrent.recurrent,
    "LayerNormalization": images.layer_norm,
    "LogSoftmax": elements.log_softmax,
    "MatMul": elements.matmul,
    "Max": elements.of_many("MAXIMUM"),
    "MaxPool": images.pool,
    "Min": elements.of_many("MINIMUM"),
    "Mul": elements.elementwise("MUL"),
    "PRelu": elements.prelu,
    "Pad": moves.pad,
    "Pow": elements.power,
    "QuantizeLinear": _quantize,
    "RMSNormalization": elements.rms_norm,
    "ReduceL2": elements.reduction(elements.total, square=True, root=True),
    "ReduceMax": elements.reduction(elements.largest),
    "ReduceMean": elements.mean,
    "ReduceSum": elements.reduction(elements.total),
    "ReduceSumSquare": elements.reduction(elements.total, square=True),
    "Relu": elements.clamp,
    "Reshape": moves.reshape,
    "Resize": moves.resize,
    "Sigmoid": elements.sigmoid,
    "Slice": moves.slice_node,
    "Softmax": elements.softmax,
    "SpaceToDepth": moves.space_to_depth,
    "Split": moves.split,
    "Squeeze": moves.reshape,
    "Sub": elements.elementwise("SUB"),
    "Sum": elements.of_many("ADD"),
    "Tanh": elements.tanh,
    "Tile": moves.tile,
    "Transpose": moves.transpose,
    "Unsqueeze": moves.reshape,
}
"""What each operator becomes.  Identity, Dropout, Cast to the same type, and all that is computed from constants and
shapes alone are gone before."""

IMAGE_OPS = {
    *("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization"),
    *("GroupNormalization", "InstanceNormalization", "DepthToSpace", "SpaceToDepth", "Resize"),
}
REGROUPED = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "MatMul", "Gemm", "LSTM", "GRU"}


CONTRADICTIONS = (LookupError, TypeError, ValueError, ArithmeticError, AssertionError, MemoryError)
"""What NumPy and importers raise where attributes and constants of a damaged file do not fit each other."""


def is_onnx(data: bytes) -> bool:
    """Whether a file may be ONNX: protobuf has no mark, but the file begins with the field ir_version."""
    return data[:1] == b"\x08" and data[4:8] != b"TFL3"


def load_onnx(
    data: bytes,
    name: str = "model",
    shapes: Shapes | str | None = None,
    channels: Channels = "last",
    folder: Path | None = None,
) -> tuple[Graph, dict[int, Order]]:
    """Imports an ONNX file.

    Args:
        data: the whole file.
        name: what errors call the model, usually its path.
        shapes: of inputs whose shape the file leaves open, by name, or as text: "input=1,3,96,96".
        channels: where inputs and outputs that are images or signals have their channels: "last" (NHWC, NWC), as all
            kernels want them and cameras give them, or "first", as ONNX has them, for a transpose at each.
        folder: where the file's external data are; None: it may have none.

    Returns the graph, and for each of its inputs and outputs which dimension of the model each of its own is.

    Raises:
        ModelError: the file is cut, damaged, of an opset before 13, or leaves a shape open.
        UnsupportedError: lists every node that there is no kernel for, with the reason.
        InputError: a shape contradicts the file.
        ToolchainError: the package onnx is not installed.
    """
    if channels not in CHANNELS:
        raise InputError(f"channels is {channels!r}; expected {' or '.join(CHANNELS)}")
    read = read_onnx(data, name, shapes, folder)
    try:
        quantized = fused(fold_quantization(without_aliases(read)))
        model = quantized.model
        quantized = replace(quantized, model=model.with_nodes(live(model.nodes, model.outputs)))
        return _Import(Emitter(quantized), channels == "last").result()
    except Unsupported as reason:
        raise UnsupportedError(name, [str(reason)]) from None
    except CONTRADICTIONS as error:
        raise ModelError(f"{name}: the ONNX file contradicts itself ({type(error).__name__}: {error})") from error


class _Import:
    """The walk over all nodes of one model."""

    def __init__(self, to: Emitter, last: bool) -> None:
        self.to, self.last = to, last
        self.model: OnnxModel = to.model
        self.images: set[str] = set()
        self.problems: list[str] = []
        self.missing: set[str] = set()
        self.orders: dict[int, Order] = {}

    def result(self) -> tuple[Graph, dict[int, Order]]:
        graph = self._graph()
        return graph, {number: self.orders[number] for number in (*graph.inputs, *graph.outputs)}

    def _graph(self) -> Graph:
        inputs = [self._input(name) for name in self.model.inputs]
        for node in self.model.nodes:
            self._import(node)
        if self.problems:
            raise UnsupportedError(self.model.name, self.problems)
        outputs = [self._output(i) for i in range(len(self.model.outputs))]
        to = self.to
        used = {number for op in to.ops for number in (*op.inputs, *op.outputs)} | {*inputs, *outputs}
        tensors = {number: to.tensors[number] for number in sorted(used)}
        graph = Graph(self.model.name, tensors, tuple(to.ops), tuple(inputs), tuple(outputs))
        try:
            return verify(graph)
        except VerifyError as error:
            raise ModelError(f"{self.model.name}: the ONNX file contradicts itself: {error}") from error

    def _import(self, node: Node) -> None:
        broken = self.missing & set(node.inputs)
        importer = IMPORTERS.get(node.op)
        try:
            if importer is None:
                raise Unsupported("there is no kernel for this op")
            if not broken:
                self.to.start(node)
                importer(self.to, node)
        except Unsupported as reason:
            self.problems.append(f"{self._describe(node)}: {reason}")
            broken = {""}
        except CONTRADICTIONS as error:
            self.problems.append(
                f"{self._describe(node)}: it does not fit its inputs ({type(error).__name__}: {error})"
            )
            broken = {""}
        if broken:
            self.missing |= set(node.outputs) - {""}
        if node.op in IMAGE_OPS or (self._keeps_dimensions(node) and self.images & set(node.inputs)):
            self.images |= set(node.outputs)

    def _keeps_dimensions(self, node: Node) -> bool:
        """Whether a node hands on what the dimensions of its inputs mean."""
        ranks = [len(shape) for shape in map(self.model.shapes.get, (*node.inputs, *node.outputs)) if shape is not None]
        return node.op not in REGROUPED and max(ranks, default=0) == len(self.model.shapes.get(node.outputs[0], ()))

    def _describe(self, node: Node) -> str:
        def show(name: str) -> str:
            if not name:
                return "none"
            shape, dtype = self.model.shapes.get(name), self.model.dtypes.get(name, "unknown")
            return f"{name.split(';')[0][:120]} {dtype}{'[?]' if shape is None else list(shape)}"

        reads, writes = (", ".join(map(show, names)) for names in (node.inputs, node.outputs))
        return f"node {node.index} {node.name or node.outputs[0]!r}, {node.op} ({reads} -> {writes})"

    def _is_image(self, name: str) -> bool:
        """Whether an input goes to an op of images, through ops that keep its dimensions."""
        reached, waiting = {name}, [name]
        while waiting:
            at = waiting.pop()
            for node in self.model.nodes:
                if at not in node.inputs:
                    continue
                if node.op in IMAGE_OPS:
                    return True
                if self._keeps_dimensions(node):
                    fresh = set(node.outputs) - reached
                    reached |= fresh
                    waiting += fresh
        return False

    def _input(self, name: str) -> int:
        to, shape, dtype = self.to, self.model.shapes[name], self.model.dtypes[name]
        quantization = to.quantizations.get(name)
        if dtype not in ("float32", "int8", "uint8") or (dtype != "float32" and quantization is None):
            what = "" if dtype not in SIGNED else " without a DequantizeLinear"
            raise ModelError(
                f"{self.model.name}: input {name!r} is {dtype}{what}; expected float32, or int8 or uint8 that "
                "DequantizeLinear reads"
            )
        order = natural(len(shape))
        if self._is_image(name):
            self.images.add(name)
            if self.last:
                order = channels_last(len(shape))
        own = None if dtype == "float32" else quantization
        if dtype == "uint8" and own is not None:
            own = Quantization(own.scale, (own.zero_point[0] + SIGNED["uint8"],))
        try:
            number = to.add_tensor(name, [shape[axis] for axis in order], own, dtype)
        except Unsupported as reason:
            raise ModelError(f"{self.model.name}: input {name!r}: {reason}") from None
        to.keep(name, stored(number, shape, order))
        self.orders[number] = order
        return number

    def _output(self, index: int) -> int:
        to, name, dtype = self.to, self.model.outputs[index], self.model.output_dtypes[index]
        if name not in to.values and name not in self.model.constants:
            raise UnsupportedError(self.model.name, [f"output {name!r}: there is no kernel that computes it"])
        rank = len(to.shape(name))
        to.integers = dtype in SIGNED and name in to.quantizations
        if dtype != "float32" and not to.integers:
            raise ModelError(f"{self.model.name}: output {name!r} is {dtype}; expected float32, or rounded values")
        order = natural(rank)
        if self.last and name in self.images and to.order(name) == channels_last(rank):
            order = channels_last(rank)
        number = to.read(name, order)
        if dtype == "uint8":
            quantization = to.quantizations[name]
            shifted = Quantization(quantization.scale, (quantization.zero_point[0] + SIGNED["uint8"],))
            y = to.add_tensor(name, to.tensors[number].shape, shifted, "uint8")
            number = to.operator("QUANTIZE", [number], y)
        if to.tensors[number].data is None and number not in self.orders:  # else it is an input, or another output
            to.tensors[number] = replace(to.tensors[number], name=name)
        self.orders[number] = order
        return number
