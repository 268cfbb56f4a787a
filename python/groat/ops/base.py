# SPDX-License-Identifier: Apache-2.0
"""What an op module defines, and what it is given while a model is imported or packed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from groat.graph.ir import Array, Op, Quantization, Tensor

if TYPE_CHECKING:
    from groat.pack.layouts import Layouts

Shape = tuple[int, ...]
MOVED = ("int8", "uint8", "int16", "int32", "float32", "float16")  # the types of tensors that a packed model can have


@dataclass(frozen=True)
class Rows:
    """How an op goes through images [1, h, w, c], as groat_rows in runtime/core/op.h.

    Attributes:
        extent, stride, pad: row y of the output is made from `extent` rows of each input, from y * stride - pad on.
        extent_w, stride_w, pad_w: the same for columns.
        dilation: rows from one tap of the window to the next.
        padding: what it reads outside the image.
        gathers: it can read rows that lie in pieces.
        cuts: its windows are cut off at the border: it reads nothing outside.
        adds_up: it reads its input part by part; the output is there after the last one only.
    """

    extent: int = 1
    stride: int = 1
    pad: int = 0
    extent_w: int = 1
    stride_w: int = 1
    pad_w: int = 0
    dilation: int = 1
    padding: int = 0
    gathers: bool = False
    cuts: bool = False
    adds_up: bool = False


class Unsupported(Exception):
    """Raised by an importer; the text says why, without naming op or model."""


def require_moved(x: Tensor, y: Tensor) -> None:
    """Raises Unsupported unless elements of `x` can be those of `y` as they are."""
    if x.dtype not in MOVED:
        raise Unsupported(f"its input is {x.dtype}; expected {', '.join(MOVED)}")
    if x.dtype != y.dtype or (x.quantization is not None and x.quantization != y.quantization):
        raise Unsupported("its input and output differ in type, scale or zero point")


class ImportedOp(Protocol):
    """One operator of the model being imported, as its front end presents it.

    Attributes:
        name: the operator in the words of the imported format, for example "CONV_2D".
        options: its options by name, for example {"StrideW": 2}.
    """

    name: str
    options: Mapping[str, Any]

    @property
    def inputs(self) -> Sequence[int]: ...

    @property
    def outputs(self) -> Sequence[int]: ...

    def tensor(self, number: int) -> Tensor:
        """The tensor of a number."""

    def input(self, index: int) -> Tensor:
        """An input; Unsupported if it is missing."""

    def output(self, index: int) -> Tensor: ...

    def constant(self, index: int) -> Array:
        """The data of a constant input; Unsupported if it is computed at run time."""

    def add_constant(self, name: str, data: Array) -> int:
        """A further constant, for an op that has others than the operator; returns its number."""

    def op(self, kind: str, inputs: Sequence[int], attrs: Mapping[str, Any]) -> Op:
        """An op of our table with this operator's outputs."""


Importer = Callable[[ImportedOp], Op]

TABLE, CLAMP, OWN = "TABLE", "CLAMP", "OWN"


@dataclass(frozen=True)
class Operator:
    """An op as the operator of TFLite that it would be in a file: what quantisation imports again, on tensors of
    integers, and what groat.export writes.

    Attributes:
        name: of the operator; TABLE: it is a function of one value, and a table of 256; CLAMP: it is nothing but its
            fused activation; OWN: the op makes its form of integers itself (OpDef.integers).
        options: as an importer reads them.  What no file can say: Padding may be ((top, bottom), (left, right)), and
            FusedActivationFunction a pair of bounds: real values, of an op of integers stored ones.
        constants: index of an input -> what the importer reads there beside the op's own inputs; of float32 where it is
            a value of the op's input (stored, of an op of integers).
        scale: of the output: "measured" on samples, that of its "inputs", or one that the operator prescribes for
            each type.
        floats: inputs of the op, as indices, that are constants and stay floats.
        importer: of an op that TFLite has no operator for; `name` is for messages then.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[int, Array] = field(default_factory=dict)
    scale: Literal["measured", "inputs"] | Mapping[str, Quantization] = "measured"
    floats: tuple[int, ...] = ()
    importer: Importer | None = None


class Constants(Protocol):
    """Where constants go while a model is packed.

    Attributes:
        layouts: how the target's kernels want their weights.
        pixels: how many pixels of its output the op that is packed now makes at a time; 0: all of it.
    """

    layouts: Layouts
    pixels: int

    def add(self, data: bytes) -> int:
        """Stores bytes, aligned; returns their offset in the file.  Equal bytes are stored once."""


class NotDifferentiable(Exception):
    """Raised by `gradients`; the text says why, without naming op or model."""


class Tape(Protocol):
    """What an op's `gradients` writes to: the backward half of a training step, op by op (groat.train.tape)."""

    def tensor(self, number: int) -> Tensor:
        """The tensor of a number."""

    def wanted(self, index: int) -> bool:
        """Whether the gradient of an input (an index into op.inputs), which is no parameter, is wanted."""

    def op(
        self,
        kind: str,
        inputs: Sequence[int],
        shape: Shape,
        attrs: Mapping[str, Any] | None = None,
        dtype: str | None = None,
        exponent: int | None = None,
    ) -> int:
        """Appends an op with one output of a shape; its type is that of the first input unless given.

        An output of block floating point has the given tensor as its exponent; without one, where the op has a second
        output, that.  Returns the number of the output.
        """

    def exponent(self, number: int) -> int:
        """The tensor of the exponent of one of block floating point."""

    def update(
        self, kind: str, inputs: Sequence[int], parameters: Sequence[int], attrs: Mapping[str, Any] | None = None
    ) -> None:
        """Appends an op that computes the gradients of those of `parameters` (indices into op.inputs: weights, then
        bias) that are trained, and updates them or what stands for them; it runs after the gradients of activations."""

    def through_clamp(self, dy: int) -> int:
        """`dy` where the op's own clamp lets it pass, 0 elsewhere; of an int8 op without one, the limits of int8."""

    @property
    def floats(self) -> str:
        """The type of the gradients of tensors that are no floats."""

    def as_type(self, number: int, dtype: str) -> int:
        """A tensor of floats as the other type of floats, or as it is."""


class OpDef(ABC):
    """One op of the table.  Its module ends with an instance of its subclass named `OP`.

    `tflite` maps builtin operator names to importers.  An importer turns quantisation parameters into
    what the kernel needs (multipliers, shifts, clamps), so that everything after it is integer arithmetic.
    """

    tflite: ClassVar[Mapping[str, Importer]] = {}
    int4_inputs: ClassVar[tuple[int, ...]] = ()
    """Inputs (as indices into op.inputs) that may be int4 constants."""
    trainable: ClassVar[tuple[int, ...]] = ()
    """Inputs (as indices into op.inputs) that training may change: weights, then bias."""
    exponents: ClassVar[tuple[int, ...]] = ()
    """Inputs that have the exponents of those, where they are block floating point."""

    weights_axis: ClassVar[int | None] = None
    """The axis of output channels of a float layer's weights, which are input 1, before a bias; None without them."""

    @abstractmethod
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        """Shapes of the outputs."""

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        """Types of the outputs: by default that of the first input."""
        return [inputs[0].dtype] * len(self.shapes(op, inputs))

    def updates(self, op: Op) -> tuple[int, ...]:
        """Outputs (as indices into op.outputs) that the op reads before it writes them: state, which holds something
        already."""
        return ()

    def carried(self, op: Op) -> tuple[tuple[int, int], ...]:
        """(input, output) pairs (as indices) of a recurrent op: what it starts from and what it ends with, which may be
        the same state."""
        return ()

    @abstractmethod
    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        """The outputs by NumPy, in the plainest form of the op's formula (docs/NUMERICS.md).

        `inputs` has an array for each of op.inputs, constants included, and then one for each of `updates`: what that
        output holds before; shapes and dtypes as in the graph.
        """

    @abstractmethod
    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        """The fields of the op's parameter struct (ops.def); reserved ones may be left out."""

    def arguments(self, op: Op) -> tuple[int, ...]:
        """The inputs that the device sees as tensors: by default the first."""
        return op.inputs[:1]

    def inplace(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[int, ...]:
        """Inputs (as indices into op.inputs) whose memory the output may take over.  Asked only of ops that
        have the flag in ops.def."""
        return (0,) if inputs[0].nbytes == outputs[0].nbytes else ()

    def macs(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        """Nominal multiply-accumulates: taps that fall on padding count; 0 for ops without a weight."""
        return 0

    def for_training(self, op: Op) -> Op:
        """What a training graph has instead: an op of the same inputs, whose further outputs (by `shapes` and `dtypes`,
        without numbers yet) its `gradients` read.  By default the op itself."""
        return op

    def trained(self, op: Op, inputs: Sequence[Tensor]) -> Op:
        """The op whose `trainable` inputs are tensors that may change; `inputs` are those of `op`.

        Raises NotDifferentiable if there is none.
        """
        return replace(op, attrs={**op.attrs, "trained": True})

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        """Appends to `tape` what computes gradients from `dy`, the gradient of the loss by the op's first output.

        Returns the number of the gradient's tensor for each input (an index into op.inputs) that tape.wanted names.
        Raises NotDifferentiable; ops that do not say otherwise are not.
        """
        raise NotDifferentiable("it has no gradient")

    def operator(self, op: Op, dtype: str) -> Operator | None:
        """What the op is in TFLite; None if there is no operator, or no kernel, for that.

        `dtype`: of an op of floats: "int8" or "int16" to quantise its tensors, "float32" to leave them; of an op of
        integers that of its first input.
        """
        return None

    def kept_integers(self, op: Op, output: Quantization) -> Sequence[tuple[str, Quantization]]:
        """Of a recurrent op of floats: types of what it keeps from step to step, in its form of integers.

        Args:
            output: the scale of the op's first output.
        """
        return ()

    def integers(self, op: Op, source: ImportedOp) -> Op:
        """The op's form of integers, if `operator` says OWN: on the tensors of `source`, of which constants are floats
        still, and all others have their types and scales."""
        raise NotImplementedError

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        """How it goes row by row; None if it does not.  Asked only of ops that have a row function in ops.def, and of
        tensors that are one image each."""
        return None


def rows_alike(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
    """The rows of an elementwise op: None unless all its tensors have one shape."""
    alike = all(x.shape == outputs[0].shape for x in inputs)
    return Rows() if alike else None
