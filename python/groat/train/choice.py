# SPDX-License-Identifier: Apache-2.0
"""Which parameters are trained."""

from __future__ import annotations

from collections.abc import Mapping

from groat.errors import InputError
from groat.graph import Graph
from groat.ops import op_def
from groat.train.options import Train


def layers_of(graph: Graph) -> list[int]:
    """Positions of the ops that have something to train."""
    return [
        position
        for position, op in enumerate(graph.ops)
        if any(index < len(op.inputs) for index in op_def(op.kind).trainable)
    ]


def trained_inputs(graph: Graph, train: Train) -> Mapping[int, tuple[int, ...]]:
    """For each op that is trained, by its position, which of its inputs are: indices into op.inputs.

    Raises InputError for layers that the model does not have, or if nothing is left to train.
    """
    layers = layers_of(graph)
    if not layers:
        raise InputError(f"{graph.name} has no layers of floats with weights to train; an int8 model has none")
    text = train.layers if isinstance(train.layers, str) else ",".join(train.layers)
    word, _, count = text.partition(":")
    chosen, bias_only = layers, word == "bias"
    if word == "last" or (bias_only and count):
        if not count.isdigit() or not 1 <= int(count) <= len(layers):
            raise InputError(f"train: layers is {text!r}; {graph.name} has {len(layers)} layers with weights")
        chosen = layers[-int(count) :]
    elif text not in ("all", "bias"):
        names = {graph.tensors[graph.ops[position].outputs[0]].name: position for position in layers}
        unknown = [name for name in text.split(",") if name not in names]
        if unknown:
            raise InputError(
                f"train: {graph.name} has no layers with weights of the names {unknown}; it has {', '.join(names)}; "
                'and there are "all", "last:N", "bias" and "bias:N"'
            )
        chosen = sorted(names[name] for name in text.split(","))
    found: dict[int, tuple[int, ...]] = {}
    for position in chosen:
        op = graph.ops[position]
        inputs = [index for index in op_def(op.kind).trainable if index < len(op.inputs)]
        inputs = [index for index in inputs if not bias_only or index != inputs[0] or len(inputs) == 1]
        if bias_only and len(op.inputs) <= op_def(op.kind).trainable[0] + 1:
            continue  # it has no bias
        found[position] = tuple(inputs)
    if not found:
        raise InputError(f"train: no layer of {graph.name} has a bias")
    return found
