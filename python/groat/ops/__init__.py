# SPDX-License-Identifier: Apache-2.0
"""The ops: one module for each row of runtime/ops/ops.def, found through that table and nothing else."""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass

from groat import _core
from groat.graph.ir import Graph, Op
from groat.ops.base import Importer, OpDef


@dataclass(frozen=True)
class OpRow:
    """A row of ops.def: `id` is pinned in packed models, `name` is the module in this package."""

    id: int
    name: str
    inplace: bool
    by_rows: bool
    parallel: bool


@functools.cache
def op_rows() -> tuple[OpRow, ...]:
    """All ops that this version knows, in the order of the table."""
    return tuple(OpRow(number, name, *facts) for number, _, name, *facts in _core.op_table())


@functools.cache
def op_row(name: str) -> OpRow:
    """The row of an op; raises KeyError for a name that is not in the table."""
    for row in op_rows():
        if row.name == name:
            return row
    raise KeyError(name)


@functools.cache
def op_def(name: str) -> OpDef:
    """What Python knows of an op: the `OP` of its module."""
    op_row(name)
    definition = importlib.import_module(f"groat.ops.{name}").OP
    assert isinstance(definition, OpDef), f"groat.ops.{name}.OP is not an OpDef"
    return definition


def macs_of(graph: Graph, op: Op) -> int:
    """Nominal multiply-accumulates of an op of a graph (OpDef.macs)."""
    inputs, outputs = ([graph.tensors[number] for number in numbers] for numbers in (op.inputs, op.outputs))
    return op_def(op.kind).macs(op, inputs, outputs)


@functools.cache
def tflite_importers() -> dict[str, Importer]:
    """TFLite builtin operator name -> the function that imports it; raises ValueError if two ops claim one."""
    importers: dict[str, Importer] = {}
    for row in op_rows():
        for name, importer in op_def(row.name).tflite.items():
            if name in importers:
                raise ValueError(f"{name} is imported by two ops; the second is {row.name}")
            importers[name] = importer
    return importers
