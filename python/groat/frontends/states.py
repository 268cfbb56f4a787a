# SPDX-License-Identifier: Apache-2.0
"""Pairs of an input and an output that are the same thing before and after a run become states of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from groat.errors import InputError
from groat.graph import Graph, Op, State, verify
from groat.passes.integer_ends import DEQUANTIZE, QUANTIZE


def pair_states(graph: Graph, pairs: Mapping[str, str]) -> Graph:
    """The graph without these inputs and outputs: what a run writes to an output, the next one reads as the input.

    Args:
        pairs: name of an input -> name of an output of its shape, type and scale.  The first run reads zeros.

    Raises InputError for a name that is none, or is there twice, and for tensors that differ.
    """
    taken: dict[int, int] = {}
    for given, left in pairs.items():
        source, target = _named(graph, graph.outputs, left, "output"), _named(graph, graph.inputs, given, "input")
        graph, source, target = _in_integers(graph, source, target)
        before, after = graph.tensors[target], graph.tensors[source]
        if source in taken.values() or target in taken:
            raise InputError(f"{graph.name}: states names {given!r} or {left!r} twice; a state has one writer")
        if (before.shape, before.dtype, before.quantization) != (after.shape, after.dtype, after.quantization):
            raise InputError(
                f"{graph.name}: input {given!r} is {before.dtype}{list(before.shape)}, output {left!r} "
                f"{after.dtype}{list(after.shape)}; expected one shape, type and scale for a state"
            )
        taken[target] = source
    inputs = tuple(number for number in graph.inputs if number not in taken)
    outputs = tuple(number for number in graph.outputs if number not in taken.values())
    if not inputs or not outputs:
        raise InputError(f"{graph.name}: with these states it has {len(inputs)} inputs and {len(outputs)} outputs left")
    states = {}
    for number in taken:
        tensor = graph.tensors[number]
        zero = tensor.zero_point if tensor.quantization is not None else 0
        states[number] = State(np.full(tensor.shape, zero, tensor.dtype), "variable")
    copies = tuple(
        Op("reshape", (source,), (target,), {"out_shape": graph.tensors[target].shape})
        for target, source in taken.items()
    )
    made = replace(graph, ops=graph.ops + copies, inputs=inputs, outputs=outputs, states={**graph.states, **states})
    return verify(made, "states")


def _in_integers(graph: Graph, source: int, target: int) -> tuple[Graph, int, int]:
    """The graph with the integers behind an output and an input of floats in their place, and their numbers; as it is
    unless the input goes to QUANTIZE alone, and both are of one type and scale."""
    writer = graph.producer(source)
    readers = graph.consumers(target)
    if writer is None or writer.kind not in DEQUANTIZE or not readers or graph.consumers(source):
        return graph, source, target
    left = graph.tensors[writer.inputs[0]]
    taken = [graph.tensors[op.outputs[0]] for op in readers]
    same = all((tensor.dtype, tensor.quantization) == (left.dtype, left.quantization) for tensor in taken)
    if not same or any(op.kind not in QUANTIZE for op in readers) or writer.inputs[0] in graph.outputs:
        return graph, source, target
    instead = {op.outputs[0]: target for op in readers}
    ops = tuple(
        replace(op, inputs=tuple(instead.get(number, number) for number in op.inputs))
        for op in graph.ops
        if op is not writer and op not in readers
    )
    made = writer.inputs[0]
    tensors = {**graph.tensors, target: replace(taken[0], name=graph.tensors[target].name)}
    tensors[made] = replace(left, name=graph.tensors[source].name)
    outputs = tuple(made if number == source else number for number in graph.outputs)
    return replace(graph, tensors=tensors, ops=ops, outputs=outputs), made, target


def parse_states(states: Mapping[str, str] | str) -> dict[str, str]:
    """Input -> output of pairs that are given as text, "h0=hn,c0=cn", or as they are; InputError if one is no pair."""
    if not isinstance(states, str):
        return dict(states)
    pairs = {}
    for part in states.split(","):
        given, equals, left = part.partition("=")
        if not equals or given.strip() in pairs:
            raise InputError(f"states: {part!r} is no pair, or the second of an input; expected, for example, h0=hn")
        pairs[given.strip()] = left.strip()
    return pairs


def _named(graph: Graph, numbers: tuple[int, ...], name: str, what: str) -> int:
    found = [number for number in numbers if graph.tensors[number].name == name]
    if len(found) != 1:
        names = ", ".join(repr(graph.tensors[number].name) for number in numbers)
        raise InputError(f"{graph.name}: states: {name!r} is no {what}; it has {names}")
    return found[0]
