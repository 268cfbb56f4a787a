# SPDX-License-Identifier: Apache-2.0
"""Low-rank adapters: small layers beside frozen ones, trained in their place, and added to their weights in the end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from groat.errors import InputError
from groat.graph import Graph, Op, Tensor
from groat.graph.ir import Array
from groat.ops.fully_connected import POINT

DOWN, UP = "/adapter_a", "/adapter_b"
"""What follows a layer's name in those of its adapter's weights: [rank, ...] and [out_c, ..., rank]."""
SEED = 0

Trained = dict[int, tuple[int, ...]]
"""Position of an op -> which of its inputs are trained."""


def can_be_adapted(op: Op) -> bool:
    """Whether a layer is a dense one, or a convolution without groups."""
    dense = op.kind.startswith("fully_connected_float")
    return dense or (op.kind.startswith("conv_2d_float") and op.attrs["groups"] == 1)


def with_adapters(graph: Graph, layers: Mapping[int, tuple[int, ...]], rank: int) -> tuple[Graph, Trained]:
    """The graph with an adapter beside each of these layers that can have one.

    Args:
        layers: of groat.train.choice.trained_inputs.
        rank: filters of the first half of an adapter.

    Returns the graph, and of its ops which inputs are trained.  What it computes is at first the same.
    Raises InputError if none of the layers can have one.
    """
    rng = np.random.default_rng(SEED)
    tensors, ops, trained = dict(graph.tensors), list[Op](), Trained()

    def new(tensor: Tensor) -> int:
        number = max(tensors) + 1
        tensors[number] = tensor
        return number

    for position, op in enumerate(graph.ops):
        if position not in layers or not can_be_adapted(op):
            ops.append(op)
            continue
        weights, out = graph.tensors[op.inputs[1]], graph.tensors[op.outputs[0]]
        deep = (1,) * (len(weights.shape) - 2)
        down_shape, up_shape = (rank, *weights.shape[1:]), (weights.shape[0], *deep, rank)
        scale = 1 / math.sqrt(math.prod(weights.shape[1:]))
        start = (rng.standard_normal(down_shape) * scale).astype(weights.dtype)
        down = new(Tensor(out.name + DOWN, down_shape, weights.dtype, data=start))
        up = new(Tensor(out.name + UP, up_shape, weights.dtype, data=np.zeros(up_shape, weights.dtype)))
        own, wide = new(replace(out, name="")), new(replace(out, name=""))
        narrow = new(replace(out, name="", shape=(*out.shape[:-1], rank)))

        linear = {**op.attrs, "act_min": -math.inf, "act_max": math.inf}
        first, second = linear, linear | POINT
        if "out_shape" in op.attrs:  # a dense layer has no window
            first, second = {**linear, "out_shape": tensors[narrow].shape}, linear
        ops.append(replace(op, outputs=(own,), attrs=linear))
        trained[len(ops)] = trained[len(ops) + 1] = (1,)
        ops.append(replace(op, inputs=(op.inputs[0], down), outputs=(narrow,), attrs=first))
        ops.append(replace(op, inputs=(narrow, up), outputs=(wide,), attrs=second))
        limits = {name: op.attrs[name] for name in ("act_min", "act_max")}
        ops.append(Op(f"add_{out.dtype}", (own, wide), op.outputs, limits, op.index))
    if not trained:
        raise InputError(
            f"train: none of the layers of {graph.name} that were chosen can have an adapter: "
            "those are dense layers, and convolutions without groups"
        )
    return replace(graph, tensors=tensors, ops=tuple(ops)), trained


def merged(graph: Graph, parameters: Mapping[str, Array]) -> dict[str, Array]:
    """The weights that do what layers and their trained adapters do together.

    Args:
        graph: as it was given to be trained, before adapters.
        parameters: of the trained model, by name.

    Returns name -> value of the weights of each layer that has an adapter.
    """
    found: dict[str, Array] = {}
    for op in graph.ops:
        name = graph.tensors[op.outputs[0]].name
        if name + DOWN in parameters and name + UP in parameters:
            weights = graph.tensors[op.inputs[1]]
            assert weights.data is not None
            down, up = (parameters[name + end].astype(np.float64) for end in (DOWN, UP))
            product = up.reshape(len(up), -1) @ down.reshape(len(down), -1)
            found[weights.name] = (weights.data + product.reshape(weights.shape)).astype(weights.dtype)
    return found
