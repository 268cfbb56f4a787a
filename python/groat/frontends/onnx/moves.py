# SPDX-License-Identifier: Apache-2.0
"""Importers of nodes that move elements, most of them without moving a byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from groat.frontends.onnx.elements import broadcast_order
from groat.frontends.onnx.emitter import Emitter, require_places
from groat.frontends.onnx.layout import Order, Value, stored
from groat.frontends.onnx.reader import Node
from groat.frontends.onnx.resize import ROUNDED, multiplied, region_places, weights_of
from groat.graph.ir import Array
from groat.ops.base import Shape, Unsupported
from groat.ops.gather import PLACES_MAX
from groat.ops.resize import between_all


def known(to: Emitter, name: str, what: str) -> Array | None:
    """A constant input; None if it is left out."""
    value = to.constant(name) if name else None
    if name and value is None:
        raise Unsupported(f"its {what} are computed at run time; expected a constant")
    return value


def reshape(to: Emitter, node: Node) -> None:
    """Reshape, Flatten, Squeeze, Unsqueeze: the elements stay where they are."""
    to.keep(node.outputs[0], replace(to.value(node.inputs[0]), shape=to.shape(node.outputs[0])))


def transpose(to: Emitter, node: Node) -> None:
    value = to.value(node.inputs[0])
    order = node.attrs.get("perm", tuple(reversed(range(len(value.shape)))))
    to.keep(node.outputs[0], to.permuted(value, order))


def taken(to: Emitter, value: Value, axis: int, indices: Sequence[int], name: str, order: Order | None = None) -> Value:
    """Some places along a dimension of a value, in any order."""
    order = to.order_of(value) if order is None else order
    if max(indices, default=-1) >= PLACES_MAX or not indices:
        raise Unsupported(
            f"{name!r} takes {len(indices)} of {value.shape[axis]} places; expected some below {PLACES_MAX}"
        )
    x = to.read_value(value, order)
    shape = (*value.shape[:axis], len(indices), *value.shape[axis + 1 :])
    y = to.like(x, "taken", [shape[at] for at in order])
    to.op("gather", [x], y, {"axis": order.index(axis), "indices": tuple(int(index) for index in indices)})
    return stored(y, shape, order)


def depth_to_space(to: Emitter, node: Node) -> None:
    value, block = to.value(node.inputs[0]), int(node.attrs["blocksize"])
    n, c, h, w = value.shape
    if node.attrs.get("mode", "DCR") == "DCR":
        split, order = (n, block, block, c // block**2, h, w), (0, 3, 4, 1, 5, 2)
    else:
        split, order = (n, c // block**2, block, block, h, w), (0, 1, 4, 2, 5, 3)
    moved = to.permuted(replace(value, shape=split), order)
    to.keep(node.outputs[0], replace(moved, shape=to.shape(node.outputs[0])))


def space_to_depth(to: Emitter, node: Node) -> None:
    value, block = to.value(node.inputs[0]), int(node.attrs["blocksize"])
    n, c, h, w = value.shape
    order = (0, 3, 5, 1, 2, 4) if node.attrs.get("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    moved = to.permuted(replace(value, shape=(n, c, h // block, block, w // block, block)), order)
    to.keep(node.outputs[0], replace(moved, shape=to.shape(node.outputs[0])))


def expand(to: Emitter, node: Node) -> None:
    """Along dimensions of size 1."""
    value, shape = to.value(node.inputs[0]), to.shape(node.outputs[0])
    value = replace(value, shape=(1,) * (len(shape) - len(value.shape)) + value.shape)
    for axis, size in enumerate(shape):
        if size != value.shape[axis]:
            require_places(size, node.outputs[0])
            value = taken(to, value, axis, [0] * size, node.outputs[0])
    to.keep(node.outputs[0], value)


def tile(to: Emitter, node: Node) -> None:
    value, repeats = to.value(node.inputs[0]), known(to, node.input(1), "repeats")
    assert repeats is not None
    for axis, count in enumerate(repeats.tolist()):
        if count != 1:
            require_places(value.shape[axis] * count, node.outputs[0])
            value = taken(to, value, axis, list(range(value.shape[axis])) * count, node.outputs[0])
    to.keep(node.outputs[0], value)


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
    begin, part, name = [0] * rank, list(shape), node.outputs[0]
    stepped = {}
    for i, axis in enumerate(range(len(starts)) if axes is None else axes.tolist()):
        step = 1 if steps is None else int(steps[i])
        places = range(*slice(int(starts[i]), int(ends[i]), step).indices(shape[axis % rank]))
        if step == 1:
            begin[axis % rank], part[axis % rank] = places.start, len(places)
        else:
            stepped[axis % rank] = list(places)
    value = box(to, to.value(node.inputs[0]), to.order(node.inputs[0]), begin, tuple(part), name)
    for axis, indices in stepped.items():
        value = taken(to, value, axis, indices, name)
    to.keep(name, value)


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
    """Of neighbours along an axis: a box; of others, a copy of each."""
    shape = to.shape(node.inputs[0])
    axis = node.attrs.get("axis", 0) % len(shape)
    indices = known(to, node.input(1), "indices")
    assert indices is not None
    places = np.where(indices < 0, indices + shape[axis], indices).ravel()
    value, name = to.value(node.inputs[0]), node.outputs[0]
    if places.size > 0 and np.array_equal(places, np.arange(places[0], places[0] + places.size)):
        begin = [int(places[0]) if i == axis else 0 for i in range(len(shape))]
        part = (*shape[:axis], places.size, *shape[axis + 1 :])
        found = box(to, value, to.order(node.inputs[0]), begin, part, name)
    else:
        found = taken(to, value, axis, places.tolist(), name)
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
    mode = node.attrs.get("mode", "constant")
    pads, axes = known(to, node.input(1), "pads"), known(to, node.input(3), "axes")
    value = known(to, node.input(2), "value")
    assert pads is not None
    pairs = [(0, 0)] * rank
    for i, axis in enumerate(range(rank) if axes is None else axes.tolist()):
        pairs[axis % rank] = (int(pads[i]), int(pads[len(pads) // 2 + i]))
    if mode != "constant":
        inside = to.value(node.inputs[0])
        for axis, pair in enumerate(pairs):
            if pair != (0, 0):
                require_places(sum(pair), node.outputs[0])
                numpy_mode: Any = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}[mode]
                if min(pair) < 0:
                    raise Unsupported(f"its pads are {pair}; expected at least 0 where its mode is {mode}")
                inside = taken(
                    to, inside, axis, np.pad(np.arange(shape[axis]), pair, numpy_mode).tolist(), node.outputs[0]
                )
        to.keep(node.outputs[0], inside)
        return
    order = to.order(node.inputs[0])
    x = to.read(node.inputs[0], order)
    if min(min(pair) for pair in pairs) < 0:
        begin = [max(0, -before) for before, _ in pairs]
        part = tuple(size - max(0, -b) - max(0, -a) for size, (b, a) in zip(shape, pairs, strict=True))
        cut = box(to, to.value(node.inputs[0]), order, begin, part, f"{node.outputs[0]}.inside")
        x, shape = cut.number, part
        pairs = [(max(0, before), max(0, after)) for before, after in pairs]
    real = 0.0 if value is None or value.size == 0 else float(value.ravel()[0])
    tensor = to.tensors[x]
    filled: Array = np.array([real], np.float32)
    if tensor.quantization is not None:
        filled = np.clip(np.rint(filled / np.float32(tensor.scale)) + tensor.zero_point, -128, 127).astype(np.int8)
    inputs = [x, to.add_constant(np.array([pairs[axis] for axis in order], np.int32), "padding")]
    inputs.append(to.add_constant(filled, "value"))
    y = to.like(x, "padded", [sum(pairs[axis]) + shape[axis] for axis in order])
    to.write(node.outputs[0], to.operator("PADV2", inputs, y), order)


# ---- Resize ----------------------------------------------------------------------------------------------


def source_places(node: Node, size: int, out: int, scale: float) -> Array:
    """Where each place of an output of Resize is in the input, by the node's coordinate_transformation_mode."""
    mode = node.attrs.get("coordinate_transformation_mode", "half_pixel")
    at = np.arange(out, dtype=np.float64)
    if mode == "half_pixel" or (mode == "pytorch_half_pixel" and out > 1):
        return (at + 0.5) / scale - 0.5
    if mode == "half_pixel_symmetric":
        adjusted = size / 2 * (1 - out / (size * scale))
        return adjusted + (at + 0.5) / scale - 0.5
    if mode == "align_corners":
        last = size * scale - 1  # of a size that need not be whole
        return at * (size - 1) / last if out > 1 else np.zeros(out)
    if mode == "asymmetric":
        return at / scale
    if mode == "pytorch_half_pixel":
        return np.zeros(out)
    raise Unsupported(f"its coordinate_transformation_mode is {mode}, which ONNX does not have")


def _filled(to: Emitter, value: Value, order: Order, inside: Mapping[int, Array], fill: float) -> Value:
    """A value of zeros outside a region, with `fill` in their place."""
    within = np.ones([1] * len(value.shape), bool)
    for axis, places in inside.items():
        within = within & places.reshape([-1 if at == axis else 1 for at in range(len(value.shape))])
    x = to.read_value(value, order)
    border = to.add_constant(np.where(within, 0, fill).transpose(order).astype(np.float32), "outside")
    return stored(to.operator("ADD", [x, border], to.like(x, "filled")), value.shape, order)


def resize(to: Emitter, node: Node) -> None:
    """Nearest neighbours, between two along each axis, or a sum of more."""
    mode = node.attrs.get("mode", "nearest")
    value, out, name = to.value(node.inputs[0]), to.shape(node.outputs[0]), node.outputs[0]
    shape, rank = value.shape, len(value.shape)
    if mode not in ("nearest", "linear", "cubic"):
        raise Unsupported(f"its mode is {mode}; expected nearest, linear or cubic")
    axes = [axis % rank for axis in node.attrs.get("axes", range(rank))]
    scales, sizes = known(to, node.input(2), "scales"), known(to, node.input(3), "sizes")
    factors = {axis: out[axis] / shape[axis] for axis in axes}
    if scales is not None and scales.size > 0:
        factors = {axis: float(scale) for axis, scale in zip(axes, scales, strict=True)}
    elif sizes is not None and node.attrs.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        ratios = [int(size) / shape[axis] for axis, size in zip(axes, sizes, strict=True)]
        larger = node.attrs["keep_aspect_ratio_policy"] == "not_smaller"
        factors = dict.fromkeys(axes, max(ratios) if larger else min(ratios))
    crop = node.attrs.get("coordinate_transformation_mode") == "tf_crop_and_resize"
    box = known(to, node.input(1), "region") if crop else None
    inside: dict[int, Array] = {}  # of a region, by axis: which places of the output lie in the input
    order = to.order_of(value)
    # The axis that grows least goes first: what lies in between is small then.
    for axis in sorted(axes, key=lambda axis: out[axis] / shape[axis]):
        if out[axis] == shape[axis] and factors[axis] == 1 and not crop:
            continue
        require_places(out[axis], name)
        if box is not None:
            at = axes.index(axis)
            places = region_places(float(box[at]), float(box[at + len(axes)]), shape[axis], out[axis])
            inside[axis] = (places >= 0) & (places <= shape[axis] - 1)
        else:
            places = source_places(node, shape[axis], out[axis], factors[axis])
        if mode == "nearest" and not crop:
            rounded = ROUNDED[node.attrs.get("nearest_mode", "round_prefer_floor")](places)
            value = taken(to, value, axis, np.clip(rounded, 0, shape[axis] - 1).astype(int).tolist(), name, order)
            continue
        summed = mode == "cubic" or bool(node.attrs.get("antialias", 0) and factors[axis] < 1) or crop
        if summed and to.tensors[value.number].dtype != "float32":
            to.integers = False
            value = to.value(node.inputs[0])
        x, between = to.read_value(value, order), np.clip(places, 0, shape[axis] - 1)
        part = (*value.shape[:axis], out[axis], *value.shape[axis + 1 :])
        made = tuple(part[at] for at in order)
        if summed:
            weights = weights_of(node, places, shape[axis], factors[axis])
            if crop:
                weights[~inside[axis]] = 0
            value = stored(multiplied(to, x, weights, order.index(axis), made), part, order)
            continue
        indices = tuple(np.floor(between).astype(int).tolist())
        shares = tuple((between - np.floor(between)).astype(np.float32).tolist())
        y = to.like(x, "resized", made)
        if to.tensors[x].dtype == "int8":
            to.operator("RESIZE_BILINEAR", [x], y, {"Along": (order.index(axis), between_all(indices, shares))})
        else:
            attrs = {"axis": order.index(axis), "indices": indices, "weights": shares}
            to.op("interpolate_float32", [x], y, attrs)
        value = stored(y, part, order)
    fill = node.attrs.get("extrapolation_value", 0.0)
    if fill != 0 and not all(places.all() for places in inside.values()):
        value = _filled(to, value, order, inside, fill)
    to.keep(name, value)
