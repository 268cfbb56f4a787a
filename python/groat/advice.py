# SPDX-License-Identifier: Apache-2.0
"""What a network would have to be like to need less memory: advice for those who train it.

A window's height is what a stream remembers: the rows that one output row leaves for the next.  Where the most bytes
are alive, each window is made smaller, and each stride is moved to an earlier layer; the network so changed is planned
again.  Nothing is guessed, but nothing is said of accuracy either: all of these are other networks, to be trained anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from groat.graph import Graph, Op, Tensor
from groat.ops import macs_of
from groat.ops.window import extent
from groat.options import Options
from groat.planner import Plan, Way, plan_memory, ways
from groat.planner.schedules import without_scratch
from groat.planner.streams import SUM_BYTES
from groat.progress import Progress, silent

Size = tuple[int, int]


def advise(graph: Graph, options: Options, progress: Progress = silent) -> dict[str, Any]:
    """Which changes of layers would make the smallest schedule of a graph smaller.

    Args:
        graph: after all passes.
        options: schedule, input and max_mac_overhead count; a schedule of "auto" is taken as "stream".
        progress: told how many changes have been planned.

    Returns a dict with the keys
        activation_bytes: of the smallest schedule as the network is, without scratch;
        peak: {kind ("layer" or "stream"), model_ops}, the ops (of the imported model) that run where that is needed;
        changes: [{model_op, op, name (of its output), change (in words), halo_bytes (of the rows that its window keeps
            from one output row to the next, as the network is), activation_bytes, saved_bytes, macs (of the network)}],
            those that save something, the best first.
    """
    plan, way = _smallest(graph, options)
    stream = way.schedule.stream_of(plan.peak_step)
    steps = range(stream.first, stream.last + 1) if stream is not None else (plan.peak_step,)
    at_peak = {way.graph.ops[step].index for step in steps} - {-1}  # copies that a stream needs are no op's
    tried = list(_changes(graph, at_peak))
    changes = []
    for done, (op, change, changed) in enumerate(tried):
        found = _smallest(changed, options)[0].arena_bytes
        if found < plan.arena_bytes:
            changes.append(
                {
                    "model_op": op.index,
                    "op": op.kind,
                    "name": graph.tensors[op.outputs[0]].name,
                    "change": change,
                    "halo_bytes": _halo_bytes(graph, op),
                    "activation_bytes": found,
                    "saved_bytes": plan.arena_bytes - found,
                    "macs": _macs(changed),
                }
            )
        progress("changes of the network", done + 1, len(tried))
    return {
        "activation_bytes": plan.arena_bytes,
        "peak": {"kind": "layer" if stream is None else "stream", "model_ops": sorted(at_peak)},
        "changes": sorted(changes, key=lambda change: (-change["saved_bytes"], change["macs"], change["model_op"])),
    }


def _smallest(graph: Graph, options: Options) -> tuple[Plan, Way]:
    """The schedule with the fewest bytes alive, planned without scratch."""
    kind = "stream" if options.schedule == "auto" else options.schedule
    way = list(ways(graph, kind, options.input == "rows", options.max_mac_overhead))[-1]
    channels = [way.graph.tensors[op.outputs[0]].shape[-1:] for op in way.graph.ops]
    sums = without_scratch(way.graph, [SUM_BYTES * math.prod(count) for count in channels], way.schedule)
    return plan_memory(way.graph, sums, way.schedule), way


def _macs(graph: Graph) -> int:
    return sum(macs_of(graph, op) for op in graph.ops)


def _tensors(graph: Graph, op: Op) -> tuple[list[Tensor], list[Tensor]]:
    return [graph.tensors[number] for number in op.inputs], [graph.tensors[number] for number in op.outputs]


def _halo_bytes(graph: Graph, op: Op) -> int:
    rows = extent(op.attrs["kernel"][0], op.attrs["dilation"][0]) - op.attrs["stride"][0]
    image = graph.tensors[op.inputs[0]]
    return max(rows, 0) * image.nbytes // image.shape[1]


# ---- Changes of a network ----------------------------------------------------------------------------------


def _changes(graph: Graph, at_peak: set[int]) -> Iterator[tuple[Op, str, Graph]]:
    """(op, what changes, the graph so changed) for all changes that may help where ops of `at_peak` run."""
    for op in graph.ops:
        if "kernel" not in op.attrs or op.index not in at_peak:
            continue
        kernel = op.attrs["kernel"]
        for smaller in dict.fromkeys((max(kernel[0] - 1, 1), 1)):
            if smaller < kernel[0]:
                size = (smaller, min(smaller, kernel[1]))
                changed = _with_window(graph, op, size, op.attrs["stride"])
                change = f"kernel {kernel[0]}x{kernel[1]} to {size[0]}x{size[1]}"
                yield op, change, _rebuilt(graph, {op.outputs[0]: changed})
    for op in graph.ops:
        if "kernel" in op.attrs and max(op.attrs["stride"]) > 1:
            chain = _chain_before(graph, op)
            if chain and at_peak & {op.index, *(link.index for link in chain)}:
                stride = "x".join(map(str, op.attrs["stride"]))
                change = f"stride {stride} moved to op {chain[0].index} {chain[0].kind}"
                yield op, change, _moved(graph, chain, op)


def _chain_before(graph: Graph, op: Op) -> list[Op]:
    """From the nearest op before it with a window of more than a pixel up to the op in front of it, if one leads to the
    other and nothing else reads what lies between; else nothing."""
    chain: list[Op] = []
    number = op.inputs[0]
    while True:
        before = graph.producer(number)
        shared = len(graph.consumers(number)) > 1 or number in graph.outputs or number in graph.views
        if before is None or shared or max(before.attrs.get("stride", (1, 1))) > 1:
            return []
        inputs, outputs = _tensors(graph, before)
        images = [tensor for tensor in inputs if tensor.data is None]
        if len(images) != 1 or len(images[0].shape) != 4 or images[0].shape[1:3] != outputs[0].shape[1:3]:
            return []
        chain.insert(0, before)
        if max(before.attrs.get("kernel", (1, 1))) > 1:
            return chain
        number = before.inputs[0]


def _moved(graph: Graph, chain: list[Op], op: Op) -> Graph:
    """The graph with the stride of an op at the head of the chain before it."""
    height, width = graph.tensors[op.outputs[0]].shape[1:3]
    between = {
        link.outputs[0]: replace(tensor, shape=(tensor.shape[0], height, width, *tensor.shape[3:]))
        for link in chain
        for tensor in (graph.tensors[link.outputs[0]],)
    }
    smaller = replace(graph, tensors={**graph.tensors, **between})
    head = _with_window(smaller, chain[0], chain[0].attrs["kernel"], op.attrs["stride"])
    last = _with_window(smaller, op, op.attrs["kernel"], (1, 1))
    return _rebuilt(smaller, {chain[0].outputs[0]: head, op.outputs[0]: last})


def _with_window(graph: Graph, op: Op, kernel: Size, stride: Size) -> tuple[Op, dict[int, Tensor]]:
    """An op with another window over the same images, and its weights."""
    x, y = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    attrs = {**op.attrs, "kernel": kernel, "stride": stride}
    attrs["padding"] = tuple(
        _padding(x.shape[1 + axis], y.shape[1 + axis], extent(kernel[axis], op.attrs["dilation"][axis]), stride[axis])
        for axis in range(2)
    )
    weights = {
        number: replace(tensor, shape=data.shape, data=data)
        for number in op.inputs[1:2]
        for tensor in (graph.tensors[number],)
        if tensor.data is not None
        for data in (tensor.data[:, : kernel[0], : kernel[1]],)
    }
    return replace(op, attrs=attrs), weights


def _padding(size: int, outputs: int, reach: int, stride: int) -> tuple[int, int]:
    """So that there are as many outputs as before; where a smaller window would make more, they are left out."""
    total = max((outputs - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def _rebuilt(graph: Graph, changed: dict[int, tuple[Op, dict[int, Tensor]]]) -> Graph:
    """The graph with some ops replaced, by the tensor that they write.  Weights get numbers of their own, since layers
    may share them."""
    tensors = dict(graph.tensors)
    ops = []
    for op in graph.ops:
        if op.outputs[0] in changed:
            op, weights = changed[op.outputs[0]]
            for number, tensor in weights.items():
                fresh = max(tensors) + 1
                tensors[fresh] = tensor
                op = replace(op, inputs=tuple(fresh if other == number else other for other in op.inputs))
        ops.append(op)
    return replace(graph, tensors=tensors, ops=tuple(ops))
