# SPDX-License-Identifier: Apache-2.0
"""The rules of a graph, checked after import and between passes."""

from __future__ import annotations

import numpy as np

from groat.errors import VerifyError
from groat.graph.ir import Graph


def verify(graph: Graph, after: str = "import") -> Graph:
    """Returns `graph` if it keeps the rules below; raises VerifyError naming the first one broken.

    Every number names a tensor; a tensor is written once, before it is read; constants and inputs are never
    written; data has the shape and dtype that the tensor says; views have the bytes of what they view; each op
    infers the shapes that its outputs have.
    """
    from groat.ops import op_def

    def fail(message: str) -> None:
        raise VerifyError(f"after {after}: graph {graph.name!r}: {message}")

    written = set(graph.inputs)
    for number, tensor in graph.tensors.items():
        if any(size <= 0 for size in tensor.shape):
            fail(f"tensor {number} {tensor.name!r} has shape {tensor.shape}")
        if tensor.data is not None:
            written.add(number)
            dtype = np.dtype("int8" if tensor.dtype == "int4" else tensor.dtype)
            if tensor.data.shape != tensor.shape or tensor.data.dtype != dtype:
                fail(
                    f"constant {number} {tensor.name!r} holds {tensor.data.dtype}{list(tensor.data.shape)}, "
                    f"declared {tensor.dtype}{list(tensor.shape)}"
                )
    for view, target in graph.views.items():
        if graph.tensors[view].nbytes != graph.tensors[target].nbytes:
            fail(f"tensor {view} views tensor {target} of another size")
    for op in graph.ops:
        for number in op.inputs:
            if number not in graph.tensors or graph.root(number) not in written:
                fail(f"{op.kind} (op {op.index}) reads tensor {number} before it is written")
        for number in op.outputs:
            if number not in graph.tensors or number in written or number in graph.views:
                fail(f"{op.kind} (op {op.index}) writes tensor {number}, which is not its own")
            written.add(number)
        shapes = op_def(op.kind).shapes(op, [graph.tensors[number] for number in op.inputs])
        declared = [graph.tensors[number].shape for number in op.outputs]
        if shapes != declared:
            fail(f"{op.kind} (op {op.index}) gives shapes {shapes}, its outputs say {declared}")
    for number in graph.outputs:
        if graph.root(number) not in written:
            fail(f"output {number} is never written")
    return graph
