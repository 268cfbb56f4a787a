# SPDX-License-Identifier: Apache-2.0
"""An image of another size, each of whose pixels is one of the image's.

inputs: x [n, h, w, c] of any dtype.
attrs: rows, columns: for each of the output, which of the input it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import MOVED, Constants, ImportedOp, OpDef, Operator, Shape
from groat.ops.call import array, call
from groat.ops.resize import NAMES, import_resize, nearest, require_image, require_places


class ResizeNearestNeighbor(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        n, _, _, c = inputs[0].shape
        return [(n, len(op.attrs["rows"]), len(op.attrs["columns"]), c)]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [inputs[0][:, op.attrs["rows"]][:, :, op.attrs["columns"]]]

    def operator(self, op: Op, dtype: str) -> Operator:
        return Operator("RESIZE_NEAREST_NEIGHBOR", {"Places": dict(op.attrs)}, scale="inputs")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        (n, in_h, in_w, channels), (_, out_h, out_w, _) = inputs[0].shape, outputs[0].shape
        return {
            **{"batches": n, "in_h": in_h, "in_w": in_w, "out_h": out_h, "out_w": out_w},
            "pixel_bytes": channels * np.dtype(inputs[0].dtype).itemsize,
            **{name: constants.add(np.array(op.attrs[name], "<u2").tobytes()) for name in NAMES},
        }


def _import(source: ImportedOp) -> Op:
    """What no file says: `Places` may be the attributes themselves."""
    attrs = source.options["Places"] if "Places" in source.options else import_resize(source, nearest)
    return source.op("resize_nearest_neighbor", source.inputs[:1], attrs)


ResizeNearestNeighbor.tflite = {"RESIZE_NEAREST_NEIGHBOR": _import}
OP = ResizeNearestNeighbor()


def resize_nearest_neighbor(
    x: ArrayLike, rows: Sequence[int], columns: Sequence[int], on: str = "host", isa: str | None = None
) -> Array:
    """An image of other rows and columns, each of them one of the image's.

    Args:
        x: int8, uint8, int16, int32, float32 or float16 [n, h, w, c].
        rows, columns: at least one each: which of x it is.
        on, isa: as conv2d.

    Returns an array of x's type [n, len(rows), len(columns), c].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values = array(x, "x", MOVED)
    require_image(values)
    attrs = {"rows": tuple(int(row) for row in rows), "columns": tuple(int(column) for column in columns)}
    for axis, name in enumerate(NAMES, 1):
        require_places(attrs[name], values.shape[axis], name)
    return call("resize_nearest_neighbor", [values], attrs, str(values.dtype), on, isa)
