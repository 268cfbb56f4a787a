# SPDX-License-Identifier: Apache-2.0
"""One operator of a model that is being imported, in TFLite's words: what front ends hand to the ops' importers."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from groat.graph import Op, Tensor
from groat.graph.ir import Array
from groat.ops.base import Unsupported

SHOWN_NAME = 120  # characters of a tensor's name in an error


@dataclass
class ImportedOperator:
    """As importers see it (groat.ops.base.ImportedOp)."""

    name: str
    index: int
    options: Mapping[str, Any]
    inputs: Sequence[int]
    outputs: Sequence[int]
    tensors: MutableMapping[int, Tensor] = field(repr=False)

    def tensor(self, number: int) -> Tensor:
        return self.tensors[number]

    def input(self, index: int) -> Tensor:
        if index >= len(self.inputs) or self.inputs[index] < 0:
            raise Unsupported(f"input {index} is missing")
        return self.tensors[self.inputs[index]]

    def output(self, index: int) -> Tensor:
        if index >= len(self.outputs):
            raise Unsupported(f"output {index} is missing")
        return self.tensors[self.outputs[index]]

    def constant(self, index: int) -> Array:
        tensor = self.input(index)
        if tensor.data is None:
            raise Unsupported(f"input {index}, {tensor.name!r}, is computed at run time; expected a constant")
        return tensor.data

    def add_constant(self, name: str, data: Array) -> int:
        number = max(self.tensors) + 1
        self.tensors[number] = Tensor(name, data.shape, str(data.dtype), data=data)
        return number

    def op(self, kind: str, inputs: Sequence[int], attrs: Mapping[str, Any]) -> Op:
        return Op(kind, tuple(inputs), tuple(self.outputs), dict(attrs), self.index)

    def describe(self) -> str:
        def show(number: int) -> str:
            if number < 0:
                return "none"
            tensor = self.tensors[number]
            # Converters join the names of all that they fused.
            name = tensor.name.split(";")[0][:SHOWN_NAME]
            return f"{name} {tensor.dtype}{list(tensor.shape)}"

        reads = ", ".join(show(number) for number in self.inputs)
        writes = ", ".join(show(number) for number in self.outputs)
        return f"op {self.index} {self.name} ({reads} -> {writes})"
