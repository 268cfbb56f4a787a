# SPDX-License-Identifier: Apache-2.0
"""An image of another size, int8 or int16, whose pixels lie between four of the image's.

inputs: x int8 or int16.
attrs: image: (n, h, w, c), as which x is seen; rows, columns: for each of the output (index, weight): it is row `index`
times 1024 - weight, plus the next (or the last) times weight, divided by 1024; out_shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import require_activations
from groat.ops.base import Constants, ImportedOp, OpDef, Shape, Unsupported
from groat.ops.call import activations, call
from groat.ops.resize import NAMES, ONE, Places, between, import_resize, require_image, require_places


class ResizeBilinear(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        if math.prod(op.attrs["image"]) != inputs[0].elements:
            raise ValueError(f"an image {list(op.attrs['image'])} is not what {list(inputs[0].shape)} holds")
        return [tuple(op.attrs["out_shape"])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        y = inputs[0].reshape(op.attrs["image"]).astype(np.int64)
        for axis, name in enumerate(NAMES, 1):
            first, weight = np.array(op.attrs[name], np.int64).T
            second = np.minimum(first + 1, y.shape[axis] - 1)
            shares = weight.reshape(-1, *[1] * (3 - axis))
            y = y.take(first, axis) * (ONE - shares) + y.take(second, axis) * shares
        half = np.where(y > 0, ONE * ONE // 2, -ONE * ONE // 2)
        stored = np.trunc((y + half) / (ONE * ONE)).astype(inputs[0].dtype)
        return [stored.reshape(op.attrs["out_shape"])]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        n, h, w, c = op.attrs["image"]
        tables = {name: constants.add(np.array(op.attrs[name], "<u2").tobytes()) for name in NAMES}
        sizes = {"out_h": len(op.attrs["rows"]), "out_w": len(op.attrs["columns"])}
        return {"batches": n, "in_h": h, "in_w": w, **sizes, "channels": c, **tables}


def along(shape: Shape, axis: int, places: Places) -> dict[str, Any]:
    """The attributes of a resize along one axis of a tensor of any shape."""
    image = (math.prod(shape[:axis]), shape[axis], 1, math.prod(shape[axis + 1 :]))
    out_shape = (*shape[:axis], len(places), *shape[axis + 1 :])
    return {"image": image, "rows": places, "columns": ((0, 0),), "out_shape": out_shape}


def _import(source: ImportedOp) -> Op:
    """What no file says: `Along` may be an axis and the places along it."""
    x = source.input(0)
    if require_activations((x, "input"), (source.output(0), "output")) == "_float32":
        raise Unsupported("its input is float32; there are kernels for int8 and int16 only")
    if "Along" in source.options:
        attrs = along(x.shape, *source.options["Along"])
    else:
        attrs = {**import_resize(source, between), "image": x.shape, "out_shape": source.output(0).shape}
    return source.op("resize_bilinear", source.inputs[:1], attrs)


ResizeBilinear.tflite = {"RESIZE_BILINEAR": _import}
OP = ResizeBilinear()


def resize_bilinear(
    x: ArrayLike,
    rows: Sequence[tuple[int, int]],
    columns: Sequence[tuple[int, int]],
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """An image of other rows and columns, each between two of the image's.

    Args:
        x: int8 or int16 [n, h, w, c].
        rows, columns: at least one each: the index of one of x, and how much the next one counts, in 1024ths; the
            last has none but itself behind it.
        on, isa: as conv2d.

    Returns an array of x's type [n, len(rows), len(columns), c].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, _ = activations(x, "x")
    require_image(values)
    attrs = {
        name: tuple((int(index), int(weight)) for index, weight in places)
        for name, places in zip(NAMES, (rows, columns), strict=True)
    }
    for axis, name in enumerate(NAMES, 1):
        require_places([index for index, _ in attrs[name]], values.shape[axis], name)
        weights = [weight for _, weight in attrs[name]]
        if not 0 <= min(weights) <= max(weights) <= ONE:
            raise InputError(f"weights of {name} are {weights[:8]}; expected 0 to {ONE}")
    n, _, _, c = values.shape
    views = {"image": values.shape, "out_shape": (n, len(attrs["rows"]), len(attrs["columns"]), c)}
    return call("resize_bilinear", [values], {**attrs, **views}, str(values.dtype), on, isa)
