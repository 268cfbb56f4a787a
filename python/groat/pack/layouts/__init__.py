# SPDX-License-Identifier: Apache-2.0
"""How weights are laid out for each kernel set: one module for each packing, named after it.

Whatever can be decided from the weights themselves is decided here: order and width, folded constants, which
shortcuts are exact.  A kernel set reads exactly what its module writes (runtime/kernels/<packing>/).
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from groat.graph.ir import Array
from groat.ops.arithmetic import Int64


@dataclass(frozen=True, eq=False)
class Filters:
    """The filters of one convolution, dense layer or depthwise convolution, as its kernel is called.

    Attributes:
        weights: int8; a convolution's [channels_out, rows, taps, run], a depthwise one's [rows, taps, channels_out].
        tap: bytes of one pixel's channels in a convolution's run, which may be several taps that touch.
        bias: int64 within int32, zero points folded in, [channels_out].
        multiplier, shift: int32 [channels_out], as groat_requantize takes them.
        output_zero_point, act_min, act_max: of the output.
        stride, dilation: (vertical, horizontal) of a depthwise convolution's window.
        multiplier_depth: a depthwise convolution's outputs to each input channel; 1 otherwise.
        pixels: neighbouring output pixels that one call may get at most; 1 for most dense layers.
        acc_offset: the kernel may be called with an acc_offset: anything may be added to the accumulators.
        acc_bits: of int16 activations: 64, where the bias is an int64 and a sum is rounded once, or 32.
        calls: how often the kernel is called for one inference, each time for `pixels` pixels.
        image: (height, width) of the output, if it is computed from one whole image; of a convolution only where
            neighbouring windows are one row or one column apart, with taps side by side, so that strips of several rows
            share work.  Else None.
    """

    weights: Array
    bias: Int64
    multiplier: Array
    shift: Array
    output_zero_point: int
    act_min: int
    act_max: int
    tap: int = 1
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    multiplier_depth: int = 1
    pixels: int = 1
    acc_offset: bool = False
    acc_bits: int = 32
    calls: int = 1
    image: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class FloatFilters:
    """The same of floats.

    Attributes:
        weights: a convolution's [channels_out, rows, taps, run], a depthwise one's [rows, taps, channels_out].
        bias: float32 [channels_out].
        pixels, multiplier_depth: as of Filters.
    """

    weights: Array
    bias: Array
    pixels: int = 1
    multiplier_depth: int = 1


@dataclass(frozen=True)
class Packed:
    """Constants in the order that a kernel reads them, and the number of that order (`layout` of its arguments).

    Attributes:
        more_rows: output rows that each call computes beside the first.
    """

    weights: bytes
    channels: bytes
    layout: int = 0
    more_rows: int = 0


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to lay out a layer: what a kernel set offers and groat.pack.choose chooses among.

    Attributes:
        name: of the layout, for reports.
        packed: its constants, for each group.
        widened: its weights take more than a byte each.
        kernel: the section of the set's table of costs (groat.pack.layouts.costs), and how much of each unit there is
            to do in one inference.
        instructions: expected for one inference, by that table; None if it has none.
    """

    name: str
    packed: tuple[Packed, ...]
    widened: bool = False
    kernel: str = ""
    work: Mapping[str, int] = field(default_factory=dict)
    instructions: int | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of weights and channel constants."""
        return sum(len(part.weights) + len(part.channels) for part in self.packed)


class Layouts(Protocol):
    """What a module of this package provides.

    A module with a choice of layouts for a kernel also has a function `<kernel>_candidates` of the same arguments that
    returns a list of Candidate, the usual one first; none of them may depend on another layer.
    """

    def conv_s8(self, groups: Sequence[Filters]) -> list[Packed]:
        """Constants of conv_s8 for each group of a convolution, or phase of a transposed one; one group for all others.
        All have one layout; groups have equal lengths, of phases the first has the most taps."""

    def depthwise_s8(self, filters: Filters) -> Packed:
        """Constants of depthwise_s8."""

    BLOCK: int
    """Output channels that lie side by side: blocks of int4 weights have a multiple of them."""

    def conv_s4(self, blocks: Sequence[Filters]) -> list[Packed]:
        """The same for weights in [-8, 7], stored as nibbles, for each block of output channels.  All have one layout;
        the last block of a group may be smaller than the others."""

    def depthwise_s4(self, filters: Filters) -> Packed:
        """The same of a depthwise convolution."""

    def dense_s4(self, filters: Filters) -> Packed:
        """Constants of dense_s4; weights are [channels_out, 1, 1, depth]."""

    def conv_s16(self, groups: Sequence[Filters]) -> list[Packed]:
        """The same for int16 activations."""

    def depthwise_s16(self, filters: Filters) -> Packed: ...

    def conv_f32(self, groups: Sequence[FloatFilters]) -> list[Packed]:
        """The same for float32."""

    def depthwise_f32(self, filters: FloatFilters) -> Packed: ...

    def conv_f16(self, groups: Sequence[FloatFilters]) -> list[Packed]:
        """The same for float16; biases are float32."""

    def depthwise_f16(self, filters: FloatFilters) -> Packed: ...


AnyFilters = Filters | FloatFilters


def candidates(packing: str, kernel: str, filters: AnyFilters | Sequence[AnyFilters]) -> list[Candidate]:
    """All layouts of a kernel's constants that a kernel set offers, the usual one first."""
    module = layouts_of(packing)
    offer: Callable[..., list[Candidate]] | None = getattr(module, f"{kernel}_candidates", None)
    if offer is not None:
        return offer(filters)
    packed: Packed | list[Packed] = getattr(module, kernel)(filters)
    return [Candidate(packing, (packed,) if isinstance(packed, Packed) else tuple(packed))]


@functools.cache
def layouts_of(packing: str) -> Layouts:
    """The module of a packing; ModuleNotFoundError if there is none."""
    module: Layouts = importlib.import_module(f"groat.pack.layouts.{packing}")
    return module
