# SPDX-License-Identifier: Apache-2.0
"""A quantised model as a module of PyTorch.

What its tensors hold is computed by the host runtime, from the very model that `export` gives: there is no second
arithmetic that could differ.  PyTorch runs the ops of floats beside it, each at the values that are stored, and finds
the gradients of their formulas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from groat.batches import Recorder
from groat.errors import InputError, UnsupportedError
from groat.graph import Graph
from groat.graph.ir import Array
from groat.ops import op_def
from groat.ops.arithmetic import LIMITS
from groat.qat.functions import FUNCTIONS, apply
from groat.qat.layer import Layer, factors_of, stored
from groat.quantization.convert import Scales, scales_of
from groat.quantization.observers import Range
from groat.quantization.pipeline import Quantized, assemble, layers_of, wide_enough
from groat.quantization.schemes import ACTIVATIONS, WEIGHT_BITS
from groat.quantization.weights import IntegerWeights, LayerScales
from groat.samples import reals


def prepare(made: Quantized) -> Learner:
    """A quantised model, ready to be trained.

    Args:
        made: what groat.quantize returned, of any scheme with integers.  Training begins with it, bit for bit; its
            schemes stay.

    Raises:
        InputError: it is no such model, or has no layer with constant weights.
        UnsupportedError: lists all ops whose gradients are not known here.
    """
    if not isinstance(made, Quantized):
        raise InputError(f"qat.prepare: this is a {type(made).__name__}; expected what groat.quantize returns")
    graph = made.floats
    if not made.ranges:
        raise InputError(f"{graph.name} is quantised as {made.options.scheme}; expected a scheme with integers")
    problems = [
        f"op {op.index} {op.kind} ({graph.tensors[op.outputs[0]].name}): groat.qat has no gradients of it"
        for op in graph.ops
        if op.kind not in FUNCTIONS
    ]
    if problems:
        raise UnsupportedError(f"{graph.name}, to be trained", problems)
    learner = Learner(made)
    if not learner.layers:
        raise InputError(f"{graph.name} has no layer with constant weights: there is nothing to train")
    return learner


class Learner(nn.Module):
    """A quantised model that learns; groat.qat.prepare makes it.

    Called with a float32 tensor [n, *shape] for each input, it returns the outputs [n, *shape], a tuple if there are
    several: what the exported model gives on any device, bit for bit, in training as in evaluation.

    Attributes:
        ranges: logarithms of what the ranges of activations are multiplied by, one for all that share a scale.
        layers: the trained constants of each layer, by its position in the graph of floats.
    """

    def __init__(self, made: Quantized) -> None:
        super().__init__()
        graph = made.floats
        self._made = made
        scales = scales_of(graph, made.ranges, made.schemes)
        leaders = sorted(set(scales.groups.values()))
        self._place = {number: leaders.index(leader) for number, leader in scales.groups.items()}
        self.ranges = nn.Parameter(torch.zeros(len(leaders), dtype=torch.float64))
        constant = [i for i in layers_of(graph) if graph.tensors[graph.ops[i].inputs[1]].data is not None]
        self.layers = nn.ModuleDict({str(position): self._first(position, scales) for position in constant})
        self._known: tuple[Any, Quantized] | None = None
        self._recorders: dict[tuple[int, ...], Recorder] = {}

    def _first(self, position: int, scales: Scales) -> Layer:
        """A layer as quantisation left it."""
        made, graph = self._made, self._made.floats
        op, scheme, found = graph.ops[position], made.schemes[position], made.weights.get(position)
        weights, *bias = (graph.tensors[number].data for number in op.inputs[1:])
        axis = op_def(op.kind).weights_axis
        assert weights is not None
        assert axis is not None
        low, high = made.ranges[op.outputs[0]]
        x = 1.0 if found is None else scales[op.inputs[0], ACTIVATIONS[scheme]].scale[0]
        return Layer(weights, bias[0] if bias else None, axis, high - low, found, WEIGHT_BITS.get(scheme, 8), x)

    def _layer(self, position: int) -> Layer:
        layer = self.layers[str(position)]
        assert isinstance(layer, Layer)
        return layer

    # ---- The model of integers ------------------------------------------------------------------------------

    def export(self) -> Quantized:
        """The model as it is now, for groat.compile."""
        version = [(parameter.data_ptr(), parameter._version) for parameter in self.parameters()]
        if self._known is None or self._known[0] != version:
            self._known, self._recorders = (version, self._assembled()), {}
        return self._known[1]

    def _assembled(self) -> Quantized:
        made, graph = self._made, self._floats()
        factors = factors_of(self.ranges)
        ranges: dict[int, Range] = {}
        for number, (low, high) in made.ranges.items():
            factor = float(factors[self._place[number]]) if number in self._place else 1.0
            ranges[number] = (low * factor, high * factor)
        ranges = dict(wide_enough(graph, ranges))
        scales = scales_of(graph, ranges, made.schemes)
        weights: dict[int, IntegerWeights] = {}
        for position in made.weights:
            op, dtype = graph.ops[position], ACTIVATIONS[made.schemes[position]]
            x, y = scales[op.inputs[0], dtype], scales[op.outputs[0], dtype]
            weights[position] = self._layer(position).integers(LayerScales(x.scale[0], y.scale[0], dtype == "int16"))
        return assemble(graph, made, made.options, made.schemes, ranges, weights, made.samples)

    def _floats(self) -> Graph:
        """The graph of floats with weights and biases as they are now."""
        graph = self._made.floats
        tensors = dict(graph.tensors)
        for name in self.layers:
            layer, inputs = self._layer(int(name)), graph.ops[int(name)].inputs[1:]
            # A bias that only the integers have, as a correction, has no place there.
            for number, value in zip(inputs, (layer.real_weights(), layer.real_bias()), strict=False):
                assert value is not None
                tensors[number] = replace(tensors[number], data=value.numpy(force=True).astype(np.float32))
        return replace(graph, tensors=tensors)

    # ---- Its values -----------------------------------------------------------------------------------------

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The outputs.  Raises InputError for inputs that do not fit the model."""
        found = self._values(inputs, self._made.floats.outputs)
        return found[0] if len(found) == 1 else tuple(found)

    def logits(self, *inputs: Tensor) -> Tensor:
        """What losses are computed from, [n, values]: the first output; if a softmax makes it, what that reads."""
        return self._values(inputs, [logits_of(self._made.floats)])[0].flatten(1)

    def _values(self, inputs: Sequence[Tensor], wanted: Sequence[int]) -> list[Tensor]:
        graph, made = self._made.floats, self.export().graph
        arrays = self._arrays(inputs)
        learns = torch.is_grad_enabled()
        numbers = (*graph.inputs, *(op.outputs[0] for op in graph.ops)) if learns else tuple(wanted)
        # Of an output, the floats that a device gives; of all else, what the integers stand for.
        seen = {number: number if number in graph.outputs else _home(made, number) for number in numbers}
        places = tuple(dict.fromkeys(seen.values()))
        if places not in self._recorders:
            self._recorders[places] = Recorder(made, places)
        parts = [values for _, values in self._recorders[places].run(arrays)]
        found = {}
        for number, place in seen.items():
            array = reals(np.concatenate([part[place] for part in parts]), made.tensors[place])
            found[number] = torch.from_numpy(array.astype(np.float32)).to(self.ranges.device)
        known = self._with_gradients(inputs, found) if learns else found
        return [known[number] for number in wanted]

    def _arrays(self, inputs: Sequence[Tensor]) -> list[Array]:
        graph = self._made.floats
        if len(inputs) != len(graph.inputs):
            raise InputError(f"{len(inputs)} inputs; {graph.name} has {len(graph.inputs)}")
        arrays = []
        for number, value in zip(graph.inputs, inputs, strict=True):
            tensor = graph.tensors[number]
            shapes = [tensor.shape, *([tensor.shape[1:]] if tensor.shape[:1] == (1,) else [])]
            if not value.is_floating_point() or value.ndim == 0 or tuple(value.shape[1:]) not in shapes:
                dtype = str(value.dtype).removeprefix("torch.")
                raise InputError(
                    f"input {tensor.name!r} is {dtype}{list(value.shape)}; expected float32 [n, *{list(tensor.shape)}]"
                )
            array = value.numpy(force=True).astype(np.float32).reshape(len(value), *tensor.shape)
            if not np.isfinite(array).all():
                raise InputError(f"input {tensor.name!r} has values that are infinite, or no numbers")
            arrays.append(array)
        if len({len(array) for array in arrays}) != 1 or len(arrays[0]) == 0:
            raise InputError(
                f"the inputs have {[len(a) for a in arrays]} samples; expected as many for each, at least 1"
            )
        return arrays

    def _with_gradients(self, inputs: Sequence[Tensor], found: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Values that were found, as functions of the inputs, weights and ranges that they come from."""
        made, graph = self.export(), self._made.floats
        known: dict[int, Tensor] = {}
        for number, value in zip(graph.inputs, inputs, strict=True):
            known[number] = self._stored(made.graph, number, value.to(found[number]).reshape_as(found[number]), found)
        for position, op in enumerate(graph.ops):
            if str(position) in self.layers:
                each = [known[op.inputs[0]], *self._layer(position)(made.weights.get(position))]
            else:
                each = [known[n] if n in known else self._constant(n) for n in op.inputs]
            value = apply(op, each, [n in known for n in op.inputs] + [False] * (len(each) - len(op.inputs)))
            known[op.outputs[0]] = self._stored(made.graph, op.outputs[0], value, found)
        return known

    def _constant(self, number: int) -> Tensor:
        return torch.tensor(self._made.floats.tensors[number].data, device=self.ranges.device)

    def _stored(self, made: Graph, number: int, value: Tensor, found: Mapping[int, Tensor]) -> Tensor:
        """`value` as the device stores it."""
        real, tensor = found[number], made.tensors[_home(made, number)]
        low, high = -np.inf, np.inf
        factor = real.new_zeros(())
        if tensor.quantization is not None:
            least, most = LIMITS[tensor.dtype]
            low = (least - 0.5 - tensor.zero_point) * tensor.scale
            high = (most + 0.5 - tensor.zero_point) * tensor.scale
            if number in self._place:
                factor = self.ranges[self._place[number]].to(real)
        return stored(value.expand_as(real), factor, real, real.new_tensor(low), real.new_tensor(high))


def logits_of(graph: Graph) -> int:
    """The tensor that losses are computed from."""
    op = graph.producer(graph.outputs[0])
    return op.inputs[0] if op is not None and op.kind == "softmax_float32" else graph.outputs[0]


def _home(made: Graph, number: int) -> int:
    """Where the integers of a tensor of floats are in the quantised graph; the tensor itself if there are none."""
    if made.tensors[number].dtype != "float32":
        return number
    for op in made.ops:
        if op.kind.startswith("quantize") and op.inputs == (number,):
            return op.outputs[0]
        if op.kind.startswith("dequantize") and op.outputs == (number,):
            return op.inputs[0]
    return number
