# SPDX-License-Identifier: Apache-2.0
"""From a model of floats and samples of its input to a model of integers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from groat.batches import Recorder
from groat.compiler import Compiled, Model, compile_model, load
from groat.errors import InputError, UnsupportedError
from groat.graph import Graph, Op
from groat.graph.ir import Array
from groat.ops import op_def
from groat.ops.base import Unsupported
from groat.ops.floats import WeightedLayer
from groat.passes.fold_clamps import fold_clamps
from groat.passes.fold_pads import fold_pads
from groat.passes.multiply_by_reciprocals import multiply_by_reciprocals
from groat.passes.to_float16 import to_float16
from groat.progress import Progress, silent
from groat.quantization.calibration import Calibration, LayerMoments, calibrate, samples_of
from groat.quantization.convert import Scales, convert, describe, kept_by, scales_of, to_integers, to_reals, wide_of
from groat.quantization.equalization import equalize
from groat.quantization.observers import Range
from groat.quantization.options import Quantization
from groat.quantization.schemes import ACTIVATIONS, FLOAT, LAYER_SCHEMES, WEIGHT_BITS
from groat.quantization.weights import IntegerWeights, LayerScales, as_filters, quantize_layer

if TYPE_CHECKING:
    from groat.quantization.mixture import Budget

ROWS = 512  # of a layer's outputs for one sample that learned rounding looks at
TAPS_MOST = 4096  # of a filter, for learned rounding: G has so many squared numbers


@dataclass(frozen=True)
class Layer:
    """How one op was quantised.

    Attributes:
        position: of the op in the prepared graph of floats.
        weights_bytes: of its integers, biases left out; 0 without weights.
        rounding: of its weights: "nearest", "learned" or, after groat.qat, "trained"; None without weights.
    """

    position: int
    op: str
    name: str
    scheme: str
    weights_bytes: int
    rounding: str | None = None


@dataclass(frozen=True, kw_only=True)
class Quantized(Model):
    """A quantised model, for groat.compile.

    Attributes:
        floats: the graph of floats that it was made from, after equalisation; tensors have the same numbers in both.
        options: how.
        layers: the scheme of each op.
        samples: that ranges were measured with.
        ranges: of the tensors of `floats`, by number; empty if nothing was calibrated.
        weights: the integers of its layers, by position.
    """

    floats: Graph = field(repr=False)
    options: Quantization
    layers: tuple[Layer, ...]
    samples: int
    ranges: Mapping[int, Range] = field(default_factory=dict, repr=False)
    weights: Mapping[int, IntegerWeights] = field(default_factory=dict, repr=False)

    @property
    def schemes(self) -> dict[int, str]:
        """The scheme of each op by its position."""
        return {layer.position: layer.scheme for layer in self.layers}

    @property
    def float_layers(self) -> tuple[Layer, ...]:
        """Those that stayed floats."""
        return tuple(layer for layer in self.layers if layer.scheme == FLOAT)

    @property
    def weights_bytes(self) -> int:
        """Bytes of all weights that are integers, biases left out."""
        return sum(layer.weights_bytes for layer in self.layers)

    @property
    def report(self) -> dict[str, Any]:
        """scheme, samples, options; layers: index, op, name, scheme, weights_bytes,
        rounding; float_layers: their names."""
        return {
            "scheme": self.options.scheme,
            "samples": self.samples,
            "options": asdict(self.options),
            "weights_bytes": self.weights_bytes,
            "layers": [
                {
                    "index": layer.position,
                    "op": layer.op,
                    "name": layer.name,
                    "scheme": layer.scheme,
                    "weights_bytes": layer.weights_bytes,
                    "rounding": layer.rounding,
                }
                for layer in self.layers
            ],
            "float_layers": [layer.name for layer in self.float_layers],
        }

    def save(self, path: str | os.PathLike[str], target: str = "host", **choices: Any) -> Compiled:
        """Compiles for a target and writes the packed model; arguments and errors as groat.compile."""
        compiled = compile_model(self, target, **choices)
        compiled.save(path)
        return compiled


def quantize_model(
    model: Any,
    calib: ArrayLike | Sequence[ArrayLike],
    options: Quantization | None = None,
    layers: Mapping[str, str] | None = None,
    budget: Budget | None = None,
    progress: Progress = silent,
    **choices: Any,
) -> Quantized:
    """Quantises a model of floats after training.

    Args:
        model: of floats: what `groat.load` returns or takes, or a graph.
        calib: samples of the input, float32 [n, *shape], n at least 2; a sequence of such arrays for several inputs.
        options: how; default: Quantization().
        layers: name or index of a layer -> its scheme, in place of the model's: int8, w4a8, 16x8 or float32.
        budget: bounds of scheme "mixed", which needs at least one.
        choices: fields of Quantization, in place of those of `options`: scheme="w4a8".

    Raises:
        InputError: samples that are too few, not finite, constant, or do not fit the model; a layer that does not
            exist; a model that is quantised already, or keeps state.
        UnsupportedError: lists all ops that the scheme has no kernel for, unless allow_float is chosen: then they stay
            floats, and are listed as float_layers.
        FitError: no mixture keeps the budget.
        ModelError: as `groat.load`.
    """
    options = replace(options or Quantization(), **choices)
    loaded = model if isinstance(model, (Model, Graph)) else load(model)
    source = Model(loaded, b"") if isinstance(loaded, Graph) else loaded
    graph = prepared(source.graph)
    samples = samples_of(graph, calib)
    if options.scheme == "fp16":
        if layers:
            raise InputError("scheme fp16 stores all layers as float16; it has no layers of another scheme")
        halves = to_float16(graph)
        made = tuple(Layer(i, op.kind, _name(graph, op), "fp16", 0) for i, op in enumerate(graph.ops))
        return Quantized(
            halves,
            _identity(source.source_hash, options, made),
            source.orders,
            floats=graph,
            options=options,
            layers=made,
            samples=len(samples[0]),
        )
    if options.equalizes:
        graph = equalize(graph, samples, progress)
    if options.scheme == "mixed":
        from groat.quantization.mixture import Budget, mixed

        measured = Prepared.measure(graph, samples, options, progress)
        return mixed(measured, source, layers or {}, budget or Budget(), progress)
    schemes = schemes_of(graph, options, layers or {})
    return Prepared.measure(graph, samples, options, progress).quantized(schemes, source, progress)


def prepared(graph: Graph) -> Graph:
    """The graph as it is quantised: padding and clamps joined with the ops beside them.

    Raises InputError for a graph that is not one of floats, or that keeps state."""
    if graph.states or graph.named:
        raise InputError(f"{graph.name} keeps state or has several programs; only a model that infers can be quantised")
    if graph.views:
        raise InputError(f"{graph.name} has gone through the compiler's passes; quantise the model that was loaded")
    for number in graph.inputs:
        if graph.tensors[number].dtype != "float32":
            tensor = graph.tensors[number]
            raise InputError(
                f"{graph.name}: input {tensor.name!r} is {tensor.dtype}; expected a model of float32: this one is "
                "quantised already"
            )
    for op in graph.ops:
        if op.kind in ("quantize", "dequantize", "quantize_int16", "dequantize_int16"):
            raise InputError(f"{graph.name}: op {op.index} is {op.kind}; expected a model of float32 alone")
    return fold_clamps(fold_pads(multiply_by_reciprocals(graph)))


def _name(graph: Graph, op: Op) -> str:
    return graph.tensors[op.outputs[0]].name


def _identity(source: bytes, options: Quantization, layers: Sequence[Layer]) -> bytes:
    """Bytes that stand for how the model came about."""
    return source + repr((options, [layer.scheme for layer in layers])).encode()


def assemble(
    floats: Graph,
    source: Model,
    options: Quantization,
    schemes: Mapping[int, str],
    ranges: Mapping[int, Range],
    weights: Mapping[int, IntegerWeights],
    samples: int,
) -> Quantized:
    """The model of integers, when all of them are known.

    Args:
        schemes: of each op of `floats`, by its position.
        ranges: by tensor.
        weights: of the layers that are not FLOAT, by position.

    Raises UnsupportedError that lists all ops without a kernel.
    """
    rows = []
    for position, op in enumerate(floats.ops):
        found, scheme = weights.get(position), schemes[position]
        nbytes = 0 if found is None else (found.weights.size * WEIGHT_BITS[scheme] + 7) // 8
        rounding = None if found is None else found.rounding
        rows.append(Layer(position, op.kind, _name(floats, op), scheme, nbytes, rounding))
    return Quantized(
        convert(floats, scales_of(floats, ranges, schemes), schemes, weights),
        _identity(source.source_hash, options, rows),
        source.orders,
        floats=floats,
        options=options,
        layers=tuple(rows),
        samples=samples,
        ranges=ranges,
        weights=weights,
    )


def layers_of(graph: Graph) -> list[int]:
    """Positions of the ops with weights."""
    return [position for position, op in enumerate(graph.ops) if op_def(op.kind).weights_axis is not None]


def schemes_of(graph: Graph, options: Quantization, overrides: Mapping[str, str]) -> dict[int, str]:
    """The scheme of each op by its position: layers with weights have the model's or their own; others follow the type
    of what they read."""
    chosen, moved = _overrides(graph, overrides), wide_of(graph)
    schemes: dict[int, str] = {}
    made: dict[int, str] = {}
    problems = []
    for position, op in enumerate(graph.ops):
        scheme = chosen.get(position)
        if scheme is None and op_def(op.kind).weights_axis is not None:
            scheme = options.scheme
        if scheme is None:
            inputs = op.inputs[:1] if kept_by(op) else op.inputs
            read = {made[number] for number in inputs if number in made}
            wide = "int16" in read or op.outputs[0] in moved or (not read and options.scheme == "16x8")
            scheme = "16x8" if wide or (read == {FLOAT} and options.scheme == "16x8") else "int8"
        if scheme != FLOAT:
            try:
                describe(graph, op, scheme)
            except Unsupported as reason:
                problems.append(f"op {op.index} {op.kind} ({_name(graph, op)}): {reason}")
                scheme = FLOAT
        schemes[position] = scheme
        for number in op.outputs:
            made[number] = ACTIVATIONS.get(scheme, FLOAT)
        if scheme != FLOAT:
            made |= {number: "int16" for number, quantization in kept_by(op) if quantization is not None}
    if problems and not options.allow_float:
        problems[-1] += "\n  with --allow-float (allow_float=True) they stay floats"
        raise UnsupportedError(f"{graph.name} as {options.scheme}", problems)
    return schemes


def _overrides(graph: Graph, overrides: Mapping[str, str]) -> dict[int, str]:
    names = [_name(graph, op) for op in graph.ops]
    chosen = {}
    for text, scheme in overrides.items():
        if scheme not in LAYER_SCHEMES:
            raise InputError(f"layer {text!r}: scheme {scheme!r}; expected one of {', '.join(LAYER_SCHEMES)}")
        found = [i for i, name in enumerate(names) if text in (name, name.split(";")[0])]
        if not found and text.isdigit() and int(text) < len(names):
            found = [int(text)]
        if len(found) != 1:
            raise InputError(
                f"{graph.name} has {len(found)} layers {text!r}; expected the name or the index of one: "
                + ", ".join(f"{i} {name.split(';')[0]}" for i, name in enumerate(names))
            )
        chosen[found[0]] = scheme
    return chosen


FINEST_FACTOR = 2.0**-13  # an output's scale in steps of its layer's sums, at least: factors must stay below 2**14
OVERFLOW = 2.0**-15  # an output's range as a part of the largest sum, at least: sums in steps of int16 must fit 31 bits


def wide_enough(graph: Graph, ranges: Mapping[int, Range]) -> Mapping[int, Range]:
    """Ranges of layers that hardly ever give anything but zero, widened as far as kernels can express."""
    result = dict(ranges)
    for position in layers_of(graph):
        op = graph.ops[position]
        weights, *bias = (graph.tensors[number].data for number in op.inputs[1:])
        axis = op_def(op.kind).weights_axis
        if weights is None or axis is None or op.inputs[0] not in result:
            continue
        low, high = result[op.inputs[0]]
        sums = np.abs(as_filters(weights, axis, 1)).sum(axis=(0, 2)) * max(-low, high)
        sums += np.abs(bias[0]) if bias and bias[0] is not None else 0.0
        least = max((high - low) * float(np.abs(weights).max()) / 7 * FINEST_FACTOR, float(sums.max()) * OVERFLOW)
        low, high = result[op.outputs[0]]
        result[op.outputs[0]] = (low, max(high, low + least))
    return result


@dataclass
class Prepared:
    """A graph of floats and all that was measured of it: any schemes can be tried from here."""

    graph: Graph
    samples: Sequence[Array]
    options: Quantization
    calibration: Calibration
    _moments: dict[tuple[Any, ...], LayerMoments] = field(default_factory=dict)
    _weights: dict[tuple[Any, ...], IntegerWeights] = field(default_factory=dict)

    @classmethod
    def measure(
        cls, graph: Graph, samples: Sequence[Array], options: Quantization, progress: Progress = silent
    ) -> Prepared:
        """Runs the graph over all samples.  Raises as calibrate."""
        found = calibrate(graph, samples, options.ranges, progress)
        return cls(graph, samples, options, replace(found, ranges=wide_enough(graph, found.ranges)))

    def quantized(self, schemes: Mapping[int, str], source: Model, progress: Progress = silent) -> Quantized:
        """The model with these schemes."""
        graph = self.graph
        scales = scales_of(graph, self.calibration.ranges, schemes)
        positions = [position for position in layers_of(graph) if schemes[position] != FLOAT]
        keys = {position: self._key(position, scales, schemes[position]) for position in positions}
        self._measure_inputs(keys, schemes, progress)
        weights = {}
        for done, position in enumerate(positions):
            progress("weights", done, len(positions))
            weights[position] = self._layer(position, scales, schemes[position], self._moments.get(keys[position]))
        calibration = self.calibration
        return assemble(graph, source, self.options, schemes, calibration.ranges, weights, calibration.samples)

    def _key(self, position: int, scales: Scales, scheme: str) -> tuple[Any, ...]:
        """What the integers of a layer's input depend on."""
        return position, ACTIVATIONS[scheme], scales[self.graph.ops[position].inputs[0], ACTIVATIONS[scheme]]

    def _measure_inputs(
        self, keys: Mapping[int, tuple[Any, ...]], schemes: Mapping[int, str], progress: Progress
    ) -> None:
        """Moments of the layers' inputs where they are not known yet."""
        if self.options.bias_correction == "off" and self.options.rounding == "nearest":
            return
        graph, ops = self.graph, self.graph.ops
        missing = {
            position: LayerMoments()
            for position, key in keys.items()
            if isinstance(op_def(ops[position].kind), WeightedLayer) and key not in self._moments
        }
        if not missing:
            return
        rng = np.random.default_rng(0)
        for part, values in Recorder(graph).run(self.samples, progress, "inputs of layers"):
            values |= {number: array[part] for number, array in zip(graph.inputs, self.samples, strict=True)}
            for position, moments in missing.items():
                op, definition = ops[position], op_def(ops[position].kind)
                assert isinstance(definition, WeightedLayer)
                assert definition.weights_axis is not None
                weights, x = graph.tensors[op.inputs[1]], values[op.inputs[0]]
                columns = definition.columns(op, x.reshape(-1, *x.shape[2:]), weights.shape)
                most = ROWS * (part.stop - part.start)
                if columns.shape[1] > most:
                    columns = columns[:, np.sort(rng.choice(columns.shape[1], most, replace=False))]
                _, dtype, quantization = keys[position]
                taps = weights.elements // weights.shape[definition.weights_axis]
                moments.floats.add(columns, False)
                moments.integers.add(
                    to_reals(to_integers(columns, quantization, dtype), quantization),
                    self.options.rounding == "learned" and taps <= TAPS_MOST,
                )
        self._moments |= {keys[position]: moments for position, moments in missing.items()}

    def _layer(self, position: int, scales: Scales, scheme: str, moments: LayerMoments | None) -> IntegerWeights:
        graph, op, dtype = self.graph, self.graph.ops[position], ACTIVATIONS[scheme]
        axis = op_def(op.kind).weights_axis
        weights = graph.tensors[op.inputs[1]].data
        assert axis is not None
        assert weights is not None
        bias = graph.tensors[op.inputs[2]].data if len(op.inputs) > 2 else np.zeros(weights.shape[axis], np.float32)
        assert bias is not None
        x, y = scales[op.inputs[0], dtype], scales[op.outputs[0], dtype]
        key = (position, x, y, scheme)
        if key not in self._weights:
            self._weights[key] = quantize_layer(
                weights,
                bias,
                axis,
                WEIGHT_BITS[scheme],
                LayerScales(x.scale[0], y.scale[0], dtype == "int16"),
                moments,
                self.options.rounding == "learned",
                self.options.bias_correction == "on",
            )
        return self._weights[key]
