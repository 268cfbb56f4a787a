# SPDX-License-Identifier: Apache-2.0
"""A box of a tensor: the gradient of PAD, and of each input of CONCATENATION.

inputs: x of any dtype, at most 6 dimensions.
attrs: begin and shape: of the box, for each dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import MOVED, Constants, ImportedOp, OpDef, Operator, Shape, Tape, Unsupported, require_moved
from groat.ops.call import array, call

RANK = 6


class Slice(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        begin, shape, whole = op.attrs["begin"], op.attrs["shape"], inputs[0].shape
        fits = len(begin) == len(shape) == len(whole) <= RANK
        if not fits or not all(b >= 0 and s > 0 and b + s <= w for b, s, w in zip(begin, shape, whole, strict=True)):
            raise ValueError(f"a box of {list(shape)} at {list(begin)} does not fit {list(whole)}")
        return [tuple(shape)]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        box = zip(op.attrs["begin"], op.attrs["shape"], strict=True)
        return [np.ascontiguousarray(inputs[0][tuple(np.s_[b : b + s] for b, s in box)])]

    def operator(self, op: Op, dtype: str) -> Operator:
        box = (np.array(op.attrs[name], np.int32) for name in ("begin", "shape"))
        return Operator("SLICE", {}, dict(enumerate(box, 1)), "inputs")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        missing = RANK - len(inputs[0].shape)
        return {
            "in_dims": [1] * missing + list(inputs[0].shape),
            "begins": [0] * missing + list(op.attrs["begin"]),
            "dims": [1] * missing + list(outputs[0].shape),
            "element_bytes": np.dtype(inputs[0].dtype).itemsize,
        }

    def gradients(self, op: Op, dy: int, tape: Tape) -> dict[int, int]:
        if not tape.wanted(0):
            return {}
        whole = tape.tensor(op.inputs[0]).shape
        box = zip(op.attrs["begin"], op.attrs["shape"], whole, strict=True)
        attrs = {"padding": tuple((b, w - b - s) for b, s, w in box), "value": 0}
        return {0: tape.op("pad", (dy,), whole, attrs)}


def _import(source: ImportedOp) -> Op:
    """SLICE and STRIDED_SLICE with steps of 1."""
    x, y = source.input(0), source.output(0)
    first, second = (tuple(int(n) for n in source.constant(index).ravel()) for index in (1, 2))
    if len(first) != len(x.shape) or len(second) != len(x.shape) or len(x.shape) > RANK:
        raise Unsupported(f"a box of {list(second)} at {list(first)} does not fit a tensor of shape {list(x.shape)}")
    if source.name == "SLICE":
        begin = first
        shape = tuple(whole - b if size == -1 else size for b, size, whole in zip(first, second, x.shape, strict=True))
    else:
        begin, shape = _strided(source, x.shape, first, second)
    if not all(b >= 0 and s > 0 and b + s <= whole for b, s, whole in zip(begin, shape, x.shape, strict=True)):
        raise Unsupported(f"a box of {list(shape)} at {list(begin)} does not fit a tensor of shape {list(x.shape)}")
    require_moved(x, y)
    return source.op("slice", source.inputs[:1], {"begin": begin, "shape": shape})


def _strided(source: ImportedOp, whole: Shape, begins: Shape, ends: Shape) -> tuple[Shape, Shape]:
    strides = source.constant(3).ravel().tolist()
    if any(step != 1 for step in strides) or len(strides) != len(whole):
        raise Unsupported(f"its strides are {strides}; expected ones")
    if any(int(source.options[name]) for name in ("EllipsisMask", "NewAxisMask", "ShrinkAxisMask")):
        raise Unsupported("it has an ellipsis, adds dimensions or drops them")
    masks = int(source.options["BeginMask"]), int(source.options["EndMask"])
    box = []
    for axis, (begin, end, size) in enumerate(zip(begins, ends, whole, strict=True)):
        start = 0 if masks[0] >> axis & 1 else min(max(begin + size if begin < 0 else begin, 0), size)
        stop = size if masks[1] >> axis & 1 else min(max(end + size if end < 0 else end, 0), size)
        box.append((start, stop - start))
    return tuple(start for start, _ in box), tuple(count for _, count in box)


Slice.tflite = {"SLICE": _import, "STRIDED_SLICE": _import}
OP = Slice()


def slice(x: ArrayLike, begin: Sequence[int], shape: Sequence[int], on: str = "host", isa: str | None = None) -> Array:
    """Copies a box.

    Args:
        x: int8, uint8, int16, int32, float32 or float16, at most 6 dimensions.
        begin: the first index of the box in each dimension.
        shape: its sizes.
        on, isa: as conv2d.

    Returns an array of x's type and that shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values = array(x, "x", MOVED)
    attrs = {"begin": tuple(int(at) for at in begin), "shape": tuple(int(size) for size in shape)}
    return call("slice", [values], attrs, str(values.dtype), on, isa)
