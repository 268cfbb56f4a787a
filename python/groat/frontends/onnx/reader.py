# SPDX-License-Identifier: Apache-2.0
"""ONNX files as nodes whose shapes are all fixed and whose constants are all computed.

One walk does both: a node whose inputs are constants is evaluated by the onnx package's reference implementation, and
the shapes of any other node's outputs are inferred, from constants too.  So what exporters compute shapes with is gone
after it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from groat.errors import InputError, ModelError, ToolchainError
from groat.graph.ir import Array
from groat.ops.base import Shape

OPSET_MIN = 13
FOLDED_MAX = 1 << 26  # elements of one computed constant
# Dequantised weights stay integers; what draws random numbers is no constant.
NOT_FOLDED = {"DequantizeLinear", "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform"}
# What computes shapes, which may be of nothing; the inference of the package aborts on other ops of an empty tensor.
WITHOUT_ELEMENTS = {"Cast", "Concat", "ConstantOfShape", "Gather", "Identity", "ReduceProd", "Slice"}
LIKE_INPUT = {"GroupNormalization", "RMSNormalization", "Swish"}
Shapes = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Node:
    """One node.

    Attributes:
        op: its operator, for example "Conv".
        index: in the file.
        inputs: names; "" for one that is left out.
        attrs: attributes by name: numbers, strings, lists, arrays.
    """

    op: str
    name: str
    index: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, Any]

    def input(self, index: int) -> str:
        """The name of an input; "" if it is left out."""
        return self.inputs[index] if index < len(self.inputs) else ""


@dataclass(frozen=True)
class OnnxModel:
    """A model as its nodes.

    Attributes:
        nodes: in an order in which they can run; those that no output needs are left out.
        shapes, dtypes: by name of a value, as far as they are known; dtypes as NumPy's names.
        constants: by name.
        inputs, outputs: names.
        output_dtypes: of the outputs, as the model declares them.
        opset: of the default domain.
    """

    name: str
    nodes: tuple[Node, ...]
    shapes: Mapping[str, Shape]
    dtypes: Mapping[str, str]
    constants: Mapping[str, Array]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    output_dtypes: tuple[str, ...]
    opset: int
    aliases: Mapping[str, str] = field(default_factory=dict)

    def with_nodes(self, nodes: Sequence[Node], **changes: Any) -> OnnxModel:
        return replace(self, nodes=tuple(nodes), **changes)


def require_onnx() -> Any:
    """The package onnx; ToolchainError if it is not installed."""
    try:
        import onnx
        import onnx.inliner
        import onnx.reference
        import onnx.shape_inference
    except ImportError as error:
        raise ToolchainError(f"to read ONNX takes the package onnx ({error}): pip install 'groat[onnx]'") from None
    return onnx


def read_onnx(data: bytes, name: str, shapes: Shapes | str | None = None, folder: Path | None = None) -> OnnxModel:
    """Reads a file.

    Args:
        data: the whole file.
        name: what errors call it.
        shapes: for inputs whose shapes the file leaves open, by name; as text, "input=1,3,96,96", several separated by
            ";", the name left out if there is one input.
        folder: where tensors lie that the file keeps outside; None: it may not.

    Raises:
        ModelError: the file is cut, damaged, of an old opset, or leaves a shape open.
        InputError: a shape of `shapes` contradicts the file.
        ToolchainError: onnx is not installed.
    """
    onnx = require_onnx()
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
        if not proto.graph.output:
            raise ValueError("it has no outputs")
        _load_external(onnx, proto, name, folder)
        for value in proto.graph.output:
            value.type.tensor_type.shape.SetInParent()  # nobody needs it, but the checker
        onnx.checker.check_model(proto)
        if proto.functions:
            proto = onnx.inliner.inline_local_functions(proto)
        newest = onnx.defs.onnx_opset_version()
        opset = next((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), newest)
        if not OPSET_MIN <= opset <= newest:
            raise ModelError(
                f"{name}: its opset is {opset}; expected {OPSET_MIN} to {newest}, which "
                "onnx.version_converter.convert_version makes of it"
            )
        return _Reader(onnx, proto, name, opset, parse_shapes(shapes, [value.name for value in _inputs(proto)])).model()
    except (ModelError, InputError):
        raise
    # A damaged file makes protobuf, onnx and NumPy raise nearly anything.
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        raise ModelError(f"{name}: the ONNX file is cut or damaged ({type(error).__name__}: {text})") from error


def parse_shapes(shapes: Shapes | str | None, inputs: Sequence[str]) -> dict[str, Shape]:
    """Shapes by name; InputError if the text is not one, or names no input."""
    if shapes is None:
        return {}
    given: dict[str, Shape] = {}
    if isinstance(shapes, str):
        for part in shapes.split(";"):
            name, equals, sizes = part.rpartition("=")
            try:
                shape = tuple(int(size) for size in sizes.split(","))
            except ValueError:
                raise InputError(f"{part!r} is not the shape of an input; expected, for example, x=1,3,96,96") from None
            if not equals and len(inputs) != 1:
                raise InputError(f"shape {sizes} names no input; expected NAME=SIZES for {', '.join(inputs)}")
            given[name.strip() if equals else inputs[0]] = shape
    else:
        given = {name: tuple(int(size) for size in shape) for name, shape in shapes.items()}
    for name, shape in given.items():
        if name not in inputs:
            raise InputError(f"there is no input {name!r} to give a shape to; the model has {', '.join(inputs)}")
        if min(shape, default=1) < 1:
            raise InputError(f"input {name!r} cannot have shape {list(shape)}; expected sizes of at least 1")
    return given


def _inputs(proto: Any) -> list[Any]:
    initialized = {tensor.name for tensor in proto.graph.initializer}
    return [value for value in proto.graph.input if value.name not in initialized]


def _load_external(onnx: Any, proto: Any, name: str, folder: Path | None) -> None:
    """Loads tensors that lie in other files beside this one."""
    outside = [tensor for tensor in proto.graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL]
    if not outside:
        return
    places = sorted({entry.value for tensor in outside for entry in tensor.external_data if entry.key == "location"})
    what = f"{name}: {len(outside)} of its tensors, such as {outside[0].name!r}, lie outside, in {', '.join(places)}"
    if folder is None:
        raise ModelError(f"{what}; give the model by its path, or save it with save_as_external_data=False")
    try:
        onnx.load_external_data_for_model(proto, str(folder))
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        raise ModelError(f"{what}; that cannot be read: {text}") from None


class _Reader:
    """The walk over one model."""

    def __init__(self, onnx: Any, proto: Any, name: str, opset: int, given: Mapping[str, Shape]) -> None:
        self.onnx, self.proto, self.name, self.opset, self.given = onnx, proto, name, opset, given
        self.types: dict[str, Any] = {}
        self.constants: dict[str, Array] = {}

    def model(self) -> OnnxModel:
        graph = self.proto.graph
        for tensor in graph.initializer:
            self._constant(tensor.name, self.onnx.numpy_helper.to_array(tensor))
        if graph.sparse_initializer:
            raise ModelError(f"{self.name}: sparse tensors are not supported; save the model with dense ones")
        inputs = _inputs(self.proto)
        for value in inputs:
            self.types[value.name] = self._input_type(value)
        nodes = []
        for index, proto in enumerate(graph.node):
            node = self._node(index, proto)
            if not self._fold(proto, node):
                self._infer(proto)
                nodes.append(node)
        names = tuple(value.name for value in graph.output)
        missing = [name for name in names if name not in self.types and not any(name in n.outputs for n in nodes)]
        if missing:
            raise ModelError(f"{self.name}: output {missing[0]!r} is computed by no node")
        return OnnxModel(
            self.name,
            live(nodes, names),
            {name: shape for name in self.types if (shape := self._shape(name)) is not None},
            {name: self._dtype(kind) for name, kind in self.types.items()},
            self.constants,
            tuple(value.name for value in inputs),
            names,
            tuple(self._dtype(value.type) for value in graph.output),
            self.opset,
        )

    def _constant(self, name: str, value: Array) -> None:
        self.constants[name] = value
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
        self.types[name] = self.onnx.helper.make_tensor_type_proto(kind, value.shape)

    def _input_type(self, value: Any) -> Any:
        """The type of an input, its shape fixed; ModelError if neither the file nor the caller fixes it."""
        kind, name = value.type.tensor_type, value.name
        if value.type.WhichOneof("value") != "tensor_type":
            raise ModelError(f"{self.name}: input {name!r} is no tensor")
        sizes = [d.dim_value if d.dim_value > 0 else d.dim_param or "?" for d in kind.shape.dim]
        known = kind.HasField("shape")
        given = self.given.get(name)
        if given is None:
            if not known or any(isinstance(size, str) for size in sizes):
                guess = [1 if isinstance(size, str) else size for size in sizes] or [1]
                text = ",".join(map(str, guess))
                raise ModelError(
                    f"{self.name}: input {name!r} has shape {_show(sizes) if known else 'unknown'}; expected fixed "
                    f"sizes: give them, for example --shape {name}={text}, or in Python "
                    f"shape={{{name!r}: {tuple(guess)}}}"
                )
            given = tuple(int(size) for size in sizes)
        elif known and (
            len(given) != len(sizes) or any(isinstance(b, int) and a != b for a, b in zip(given, sizes, strict=True))
        ):
            raise InputError(
                f"{self.name}: input {name!r} cannot have shape {list(given)}; the file says {_show(sizes)}"
            )
        return self.onnx.helper.make_tensor_type_proto(kind.elem_type, given)

    def _node(self, index: int, proto: Any) -> Node:
        attrs = {}
        for attribute in proto.attribute:
            value = self.onnx.helper.get_attribute_value(attribute)
            if isinstance(value, bytes):
                value = value.decode(errors="replace")
            elif isinstance(value, self.onnx.TensorProto):
                value = self.onnx.numpy_helper.to_array(value)
            attrs[attribute.name] = value
        op = proto.op_type if proto.domain in ("", "ai.onnx") else f"{proto.domain}.{proto.op_type}"
        return Node(op, proto.name, index, tuple(proto.input), tuple(proto.output), attrs)

    def _fold(self, proto: Any, node: Node) -> bool:
        """Computes the outputs of a node whose inputs are constants; false if they are not."""
        if node.op in ("Shape", "Size") and (shape := self._shape(node.inputs[0])) is not None:
            end = node.attrs.get("end")
            part = shape[slice(node.attrs.get("start", 0), end)] if node.op == "Shape" else [int(np.prod(shape))]
            self._constant(node.outputs[0], np.array(part if node.op == "Shape" else part[0], np.int64))
            return True
        if node.op == "CastLike" and node.inputs[0] in self.constants and node.inputs[1] in self.types:
            value = self.constants[node.inputs[0]].astype(self._dtype(self.types[node.inputs[1]]))
            self._constant(node.outputs[0], value)
            return True
        if node.op in NOT_FOLDED or "." in node.op or not all(n in self.constants for n in node.inputs if n):
            return False
        if any(attribute.HasField("g") or attribute.graphs for attribute in proto.attribute):
            return False
        first = node.input(0)
        if not first or self.constants[first].size > 0:
            self._infer(proto)
        elif node.op not in WITHOUT_ELEMENTS:
            return False
        for name in node.outputs:
            if (shape := self._shape(name)) is not None and math.prod(shape) > FOLDED_MAX:
                raise ValueError(f"constant {name!r} would have {math.prod(shape)} elements")
        helper = self.onnx.helper
        feeds = {name: self.constants[name] for name in node.inputs if name}
        infos = [helper.make_value_info(name, self.types[name]) for name in feeds]
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.outputs if name]
        try:
            values = self.onnx.reference.ReferenceEvaluator(self._model_of(proto, infos, outputs)).run(None, feeds)
        except (NotImplementedError, self.onnx.reference.op_run.RuntimeImplementationError):
            return False
        for name, value in zip([name for name in node.outputs if name], values, strict=True):
            if not isinstance(value, np.ndarray | np.generic):
                return False
            self._constant(name, np.asarray(value))
        return True

    def _infer(self, proto: Any) -> None:
        """Notes the types of a node's outputs, as far as they can be told."""
        onnx = self.onnx
        if not all(name in self.types for name in proto.input if name) or proto.domain not in ("", "ai.onnx"):
            return
        for index, name in enumerate(proto.input):
            # The package's inference aborts on some of these.
            if name and min(self._shape(name) or (1,)) < 1 and (index == 0 or name not in self.constants):
                raise ModelError(
                    f"{self.name}: {name!r}, which node {proto.name or proto.output[0]!r} ({proto.op_type}) reads, has "
                    f"shape {list(self._shape(name) or ())}; expected no empty tensor"
                )
        try:
            schema = onnx.defs.get_schema(proto.op_type, self.opset, "")
            types = {name: self.types[name] for name in proto.input if name}
            data = {
                name: onnx.numpy_helper.from_array(self.constants[name])
                for name in proto.input
                if name in self.constants and self.constants[name].size <= 1 << 12
            }
            inferred = onnx.shape_inference.infer_node_outputs(
                schema, proto, types, data, opset_imports=list(self.proto.opset_import), ir_version=10
            )
        except (onnx.shape_inference.InferenceError, onnx.defs.SchemaError, RuntimeError) as error:
            text = " ".join(str(error).split())[:200]
            raise ModelError(
                f"{self.name}: node {proto.name or proto.output[0]!r} ({proto.op_type}) does not fit its inputs: {text}"
            ) from None
        self.types.update(inferred)
        # These are defined by other nodes, and the package does not infer through them.
        if proto.op_type in LIKE_INPUT and self._shape(proto.output[0]) is None:
            self.types[proto.output[0]] = self.types[proto.input[0]]

    def _model_of(self, proto: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        """A model of one node."""
        helper = self.onnx.helper
        graph = helper.make_graph([proto], "node", inputs, outputs)
        return helper.make_model(graph, opset_imports=self.proto.opset_import, ir_version=self.proto.ir_version)

    def _shape(self, name: str) -> Shape | None:
        kind = self.types.get(name)
        if kind is None or not kind.tensor_type.HasField("shape"):
            return None
        if any(not dim.HasField("dim_value") for dim in kind.tensor_type.shape.dim):
            return None
        return tuple(dim.dim_value for dim in kind.tensor_type.shape.dim)

    def _dtype(self, kind: Any) -> str:
        number = kind.tensor_type.elem_type
        if number == 0:
            return "unknown"
        return str(self.onnx.helper.tensor_dtype_to_np_dtype(number))


def live(nodes: Sequence[Node], outputs: Sequence[str]) -> tuple[Node, ...]:
    """The nodes that the outputs need."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted & set(node.outputs):
            wanted |= set(node.inputs)
            kept.append(node)
    return tuple(reversed(kept))


def _show(sizes: Sequence[Any]) -> str:
    return "[" + ", ".join(map(str, sizes)) + "]"
