# SPDX-License-Identifier: Apache-2.0
"""From the weights and bias of a layer of floats to integers.

Weights are symmetric, with a scale for each output channel.  A bias has the scale of what it is added to, and zero
point 0.

Learned rounding: the integer that a weight becomes is chosen so that the layer's outputs change least on samples, not
its weights (the aim of Nagel and others, "Up or Down? Adaptive Rounding for Post-Training Quantization",
2020).  For a layer that is the square form d G d of the errors d of a filter's weights, where G is the mean product of
what pairs of weights are multiplied with; it is made small weight by weight, each set to its best integer while the
others stay, until none changes.  That needs no step size, and never ends worse than where it began.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groat.graph import Quantization
from groat.graph.ir import Array
from groat.quantization.calibration import LayerMoments

LIMITS = {8: (-127, 127), 4: (-8, 7)}  # of weights of so many bits
BIAS_MOST = 2**30  # of an int32 bias: half of what an accumulator holds
FINEST = 2.0**-24  # of a product's scale, in steps of the output: below, multipliers underflow
SWEEPS = 30
DAMPING = 0.1  # of the mean of G's diagonal: few samples do not say all about pairs of weights
CLIPPING = np.linspace(1.1, 0.6, 26)  # of the scale that holds the largest of a filter's 4-bit weights

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class LayerScales:
    """The scales of a layer's input and output, and whether its bias may have more than 32 bits."""

    x: float
    y: float
    wide: bool


@dataclass(frozen=True)
class IntegerWeights:
    """A layer's constants as integers.

    Attributes:
        weights: int8, of the shape of the float weights; four bits are -8 to 7.
        quantization: of the weights, per channel.
        bias: int64; with int8 activations it fits int32.
        rounding: how weights became integers: "nearest", "learned" or "trained".
    """

    weights: Array
    quantization: Quantization
    bias: Array
    rounding: str


def as_filters(weights: Array, axis: int, groups: int) -> Float64:
    """Weights [groups, channels of a group, taps]."""
    return np.moveaxis(weights, axis, 0).reshape(groups, weights.shape[axis] // groups, -1).astype(np.float64)


def _as_weights(filters: Array, shape: tuple[int, ...], axis: int) -> Array:
    moved = (shape[axis], *shape[:axis], *shape[axis + 1 :])
    return np.ascontiguousarray(np.moveaxis(filters.reshape(moved), 0, axis))


def quantize_layer(
    weights: Array,
    bias: Array,
    axis: int,
    bits: int,
    scales: LayerScales,
    moments: LayerMoments | None,
    learned: bool,
    correct: bool,
) -> IntegerWeights:
    """The integers of a layer.

    Args:
        weights, bias: of floats; bias [output channels].
        axis: the output channels of `weights`.
        moments: what the filters are multiplied with; None if nothing is known.
        learned: choose integers by moments, not the nearest, if they have products.
        correct: the bias takes up what rounding of inputs and weights changes in the mean of each channel (bias
            correction: Nagel and others, "Data-Free Quantization Through Weight Equalization and Bias Correction",
            2019), if moments are known.
    """
    groups = 1 if moments is None else len(moments.floats.mean)
    filters = as_filters(weights, axis, groups)
    low, high = LIMITS[bits]
    scale = np.abs(filters).max(axis=2) / high
    gram = moments.integers.gram if moments is not None and learned else None
    if gram is not None and moments is not None and correct:
        # What all outputs of a channel share is the bias's to take up.
        mean = moments.integers.mean
        gram = gram - mean[:, :, np.newaxis] * mean[:, np.newaxis, :]
    if bits < 8:
        scale = _clipped_scale(filters, scale, low, high, None if gram is None else np.einsum("gkk->gk", gram))
    scale = expressible(scale, bias.reshape(groups, -1), scales)
    stored = np.clip(np.round(filters / scale[..., np.newaxis]), low, high)
    if gram is not None:
        stored = learn_rounding(filters, stored, scale, gram, low, high)
    change = np.zeros(bias.shape)
    if moments is not None and correct:
        before = np.einsum("gok,gk->go", filters, moments.floats.mean)
        after = np.einsum("gok,gk->go", stored * scale[..., np.newaxis], moments.integers.mean)
        change = (before - after).reshape(bias.shape)
    return IntegerWeights(
        _as_weights(stored.astype(np.int8), weights.shape, axis),
        Quantization(tuple(float(s) for s in scale.ravel()), (0,) * scale.size, axis),
        integer_bias(bias + change, scale.reshape(bias.shape), scales),
        "nearest" if gram is None else "learned",
    )


def expressible(scale: Array, bias: Array, scales: LayerScales) -> Float64:
    """Scales of filters as float32 values, no finer than multipliers and the bits of a bias allow; `bias` as many."""
    floor: Array | float = scales.y / scales.x * FINEST
    if not scales.wide:
        floor = np.maximum(floor, np.abs(bias) / (scales.x * BIAS_MOST))
    return np.maximum(scale, floor).astype(np.float32).astype(np.float64)


def integer_bias(bias: Array, scale: Float64, scales: LayerScales) -> Array:
    """A bias in steps of what it is added to, int64; `scale`: of the filters."""
    most = 2**62 if scales.wide else 2**31 - 1
    return np.clip(np.round(bias / (scales.x * scale)), -most, most).astype(np.int64)


def _clipped_scale(filters: Float64, scale: Float64, low: int, high: int, weight: Float64 | None) -> Float64:
    """For each filter, the scale of the least squared error; `weight` [groups, taps]: how much each tap counts."""
    importance = np.ones(filters.shape[::2]) if weight is None else weight

    def error(candidate: Float64) -> Float64:
        step = np.maximum(candidate, 1e-30)[..., np.newaxis]
        off = np.clip(np.round(filters / step), low, high) * step - filters
        return np.asarray(np.einsum("gok,gk->go", off * off, importance))

    best, least = scale, error(scale)
    for share in CLIPPING:
        found = error(scale * share)
        best, least = np.where(found < least, scale * share, best), np.minimum(found, least)
    return best


def learn_rounding(
    filters: Float64,
    stored: Float64,
    scale: Float64,
    gram: Float64,
    low: int,
    high: int,
) -> Float64:
    """Integers [groups, channels, taps] with which the layer's outputs are nearest to those of `filters`.

    Args:
        stored: the integers to begin with.
        scale: [groups, channels].
        gram: [groups, taps, taps].
    """
    result = stored.copy()
    taps = filters.shape[2]
    diagonal = np.einsum("gkk->gk", gram)
    damping = DAMPING * diagonal.mean(axis=1) + 1e-12
    gram = gram + damping[:, np.newaxis, np.newaxis] * np.eye(taps)
    off = result * scale[..., np.newaxis] - filters  # the errors d
    slope = off @ gram  # of d G d / 2
    for _ in range(SWEEPS):
        changed = 0
        for tap in range(taps):
            # With the others as they are, the best real value is here.
            target = result[:, :, tap] - slope[:, :, tap] / (gram[:, tap, tap][:, np.newaxis] * scale)
            new = np.clip(np.round(target), low, high)
            step = new - result[:, :, tap]
            moved = int(np.count_nonzero(step))
            if moved:
                changed += moved
                result[:, :, tap] = new
                slope += (step * scale)[..., np.newaxis] * gram[:, np.newaxis, tap, :]
        if changed == 0:
            break
    return result
