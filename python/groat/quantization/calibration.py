# SPDX-License-Identifier: Apache-2.0
"""What the tensors of a model of floats hold for samples: measured by running it on the host runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from groat.batches import Recorder
from groat.errors import InputError
from groat.graph import Graph
from groat.graph.ir import Array
from groat.ops.base import Shape
from groat.progress import Progress, silent
from groat.quantization.observers import Histogram, Range, Rule, choose_logits_range, choose_range

LEAST_SAMPLES = 2
KEPT_MOST = 4_000_000  # values of logits
ADVICE = "give typical inputs of the model, at best 100 or more"


def samples_of(graph: Graph, data: ArrayLike | Sequence[ArrayLike]) -> list[Array]:
    """Samples as an array for each input of a graph, [n, *shape].

    Args:
        data: float32 [n, *shape] of the only input, or a sequence of such arrays; shape may lack its leading 1.

    Raises InputError for no samples or one, a wrong shape or type, values that are not finite, constant data.
    """
    given = list(data) if isinstance(data, (list, tuple)) else [data]
    if len(given) != len(graph.inputs):
        raise InputError(f"{len(given)} arrays of samples; {graph.name} has {len(graph.inputs)} inputs")
    arrays = []
    for number, value in zip(graph.inputs, given, strict=True):
        tensor, array = graph.tensors[number], np.asarray(value)
        what = f"samples of input {tensor.name!r}"
        if array.dtype.kind != "f":
            raise InputError(
                f"{what} are {array.dtype}; expected float32: give them as the model of floats takes them, with "
                "x.astype(numpy.float32) if that changes nothing but the type"
            )
        shapes = [tensor.shape, *([tensor.shape[1:]] if tensor.shape[:1] == (1,) else [])]
        if array.ndim == 0 or array.shape[1:] not in shapes:
            expected = f"[samples, *{list(tensor.shape)}]{_turned(array, shapes)}"
            raise InputError(f"{what} have shape {list(array.shape)}; expected {expected}")
        if len(array) < LEAST_SAMPLES:
            raise InputError(f"{what}: there are {len(array)}; expected at least {LEAST_SAMPLES}: {ADVICE}")
        with np.errstate(over="ignore"):
            array = np.ascontiguousarray(array.reshape(len(array), *tensor.shape), np.float32)
        if not np.isfinite(array).all():
            place = int(np.argmin(np.isfinite(array).reshape(len(array), -1).all(axis=1)))
            raise InputError(
                f"{what}: sample {place} has values that are infinite, or no numbers; expected finite ones: mend the "
                "sample or leave it out"
            )
        if array.min() == array.max():
            raise InputError(f"{what}: all values are {array.min():g}, which says nothing of their range: {ADVICE}")
        arrays.append(array)
    if len({len(array) for array in arrays}) != 1:
        raise InputError(f"the inputs have {[len(array) for array in arrays]} samples; expected as many for each")
    return arrays


def _turned(array: Array, shapes: Sequence[Shape]) -> str:
    """What to do with samples that have their channels first."""
    if array.ndim < 4:
        return ""
    axes = list(range(array.ndim))
    last = (*axes[:-3], *axes[-2:], axes[-3])
    if tuple(array.shape[axis] for axis in last[1:]) not in shapes:
        return ""
    return f": channels go last, as x.transpose({', '.join(map(str, last))}) has them"


@dataclass
class Moments:
    """What the filters of a layer are multiplied with, for each group of them.

    Attributes:
        mean: [groups, taps].
        gram: [groups, taps, taps]: the mean of products, if it was asked for.
    """

    rows: int = 0
    mean: Array = field(default_factory=lambda: np.zeros(0))
    gram: Array | None = None

    def add(self, columns: Array, products: bool) -> None:
        """`columns` [groups, rows, taps]."""
        x = columns.astype(np.float32)
        sums = x.sum(axis=1, dtype=np.float64)
        grams = (x.transpose(0, 2, 1) @ x).astype(np.float64) if products else None
        count, before = x.shape[1], self.rows
        self.rows += count
        share = before / self.rows
        self.mean = sums / count if before == 0 else self.mean * share + sums / self.rows
        if grams is not None:
            gram = grams / count
            self.gram = gram if self.gram is None else self.gram * share + gram * (count / self.rows)


@dataclass(frozen=True)
class LayerMoments:
    """Of a layer's input: in the model of floats, and of the same values as integers of its scale."""

    floats: Moments = field(default_factory=Moments)
    integers: Moments = field(default_factory=Moments)


@dataclass(frozen=True)
class Calibration:
    """What was measured.

    Attributes:
        ranges: tensor number -> its range.
        samples: how many there were.
    """

    ranges: Mapping[int, Range]
    samples: int


def require_finite(graph: Graph, number: int, array: Array, part: slice) -> None:
    """InputError if values of a tensor for some samples are infinite, or no numbers."""
    if not np.isfinite(array).all():
        name = graph.tensors[number].name
        raise InputError(
            f"{graph.name}: tensor {name!r} is infinite, or no number, for one of samples {part.start} to "
            f"{part.stop - 1}; such a model cannot be quantised"
        )


def calibrate(graph: Graph, samples: Sequence[Array], rule: Rule, progress: Progress = silent) -> Calibration:
    """Ranges of all inputs and of all that ops make.

    Args:
        samples: as samples_of.

    Raises InputError if a tensor becomes infinite, or no number, for one of them.
    """
    recorder = Recorder(graph)
    ends: dict[int, Range] = {
        number: (float(array.min()), float(array.max())) for number, array in zip(graph.inputs, samples, strict=True)
    }
    for part, values in recorder.run(samples, progress, "ranges"):
        for number, array in values.items():
            require_finite(graph, number, array, part)
            low, high = float(array.min()), float(array.max())
            before = ends.get(number, (low, high))
            ends[number] = (min(low, before[0]), max(high, before[1]))
    histograms = {number: Histogram.over(*end) for number, end in ends.items()}
    logits = {op.inputs[0]: op.attrs["beta"] for op in graph.ops if op.kind == "softmax_float32" and rule == "mse"}
    logits = {number: beta for number, beta in logits.items() if _is_small(graph, number, len(samples[0]))}
    seen: dict[int, list[Array]] = {number: [] for number in logits}
    if rule != "minmax":
        for number, array in zip(graph.inputs, samples, strict=True):
            histograms[number].add(array)
        for _, values in recorder.run(samples, progress, "histograms"):
            for number, array in values.items():
                histograms[number].add(array)
                if number in seen:
                    seen[number].append(array.reshape(-1, array.shape[-1]))
    ranges = {number: choose_range(histogram, rule) for number, histogram in histograms.items()}
    for number, arrays in seen.items():
        ranges[number] = choose_logits_range(np.concatenate(arrays), logits[number])
    return Calibration(ranges, len(samples[0]))


def _is_small(graph: Graph, number: int, samples: int) -> bool:
    """Whether a tensor that ops make, and nothing else than a softmax reads, can be kept for all samples."""
    tensor = graph.tensors[number]
    alone = len(graph.consumers(number)) == 1 and number not in graph.outputs and graph.producer(number) is not None
    return alone and tensor.elements * samples <= KEPT_MOST
