# SPDX-License-Identifier: Apache-2.0
"""A model with float ends takes and gives the integers behind them: their QUANTIZE and DEQUANTIZE go.

A float image takes four times the memory of what QUANTIZE makes of it.  This pass alone changes what goes in and comes
out, so it runs only where that was asked for.
"""

from __future__ import annotations

from dataclasses import replace

from groat.errors import InputError
from groat.graph import Graph, Op

QUANTIZE = ("quantize", "quantize_int16")
DEQUANTIZE = ("dequantize", "dequantize_int16")


def integer_ends(graph: Graph) -> Graph:
    """Raises InputError for a float input that not only QUANTIZE reads, or a float output that is not DEQUANTIZE's."""
    for number in graph.inputs:
        if graph.tensors[number].dtype == "float32":
            graph = _integer_input(graph, number)
    for position, number in enumerate(graph.outputs):
        if graph.tensors[number].dtype == "float32":
            graph = _integer_output(graph, position)
    return graph


def _integer_input(graph: Graph, number: int) -> Graph:
    """The input, and all views of it, with the type and scale of what QUANTIZE made of them."""
    readers = [op for op in graph.ops if number in map(graph.root, op.inputs)]
    name = graph.tensors[number].name
    for op in readers:
        if op.kind not in QUANTIZE or (op.kind, op.attrs) != (readers[0].kind, readers[0].attrs):
            found = f"op {op.index} {op.kind} reads it" + (" with another scale" if op.kind in QUANTIZE else "")
            raise _refused(graph, f"input {name!r}", found, "one QUANTIZE")
    if not readers or number in map(graph.root, graph.outputs):
        raise _refused(graph, f"input {name!r}", "it is an output itself" if readers else "no op reads it", "QUANTIZE")
    made = graph.tensors[readers[0].outputs[0]]
    tensors = dict(graph.tensors)
    for seen in (number, *graph.views):
        if graph.root(seen) == number:
            tensors[seen] = replace(tensors[seen], dtype=made.dtype, quantization=made.quantization)
    instead = {op.outputs[0]: op.inputs[0] for op in readers}
    return replace(
        graph,
        tensors=tensors,
        ops=tuple(_reading(op, instead) for op in graph.ops if op not in readers),
        outputs=tuple(instead.get(n, n) for n in graph.outputs),
        views={view: instead.get(seen, seen) for view, seen in graph.views.items()},
    )


def _reading(op: Op, instead: dict[int, int]) -> Op:
    return replace(op, inputs=tuple(instead.get(n, n) for n in op.inputs))


def _integer_output(graph: Graph, position: int) -> Graph:
    """The output is what DEQUANTIZE read, under the output's own name and shape."""
    number = graph.outputs[position]
    writer = graph.producer(graph.root(number))
    name = graph.tensors[number].name
    if writer is None or writer.kind not in DEQUANTIZE:
        found = "no op writes it" if writer is None else f"op {writer.index} {writer.kind} writes it"
        raise _refused(graph, f"output {name!r}", found, "DEQUANTIZE")
    source = writer.inputs[0]
    made = graph.tensors[source]
    tensors, views, outputs = dict(graph.tensors), dict(graph.views), list(graph.outputs)
    if made.shape == tensors[number].shape and graph.producer(source) is not None and source not in outputs:
        tensors[source] = replace(made, name=name)
        outputs[position] = source
    else:
        outputs[position] = max(tensors) + 1
        tensors[outputs[position]] = replace(tensors[number], dtype=made.dtype, quantization=made.quantization)
        views[outputs[position]] = source
    kept = replace(graph, tensors=tensors, outputs=tuple(outputs), views=views)
    read = {kept.root(n) for op in kept.ops for n in op.inputs} | {kept.root(n) for n in kept.outputs}
    if writer.outputs[0] in read:
        return kept
    return replace(
        kept,
        ops=tuple(op for op in kept.ops if op is not writer),
        views={view: seen for view, seen in views.items() if kept.root(view) != writer.outputs[0]},
    )


def _refused(graph: Graph, what: str, found: str, expected: str) -> InputError:
    return InputError(
        f"{graph.name}: float32 {what} cannot become integers: {found}; expected {expected}; "
        "keep the model's own ends (io='model')"
    )
