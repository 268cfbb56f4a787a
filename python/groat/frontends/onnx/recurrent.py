# SPDX-License-Identifier: Apache-2.0
"""Importers of recurrent layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from groat.frontends.onnx.emitter import Emitter
from groat.frontends.onnx.layout import natural, stored
from groat.frontends.onnx.moves import box, known
from groat.frontends.onnx.reader import Node
from groat.graph.ir import Array
from groat.ops.base import Unsupported

ACTIVATIONS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}
KEPT = {"LSTM": 2, "GRU": 1}
NAMES = ("", "weights", "recurrent weights", "bias", "sequence lengths", "initial state", "initial cell", "peepholes")


def require_plain(to: Emitter, node: Node) -> None:
    """Raises Unsupported for what the kernels have no words for."""
    attrs = node.attrs
    for index in (4, 7):
        if index < len(node.inputs) and node.inputs[index]:
            value = to.constant(node.inputs[index])
            lengths = index == 4 and value is not None and bool((value == to.shape(node.inputs[0])[0]).all())
            if value is None or (value.any() and not lengths):
                raise Unsupported(f"its {NAMES[index]} are given; expected none, or zeros")
    given = attrs.get("activations")
    expected = ACTIVATIONS[node.op] * (2 if attrs.get("direction", "forward") == "bidirectional" else 1)
    if given is not None and [name.decode() if isinstance(name, bytes) else name for name in given] != expected:
        raise Unsupported(f"its activations are {given}; expected {expected}")
    if "clip" in attrs or attrs.get("input_forget", 0):
        raise Unsupported("it has clip or input_forget; there is no kernel for that")


def direction_attrs(node: Node, reverse: bool) -> Mapping[str, Any]:
    if node.op == "LSTM":
        return {"reverse": reverse, "cell_clip": 0.0}
    return {"reverse": reverse, "reset_after": bool(node.attrs.get("linear_before_reset", 0))}


def bias_of(node: Node, bias: Array | None, hidden: int, gates: int) -> Array:
    """The two biases of ONNX as one, but for the recurrent one of GRU's hidden gate."""
    both = np.zeros((2, gates * hidden), np.float32) if bias is None else bias.reshape(2, -1)
    if node.op == "LSTM":
        return both.sum(axis=0)
    common = both.sum(axis=0)
    common[2 * hidden :] = both[0, 2 * hidden :]
    return np.concatenate([common, both[1, 2 * hidden :]])


def recurrent(to: Emitter, node: Node) -> None:
    """LSTM and GRU; of both directions, each a layer."""
    to.integers = False
    require_plain(to, node)
    weights, recurrent_weights, bias = (known(to, node.input(i), NAMES[i]) for i in (1, 2, 3))
    assert weights is not None
    assert recurrent_weights is not None
    gates = 4 if node.op == "LSTM" else 3
    hidden = recurrent_weights.shape[2]
    batch_first = bool(node.attrs.get("layout", 0))
    x = to.read(node.inputs[0], (1, 0, 2) if batch_first else (0, 1, 2))
    steps, batches, _ = to.tensors[x].shape
    direction = node.attrs.get("direction", "forward")
    ways = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    starts = _initial(to, node, len(ways), batches, hidden, batch_first)
    wanted = [len(node.outputs) > index and node.outputs[index] in to.used for index in (1, 2)]
    final = bool(starts) or wanted[1]  # else what it ends with is its last output
    states = [(batches, hidden)] * KEPT[node.op] if final else []
    whole, last = [], []
    for way, reverse in enumerate(ways):
        both = np.concatenate([weights[way], recurrent_weights[way]], axis=1).astype(np.float32)
        biases = bias_of(node, None if bias is None else bias[way], hidden, gates).astype(np.float32)
        inputs = [x, to.add_constant(both, node.inputs[1]), to.add_constant(biases, f"{node.inputs[1]}.bias")]
        shape = (steps, batches, hidden)
        kept = [to.add_tensor(f"{node.name}.{way}.kept{i}", state, None) for i, state in enumerate(states)]
        y = to.op(
            f"{node.op.lower()}_float32",
            [*inputs, *(of_ways[way] for of_ways in starts)],
            to.add_tensor(f"{node.name}.{way}", shape, None),
            {**direction_attrs(node, reverse), "batch_major": False, "initial": bool(starts), "final": final},
            kept,
        )
        whole.append(y)
        if wanted[0] and not final:
            begin = (0 if reverse else steps - 1, 0, 0)
            end = box(to, stored(y, shape, natural(3)), natural(3), begin, (1, batches, hidden), f"{node.name}.last")
            kept = [end.number]
        last.append(kept)
    # In memory: steps, batches, directions, hidden.
    if node.outputs[0] in to.used:
        to.write(node.outputs[0], _joined(to, whole), (1, 0, 2, 3) if batch_first else (0, 2, 1, 3))
    for index in (0, 1):
        if wanted[index]:
            joined = _joined(to, [to.reshaped(of_way[index], (1, batches, hidden)) for of_way in last])
            to.write(node.outputs[1 + index], joined, (0, 1, 2) if batch_first else (1, 0, 2))


def _initial(to: Emitter, node: Node, ways: int, batches: int, hidden: int, batch_first: bool) -> list[list[int]]:
    """For each state that the layer keeps, the tensors [batches, hidden] that its directions start from; empty if all
    start from zeros."""
    names = [node.inputs[i] if i < len(node.inputs) else "" for i in (5, 6)][: KEPT[node.op]]
    given = [name != "" and (to.constant(name) is None or bool(to.constant(name).any())) for name in names]  # type: ignore[union-attr]
    if not any(given):
        return []
    starts = []
    for name, is_given in zip(names, given, strict=True):
        if not is_given:
            zeros = to.add_constant(np.zeros((batches, hidden), np.float32), f"{node.name}.zeros")
            starts.append([zeros] * ways)
            continue
        value, axis = to.value(name), 1 if batch_first else 0
        shape = tuple(1 if i == axis else size for i, size in enumerate(value.shape))
        parts = [
            box(to, value, natural(3), tuple(way if i == axis else 0 for i in range(3)), shape, f"{name}.{way}")
            for way in range(ways)
        ]
        starts.append([to.read_value(part, natural(3), (batches, hidden)) for part in parts])
    return starts


def _joined(to: Emitter, numbers: list[int]) -> int:
    """The directions behind each other, for each step and batch."""
    if len(numbers) == 1:
        return numbers[0]
    steps, batches, hidden = to.tensors[numbers[0]].shape
    y = to.like(numbers[0], "joined", (steps, batches, hidden * len(numbers)))
    return to.operator("CONCATENATION", numbers, y, {"Axis": 2})
