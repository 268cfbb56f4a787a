# SPDX-License-Identifier: Apache-2.0
"""Cross-layer equalisation: what a layer's channel is divided by, the next layer's weights are multiplied by.

Where ReLU or nothing lies between two layers, that changes no output: relu(a x) = a relu(x) for a > 0.  Channels of
very different ranges, which would share one scale, come nearer to each other (Nagel and others, "Data-Free Quantization
Through Weight Equalization and Bias Correction", 2019).  Here a channel's activations count in place of the first
layer's weights, since those have a scale for each channel anyway.  Before a depthwise layer, whose filters have scales
of their own, a = range of the activation; else a = sqrt(range of the activation / range of the weights that read it);
both over the mean of all channels.  Of that a part is done, in logarithms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from groat.batches import Recorder
from groat.graph import Graph, Op, Tensor
from groat.graph.ir import Array
from groat.ops import op_def
from groat.ops.arithmetic import bounds_of
from groat.progress import Progress, silent
from groat.quantization.calibration import require_finite

CONVOLUTIONS = ("conv_2d_float32", "depthwise_conv_2d_float32")
HOMOGENEOUS = ((None, None), (0.0, None))  # clamps
# Where more is done, published models lose more again: weights of the filters that read become uneven.
PART, PART_DEPTHWISE = 0.5, 0.7
MOST = 16.0  # by which a channel may be scaled: more than that serves no range


def _pairs(graph: Graph) -> list[tuple[int, int]]:
    """Positions of convolutions that follow each other, with nothing but ReLU between them."""
    pairs = []
    for first, op in enumerate(graph.ops):
        if op.kind not in CONVOLUTIONS or bounds_of(op.attrs) not in HOMOGENEOUS:
            continue
        readers = [i for i, other in enumerate(graph.ops) if op.outputs[0] in other.inputs]
        if len(readers) == 1 and op.outputs[0] not in graph.outputs and _reads_all(graph, graph.ops[readers[0]]):
            pairs.append((first, readers[0]))
    return pairs


def _reads_all(graph: Graph, op: Op) -> bool:
    """Whether each channel that it reads has weights of its own, which no other layer has."""
    if op.kind not in CONVOLUTIONS or op.attrs.get("groups", 1) != 1:
        return False
    return all(op_def(op.kind).weights_axis is not None and graph.tensors[n].data is not None for n in op.inputs[1:])


def equalize(graph: Graph, samples: Sequence[Array], progress: Progress = silent) -> Graph:
    """The same function of floats, but for rounding, with weights that are easier to quantise."""
    pairs = _pairs(graph)
    if not pairs:
        return graph
    largest = {first: np.zeros(graph.tensors[graph.ops[first].outputs[0]].shape[3]) for first, _ in pairs}
    for part, values in Recorder(graph).run(samples, progress, "ranges of channels"):
        for first, most in largest.items():
            number = graph.ops[first].outputs[0]
            require_finite(graph, number, values[number], part)
            array = np.abs(values[number])
            np.maximum(most, array.reshape(-1, array.shape[-1]).max(axis=0), out=most)
    tensors, ops = dict(graph.tensors), list(graph.ops)

    def constant(position: int, index: int, data: Array) -> None:
        """Another constant for one op alone."""
        op = ops[position]
        number = max(tensors) + 1
        tensors[number] = replace(tensors[op.inputs[index]], data=data.astype(np.float32))
        ops[position] = replace(op, inputs=(*op.inputs[:index], number, *op.inputs[index + 1 :]))

    def data(position: int, index: int) -> Array:
        found = tensors[ops[position].inputs[index]].data
        assert found is not None
        return found

    for first, second in pairs:
        activations = largest[first]
        depthwise = ops[second].kind.startswith("depthwise")
        weights = np.abs(data(second, 1))
        channels = len(activations)
        # A depthwise filter reads one channel and has a scale of its own: nothing speaks for its old range.
        reads = activations if depthwise else weights.max(axis=(0, 1, 2))
        useful = (activations > 0) & (reads > 0)
        factor = np.ones(channels)
        factor[useful] = activations[useful] if depthwise else np.sqrt(activations[useful] / reads[useful])
        factor /= np.exp(np.log(factor[useful]).mean()) if useful.any() else 1.0
        factor = np.clip(factor, 1 / MOST, MOST) ** (PART_DEPTHWISE if depthwise else PART)
        shape = (1, 1, 1, -1) if ops[first].kind.startswith("depthwise") else (-1, 1, 1, 1)
        constant(first, 1, data(first, 1) / factor.reshape(shape))
        if len(ops[first].inputs) > 2:
            constant(first, 2, data(first, 2) / factor)
        spread = np.repeat(factor, weights.shape[3] // channels) if depthwise else factor
        constant(second, 1, data(second, 1) * spread.reshape(1, 1, 1, -1))
    used = {number for op in ops for number in (*op.inputs, *op.outputs)} | {*graph.inputs, *graph.outputs}
    kept: dict[int, Tensor] = {number: tensor for number, tensor in tensors.items() if number in used}
    return replace(graph, tensors=kept, ops=tuple(ops))
