# SPDX-License-Identifier: Apache-2.0
"""Where one model goes another way than a second one: layer by layer, on samples.

The first is usually a model of floats, the second what quantisation made of it.  Layers are the same if the tensors
that they make have the same name and number of elements.  The signal-to-noise ratio is 10 log10 of the sum of squares
of the first model's values over that of the differences, over all samples, in decibels (dB): 6 dB are one bit.  A layer
is compared up to a factor for each channel: equalisation brings those in, and the next layer takes them back.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from groat.batches import Recorder
from groat.compiler import Model, load, read_file
from groat.errors import InputError
from groat.graph import Graph
from groat.graph.ir import Array, Tensor
from groat.ops.arithmetic import LIMITS
from groat.pack.reader import TensorInfo, check
from groat.passes.fold_clamps import fold_clamps
from groat.passes.fold_pads import fold_pads
from groat.passes.reshapes_to_views import reshapes_to_views
from groat.progress import Progress, silent
from groat.runners.host import HostRunner
from groat.samples import Samples, inputs_for, reals

HURTS_BELOW = 25.0  # dB: noise of a twentieth of the signal
HURTS_BY = 3.0  # dB below all that the layer reads: it adds as much noise as there was
SATURATED = 0.01  # of the values that are at an end of their range, and not so in the first model
FEW_STEPS = 8.0  # of standard deviation, in steps of the integers

Named = Mapping[str, tuple[Array, Tensor | TensorInfo]]


@dataclass
class LayerNoise:
    """How far a layer of the second model is from the first.

    Attributes:
        op: in the first model.
        scheme: "float32", "int8", "w4a8", "16x8": how the second one computes it; None if that is not known.
        reads: names of the layers before it.
        products: for each channel, sums of squares of the first model's values, of both models', of the second's.
        saturated: the share of the second model's integers that are at an end of their range, while the first model's
            value lies beyond.
        steps: standard deviation of the second model's values in steps of their integers; None for floats.
    """

    name: str
    op: str
    scheme: str | None
    reads: tuple[str, ...]
    products: Array = field(default_factory=lambda: np.zeros((3, 1)))
    saturated: float = 0.0
    steps: float | None = None
    _count: int = 0

    @property
    def snr(self) -> float:
        """Decibels; infinite where nothing differs."""
        signal, both, second = self.products
        explained = np.divide(both**2, second, out=np.zeros_like(both), where=second > 0)
        noise = np.maximum(signal - explained, 0).sum()
        # What is left of equal sums is rounding.
        return ratio(float(signal.sum()), 0.0 if noise < 1e-14 * signal.sum() else float(noise))

    def add(self, a: Array, b: Array, tensor: Tensor | TensorInfo) -> None:
        """Another batch: real values of the first model, stored ones of the second."""
        real = reals(b, tensor)
        values = a.reshape(real.shape)
        channels = real.shape[-1] if real.ndim > 2 else 1
        x, y = values.reshape(-1, channels), real.reshape(-1, channels)
        self.products = self.products + np.array([(x * x).sum(axis=0), (x * y).sum(axis=0), (y * y).sum(axis=0)])
        if b.dtype.kind == "i":
            low, high = LIMITS[str(b.dtype)]
            scale = tensor.scale
            ends = reals(np.array([low, high], b.dtype), tensor)
            cut = ((b == low) & (values < ends[0] - scale)) | ((b == high) & (values > ends[1] + scale))
            before, self._count = self._count, self._count + b.size
            share = before / self._count
            self.saturated = self.saturated * share + float(cut.sum()) / self._count
            self.steps = (self.steps or 0.0) * share + float(real.std() / scale) * (b.size / self._count)


def ratio(signal: float, noise: float) -> float:
    """10 log10(signal / noise)."""
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf


@dataclass(frozen=True)
class Comparison:
    """Two models.

    Attributes:
        samples: how many were run.
        outputs: signal-to-noise ratio of each output, in dB.
        agreement: the share of samples for which the largest value of the first output is the same.
        layers: those that both have, in the order of the first.
        missing: names of layers of the first model that were not found in the second.
        hurts: the first layer with less than 25 dB and 3 dB less than all that it reads, unless all that read it have
            more; None if there is none.
        advice: what to try, best first.
    """

    samples: int
    outputs: tuple[float, ...]
    agreement: float
    layers: tuple[LayerNoise, ...]
    missing: tuple[str, ...]
    hurts: LayerNoise | None = None
    advice: tuple[str, ...] = ()

    @property
    def report(self) -> dict[str, Any]:
        """As JSON has it; infinite ratios are null."""
        return {
            "samples": self.samples,
            "outputs_snr_db": [_finite(value) for value in self.outputs],
            "agreement": self.agreement,
            "layers": [
                {
                    "name": layer.name,
                    "op": layer.op,
                    "scheme": layer.scheme,
                    "snr_db": _finite(layer.snr),
                    "saturated": layer.saturated,
                    "steps": layer.steps,
                }
                for layer in self.layers
            ],
            "missing": list(self.missing),
            "hurts": None if self.hurts is None else self.hurts.name,
            "advice": list(self.advice),
        }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


class _GraphSide:
    """A model whose graph is known."""

    def __init__(self, graph: Graph) -> None:
        self.graph = reshapes_to_views(fold_clamps(fold_pads(graph)))
        self.inputs: Sequence[Tensor | TensorInfo] = [self.graph.tensors[n] for n in self.graph.inputs]
        self.outputs: Sequence[Tensor | TensorInfo] = [self.graph.tensors[n] for n in self.graph.outputs]
        self._recorder = Recorder(self.graph)

    def run(self, inputs: Sequence[Array], progress: Progress, what: str) -> Iterator[tuple[list[Array], Named]]:
        tensors = self.graph.tensors
        for part, values in self._recorder.run(inputs, progress, what):
            given = {number: array[part] for number, array in zip(self.graph.inputs, inputs, strict=True)}
            seen = values | given
            outputs = [seen[self.graph.root(number)] for number in self.graph.outputs]
            yield outputs, {tensors[number].name: (array, tensors[number]) for number, array in values.items()}


class _PackedSide:
    """A packed model: its layers are known if it kept their names."""

    def __init__(self, packed: bytes, name: str) -> None:
        check(packed, name)
        self.runner = HostRunner(packed)
        self.inputs: Sequence[Tensor | TensorInfo] = self.runner.model.inputs
        self.outputs: Sequence[Tensor | TensorInfo] = self.runner.model.outputs

    def run(self, inputs: Sequence[Array], progress: Progress, what: str) -> Iterator[tuple[list[Array], Named]]:
        model = self.runner.model
        for index in range(len(inputs[0])):
            named: dict[str, tuple[Array, Tensor | TensorInfo]] = {}
            seen: dict[int, Array] = {}
            for step, arrays in self.runner.trace([array[index] for array in inputs]):
                for number, array in zip(model.steps[step].outputs, arrays, strict=True):
                    info = model.tensors[number]
                    seen[number] = array
                    if info.name:
                        named[info.name] = (array[np.newaxis], info)
            yield [seen[info.tensor_id][np.newaxis] for info in model.outputs], named
            progress(what, index + 1, len(inputs[0]))


def _side(model: Model | Graph | str | os.PathLike[str] | bytes) -> _GraphSide | _PackedSide:
    if isinstance(model, (Model, Graph)):
        return _GraphSide(model if isinstance(model, Graph) else model.graph)
    if not isinstance(model, bytes) and Path(model).suffix == ".groat":
        return _PackedSide(read_file(Path(model)), Path(model).name)
    return _GraphSide(load(model).graph)


def compare(
    first: Model | Graph | str | os.PathLike[str] | bytes,
    second: Model | Graph | str | os.PathLike[str] | bytes,
    samples: Samples,
    progress: Progress = silent,
) -> Comparison:
    """Runs both on the host runtime and compares their layers.

    Args:
        first: a model whose layers are known: not a packed one.
        second: any; of a packed one layers are compared if it was packed with names="all", and is not streamed.

    Raises InputError for samples that do not fit, or models that differ in their outputs; as `groat.load`.
    """
    a, b = _side(first), _side(second)
    if not isinstance(a, _GraphSide):
        raise InputError("the first model is packed; expected the model that the second was made from (.tflite, .onnx)")
    shapes = [[math.prod(t.shape) for t in side.outputs] for side in (a, b)]
    if shapes[0] != shapes[1]:
        raise InputError(f"the models' outputs have {shapes[0]} and {shapes[1]} elements; expected the same")
    graph = a.graph
    layers = {
        graph.tensors[op.outputs[0]].name: LayerNoise(
            graph.tensors[op.outputs[0]].name,
            op.kind.removesuffix("_float32"),
            None,
            tuple(graph.tensors[n].name for n in map(graph.root, op.inputs) if graph.producer(n) is not None),
        )
        for op in graph.ops
    }
    found: set[str] = set()
    signal, noise = np.zeros(len(shapes[0])), np.zeros(len(shapes[0]))
    agreed = 0
    # The second one sets the pace: a packed model comes sample by sample.
    ours, theirs = inputs_for(samples, a.inputs), inputs_for(samples, b.inputs)
    left = _Frames(a.run(ours, silent, ""))
    for outputs_b, named_b in b.run(theirs, progress, "samples"):
        outputs_a, named_a = left.take(len(outputs_b[0]))
        for i, (x, y) in enumerate(zip(outputs_a, outputs_b, strict=True)):
            real_a, real_b = reals(x, a.outputs[i]).ravel(), reals(y, b.outputs[i]).ravel()
            signal[i] += np.sum(real_a**2)
            noise[i] += np.sum((real_a - real_b) ** 2)
            if i == 0:
                rows = len(y)
                agreed += int(
                    np.sum(real_a.reshape(rows, -1).argmax(axis=1) == real_b.reshape(rows, -1).argmax(axis=1))
                )
        for name, (value, tensor) in named_b.items():
            if name in layers and name in named_a and value.size == named_a[name][0].size:
                layers[name].add(reals(*named_a[name]), value, tensor)
                found.add(name)
    if isinstance(b, _GraphSide):
        for name, scheme in _schemes(b.graph).items():
            if name in layers:
                layers[name].scheme = scheme
    both = tuple(layer for name, layer in layers.items() if name in found)
    ratios = tuple(ratio(float(s), float(n)) for s, n in zip(signal, noise, strict=True))
    hurts = _first_that_hurts(both)
    return Comparison(
        samples.count,
        ratios,
        agreed / samples.count,
        both,
        tuple(name for name in layers if name not in found),
        hurts,
        tuple(_advice(hurts, both, ratios)),
    )


class _Frames:
    """Batches cut to other sizes."""

    def __init__(self, batches: Iterator[tuple[list[Array], Named]]) -> None:
        self._batches = batches
        self._outputs: list[Array] = []
        self._named: dict[str, tuple[Array, Tensor | TensorInfo]] = {}

    def take(self, count: int) -> tuple[list[Array], Named]:
        while not self._outputs or len(self._outputs[0]) < count:
            outputs, named = next(self._batches)
            if self._outputs:
                outputs = [np.concatenate(pair) for pair in zip(self._outputs, outputs, strict=True)]
                named = {n: (np.concatenate([self._named[n][0], v]), t) for n, (v, t) in named.items()}
            self._outputs, self._named = outputs, dict(named)
        taken = [array[:count] for array in self._outputs]
        these = {name: (array[:count], tensor) for name, (array, tensor) in self._named.items()}
        self._outputs = [array[count:] for array in self._outputs]
        self._named = {name: (array[count:], tensor) for name, (array, tensor) in self._named.items()}
        return taken, these


def _schemes(graph: Graph) -> dict[str, str]:
    """Name of what a layer makes -> its scheme."""
    schemes: dict[str, str] = {}
    for op in graph.ops:
        made = graph.tensors[op.outputs[0]]
        if op.kind.startswith("dequantize"):
            schemes[made.name] = schemes.get(graph.tensors[op.inputs[0]].name, "int8")
            continue
        scheme = {"int8": "int8", "int16": "16x8"}.get(made.dtype, made.dtype)
        schemes[made.name] = "w4a8" if op.kind.endswith("_s4") else scheme
    return schemes


def _first_that_hurts(layers: Sequence[LayerNoise]) -> LayerNoise | None:
    by_name = {layer.name: layer for layer in layers}
    for layer in layers:
        before = min((by_name[name].snr for name in layer.reads if name in by_name), default=math.inf)
        # What the next layers do not feel, as a softmax that of small logits, does not hurt.
        after = [reader.snr for reader in layers if layer.name in reader.reads]
        felt = not after or min(after) < HURTS_BELOW
        if felt and layer.snr < HURTS_BELOW and layer.snr < before - HURTS_BY:
            return layer
    return None


def _advice(hurts: LayerNoise | None, layers: Sequence[LayerNoise], outputs: Sequence[float]) -> Iterator[str]:
    if not layers:
        yield "no layer of the second model is known by name: pack it with --names all, or compare the model itself"
        return
    if hurts is None:
        if min(outputs) < HURTS_BELOW:
            yield "no single layer is to blame: try --rounding learned, --equalize on, or --scheme 16x8"
        return
    name = hurts.name.split(";")[0]
    if hurts.saturated > SATURATED:
        yield (
            f"{hurts.saturated:.1%} of the values of {name} lie beyond its range: --ranges minmax, or samples that are "
            "more like these"
        )
    if hurts.steps is not None and hurts.steps < FEW_STEPS:
        yield (
            f"values of {name} spread over {hurts.steps:.1f} steps only: --ranges mse or percentile, --equalize on, or "
            f"--layer {name}=16x8"
        )
    if hurts.scheme == "w4a8":
        yield f"its weights have 4 bits: --layer {name}=int8, or --scheme mixed"
    else:
        yield f"give it more bits: --layer {name}=16x8"
    yield "more samples for calibration, --rounding learned"
