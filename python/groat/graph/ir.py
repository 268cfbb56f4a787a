# SPDX-License-Identifier: Apache-2.0
"""The intermediate representation: a list of ops over numbered tensors, frozen.

A pass builds a new graph instead of changing one.  Tensor numbers survive from the imported model to the
report, so that a tensor here can be compared with the same tensor in another engine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Quantization:
    """real = scale * (stored - zero_point), for the whole tensor or along one axis.

    Attributes:
        scale: float32 values, one or one for each index of `axis`.
        zero_point: integers, as many.
        axis: the dimension that the scales belong to; meaningless when there is one.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0

    @property
    def per_tensor(self) -> bool:
        return len(self.scale) == 1


@dataclass(frozen=True, eq=False)
class Tensor:
    """A value in a graph; a constant if it has data.

    Attributes:
        shape: fixed sizes, slowest first; () is a scalar.
        dtype: a NumPy dtype name: int8, uint8, int16, int32 or float32.  A constant may also be int64, or int4: then
            its data are int8.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: Array | None = None

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        if self.dtype == "int4":
            return (self.elements + 1) // 2
        return self.elements * np.dtype(self.dtype).itemsize

    @property
    def scale(self) -> float:
        """The one scale of the tensor as float32; raises ValueError if it has none or several."""
        if self.quantization is None or not self.quantization.per_tensor:
            raise ValueError(f"tensor {self.name!r} has no scale for the whole tensor")
        return float(np.float32(self.quantization.scale[0]))

    @property
    def zero_point(self) -> int:
        """The one zero point of the tensor; raises ValueError if it has none or several."""
        if self.quantization is None or len(self.quantization.zero_point) != 1:
            raise ValueError(f"tensor {self.name!r} has no zero point for the whole tensor")
        return self.quantization.zero_point[0]


@dataclass(frozen=True, eq=False)
class Op:
    """One application of an op of the table.

    Attributes:
        kind: the op's name in ops.def, for example "conv_2d".
        inputs: tensor numbers, constants included.
        outputs: tensor numbers.
        attrs: what the op's own module documents; already in terms of the kernel (multipliers, zero points).
        index: of the op in the imported model that this one came from.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    index: int = -1


@dataclass(frozen=True, eq=False)
class Program:
    """A named entry point of a graph: some of its ops, which follow each other.

    Attributes:
        first, count: the ops [first, first + count).
        inputs, outputs: tensor numbers, in the program's order.
    """

    name: str
    first: int
    count: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def last(self) -> int:
        return self.first + self.count - 1


@dataclass(frozen=True, eq=False)
class State:
    """What a tensor that is kept from run to run holds at first.

    Attributes:
        initial: of the tensor's shape and type.
        kind: "parameter", which is trained; "optimizer", what training remembers besides; "variable", what a run
            remembers for the next one of its sequence.
    """

    initial: Array
    kind: Literal["parameter", "optimizer", "variable"] = "parameter"

    @property
    def trained(self) -> bool:
        return self.kind == "parameter"


STATE_KINDS = ("parameter", "optimizer", "variable")
"""In the order in which a graph has them, and as groat_state_kind numbers them."""


@dataclass(frozen=True, eq=False)
class Graph:
    """A model: ops in an order in which they can run.

    Attributes:
        tensors: by number; numbers need not be dense.
        inputs: tensor numbers, in the model's order.
        outputs: tensor numbers, in the model's order.
        views: tensor number -> the tensor whose bytes it is; such a tensor has a shape of its own, but no memory.
        states: tensor number -> what it holds at first: tensors that keep their contents from run to run.  They are no
            constants, and any op may have one among its outputs.  They come in the order of STATE_KINDS.
        named: the programs, if there are others than "infer", which is all ops, inputs and outputs.
        workers: parts into which ops split their work, if they can: as many cores may share it.
        all_named: the packed model has the names of all tensors, not only of inputs, outputs and states.
    """

    name: str
    tensors: Mapping[int, Tensor]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    views: Mapping[int, int] = field(default_factory=dict)
    states: Mapping[int, State] = field(default_factory=dict)
    named: tuple[Program, ...] = ()
    workers: int = 1
    all_named: bool = False

    @property
    def programs(self) -> tuple[Program, ...]:
        """The programs in the order of their ops; each op belongs to one."""
        return self.named or (Program("infer", 0, len(self.ops), self.inputs, self.outputs),)

    def root(self, tensor: int) -> int:
        """The tensor that holds the bytes of `tensor`: itself unless it is a view."""
        while tensor in self.views:
            tensor = self.views[tensor]
        return tensor

    @property
    def variables(self) -> tuple[int, ...]:
        """The states that a run leaves for the next one: runs of such a model are the steps of a sequence."""
        return tuple(number for number, state in self.states.items() if state.kind == "variable")

    def producer(self, tensor: int) -> Op | None:
        """The op that writes `tensor`; None for inputs and constants."""
        return next((op for op in self.ops if tensor in op.outputs), None)

    def consumers(self, tensor: int) -> list[Op]:
        return [op for op in self.ops if tensor in op.inputs]

    def with_ops(self, ops: tuple[Op, ...]) -> Graph:
        return replace(self, ops=ops)

    def ops_of(self, program: Program) -> tuple[Op, ...]:
        return self.ops[program.first : program.first + program.count]

    def with_program(self, program: Program, ops: Sequence[Op]) -> Graph:
        """The graph with other ops for one of its programs."""
        result: list[Op] = []
        named: list[Program] = []
        for each in self.programs:
            own = ops if each is program else self.ops_of(each)
            named.append(replace(each, first=len(result), count=len(own)))
            result += own
        return replace(self, ops=tuple(result), named=tuple(named))
