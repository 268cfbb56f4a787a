# SPDX-License-Identifier: Apache-2.0
"""What the two poolings share.

inputs: x int8 [n, h, w, c], or int16 for the ops that end in _int16.
attrs: kernel, stride, dilation (always 1) (height, width); padding ((top, bottom), (left, right)); act_min, act_max.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import LIMITS, activation_range, bounds_of, require_activations
from groat.ops.base import Constants, ImportedOp, OpDef, Operator, Rows, Shape, Tape, Unsupported
from groat.ops.call import Padding, Pair, activations, call, clamp, window
from groat.ops.window import import_window, spatial_shape, window_fields, window_options, window_rows, windows


class Pool(OpDef):
    @abstractmethod
    def reduce(self, window: Array) -> Array:
        """int64 [n, rows, columns, c] -> int64 [n, c]."""

    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        n, h, w, c = inputs[0].shape
        return [(n, *spatial_shape(op.attrs, h, w), c)]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x = inputs[0].astype(np.int64)
        shape = (x.shape[0], *spatial_shape(op.attrs, *x.shape[1:3]), x.shape[3])
        y = np.empty(shape, np.int64)
        for row, column, rows, columns in windows(op, x.shape, shape):
            window = x[:, rows[0][1] : rows[-1][1] + 1, columns[0][1] : columns[-1][1] + 1, :]
            y[:, row, column, :] = self.reduce(window)
        return [np.clip(y, op.attrs["act_min"], op.attrs["act_max"]).astype(inputs[0].dtype)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {
            "window": window_fields(op, inputs[0].shape, outputs[0].shape),
            "act_min": op.attrs["act_min"],
            "act_max": op.attrs["act_max"],
        }

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows:
        return window_rows(op, cuts=True)


def gradient_of_clamp(op: Op, dy: int, tape: Tape) -> int:
    """`dy` behind the clamp of an int8 pooling; without one nothing is clamped: what a pool makes is in the range of
    what it reads."""
    clamped = (op.attrs["act_min"], op.attrs["act_max"]) != LIMITS["int8"]
    return tape.through_clamp(dy) if clamped else dy


def pool_operator(name: str, op: Op) -> Operator:
    """A pool of floats in TFLite."""
    sides = {"FilterHeight": op.attrs["kernel"][0], "FilterWidth": op.attrs["kernel"][1]}
    activation = {"FusedActivationFunction": bounds_of(op.attrs)}
    return Operator(name, {**sides, **window_options(op.attrs), **activation}, scale="inputs")


def import_pool(source: ImportedOp, kind: str) -> Op:
    x, y = source.input(0), source.output(0)
    kind += require_activations((x, "input"), (y, "output"))
    if x.quantization != y.quantization:
        raise Unsupported("its input and output differ in scale or zero point; a pool does not rescale")
    kernel = (int(source.options["FilterHeight"]), int(source.options["FilterWidth"]))
    low, high = activation_range(source.options["FusedActivationFunction"], y)
    attrs = {**import_window(source, kernel), "act_min": low, "act_max": high}
    return source.op(kind, source.inputs[:1], attrs)


def call_pool(
    kind: str,
    x: ArrayLike,
    kernel: Pair,
    stride: Pair | None,
    padding: Padding,
    act_min: int | None,
    act_max: int | None,
    on: str,
    isa: str | None,
) -> Array:
    """Either pooling on arrays; the stride is the kernel's size unless given."""
    image, suffix = activations(x, "x", 4)
    attrs = {
        **window(image, kernel, kernel if stride is None else stride, 1, padding),
        **clamp(image.dtype, act_min, act_max),
    }
    return call(kind + suffix, [image], attrs, str(image.dtype), on, isa)
