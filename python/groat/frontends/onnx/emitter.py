# SPDX-License-Identifier: Apache-2.0
"""What importers of ONNX nodes write to: operators in TFLite's vocabulary, which the ops' own importers then take.

So an op has one importer and one arithmetic, whatever format it came from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from groat.frontends.onnx.layout import (
    Order,
    Value,
    groups_of,
    inverse,
    is_sorted,
    merged,
    natural,
    own_order,
    stored,
)
from groat.frontends.onnx.qdq import Quantized
from groat.frontends.onnx.reader import Node
from groat.frontends.operator import ImportedOperator
from groat.graph import Op, Quantization, Tensor
from groat.graph.ir import Array
from groat.ops import tflite_importers
from groat.ops.base import Shape, Unsupported
from groat.ops.gather import PLACES_MAX

RANK_MAX = 6


def require_places(count: int, name: str) -> None:
    """Raises Unsupported for more places along a dimension than a gather can have."""
    if count > PLACES_MAX:
        raise Unsupported(f"{name!r} has {count} places along a dimension; expected at most {PLACES_MAX}")


class Emitter:
    """The graph as it grows.

    Attributes:
        tensors, ops: of the graph.
        values: by name: where the elements of each value lie.
        used: names of the values that something reads.
        integers: the node that is imported now computes with integers.
    """

    def __init__(self, quantized: Quantized) -> None:
        self.model = quantized.model
        self.quantizations = quantized.quantizations
        self.tensors: dict[int, Tensor] = {}
        self.ops: list[Op] = []
        self.values: dict[str, Value] = {}
        self.integers = False
        self.used = {name for node in self.model.nodes for name in node.inputs} | set(self.model.outputs)
        self._index = -1
        self._made: dict[tuple[Any, ...], int] = {}

    # ---- What the model says of a value ------------------------------------------------------------------

    def start(self, node: Node) -> None:
        """Says which node is imported now; it computes with integers if all that it reads and writes is rounded."""
        self._index = node.index
        computed = [name for name in node.inputs if name and name not in self.model.constants]
        self.integers = all(name in self.quantizations for name in (*computed, node.outputs[0]))

    def shape(self, name: str) -> Shape:
        """The shape of a value."""
        shape = self.model.shapes.get(name)
        if shape is None:
            raise Unsupported(f"the shape of {name!r} cannot be told before it runs")
        return shape

    def constant(self, name: str) -> Array | None:
        """What a value holds; None if it is computed at run time, or left out."""
        return self.model.constants.get(name)

    def floats(self, name: str) -> Array | None:
        """As constant, with the quantisation of a rounded constant applied."""
        value, quantization = self.constant(name), self.quantizations.get(name)
        if value is None or quantization is None:
            return None if value is None else value
        shape = [1] * value.ndim
        if not quantization.per_tensor:
            shape[quantization.axis] = -1
        scale, zero = (
            np.array(x, np.float32).reshape(shape if not quantization.per_tensor else [])
            for x in (quantization.scale, quantization.zero_point)
        )
        return ((value.astype(np.float32) - zero) * scale).astype(np.float32)

    def quantization(self, name: str) -> Quantization | None:
        """Of a value, in the node that is imported now; None if that computes with floats."""
        return self.quantizations.get(name) if self.integers else None

    # ---- Tensors and operators ---------------------------------------------------------------------------

    def add_constant(
        self, array: Array, name: str, quantization: Quantization | None = None, dtype: str | None = None
    ) -> int:
        """A constant tensor; its number."""
        data = np.ascontiguousarray(array)
        if data.ndim == 0:
            data = data.reshape(())
        return self._add(Tensor(name, data.shape, dtype or str(data.dtype), quantization, data))

    def add_tensor(self, name: str, shape: Sequence[int], quantization: Quantization | None, dtype: str = "") -> int:
        """A tensor that is computed; its type is int8 if it has a quantisation, else float32, unless given."""
        dtype = dtype or ("float32" if quantization is None else "int8")
        if len(shape) > RANK_MAX:
            raise Unsupported(f"{name!r} needs {len(shape)} dimensions; expected at most {RANK_MAX}")
        return self._add(Tensor(name, tuple(int(size) for size in shape), dtype, quantization))

    def _add(self, tensor: Tensor) -> int:
        self.tensors[len(self.tensors)] = tensor
        return len(self.tensors) - 1

    def operator(
        self,
        name: str,
        inputs: Sequence[int],
        output: int,
        options: Mapping[str, Any] | None = None,
    ) -> int:
        """Appends what an operator of TFLite becomes; returns `output`."""
        given = {"FusedActivationFunction": "NONE", "Padding": "VALID", **(options or {})}
        operator = ImportedOperator(name, self._index, given, tuple(inputs), (output,), self.tensors)
        self.ops.append(tflite_importers()[name](operator))
        return output

    def op(
        self, kind: str, inputs: Sequence[int], output: int, attrs: Mapping[str, Any], more: Sequence[int] = ()
    ) -> int:
        """Appends an op of our table, with more outputs than one if it has them; returns `output`."""
        self.ops.append(Op(kind, tuple(inputs), (output, *more), dict(attrs), self._index))
        return output

    def like(self, number: int, suffix: str, shape: Sequence[int] | None = None) -> int:
        """A tensor of the type of another one, and its shape unless given."""
        tensor = self.tensors[number]
        shape = tensor.shape if shape is None else shape
        return self.add_tensor(f"{tensor.name}.{suffix}", shape, tensor.quantization, tensor.dtype)

    def reshaped(self, number: int, shape: Sequence[int]) -> int:
        """A tensor's elements in another shape; a constant stays one."""
        shape, tensor = tuple(shape), self.tensors[number]
        if tensor.shape == shape:
            return number
        if tensor.data is not None:
            return self._once(
                ("reshape", number, shape),
                lambda: self.add_constant(tensor.data.reshape(shape), tensor.name, tensor.quantization),  # type: ignore[union-attr]
            )
        return self._once(
            ("reshape", number, shape),
            lambda: self.operator("RESHAPE", [number], self.like(number, "reshaped", shape)),
        )

    def _once(self, key: tuple[Any, ...], make: Callable[[], int]) -> int:
        """What `make` returned the first time that a key was given."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    # ---- Values ------------------------------------------------------------------------------------------

    def write(self, name: str, number: int, order: Order | None = None) -> None:
        """Notes that a tensor holds a value, its dimensions in an order; rounds it if the model does."""
        shape = self.shape(name)
        order = natural(len(shape)) if order is None else order
        if self.tensors[number].elements != math.prod(shape):
            raise Unsupported(f"{name!r} has shape {list(shape)}; expected {self.tensors[number].elements} elements")
        self.keep(name, stored(number, shape, order))

    def keep(self, name: str, value: Value) -> None:
        """Notes where a value lies; rounds it if the model does."""
        quantization = self.quantizations.get(name)
        tensor = self.tensors[value.number]
        if quantization is not None and tensor.data is None:
            value = replace(value, number=self.rounded(value.number, quantization))
        self.values[name] = value

    def rounded(self, number: int, quantization: Quantization) -> int:
        """A tensor as int8 of a quantisation: itself if that is what it is."""
        if self.tensors[number].quantization == quantization:
            return number
        return self._once(
            ("quantize", number, quantization),
            lambda: self.operator(
                "QUANTIZE",
                [number],
                self.add_tensor(f"{self.tensors[number].name}.int8", self.tensors[number].shape, quantization),
            ),
        )

    def value(self, name: str) -> Value:
        """Where a value lies, as what the node that is imported now computes with."""
        if not name:
            raise Unsupported("an input that it needs is left out")
        if name in self.model.constants:
            array = self.constant(name) if self.integers and name in self.quantizations else self.floats(name)
            assert array is not None
            quantization = self.quantization(name)
            if quantization is None and array.dtype != np.float32:
                raise Unsupported(f"its input {name!r} is {array.dtype}; expected float32")
            number = self._once(("constant", name, self.integers), lambda: self.add_constant(array, name, quantization))
            return stored(number, array.shape, natural(array.ndim))
        value = self.values.get(name)
        if value is None:
            raise Unsupported(f"there is no kernel that computes its input {name!r}")
        tensor = self.tensors[value.number]
        if not self.integers and tensor.dtype == "int8":
            number = self._once(
                ("dequantize", value.number),
                lambda: self.operator(
                    "DEQUANTIZE", [value.number], self.add_tensor(f"{tensor.name}.float32", tensor.shape, None)
                ),
            )
            return replace(value, number=number)
        if tensor.dtype not in ("int8", "float32"):
            raise Unsupported(f"its input {name!r} is {tensor.dtype}; expected float32")
        return value

    def order(self, name: str) -> Order:
        """The order in which a value can be read without moving it; the model's own if there is none."""
        return self.order_of(self.value(name))

    def order_of(self, value: Value) -> Order:
        """As order."""
        own = own_order(value)
        return natural(len(value.shape)) if own is None else own

    def read(self, name: str, order: Order | None = None, shape: Sequence[int] | None = None) -> int:
        """A tensor that holds a value with its dimensions in an order, the model's own unless given, and then in a
        shape."""
        value = self.value(name)
        return self.read_value(value, natural(len(value.shape)) if order is None else order, shape)

    def read_value(self, value: Value, order: Order, shape: Sequence[int] | None = None) -> int:
        """As read."""
        wanted = tuple(value.shape[axis] for axis in order) if shape is None else tuple(shape)
        return self.reshaped(self.in_order(value, order), wanted)

    def in_order(self, value: Value, order: Order) -> int:
        """A tensor with the elements of a value in an order; its shape is any of as many elements."""
        groups = groups_of(value.factors, value.shape)
        if groups is None:
            whole = natural(len(value.shape))
            flat = tuple(factor for factor in value.factors if factor[0] != 1)
            value = stored(self._transposed(value.number, flat), value.shape, whole)
            groups = groups_of(value.factors, value.shape)
            assert groups is not None
        factors = tuple(factor for axis in order for factor in groups[axis])
        return self._transposed(value.number, factors)

    def permuted(self, value: Value, order: Sequence[int]) -> Value:
        """A value whose dimensions go in another order."""
        groups = groups_of(value.factors, value.shape)
        if groups is None:
            shape, whole = value.shape, natural(len(value.shape))
            value = stored(self.in_order(value, whole), shape, whole)
            groups = groups_of(value.factors, shape)
            assert groups is not None
        factors = tuple(factor for axis in order for factor in groups[axis])
        return Value(value.number, tuple(value.shape[axis] for axis in order), factors)

    def _transposed(self, number: int, factors: Sequence[tuple[int, float]]) -> int:
        """A tensor with the elements of another one in the order of factors."""
        if is_sorted(factors):
            return number
        sizes, permutation = merged(factors)
        tensor = self.tensors[number]
        shape = [sizes[axis] for axis in permutation]
        if tensor.data is not None:
            data = tensor.data.reshape(sizes).transpose(permutation)
            return self._once(
                ("transpose", number, tuple(sizes), tuple(permutation)),
                lambda: self.add_constant(data, tensor.name, tensor.quantization),
            )
        if len(sizes) > RANK_MAX:
            raise Unsupported(f"a transpose of {len(sizes)} dimensions; expected at most {RANK_MAX}")

        def make() -> int:
            source = self.reshaped(number, sizes)
            how = self.add_constant(np.array(permutation, np.int32), "permutation")
            return self.operator("TRANSPOSE", [source, how], self.like(number, "transposed", shape))

        return self._once(("transpose", number, tuple(sizes), tuple(permutation)), make)

    def read_constant(self, name: str, order: Order) -> Array | None:
        """A constant's floats with their dimensions in an order; None if it is computed."""
        value = self.floats(name)
        return None if value is None else np.ascontiguousarray(value.transpose(order))


def placed(axes: Sequence[int], order: Order) -> tuple[int, ...]:
    """Where dimensions of a value are in a tensor that has them in an order."""
    places = inverse(order)
    return tuple(places[axis] for axis in axes)
