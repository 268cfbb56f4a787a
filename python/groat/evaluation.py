# SPDX-License-Identifier: Apache-2.0
"""How good a model is on labelled samples, here and on devices: the very bytes that a device computes are judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from groat.batches import host_batches
from groat.errors import InputError
from groat.graph.ir import Array
from groat.pack.reader import PackedModel, read
from groat.progress import Progress, silent
from groat.runners import open_runner
from groat.samples import Samples, inputs_for, reals

TOGETHER = 32
"""Samples that are sent to a device together."""


def _labels(outputs: Array, samples: Samples) -> Array:
    """The labels [n]; InputError if they are none of the outputs' classes."""
    y = samples.y
    if y is None:
        raise InputError(f"{samples.name} has no labels y")
    classes = max(outputs.shape[1], 2)
    if y.size != len(y) or y.dtype.kind not in "iub":
        raise InputError(f"{samples.name}: y is {y.dtype}{list(y.shape)}; expected a whole number for each sample")
    labels = y.reshape(-1).astype(np.int64)
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"{samples.name}: labels go from {labels.min()} to {labels.max()}; the model has {classes} classes"
        )
    return labels


def _top(outputs: Array, samples: Samples, count: int) -> float:
    labels = _labels(outputs, samples)
    if outputs.shape[1] == 1:  # one probability
        return float(np.mean((outputs[:, 0] > 0.5) == labels))
    own = outputs[np.arange(len(labels)), labels][:, np.newaxis]
    # Of equal outputs the first counts as the larger.
    before = np.arange(outputs.shape[1]) < labels[:, np.newaxis]
    rank = np.sum((outputs > own) | ((outputs == own) & before), axis=1)
    return float(np.mean(rank < count))


def _squared(outputs: Array, samples: Samples) -> float:
    y = samples.y
    if y is None or y.size != outputs.size:
        found = "none" if y is None else list(y.shape)
        raise InputError(f"{samples.name}: y has shape {found}; expected {list(outputs.shape)} for mse")
    return float(np.mean((outputs - y.reshape(outputs.shape).astype(np.float64)) ** 2))


METRICS: dict[str, Callable[[Array, Samples], float]] = {
    "top1": lambda outputs, samples: _top(outputs, samples, 1),
    "top5": lambda outputs, samples: _top(outputs, samples, 5),
    "mse": _squared,
}
"""Name -> (outputs [n, values] as real numbers, samples) -> a number.  top1 and top5: the share of samples whose label
is the largest output, or one of five; mse: the mean squared difference to y."""


@dataclass(frozen=True)
class Verdict:
    """How good a model is in one place.

    Attributes:
        value: of the metric.
        seconds: that running all samples took.
        same: whether all outputs are those of the first place, byte for byte.
    """

    on: str
    samples: int
    metric: str
    value: float
    seconds: float
    same: bool


def outputs_of(
    packed: bytes, on: str, inputs: Sequence[Array], progress: Progress = silent, what: str = "samples"
) -> list[Array]:
    """An array [n, *shape] for each output; no sample sees what another left in variables.  Raises as groat.Runner."""
    if on == "host":
        parts = [arrays for _, arrays in host_batches(packed, inputs, progress, what)]
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    collected: list[list[Array]] = []
    count = len(inputs[0])
    with open_runner(on, packed, progress=progress) as runner:
        for start in range(0, count, TOGETHER):
            collected.append(runner.run_batch([array[start : start + TOGETHER] for array in inputs], reset=True))
            progress(what, min(start + TOGETHER, count), count)
    return [np.concatenate(arrays) for arrays in zip(*collected, strict=True)]


def evaluate(
    packed: Callable[[str], bytes],
    samples: Samples,
    on: Sequence[str] = ("host",),
    metric: str = "top1",
    progress: Progress = silent,
) -> list[Verdict]:
    """Runs all samples in all places.

    Args:
        packed: a place -> the packed model for it.
        on: places, such as "host" or "qemu:cortex-m4".
        metric: one of METRICS; it judges the first output.

    Raises InputError for an unknown metric, or samples that do not fit the model; as groat.Runner.
    """
    if metric not in METRICS:
        raise InputError(f"metric is {metric!r}; expected one of {', '.join(METRICS)}")
    verdicts: list[Verdict] = []
    first: list[Array] | None = None
    for place in on:
        model = packed(place)
        info: PackedModel = read(model)
        inputs = inputs_for(samples, info.inputs)
        begin = time.monotonic()
        outputs = outputs_of(model, place, inputs, progress, f"samples on {place}")
        seconds = time.monotonic() - begin
        values = reals(outputs[0], info.outputs[0]).reshape(samples.count, -1)
        first = outputs if first is None else first
        same = all(np.array_equal(a.view(np.uint8), b.view(np.uint8)) for a, b in zip(first, outputs, strict=True))
        verdicts.append(Verdict(place, samples.count, metric, METRICS[metric](values, samples), seconds, same))
    return verdicts


def as_dict(verdict: Verdict) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "on": verdict.on,
        "samples": verdict.samples,
        "metric": verdict.metric,
        "value": verdict.value,
        "seconds": round(verdict.seconds, 3),
        "samples_per_second": round(verdict.samples / max(verdict.seconds, 1e-9), 1),
        "same_as_first": verdict.same,
    }
