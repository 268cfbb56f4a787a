# SPDX-License-Identifier: Apache-2.0
"""From samples of a tensor to the range of real values that its integers shall stand for.

Integers beyond the ends saturate: a narrower range has finer steps and cuts off more.  Each rule looks at a histogram:

    minmax      all values that were seen
    percentile  all but a share of 0.001 % at either end
    mse         the range whose rounding and cutting has the least mean squared error; of logits, that of what a softmax
                makes of them: small ones count as nothing
    entropy     the range of least Kullback-Leibler divergence between the distributions of values and of their 255
                integers (S. Migacz, "8-bit Inference with TensorRT", GTC 2017)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from groat.graph.ir import Array

Rule = Literal["minmax", "percentile", "mse", "entropy"]
RULES: tuple[Rule, ...] = get_args(Rule)
BINS = 2048
STEPS = 255  # of an int8 range
SHARE = 1e-5  # of the values at either end that a percentile leaves out
FRACTIONS = np.linspace(1.0, 0.2, 81)  # of the widest range that are tried

Float64 = NDArray[np.float64]
Range = tuple[float, float]


@dataclass
class Histogram:
    """How often values were seen, in BINS parts of [low, high]; zero is in it, since padding and ReLU store zeros."""

    low: float
    high: float
    counts: Float64

    @classmethod
    def over(cls, low: float, high: float) -> Histogram:
        """An empty one for values from `low` to `high`."""
        return cls(min(low, 0.0), max(high, 0.0), np.zeros(BINS))

    def add(self, values: Array) -> None:
        if self.high > self.low:
            self.counts += np.histogram(values, BINS, (self.low, self.high))[0]

    @property
    def centres(self) -> Float64:
        edges = np.linspace(self.low, self.high, BINS + 1)
        return np.asarray((edges[:-1] + edges[1:]) / 2)


def choose_range(histogram: Histogram, rule: Rule) -> Range:
    """The range by one of RULES; it has zero in it."""
    low, high = histogram.low, histogram.high
    if high <= low or rule == "minmax" or not histogram.counts.any():
        return low, high
    chosen = {"percentile": _percentile, "mse": _least_error, "entropy": _least_divergence}[rule](histogram)
    return min(chosen[0], 0.0), max(chosen[1], 0.0)


def _percentile(histogram: Histogram) -> Range:
    share = np.cumsum(histogram.counts) / histogram.counts.sum()
    edges = np.linspace(histogram.low, histogram.high, BINS + 1)
    first = int(np.searchsorted(share, SHARE))
    last = int(np.searchsorted(share, 1 - SHARE))
    return float(edges[first]), float(edges[min(last + 1, BINS)])


def _error(histogram: Histogram, low: float, high: float) -> float:
    """The mean squared error of values as integers of a range."""
    step = (high - low) / STEPS
    x = histogram.centres
    zero = round(-low / step)
    stored = np.clip(np.round(x / step) + zero, 0, STEPS)
    # A bin is wider than nothing: what lies in it is rounded with the error of any value, if steps are not wider.
    inside = (stored > 0) & (stored < STEPS)
    wide = (histogram.high - histogram.low) / BINS
    error = np.where(inside & (wide * 4 > step), step * step / 12, ((stored - zero) * step - x) ** 2)
    return float(histogram.counts @ error)


def _least_error(histogram: Histogram) -> Range:
    low, high = histogram.low, histogram.high
    both = min(FRACTIONS, key=lambda f: _error(histogram, low * f, high * f))
    low, high = low * both, high * both
    for _ in range(2):
        if low < 0:
            low = min(histogram.low * FRACTIONS, key=lambda end: _error(histogram, end, high))
        if high > 0:
            high = min(histogram.high * FRACTIONS, key=lambda end: _error(histogram, low, end))
    return float(low), float(high)


def choose_logits_range(logits: Array, beta: float) -> Range:
    """The range of what a softmax reads, with the least squared error of what it makes.

    Args:
        logits: [n, classes].
        beta: which they are multiplied by.
    """
    x = logits.astype(np.float64)
    exact = _softmax(x * beta)

    def error(low: float, high: float) -> float:
        step = (high - low) / STEPS
        zero = round(-low / step)
        stored = np.clip(np.round(x / step) + zero, 0, STEPS)
        return float(np.sum((_softmax((stored - zero) * step * beta) - exact) ** 2))

    ends = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
    if not ends[0] < ends[1]:
        return ends
    low, high = ends
    for _ in range(2):
        if ends[0] < 0:
            low = min(ends[0] * FRACTIONS, key=lambda end: error(end, high))
        if ends[1] > 0:
            high = min(ends[1] * FRACTIONS, key=lambda end: error(low, end))
    return float(low), float(high)


def _softmax(x: Float64) -> Float64:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _least_divergence(histogram: Histogram) -> Range:
    """Of thresholds t, for [-t, t] within the values that were seen."""
    x = np.abs(histogram.centres)
    most = max(-histogram.low, histogram.high)
    levels = STEPS if histogram.low == 0 or histogram.high == 0 else STEPS // 2
    magnitudes = np.histogram(x, BINS, (0, most), weights=histogram.counts)[0]
    magnitudes[0] = magnitudes[1]  # zeros of ReLU and padding are exact in any range
    best, chosen = np.inf, BINS
    for bins in range(levels + 1, BINS + 1, 8):
        p = magnitudes[:bins].copy()
        p[-1] += magnitudes[bins:].sum()
        groups = np.arange(bins) * levels // bins
        sums = np.bincount(groups, magnitudes[:bins], levels)
        filled = np.bincount(groups, magnitudes[:bins] > 0, levels)
        q = np.where(magnitudes[:bins] > 0, (sums / np.maximum(filled, 1))[groups], 0)
        if q.sum() == 0:
            continue
        p, q = p / p.sum(), q / q.sum()
        seen = p > 0
        divergence = float(np.sum(p[seen] * np.log(p[seen] / np.maximum(q[seen], 1e-12))))
        if divergence < best:
            best, chosen = divergence, bins
    threshold = most * chosen / BINS
    return max(histogram.low, -threshold), min(histogram.high, threshold)
