# SPDX-License-Identifier: Apache-2.0
"""Which parameters are trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from groat.errors import InputError
from groat.graph import Graph, Op
from groat.ops import op_def
from groat.ops.floats import DTYPES
from groat.train.options import Dtype, Train


def layers_of(graph: Graph, dtype: Dtype = "fp32") -> list[int]:
    """Positions of the ops that have something to train, with a `dtype` of groat.Train."""
    return [
        position
        for position, op in enumerate(graph.ops)
        if any(index < len(op.inputs) for index in op_def(op.kind).trainable) and _learns(graph, op, dtype)
    ]


def _learns(graph: Graph, op: Op, dtype: Dtype) -> bool:
    """Whether a layer's types are such as can be trained."""
    x, weights = (graph.tensors[op.inputs[index]].dtype for index in range(2))
    integers = x == weights == "int8" if dtype == "int8" else dtype == "int16" and bool(op_def(op.kind).exponents)
    return x in DTYPES or integers


class Choice(NamedTuple):
    """What of a layer is trained.

    Attributes:
        bias_only: its bias, and not its weights.
        fraction: of its output channels, the first ones.
    """

    bias_only: bool = False
    fraction: float = 1.0


def trained_inputs(graph: Graph, train: Train) -> Mapping[int, tuple[int, ...]]:
    """For each op that is trained, by its position, which of its inputs are: indices into op.inputs.

    Raises InputError for layers that the model does not have, or if nothing is left to train.
    """
    chosen = _chosen(graph, train)
    found = {position: _inputs(graph.ops[position], choice.bias_only) for position, choice in sorted(chosen.items())}
    found = {position: inputs for position, inputs in found.items() if inputs}
    if not found:
        raise InputError(f"train: no layer of {graph.name} that was chosen has a bias")
    return found


def trained_fractions(graph: Graph, train: Train) -> Mapping[int, float]:
    """For each op of which only some output channels are trained, by its position, which part of them.

    Raises InputError as trained_inputs.
    """
    return {position: choice.fraction for position, choice in _chosen(graph, train).items() if choice.fraction < 1}


def _chosen(graph: Graph, train: Train) -> dict[int, Choice]:
    """Position of each layer that is trained, and what of it."""
    layers = layers_of(graph, train.dtype)
    if not layers:
        others = layers_of(graph, "int8")
        raise InputError(
            f"{graph.name} has no layers of floats with weights to train"
            + (f'; it has {len(others)} of int8, which dtype "int8" trains' if others else "")
        )
    parts = _parts(train)
    text, fraction = parts[0]
    word, _, count = text.partition(":")
    if len(parts) > 1 or word not in ("all", "last", "bias"):
        return _by_name(graph, parts, layers)
    choice = Choice(word == "bias", fraction)
    if choice.bias_only and fraction < 1:
        raise InputError(f"train: layers is {text}{AT}{fraction}; a fraction is of layers whose weights are trained")
    if text in ("all", "bias"):
        return dict.fromkeys(layers, choice)
    if not count.isdigit() or not 1 <= int(count) <= len(layers):
        raise InputError(f"train: layers is {text!r}; {graph.name} has {len(layers)} layers with weights")
    return dict.fromkeys(layers[-int(count) :], choice)


def _parts(train: Train) -> list[tuple[str, float]]:
    """What train.layers names, and how much of each."""
    if isinstance(train.layers, Mapping):
        parts = [(text, float(fraction)) for text, fraction in train.layers.items()]
    else:
        texts = train.layers.split(",") if isinstance(train.layers, str) else list(train.layers)
        parts = [_split(text) for text in texts]
    for text, fraction in parts:
        if not 0 < fraction <= 1:
            raise InputError(f"train: the fraction of layer {text!r} is {fraction}; expected more than 0, at most 1")
    if not parts:
        raise InputError("train: layers names no layer")
    return parts


def _split(text: str) -> tuple[str, float]:
    name, at, number = text.rpartition(AT)
    try:
        return (name, float(number)) if at else (text, 1.0)
    except ValueError:
        return text, 1.0


def _by_name(graph: Graph, parts: Sequence[tuple[str, float]], layers: Sequence[int]) -> dict[int, Choice]:
    known = {graph.tensors[graph.ops[position].outputs[0]].name: position for position in layers}
    found: dict[int, Choice] = {}
    for text, fraction in parts:
        bias_only = text not in known and text.endswith(BIAS_ONLY)
        name = text.removesuffix(BIAS_ONLY) if bias_only else text
        if name not in known:
            raise InputError(
                f"train: {graph.name} has no layer with weights of the name {name!r}; it has {', '.join(known)}; "
                'and there are "all", "last:N", "bias" and "bias:N"'
            )
        if bias_only and fraction < 1:
            raise InputError(f"train: of layer {name!r} only the bias is trained; a fraction is of weights")
        found[known[name]] = Choice(bias_only, fraction)
    return found


def _inputs(op: Op, bias_only: bool) -> tuple[int, ...]:
    """The inputs that are trained: all that can be, or the bias."""
    inputs = [index for index in op_def(op.kind).trainable if index < len(op.inputs)]
    return tuple(inputs[1:] if bias_only else inputs)


BIAS_ONLY = ":bias"
"""What follows a layer's name where only its bias is trained."""

AT = "@"
"""What stands between a layer's name and the fraction of its output channels that is trained."""
