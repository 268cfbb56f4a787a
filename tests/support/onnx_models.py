# SPDX-License-Identifier: Apache-2.0
"""ONNX models for tests: built node by node, and run by ONNX Runtime."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

import groat
from groat.compiler import Model
from groat.graph.ir import Array

FLOAT = onnx.TensorProto.FLOAT


class Builder:
    """A model as it grows: `node` returns the name of what it computes."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weights(self, *shape: int, scale: float = 0.3) -> str:
        return self.constant((self.rng.standard_normal(shape) * scale).astype(np.float32))

    def node(self, op: str, *inputs: str, outputs: int = 1, **attrs: Any) -> str:
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=f"{op}_{len(self.nodes)}", **attrs))
        return names[0]

    def conv(self, x: str, in_c: int, out_c: int, kernel: Sequence[int], bias: bool = True, **attrs: Any) -> str:
        filters = self.weights(out_c, in_c // attrs.get("group", 1), *kernel)
        return self.node("Conv", x, filters, *([self.weights(out_c)] if bias else []), **attrs)

    def norm(self, x: str, channels: int) -> str:
        """A BatchNormalization."""
        rng = self.rng
        rows = [rng.uniform(0.5, 1.5, channels), *rng.standard_normal((2, channels)), rng.uniform(0.5, 2, channels)]
        return self.node("BatchNormalization", x, *(self.constant(row.astype(np.float32)) for row in rows))

    def model(
        self,
        inputs: Mapping[str, Sequence[int | str]],
        outputs: Sequence[str],
        opset: int = 18,
        types: Mapping[str, int] | None = None,
        domains: Sequence[str] = (),
    ) -> onnx.ModelProto:
        types = types or {}
        ins = [helper.make_tensor_value_info(name, types.get(name, FLOAT), shape) for name, shape in inputs.items()]
        outs = [helper.make_tensor_value_info(name, types.get(name, FLOAT), None) for name in outputs]
        opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
        graph = helper.make_graph(self.nodes, "test", ins, outs, self.constants)
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        return onnx.shape_inference.infer_shapes(model)


def run_onnx(model: onnx.ModelProto | bytes, inputs: Sequence[Array]) -> list[Array]:
    """What ONNX Runtime computes."""
    return run_onnx_frames(model, [inputs])[0]


def run_onnx_frames(model: onnx.ModelProto | bytes, frames: Sequence[Sequence[Array]]) -> list[list[Array]]:
    """What ONNX Runtime computes of each frame's inputs."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    source = model if isinstance(model, bytes) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    return [session.run(None, dict(zip(names, inputs, strict=True))) for inputs in frames]


def run_groat(loaded: Model, inputs: Sequence[Array], **options: Any) -> list[Array]:
    """What we compute, inputs and outputs in the model's own order of dimensions."""
    graph = loaded.graph
    given = [
        np.ascontiguousarray(array.transpose(loaded.orders[number]))
        for array, number in zip(inputs, graph.inputs, strict=True)
    ]
    found = groat.compile(loaded, **options).run(*given)
    outputs = found if isinstance(found, list) else [found]
    return [y.transpose(np.argsort(loaded.orders[n])) for y, n in zip(outputs, graph.outputs, strict=True)]


def random_inputs(model: onnx.ModelProto, rng: np.random.Generator) -> list[Array]:
    """float32 arrays of the shapes of its inputs."""
    shapes = [[dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in model.graph.input]
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def close(expected: Array, found: Array, tolerance: float = 1e-5) -> bool:
    """Whether floats are as near as `tolerance` times the largest of them."""
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return False
    return bool(np.abs(expected - found).max(initial=0) <= tolerance * max(np.abs(expected).max(initial=0), 1e-6))


def kinds(loaded: Model) -> list[str]:
    return [op.kind for op in loaded.graph.ops]


def damaged(model: onnx.ModelProto, rng: random.Random) -> bytes:
    """A valid file of a model that contradicts itself somewhere: other attributes, inputs, constants, ops or shapes."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    numbers = [0, -1, 1, 2, 3, 7, 100, -1000, 2**31, -(2**40)]
    names = [name for node in graph.node for name in node.output] + [tensor.name for tensor in graph.initializer] + [""]
    for _ in range(rng.randint(1, 3)):
        node = rng.choice(graph.node)
        kind = rng.choice(["attribute", "op", "input", "constant", "shape", "node"])
        if kind == "attribute" and node.attribute:
            attribute = rng.choice(node.attribute)
            if attribute.type == onnx.AttributeProto.INT:
                attribute.i = rng.choice(numbers)
            elif attribute.type == onnx.AttributeProto.INTS and attribute.ints:
                attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(numbers)
            elif attribute.type == onnx.AttributeProto.STRING:
                attribute.s = rng.choice([b"", b"SAME_LOWER", b"\xff"])
        elif kind == "op":
            node.op_type = rng.choice(["Conv", "Gemm", "Slice", "Concat", "Resize", "LSTM", "Pad", "Softmax", "Tile"])
        elif kind == "input":
            node.input[rng.randrange(len(node.input))] = rng.choice(names)
        elif kind == "constant" and graph.initializer:
            tensor = rng.choice(graph.initializer)
            value = numpy_helper.to_array(tensor).copy()
            if value.dtype == np.int64 and value.size > 0:
                value.flat[rng.randrange(value.size)] = rng.choice(numbers)
            else:
                value = rng.choice([value.astype(np.float64), value[..., np.newaxis], value.reshape(-1)])
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
        elif kind == "shape":
            for dim in graph.input[0].type.tensor_type.shape.dim:
                dim.dim_value = rng.choice([dim.dim_value, dim.dim_value, 1, 2, 1000])
        elif kind == "node" and len(graph.node) > 1:
            del graph.node[rng.randrange(len(graph.node))]
    return copy.SerializeToString()
