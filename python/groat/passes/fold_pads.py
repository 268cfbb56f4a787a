# SPDX-License-Identifier: Apache-2.0
"""PAD before a convolution becomes the convolution's own padding, so that no padded image is ever stored."""

from __future__ import annotations

from dataclasses import replace

from groat.graph import Graph, Op
from groat.ops.window import extent

FOLDABLE = tuple(
    f"{kind}{ending}" for kind in ("conv_2d", "depthwise_conv_2d") for ending in ("", "_int16", "_float32")
)


def _folded(op: Op, pad: Op) -> Op | None:
    """The convolution with the pad's border added to its own; None where that would not be the same."""
    borders = pad.attrs["padding"]
    if len(borders) != 4 or borders[0] != (0, 0) or borders[3] != (0, 0):
        return None
    # What the pad stores must be what the convolution's padding stands for.
    if pad.attrs["value"] != op.attrs.get("input_zero_point", 0):
        return None
    padding = []
    for axis in range(2):
        (before, after), (more_before, more_after) = op.attrs["padding"][axis], borders[1 + axis]
        reach = extent(op.attrs["kernel"][axis], op.attrs["dilation"][axis])
        # A window may not lie wholly in padding: the kernels' contract (window.h).
        if before + more_before >= reach or after + more_after >= reach:
            return None
        padding.append((before + more_before, after + more_after))
    return replace(op, inputs=(pad.inputs[0], *op.inputs[1:]), attrs={**op.attrs, "padding": tuple(padding)})


def fold_pads(graph: Graph) -> Graph:
    pads = {op.outputs[0]: op for op in graph.ops if op.kind == "pad"}
    ops = []
    for op in graph.ops:
        pad = pads.get(op.inputs[0]) if op.kind in FOLDABLE else None
        ops.append(op if pad is None else _folded(op, pad) or op)
    read = {graph.root(number) for op in ops for number in op.inputs} | {graph.root(n) for n in graph.outputs}
    return graph.with_ops(tuple(op for op in ops if op.kind != "pad" or op.outputs[0] in read))
