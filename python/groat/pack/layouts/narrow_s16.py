# SPDX-License-Identifier: Apache-2.0
"""Filters of int16 activations whose sums are proven to fit 32 bits: constants for runtime/kernels/narrow_s16.h."""

from __future__ import annotations

import numpy as np

from groat.graph.ir import Array
from groat.ops.arithmetic import reduced_multiplier
from groat.pack.layouts import Filters

INPUT_MAX = 1 << 15  # the largest magnitude of an int16


def is_narrow(filters: Filters, axes: tuple[int, ...]) -> bool:
    """Whether no input at all makes a sum of any channel leave 32 bits, and every shift is one that such sums may
    have.  `axes` are those of the weights that a sum is over."""
    if filters.acc_bits != 64 or filters.acc_offset:
        return False
    magnitudes = np.abs(filters.weights.astype(np.int64)).sum(axis=axes)
    limit = (1 << 31) - INPUT_MAX * magnitudes
    fits = np.all((filters.bias < limit) & (filters.bias > -limit))
    return bool(fits and np.max(filters.shift) <= -2)


def channels(filters: Filters, count: int) -> Array:
    """narrow_channel_s16 records as int32 [count, 4]; those beyond the filters' own give 0."""
    records = np.zeros((count, 4), np.int32)
    records[:, 2:] = 1
    own = records[: len(filters.bias)]
    shift = -1 - filters.shift.astype(np.int64)
    own[:, 0], own[:, 1] = filters.bias, reduced_multiplier(filters.multiplier)
    own[:, 2], own[:, 3] = 1 << (shift - 1), shift
    return records


def is_narrow_depthwise(filters: Filters) -> bool:
    """The same of a depthwise convolution, with one output to each input channel."""
    return filters.multiplier_depth == 1 and is_narrow(filters, (0, 1))
