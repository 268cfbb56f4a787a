# SPDX-License-Identifier: Apache-2.0
"""Which parameters are trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    return x in DTYPES or (dtype == "int8" and x == weights == "int8")


def trained_inputs(graph: Graph, train: Train) -> Mapping[int, tuple[int, ...]]:
    """For each op that is trained, by its position, which of its inputs are: indices into op.inputs.

    Raises InputError for layers that the model does not have, or if nothing is left to train.
    """
    layers = layers_of(graph, train.dtype)
    if not layers:
        others = layers_of(graph, "int8")
        raise InputError(
            f"{graph.name} has no layers of floats with weights to train"
            + (f'; it has {len(others)} of int8, which dtype "int8" trains' if others else "")
        )
    text = train.layers if isinstance(train.layers, str) else ",".join(train.layers)
    word, _, count = text.partition(":")
    if text in ("all", "bias"):
        chosen = dict.fromkeys(layers, word == "bias")
    elif word in ("last", "bias") and "," not in text:
        if not count.isdigit() or not 1 <= int(count) <= len(layers):
            raise InputError(f"train: layers is {text!r}; {graph.name} has {len(layers)} layers with weights")
        chosen = dict.fromkeys(layers[-int(count) :], word == "bias")
    else:
        chosen = _by_name(graph, text.split(","), layers)
    found = {position: _inputs(graph.ops[position], bias_only) for position, bias_only in sorted(chosen.items())}
    found = {position: inputs for position, inputs in found.items() if inputs}
    if not found:
        raise InputError(f"train: no layer of {graph.name} that was chosen has a bias")
    return found


def _by_name(graph: Graph, names: Sequence[str], layers: Sequence[int]) -> dict[int, bool]:
    """Position of each layer, and whether only its bias is meant."""
    known = {graph.tensors[graph.ops[position].outputs[0]].name: position for position in layers}
    found: dict[int, bool] = {}
    for text in names:
        bias_only = text not in known and text.endswith(BIAS_ONLY)
        name = text.removesuffix(BIAS_ONLY) if bias_only else text
        if name not in known:
            raise InputError(
                f"train: {graph.name} has no layer with weights of the name {name!r}; it has {', '.join(known)}; "
                'and there are "all", "last:N", "bias" and "bias:N"'
            )
        found[known[name]] = bias_only
    return found


def _inputs(op: Op, bias_only: bool) -> tuple[int, ...]:
    """The inputs that are trained: all that can be, or the bias."""
    inputs = [index for index in op_def(op.kind).trainable if index < len(op.inputs)]
    return tuple(inputs[1:] if bias_only else inputs)


BIAS_ONLY = ":bias"
"""What follows a layer's name where only its bias is trained."""
