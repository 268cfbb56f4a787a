# SPDX-License-Identifier: Apache-2.0
"""Values between neighbours along one axis: of a bilinear resize, one axis.

inputs: x float32.
attrs: axis (not negative); indices and weights, for each place of the output: it is x[index] times 1 - weight, plus
x[index + 1] (or the last) times weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Operator, Shape
from groat.ops.call import array, axis_of, call
from groat.ops.gather import PLACES_MAX
from groat.ops.resize import between_all


class InterpolateFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        axis, shape = op.attrs["axis"], inputs[0].shape
        return [(*shape[:axis], len(op.attrs["indices"]), *shape[axis + 1 :])]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        x, axis = inputs[0], op.attrs["axis"]
        first = np.array(op.attrs["indices"])
        weights = np.array(op.attrs["weights"], np.float32).reshape(-1, *[1] * (x.ndim - 1 - axis))
        second = np.minimum(first + 1, x.shape[axis] - 1)
        with np.errstate(all="ignore"):
            return [x.take(first, axis) * (np.float32(1) - weights) + x.take(second, axis) * weights]

    def operator(self, op: Op, dtype: str) -> Operator | None:
        if dtype == "float32":
            return None
        places = between_all(op.attrs["indices"], op.attrs["weights"])
        return Operator("RESIZE_BILINEAR", {"Along": (op.attrs["axis"], places)}, scale="inputs")

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        axis, shape = op.attrs["axis"], inputs[0].shape
        return {
            "outer": math.prod(shape[:axis]),
            "in": shape[axis],
            "out": outputs[0].shape[axis],
            "inner": math.prod(shape[axis + 1 :]),
            "indices": constants.add(np.array(op.attrs["indices"], np.uint16).tobytes()),
            "weights": constants.add(np.array(op.attrs["weights"], np.float32).tobytes()),
        }


OP = InterpolateFloat32()


def interpolate_float(
    x: ArrayLike,
    indices: Sequence[int],
    weights: ArrayLike,
    axis: int = 0,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """Values between neighbours along one axis.

    Args:
        x: float32, at most 65,536 along the axis.
        indices: the first neighbour of each place of the result.
        weights: float32 [len(indices)]: how much the second neighbour counts; the last place has none but itself.
        axis: counted from the end if negative.
        on, isa: as conv2d.

    Returns a float32 array with as many places along the axis as indices.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, shares = array(x, "x", "float32"), array(weights, "weights", "float32", 1)
    at = axis_of(axis, values.ndim)
    places = tuple(int(index) for index in indices)
    if len(places) != len(shares):
        raise InputError(f"{len(places)} indices and {len(shares)} weights; expected as many")
    if not places or min(places) < 0 or max(places) >= min(values.shape[at], PLACES_MAX):
        raise InputError(f"indices are {places[:8]}; expected 0 to {min(values.shape[at], PLACES_MAX) - 1}")
    attrs = {"axis": at, "indices": places, "weights": tuple(shares.tolist())}
    return call("interpolate_float32", [values], attrs, "float32", on, isa)
