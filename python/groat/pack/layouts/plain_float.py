# SPDX-License-Identifier: Apache-2.0
"""Weights of floats as TFLite stores them, which every kernel set can read."""

from __future__ import annotations

from collections.abc import Sequence

from groat.graph.ir import Array
from groat.pack.layouts import FloatFilters, Packed


def stored(values: Array) -> bytes:
    """Little-endian."""
    return values.astype(values.dtype.newbyteorder("<")).tobytes()


def conv_f32(groups: Sequence[FloatFilters]) -> list[Packed]:
    return [Packed(stored(filters.weights), stored(filters.bias)) for filters in groups]


def depthwise_f32(filters: FloatFilters) -> Packed:
    return Packed(stored(filters.weights), stored(filters.bias))


conv_f16 = conv_f32
depthwise_f16 = depthwise_f32
