# SPDX-License-Identifier: Apache-2.0
"""Quantised models as QuantizeLinear and DequantizeLinear write them, turned into values that have a quantisation.

Between the two nodes a value is rounded to integers.  Both go, and the value that they were around notes how it is
rounded: an op between such values computes with integers.  Ops that only move elements hand a quantisation on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from groat.frontends.onnx.reader import Node, OnnxModel
from groat.graph import Quantization
from groat.graph.ir import Array
from groat.ops.base import Unsupported

MOVES = {
    *("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Split", "Identity", "Gather"),
    *("MaxPool", "GlobalMaxPool", "DepthToSpace", "SpaceToDepth"),
}
SIGNED = {"int8": 0, "uint8": 128, "int32": 0}  # what is subtracted to make it signed


@dataclass(frozen=True)
class Quantized:
    """A model without the nodes that quantise what they can.

    Attributes:
        quantizations: of values, by name: those of activations belong to int8, those of constants to the type of the
            constant, which uint8 is shifted from.
    """

    model: OnnxModel
    quantizations: Mapping[str, Quantization]


def parameters(node: Node, model: OnnxModel) -> tuple[Quantization, str]:
    """(scale and zero point of a QuantizeLinear or DequantizeLinear for signed integers, their type before)."""
    values = []
    for index, what in ((1, "scale"), (2, "zero point")):
        name = node.input(index)
        if name and name not in model.constants:
            raise Unsupported(f"its {what} {name!r} is computed at run time; expected a constant")
        values.append(model.constants[name] if name else None)
    scale, zero_point = values
    assert scale is not None
    if node.attrs.get("block_size", 0) != 0 or scale.ndim > 1:
        raise Unsupported("it has a scale for each block; expected one for the whole tensor, or for each channel")
    if zero_point is not None:
        dtype = str(zero_point.dtype)
    elif node.op == "DequantizeLinear":
        dtype = model.dtypes.get(node.inputs[0], "unknown")
    else:
        dtype = {0: "uint8", 2: "uint8", 3: "int8"}.get(node.attrs.get("output_dtype", 0), "another type")
    if dtype not in SIGNED:
        raise Unsupported(f"its integers are {dtype}; expected int8 or uint8, and int32 of a bias")
    zeros = np.zeros(scale.shape) if zero_point is None else zero_point.astype(np.int64)
    quantization = Quantization(
        tuple(float(s) for s in scale.ravel()),
        tuple(int(z) - SIGNED[dtype] for z in np.broadcast_to(zeros, scale.shape).ravel()),
        int(node.attrs.get("axis", 1)),
    )
    return (replace(quantization, axis=0) if quantization.per_tensor else quantization), dtype


def fold_quantization(model: OnnxModel) -> Quantized:
    """The model without QuantizeLinear and DequantizeLinear, as far as they can go."""
    return _Folding(model).result()


class _Folding:
    def __init__(self, model: OnnxModel) -> None:
        self.model = model
        self.names: dict[str, str] = {}  # a value that is another one
        self.found: dict[str, Quantization] = {}
        self.constants: dict[str, Array] = dict(model.constants)
        self.readers: dict[str, list[Node]] = {}
        for node in model.nodes:
            for name in node.inputs:
                self.readers.setdefault(name, []).append(node)

    def result(self) -> Quantized:
        kept = []
        for node in self.model.nodes:
            renamed = replace(node, inputs=tuple(self.names.get(name, name) for name in node.inputs))
            try:
                gone = self._fold(node, renamed)
            except Unsupported:
                gone = False  # whoever imports the node says why
            if not gone:
                kept.append(renamed)
        self._hand_on(kept)
        outputs = tuple(self.names.get(name, name) for name in self.model.outputs)
        model = self.model.with_nodes(kept, outputs=outputs, constants=self.constants)
        return Quantized(model, self.found)

    def _fold(self, node: Node, renamed: Node) -> bool:
        if node.op == "QuantizeLinear":
            return self._quantize(node, renamed)
        if node.op != "DequantizeLinear":
            return False
        quantization, dtype = parameters(node, self.model)
        x, y = renamed.inputs[0], node.outputs[0]
        if x in self.constants:
            if not quantization.per_tensor:
                rank = self.constants[x].ndim
                quantization = replace(quantization, axis=quantization.axis % max(rank, 1))
            shift = SIGNED[dtype]
            value = self.constants[x]
            self.constants[y] = (value.astype(np.int16) - shift).astype(np.int8) if shift else value
            self.found[y] = quantization
            return True
        if not quantization.per_tensor or dtype == "int32" or self.found.setdefault(x, quantization) != quantization:
            return False
        self.names[y] = x
        return True

    def _quantize(self, node: Node, renamed: Node) -> bool:
        quantization, dtype = parameters(node, self.model)
        x, y = renamed.inputs[0], node.outputs[0]
        if not quantization.per_tensor or dtype == "int32" or x in self.constants:
            return False
        known = self.found.get(x)
        if known is None:
            # Rounded for one reader is rounded for all.
            for reader in self.readers.get(node.inputs[0], []):
                if reader.op != "QuantizeLinear" or parameters(reader, self.model) != (quantization, dtype):
                    return False
            if node.inputs[0] in self.model.outputs:
                return False
            self.found[x] = quantization
        elif known != quantization:
            return False
        self.names[y] = x
        return True

    def _hand_on(self, nodes: list[Node]) -> None:
        """Through ops that only move elements, backwards where nobody else reads them, and forwards."""
        readers: dict[str, int] = {}
        for node in nodes:
            for name in node.inputs:
                readers[name] = readers.get(name, 0) + 1
        integers = {name for name, dtype in self.model.dtypes.items() if dtype in SIGNED}
        for node in reversed(nodes):
            x, y = node.input(0), node.outputs[0]
            if node.op in MOVES and y in self.found and x not in self.found and x not in self.constants:
                alone = readers[x] == 1 and x not in self.model.outputs
                if (alone or x in integers) and len(node.outputs) == 1:
                    self.found[x] = self.found[y]
        for node in nodes:
            x = node.input(0)
            if node.op in MOVES and x in self.found and x not in self.constants:
                for y in node.outputs:
                    self.found.setdefault(y, self.found[x])
