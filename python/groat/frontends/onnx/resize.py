# SPDX-License-Identifier: Apache-2.0
"""Resizes that need more than two neighbours: along each axis one is a matrix, which a product of matrices applies.

Formulas: the ONNX specification's of Resize; the cubic kernel is that of R. Keys, "Cubic convolution interpolation for
digital image processing" (1981).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from groat.frontends.onnx.emitter import Emitter
from groat.frontends.onnx.reader import Node
from groat.graph.ir import Array
from groat.ops.base import Shape

NEIGHBOURS = {"linear": 1, "cubic": 2}  # to either side


ROUNDED: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def region_places(begin: float, end: float, size: int, out: int) -> Array:
    """Where each place of an output is in the input whose region from `begin` to `end` (0: its first, 1: its last) it
    shows."""
    if out == 1:
        return np.array([(begin + end) / 2 * (size - 1)])
    return (begin + np.arange(out) * (end - begin) / (out - 1)) * (size - 1)


def _linear(distance: Array) -> Array:
    return np.clip(1 - np.abs(distance), 0, 1)


def _cubic(distance: Array, a: float) -> Array:
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * a - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def weights_of(node: Node, places: Array, size: int, factor: float) -> Array:
    """What each place takes of each of `size` elements along an axis, [places, size].

    Args:
        places: where each element of the output lies in the input.
        factor: by which the axis grows; below 1 with antialias the kernel is as much wider.
    """
    attrs = node.attrs
    mode = attrs.get("mode", "nearest")
    if mode == "nearest":
        rounded = ROUNDED[attrs.get("nearest_mode", "round_prefer_floor")](places)
        return np.eye(size)[np.clip(rounded, 0, size - 1).astype(int)]
    narrow = min(factor, 1.0) if attrs.get("antialias", 0) else 1.0
    reach = NEIGHBOURS[mode] / narrow
    result = np.zeros((len(places), size))
    for row, place in zip(result, places, strict=True):
        taps = np.arange(math.ceil(place - reach), math.floor(place + reach) + 1)
        distance = (taps - place) * narrow
        values = _linear(distance) if mode == "linear" else _cubic(distance, attrs.get("cubic_coeff_a", -0.75))
        if attrs.get("exclude_outside", 0):
            values = np.where((taps >= 0) & (taps < size), values, 0.0)
        np.add.at(row, np.clip(taps, 0, size - 1), values / values.sum())
    return result


def multiplied(to: Emitter, x: int, weights: Array, axis: int, shape: Shape) -> int:
    """A tensor of floats times [places, size] along an axis of its own; `shape` is that of the result."""
    before = to.tensors[x].shape
    inner, places, size = math.prod(before[axis + 1 :]), len(weights), before[axis]
    attrs = {
        **{"batches": math.prod(before[:axis]), "rows": places, "depth": size, "columns": inner},
        "a_strides": (0, size, 1),
        "b_strides": (size * inner, inner, 1),
        "out_shape": shape,
    }
    factors = to.add_constant(weights.astype(np.float32), f"{to.tensors[x].name}.weights")
    return to.op("matmul_float32", [factors, x], to.like(x, "resized", shape), attrs)
