# SPDX-License-Identifier: Apache-2.0
"""Importers of nodes that move elements, most of them without moving a byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from groat.frontends.onnx.elements import broadcast_order
from groat.frontends.onnx.emitter import Emitter
from groat.frontends.onnx.layout import Order, Value, groups_of, natural, stored
from groat.frontends.onnx.reader import Node
from groat.graph.ir import Array
from groat.ops.base import Shape, Unsupported


def known(to: Emitter, name: str, what: str) -> Array | None:
    """A constant input; None if it is left out."""
    value = to.constant(name) if name else None
    if name and value is None:
        raise Unsupported(f"its {what} are computed at run time; expected a constant")
    return value


def reshape(to: Emitter, node: Node) -> None:
    """Reshape, Flatten, Squeeze, Unsqueeze: the elements stay where they are."""
    to.keep(node.outputs[0], replace(to.value(node.inputs[0]), shape=to.shape(node.outputs[0])))


def permuted(to: Emitter, value: Value, order: Sequence[int]) -> Value:
    """A value whose dimensions go in another order."""
    groups = groups_of(value.factors, value.shape)
    if groups is None:
        shape, whole = value.shape, natural(len(value.shape))
        value = stored(to.in_order(value, whole), shape, whole)
        groups = groups_of(value.factors, shape)
        assert groups is not None
    factors = tuple(factor for axis in order for factor in groups[axis])
    return Value(value.number, tuple(value.shape[axis] for axis in order), factors)


def transpose(to: Emitter, node: Node) -> None:
    value = to.value(node.inputs[0])
    order = node.attrs.get("perm", tuple(reversed(range(len(value.shape)))))
    to.keep(node.outputs[0], permuted(to, value, order))


def depth_to_space(to: Emitter, node: Node) -> None:
    value, block = to.value(node.inputs[0]), int(node.attrs["blocksize"])
    n, c, h, w = value.shape
    if node.attrs.get("mode", "DCR") == "DCR":
        split, order = (n, block, block, c // block**2, h, w), (0, 3, 4, 1, 5, 2)
    else:
        split, order = (n, c // block**2, block, block, h, w), (0, 1, 4, 2, 5, 3)
    moved = permuted(to, replace(value, shape=split), order)
    to.keep(node.outputs[0], replace(moved, shape=to.shape(node.outputs[0])))


def space_to_depth(to: Emitter, node: Node) -> None:
    value, block = to.value(node.inputs[0]), int(node.attrs["blocksize"])
    if node.attrs.get("mode", "DCR") != "DCR":
        raise Unsupported(f"its mode is {node.attrs['mode']}; expected DCR")
    n, c, h, w = value.shape
    moved = permuted(to, replace(value, shape=(n, c, h // block, block, w // block, block)), (0, 3, 5, 1, 2, 4))
    to.keep(node.outputs[0], replace(moved, shape=to.shape(node.outputs[0])))


def expand(to: Emitter, node: Node) -> None:
    value, shape = to.value(node.inputs[0]), to.shape(node.outputs[0])
    if np.prod(value.shape) != np.prod(shape):
        raise Unsupported(f"it repeats {list(value.shape)} to {list(shape)}; there is no kernel that only repeats")
    to.keep(node.outputs[0], replace(value, shape=shape))


# ---- Boxes -----------------------------------------------------------------------------------------------


def box(to: Emitter, value: Value, order: Order, begin: Sequence[int], shape: Shape, name: str) -> Value:
    """The part of a value from `begin` on, of a shape; itself if it is all of it."""
    if shape == value.shape:
        return value
    if min(shape) < 1:
        raise Unsupported(f"{name!r} would have shape {list(shape)}; expected no empty tensor")
    x = to.read_value(value, order)
    out = tuple(shape[axis] for axis in order)
    y = to.add_tensor(name, out, to.tensors[x].quantization)
    to.op("slice", [x], y, {"begin": tuple(begin[axis] for axis in order), "shape": out})
    return stored(y, shape, order)


def slice_node(to: Emitter, node: Node) -> None:
    shape = to.shape(node.inputs[0])
    rank = len(shape)
    starts, ends, axes, steps = (
        known(to, node.input(i), what) for i, what in enumerate(("", "starts", "ends", "axes", "steps")) if i > 0
    )
    assert starts is not None
    assert ends is not None
    begin, out = [0] * rank, to.shape(node.outputs[0])
    for i, axis in enumerate(range(len(starts)) if axes is None else axes.tolist()):
        if steps is not None and steps[i] != 1:
            raise Unsupported(f"its step is {steps[i]}; expected 1")
        begin[axis % rank] = slice(int(starts[i]), int(ends[i])).indices(shape[axis % rank])[0]
    to.keep(node.outputs[0], box(to, to.value(node.inputs[0]), to.order(node.inputs[0]), begin, out, node.outputs[0]))


def split(to: Emitter, node: Node) -> None:
    shape = to.shape(node.inputs[0])
    axis = node.attrs.get("axis", 0) % len(shape)
    begin = [0] * len(shape)
    for name in node.outputs:
        out = to.shape(name)
        if name in to.used:
            to.keep(name, box(to, to.value(node.inputs[0]), to.order(node.inputs[0]), begin, out, name))
        begin[axis] += out[axis]


def gather(to: Emitter, node: Node) -> None:
    """Of neighbours along an axis: a box."""
    shape = to.shape(node.inputs[0])
    axis = node.attrs.get("axis", 0) % len(shape)
    indices = known(to, node.input(1), "indices")
    assert indices is not None
    places = np.where(indices < 0, indices + shape[axis], indices).ravel()
    if places.size == 0 or not np.array_equal(places, np.arange(places[0], places[0] + places.size)):
        raise Unsupported(f"its indices are {indices.ravel().tolist()[:8]}; expected neighbours in a row")
    begin = [int(places[0]) if i == axis else 0 for i in range(len(shape))]
    part = (*shape[:axis], places.size, *shape[axis + 1 :])
    found = box(to, to.value(node.inputs[0]), to.order(node.inputs[0]), begin, part, node.outputs[0])
    to.keep(node.outputs[0], replace(found, shape=to.shape(node.outputs[0])))


def concat(to: Emitter, node: Node) -> None:
    shape = to.shape(node.outputs[0])
    for name in node.inputs:
        if name in to.model.constants and name not in to.quantizations:
            to.integers = False
    order = broadcast_order(to, node.inputs, len(shape))
    quantization = to.quantization(node.outputs[0])
    inputs = [to.read(name, order) for name in node.inputs]
    if quantization is not None:
        inputs = [to.rounded(number, quantization) for number in inputs]
    y = to.add_tensor(node.outputs[0], [shape[axis] for axis in order], quantization)
    where = order.index(node.attrs["axis"] % len(shape))
    to.write(node.outputs[0], to.operator("CONCATENATION", inputs, y, {"Axis": where}), order)


def pad(to: Emitter, node: Node) -> None:
    shape = to.shape(node.inputs[0])
    rank = len(shape)
    if node.attrs.get("mode", "constant") != "constant":
        raise Unsupported(f"its mode is {node.attrs['mode']}; expected constant")
    pads, axes = known(to, node.input(1), "pads"), known(to, node.input(3), "axes")
    value = known(to, node.input(2), "value")
    assert pads is not None
    pairs = [(0, 0)] * rank
    for i, axis in enumerate(range(rank) if axes is None else axes.tolist()):
        pairs[axis % rank] = (int(pads[i]), int(pads[len(pads) // 2 + i]))
    order = to.order(node.inputs[0])
    x = to.read(node.inputs[0], order)
    real = 0.0 if value is None or value.size == 0 else float(value.ravel()[0])
    tensor = to.tensors[x]
    filled: Array = np.array([real], np.float32)
    if tensor.quantization is not None:
        filled = np.clip(np.rint(filled / np.float32(tensor.scale)) + tensor.zero_point, -128, 127).astype(np.int8)
    inputs = [x, to.add_constant(np.array([pairs[axis] for axis in order], np.int32), "padding")]
    inputs.append(to.add_constant(filled, "value"))
    y = to.like(x, "padded", [sum(pairs[axis]) + shape[axis] for axis in order])
    to.write(node.outputs[0], to.operator("PADV2", inputs, y), order)
