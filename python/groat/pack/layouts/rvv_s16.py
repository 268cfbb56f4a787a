# SPDX-License-Identifier: Apache-2.0
"""Filters of int16 activations for RISC-V vectors: for each tap the weights of all output channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.pack.layouts import Filters, Packed, narrow_s16, ref

NARROW = 1


def conv_s16(groups: Sequence[Filters]) -> list[Packed]:
    if not all(narrow_s16.is_narrow(filters, (1, 2, 3)) for filters in groups):
        return ref.conv_s16(groups)
    return [_narrow(filters) for filters in groups]


def _scales(filters: Filters) -> bytes:
    """All biases, all multipliers, all shifts."""
    records = narrow_s16.channels(filters, len(filters.bias)).astype(np.int64)
    return np.stack([records[:, 0], records[:, 1] << 16, records[:, 3]]).astype("<i4").tobytes()


def _narrow(filters: Filters) -> Packed:
    return Packed(filters.weights.transpose(1, 2, 3, 0).tobytes(), _scales(filters), NARROW)


def depthwise_s16(filters: Filters) -> Packed:
    if not narrow_s16.is_narrow_depthwise(filters):
        return ref.depthwise_s16(filters)
    return Packed(filters.weights.tobytes(), _scales(filters), NARROW)
