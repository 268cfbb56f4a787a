# SPDX-License-Identifier: Apache-2.0
"""What gradients of poolings share.

attrs: kernel, stride, dilation (always 1), padding as of the pooling (pool.py); in_shape, of its input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import Padding, Pair
from groat.ops.call import window as window_attrs
from groat.ops.window import spatial_shape, window_fields, windows

WINDOW = ("kernel", "stride", "dilation", "padding")


class PoolGrad(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        n, h, w, c = op.attrs["in_shape"]
        expected = (n, *spatial_shape(op.attrs, h, w), c)
        if inputs[0].shape != expected:
            raise ValueError(f"dy has shape {list(inputs[0].shape)}; expected {list(expected)}")
        return [(n, h, w, c)]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"window": window_fields(op, outputs[0].shape, inputs[0].shape)}


def windows_over(op: Op, dy: Array) -> Iterator[tuple[int, int, Sequence[Any], Sequence[Any]]]:
    """As window.windows, for the gradient of an output."""
    return windows(op, op.attrs["in_shape"], dy.shape)


def gradient_attrs(attrs: Mapping[str, Any], in_shape: Shape) -> dict[str, Any]:
    """The attributes of the gradient of a pooling."""
    return {**{name: attrs[name] for name in WINDOW}, "in_shape": tuple(in_shape)}


def call_attrs(
    dy: Array, in_shape: Sequence[int], kernel: Pair, stride: Pair | None, padding: Padding
) -> dict[str, Any]:
    """The same from the arguments of a call; the stride is the kernel's size unless given."""
    shape = tuple(int(size) for size in in_shape)
    if len(shape) != 4 or min(shape) < 1:
        raise InputError(f"in_shape is {list(shape)}; expected four positive sizes")
    image = dy[:1, :1, :1, :1].repeat(shape[1], 1).repeat(shape[2], 2)  # of which only height and width are read
    return {**window_attrs(image, kernel, kernel if stride is None else stride, 1, padding), "in_shape": shape}
