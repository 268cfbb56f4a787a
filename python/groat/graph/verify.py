# SPDX-License-Identifier: Apache-2.0
"""The rules of a graph, checked after import and between passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import numpy as np

from groat.errors import VerifyError
from groat.graph.ir import STATE_KINDS, Graph, Op


def verify(graph: Graph, after: str = "import") -> Graph:
    """Returns `graph` if it keeps the rules below; raises VerifyError naming the first one broken.

    Every number names a tensor; a tensor is written once, before it is read; constants and inputs are never
    written; data has the shape and dtype that the tensor says; views have the bytes of what they view; each op
    infers the shapes that its outputs have.  States are there from the start, and may be written again; programs hold
    all ops, one behind the other, and read nothing of each other but states.
    """

    def fail(message: str) -> NoReturn:
        raise VerifyError(f"after {after}: graph {graph.name!r}: {message}")

    constants = set(graph.states)
    for number, tensor in graph.tensors.items():
        if any(size <= 0 for size in tensor.shape):
            fail(f"tensor {number} {tensor.name!r} has shape {tensor.shape}")
        if tensor.data is not None:
            constants.add(number)
            dtype = np.dtype("int8" if tensor.dtype == "int4" else tensor.dtype)
            if tensor.data.shape != tensor.shape or tensor.data.dtype != dtype:
                fail(
                    f"constant {number} {tensor.name!r} holds {tensor.data.dtype}{list(tensor.data.shape)}, "
                    f"declared {tensor.dtype}{list(tensor.shape)}"
                )
    for view, target in graph.views.items():
        if graph.tensors[view].nbytes != graph.tensors[target].nbytes:
            fail(f"tensor {view} views tensor {target} of another size")
    for number, state in graph.states.items():
        tensor = graph.tensors[number]
        if tensor.data is not None or number in graph.views:
            fail(f"state {number} {tensor.name!r} is a constant, or a view")
        if state.initial.shape != tensor.shape or str(state.initial.dtype) != tensor.dtype:
            fail(
                f"state {number} {tensor.name!r} starts as {state.initial.dtype}{list(state.initial.shape)}, "
                f"declared {tensor.dtype}{list(tensor.shape)}"
            )
    kinds = [STATE_KINDS.index(state.kind) for state in graph.states.values()]
    if kinds != sorted(kinds):
        fail("its states are not in the order of their kinds")
    position = 0
    for program in graph.programs:
        if program.first != position or (graph.named and program.count < 1):
            fail(f"program {program.name!r} starts with op {program.first}, expected {position}")
        position += program.count
        written = constants | set(program.inputs)
        for op in graph.ops_of(program):
            _verify_op(graph, op, written, fail)
        for number in program.outputs:
            if graph.root(number) not in written:
                fail(f"output {number} is never written")
    if position != len(graph.ops):
        fail(f"its programs have {position} ops of {len(graph.ops)}")
    return graph


def _verify_op(graph: Graph, op: Op, written: set[int], fail: Callable[[str], NoReturn]) -> None:
    from groat.ops import op_def

    for number in op.inputs:
        if number not in graph.tensors or graph.root(number) not in written:
            fail(f"{op.kind} (op {op.index}) reads tensor {number} before it is written")
    for number in op.outputs:
        if number in graph.states:
            continue
        if number not in graph.tensors or number in written or number in graph.views:
            fail(f"{op.kind} (op {op.index}) writes tensor {number}, which is not its own")
        written.add(number)
    shapes = op_def(op.kind).shapes(op, [graph.tensors[number] for number in op.inputs])
    declared = [graph.tensors[number].shape for number in op.outputs]
    if shapes != declared:
        fail(f"{op.kind} (op {op.index}) gives shapes {shapes}, its outputs say {declared}")
