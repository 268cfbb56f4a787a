# SPDX-License-Identifier: Apache-2.0
"""What images of another size share: where each pixel of one is in the other, as TFLite has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from groat.errors import InputError
from groat.graph.ir import Array
from groat.ops.base import ImportedOp, Unsupported
from groat.ops.gather import PLACES_MAX

ONE = 1 << 10  # of the weights of neighbours
Places = tuple[tuple[int, int], ...]  # index and weight of each
NAMES = ("rows", "columns")


def nearest(size: int, out: int, align_corners: bool, half_pixel: bool) -> tuple[int, ...]:
    """For each of `out` places that of `size` which RESIZE_NEAREST_NEIGHBOR takes."""
    at = np.arange(out, dtype=np.float32) + np.float32(0.5 if half_pixel else 0.0)
    if align_corners and out > 1:
        scaled = at * (np.float32(size - 1) / np.float32(out - 1))
    else:
        scaled = at * (np.float32(size) / np.float32(out))
    places = np.floor(scaled + np.float32(0.5)) if align_corners else np.floor(scaled)
    return tuple(np.clip(places, 0, size - 1).astype(int).tolist())


def between(size: int, out: int, align_corners: bool, half_pixel: bool) -> Places:
    """For each of `out` places the two of `size` that RESIZE_BILINEAR of integers lies between."""
    if align_corners and out > 1:
        step = (ONE * (size - 1) + (out - 1) // 2) // (out - 1)
    else:
        step = (ONE * size + out // 2) // out
    places = []
    for at in range(out):
        scaled = max(at * step + (step // 2 - ONE // 2 if half_pixel else 0), 0)
        index = scaled // ONE
        if index >= size:
            raise Unsupported(f"place {at} of {out} would be {index} of {size}, which TFLite reads beyond its end")
        places.append((index, scaled - ONE * index))
    return tuple(places)


def between_all(indices: Sequence[int], weights: Sequence[float]) -> Places:
    """Places from indices and real weights, 0 to 1."""
    return tuple((index, round(weight * ONE)) for index, weight in zip(indices, weights, strict=True))


def import_resize(source: ImportedOp, places: Any) -> dict[str, Any]:
    """Attributes rows and columns; `places`: nearest or between."""
    x, y = source.input(0), source.output(0)
    if len(x.shape) != 4 or len(y.shape) != 4:
        raise Unsupported(f"its input has {len(x.shape)} dimensions; expected 4 (NHWC)")
    if x.dtype != y.dtype or x.quantization != y.quantization:
        raise Unsupported("its input and output differ in type, scale or zero point; it does not rescale")
    if max(*x.shape[1:3], *y.shape[1:3]) > PLACES_MAX:
        raise Unsupported(f"its images have more than {PLACES_MAX} rows or columns")
    flags = bool(source.options["AlignCorners"]), bool(source.options["HalfPixelCenters"])
    return {name: places(x.shape[1 + i], y.shape[1 + i], *flags) for i, name in enumerate(NAMES)}


def require_places(places: Sequence[int], size: int, name: str) -> None:
    """Raises InputError unless each of `places` is one of `size`."""
    end = min(size, PLACES_MAX)
    if not places or min(places) < 0 or max(places) >= end:
        raise InputError(f"{name} are {tuple(places[:8])}; expected 0 to {end - 1}")


def require_image(x: Array) -> None:
    if x.ndim != 4:
        raise InputError(f"x has shape {x.shape}; expected 4 dimensions")
