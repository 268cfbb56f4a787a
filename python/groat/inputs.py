# SPDX-License-Identifier: Apache-2.0
"""Input arrays for runs that nobody gave data to: seeded random ones, and the one that figures are measured with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.graph import Graph, Tensor
from groat.graph.ir import Array
from groat.pack import TensorInfo

LCG_SEED = 12345


def random_inputs(graph: Graph, count: int, seed: int) -> list[Array]:
    """`count` frames for each input, [count, *shape]: all stored values are equally likely.

    A float input that is quantised first is drawn from a little more than the range that its integers can hold, so that
    saturation is met too.
    """
    rng = np.random.default_rng(seed)
    return [_random(graph, number, count, rng) for number in graph.inputs]


def _random(graph: Graph, number: int, count: int, rng: np.random.Generator) -> Array:
    tensor = graph.tensors[number]
    shape = (count, *tensor.shape)
    if tensor.dtype != "float32":
        limits = np.iinfo(tensor.dtype)
        return rng.integers(limits.min, limits.max, shape, tensor.dtype, endpoint=True)
    quantize = next((op for op in graph.consumers(number) if op.kind in ("quantize", "quantize_int16")), None)
    if quantize is None:
        return rng.standard_normal(shape).astype(np.float32)
    scale, zero_point = quantize.attrs["scale"], quantize.attrs.get("zero_point", 0)
    reach = 140 if quantize.kind == "quantize" else 33_000
    return (rng.uniform(-reach - zero_point, reach - zero_point, shape) * scale).astype(np.float32)


def lcg_bytes(count: int) -> Array:
    """uint8 [count]: the high bytes of x = x * 1664525 + 1013904223 mod 2**32 from a seed of 12345.

    The input that all published figures of this project are measured with.
    """
    state, values = LCG_SEED, bytearray()
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values.append(state >> 24)
    return np.frombuffer(bytes(values), np.uint8)


def lcg_inputs(tensors: Sequence[Tensor | TensorInfo]) -> list[Array]:
    """One frame of the LCG, going on from input to input; a float element is its byte read as int8, over 128."""
    sizes = [int(np.prod(tensor.shape, dtype=np.int64)) for tensor in tensors]
    widths = [1 if tensor.dtype == "float32" else np.dtype(tensor.dtype).itemsize for tensor in tensors]
    stream = lcg_bytes(sum(size * width for size, width in zip(sizes, widths, strict=True)))
    arrays: list[Array] = []
    start = 0
    for tensor, size, width in zip(tensors, sizes, widths, strict=True):
        part = stream[start : start + size * width]
        start += size * width
        if tensor.dtype == "float32":
            arrays.append((part.view(np.int8).astype(np.float32) / np.float32(128)).reshape(tensor.shape))
        else:
            arrays.append(part.copy().view(tensor.dtype).reshape(tensor.shape))
    return arrays


def training_inputs(tensors: Sequence[TensorInfo]) -> list[Array]:
    """Inputs of a program that trains: the LCG but for labels, which are 0, and learning rates, which are 0.001."""
    arrays = lcg_inputs(tensors)
    for index, tensor in enumerate(tensors):
        if tensor.name == "label":
            arrays[index] = np.zeros(tensor.shape, tensor.dtype)
        elif tensor.name == "learning_rate":
            arrays[index] = np.full(tensor.shape, 0.001, tensor.dtype)
    return arrays
