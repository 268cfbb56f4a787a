# SPDX-License-Identifier: Apache-2.0
"""The models behind the good golden files: small, and between them every op in all of its forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from tests.support.sequences import ring
from tools.tflite_builder import Builder, Quant, Tensor

Array = npt.NDArray[Any]

IMAGE = Quant(0.04, -7)
UNIT = Quant(0.02, 3)


def _ints(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.integers(-127, 128, shape).astype(np.int8)


def _biases(rng: np.random.Generator, channels: int) -> Array:
    return rng.integers(-3000, 3000, channels).astype(np.int32)


def _per_channel(rng: np.random.Generator, channels: int, axis: int) -> Quant:
    return Quant(tuple(float(scale) for scale in rng.uniform(0.001, 0.01, channels)), 0, axis)


def conv_2d(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((1, 7, 6, 3), quant=IMAGE)
    scales = _per_channel(rng, 5, 0)
    y = m.conv_2d(x, _ints(rng, (5, 3, 3, 3)), _biases(rng, 5), scales, UNIT, stride=(2, 1), activation="RELU6")
    return [m.conv_2d(y, _ints(rng, (4, 1, 1, 5)), _biases(rng, 4), Quant(0.004), UNIT)]


def conv_2d_groups(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((2, 6, 7, 4), quant=IMAGE)
    scales = _per_channel(rng, 6, 0)
    y = m.conv_2d(x, _ints(rng, (6, 3, 2, 2)), _biases(rng, 6), scales, UNIT, dilation=(2, 3), padding="VALID")
    return [m.conv_2d(y, _ints(rng, (2, 2, 2, 3)), None, Quant(0.004), UNIT)]


def depthwise_conv_2d(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((1, 6, 5, 3), quant=IMAGE)
    scales = _per_channel(rng, 6, 3)
    y = m.depthwise_conv_2d(x, _ints(rng, (1, 3, 3, 6)), _biases(rng, 6), scales, UNIT, activation="RELU")
    weights = _ints(rng, (1, 2, 3, 6))
    return [m.depthwise_conv_2d(y, weights, None, Quant(0.006), UNIT, stride=(2, 2), padding="VALID")]


def fully_connected(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((3, 11), quant=IMAGE)
    y = m.fully_connected(x, _ints(rng, (7, 11)), _biases(rng, 7), Quant(0.005), UNIT, activation="RELU")
    return [m.fully_connected(y, _ints(rng, (2, 7)), None, Quant(0.005, 4), UNIT)]


def _nibbles(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.integers(-8, 8, shape).astype(np.int8)


def weights_int4(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((1, 5, 6, 9), quant=IMAGE)
    scales, bias = _per_channel(rng, 40, 0), _biases(rng, 40)
    y = m.conv_2d(x, _nibbles(rng, (40, 3, 3, 9)), bias, scales, UNIT, stride=(2, 1), activation="RELU", weight_bits=4)
    y = m.depthwise_conv_2d(y, _nibbles(rng, (1, 3, 2, 40)), None, Quant(0.2), UNIT, weight_bits=4)
    y = m.conv_2d(y, _nibbles(rng, (6, 1, 1, 20)), _biases(rng, 6), _per_channel(rng, 6, 0), UNIT, weight_bits=4)
    return [m.fully_connected(y, _nibbles(rng, (31, 108)), _biases(rng, 31), Quant(0.02), UNIT, weight_bits=4)]


def pools(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((1, 7, 6, 3), quant=IMAGE)
    y = m.average_pool_2d(x, (3, 2), stride=(2, 1), padding="SAME")
    return [m.max_pool_2d(y, (2, 3), stride=(1, 2), padding="SAME", activation="RELU")]


def add_mul(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    a = m.input((2, 3, 5), quant=IMAGE)
    b = m.input((3, 1), quant=UNIT)
    total = m.add(a, b, Quant(0.05, 11), activation="RELU")
    scaled = m.mul(total, m.constant(_ints(rng, (5,)), Quant(0.01, -2)), Quant(0.03, -20))
    return [m.add(scaled, total, Quant(0.06))]


def mean(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((2, 4, 5, 3), quant=IMAGE)
    y = m.mean(x, [1, 2], Quant(0.01, 5), keep_dims=True)
    return [m.mean(x, [0, 3], Quant(0.03)), y]


def pad_concatenation_transpose(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((2, 3, 4), quant=IMAGE)
    y = m.pad(x, [(1, 0), (0, 2), (2, 1)])
    z = m.transpose(y, (2, 0, 1))
    w = m.pad(m.transpose(x, (2, 0, 1)), [(2, 1), (0, 1), (1, 1)], value=99)
    return [m.concatenation([z, w, z], 2)]


def softmax(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((3, 10), quant=Quant(0.15, -20))
    return [m.softmax(x, beta=0.75)]


def tables(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((4, 9), "uint8", Quant(0.05, 130))
    y = m.quantize(x, Quant(0.04, -7))
    z = m.relu(m.logistic(y), Quant(0.01, -100))
    return [m.relu6(y), m.quantize(z, Quant(0.01, 28), "uint8")]


def float_ends(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((2, 5), "float32")
    return [m.dequantize(m.relu6(m.quantize(x, IMAGE)))]


def reshape(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((2, 6), quant=IMAGE)
    return [m.reshape(x, (3, 4))]


WIDE = Quant(0.0004)


def _wide_biases(rng: np.random.Generator, channels: int) -> Array:
    return rng.integers(-(2**33), 2**33, channels) // 4096


def filters_int16(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((1, 7, 6, 4), "int16", WIDE)
    scales = _per_channel(rng, 6, 0)
    y = m.conv_2d(x, _ints(rng, (6, 3, 3, 2)), _wide_biases(rng, 6), scales, WIDE, stride=(2, 1), activation="RELU")
    y = m.conv_2d(y, _ints(rng, (4, 1, 1, 6)), _biases(rng, 4), Quant(0.004), WIDE)
    z = m.depthwise_conv_2d(y, _ints(rng, (1, 3, 2, 8)), _wide_biases(rng, 8), _per_channel(rng, 8, 3), WIDE)
    y = m.depthwise_conv_2d(z, _ints(rng, (1, 2, 2, 8)), None, Quant(0.01), WIDE, dilation=(2, 2), padding="VALID")
    y = m.fully_connected(y, _ints(rng, (5, 8)), _wide_biases(rng, 5), Quant(0.01), WIDE)
    y = m.fully_connected(y, _ints(rng, (3, 5)), _biases(rng, 3), Quant(0.01), WIDE)
    return [m.fully_connected(y, _ints(rng, (2, 3)), None, Quant(0.01, 4), WIDE), z]


def elementwise_int16(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((1, 5, 6, 3), "int16", WIDE)
    y = m.average_pool_2d(x, (3, 2), stride=(1, 1), padding="SAME")
    z = m.max_pool_2d(x, (2, 3), stride=(1, 1), padding="SAME", activation="RELU6")
    total = m.add(y, z, Quant(0.0007), activation="RELU")
    scaled = m.mul(total, m.constant(rng.integers(-30_000, 30_000, 3).astype(np.int16), WIDE), WIDE)
    moved = m.transpose(
        m.pad(m.concatenation([scaled, x], 3), [(0, 0), (1, 0), (0, 1), (0, 0)], value=-999), (0, 3, 1, 2)
    )
    return [m.mean(moved, [2, 3], Quant(0.0002)), m.mean(scaled, [1], WIDE, keep_dims=True)]


def functions_int16(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((3, 9), "int8", IMAGE)
    y = m.relu(m.quantize(x, WIDE, "int16"), Quant(0.0003))
    z = m.add(m.logistic(y), m.tanh(y), Quant(1 / 16384))
    return [m.softmax(z, beta=2.0), m.quantize(m.relu6(z), IMAGE), m.dequantize(z)]


def float_ends_int16(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((2, 5), "float32")
    return [m.dequantize(m.quantize(x, WIDE, "int16"))]


def _floats(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(0, 0.4, shape).astype(np.float32)


def filters_float32(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((1, 7, 6, 4), "float32")
    y = m.conv_2d(x, _floats(rng, (6, 3, 3, 2)), _floats(rng, (6,)), None, None, stride=(2, 1), activation="RELU")
    y = m.conv_2d(y, _floats(rng, (4, 1, 1, 6)), None, None, None, activation="RELU6")
    z = m.depthwise_conv_2d(y, _floats(rng, (1, 3, 2, 8)), _floats(rng, (8,)), None, None)
    y = m.depthwise_conv_2d(z, _floats(rng, (1, 2, 2, 8)), None, None, None, dilation=(2, 2), padding="VALID")
    return [m.fully_connected(y, _floats(rng, (5, 8)), _floats(rng, (5,)), None, None), z]


def elementwise_float32(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((1, 5, 6, 3), "float32")
    y = m.average_pool_2d(x, (3, 2), stride=(1, 1), padding="SAME")
    z = m.max_pool_2d(x, (2, 3), stride=(1, 1), padding="SAME", activation="RELU6")
    total = m.add(y, z, None, activation="RELU")
    scaled = m.mul(total, m.constant(_floats(rng, (3,))), None)
    moved = m.transpose(
        m.pad(m.concatenation([scaled, x], 3), [(0, 0), (1, 0), (0, 1), (0, 0)], value=-0.5), (0, 3, 1, 2)
    )
    return [m.mean(moved, [2, 3], None), m.relu(m.reshape(x, (1, 90))), m.mean(scaled, [1], None, keep_dims=True)]


def functions_float32(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((3, 9), "float32")
    return [m.softmax(m.logistic(x), beta=2.0), m.tanh(x)]


def filters_float16(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    return filters_float32(m, rng)


def elementwise_float16(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    return elementwise_float32(m, rng)


def functions_float16(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    return functions_float32(m, rng)


def network(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((1, 8, 8, 2), quant=IMAGE)
    scales = _per_channel(rng, 4, 0)
    stem = m.conv_2d(x, _ints(rng, (4, 3, 3, 2)), _biases(rng, 4), scales, UNIT, stride=(2, 2), activation="RELU")
    y = m.depthwise_conv_2d(stem, _ints(rng, (1, 3, 3, 4)), _biases(rng, 4), _per_channel(rng, 4, 3), UNIT)
    y = m.conv_2d(y, _ints(rng, (4, 1, 1, 4)), _biases(rng, 4), Quant(0.005), UNIT)
    y = m.mean(m.add(stem, y, Quant(0.03, -10)), [1, 2], UNIT)
    y = m.fully_connected(y, _ints(rng, (6, 4)), _biases(rng, 6), Quant(0.01), Quant(0.1))
    return [m.softmax(y)]


def streamed(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((1, 21, 7, 2), quant=IMAGE)
    scales = _per_channel(rng, 3, 0)
    stem = m.conv_2d(x, _ints(rng, (3, 3, 3, 2)), _biases(rng, 3), scales, UNIT, activation="RELU")
    y = m.depthwise_conv_2d(stem, _ints(rng, (1, 3, 3, 3)), _biases(rng, 3), _per_channel(rng, 3, 3), UNIT)
    y = m.add(stem, y, Quant(0.03, -10))
    y = m.max_pool_2d(y, (2, 2), stride=(2, 2), padding="SAME")
    return [m.conv_2d(y, _ints(rng, (4, 3, 2, 3)), None, Quant(0.005), UNIT), m.mean(y, [1, 2], UNIT)]


def with_two_memories(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    """A residual connection over wide tensors: in a fast memory of 1 KiB it is copied away and fetched back."""
    x = m.input((1, 8, 8, 4), quant=IMAGE)
    short = m.conv_2d(x, _ints(rng, (8, 1, 1, 4)), _biases(rng, 8), Quant(0.004), UNIT)
    y = m.conv_2d(short, _ints(rng, (24, 1, 1, 8)), _biases(rng, 24), Quant(0.004), UNIT, activation="RELU6")
    y = m.depthwise_conv_2d(y, _ints(rng, (1, 3, 1, 24)), _biases(rng, 24), _per_channel(rng, 24, 3), UNIT)
    y = m.conv_2d(y, _ints(rng, (8, 1, 1, 24)), _biases(rng, 8), Quant(0.004), UNIT)
    return [m.add(short, y, UNIT)]


def written_by_rows(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    """An image from an image, neither of which is ever whole."""
    x = m.input((1, 9, 7, 2), quant=IMAGE)
    y = m.pad(x, [(0, 0), (1, 2), (2, 0), (0, 0)])
    y = m.max_pool_2d(y, (2, 2), stride=(1, 1), padding="VALID")
    y = m.concatenation([y, m.conv_2d(y, _ints(rng, (2, 1, 1, 2)), _biases(rng, 2), Quant(0.004), IMAGE)], 3)
    y = m.quantize(y, Quant(0.0001), "int16")
    biases = _biases(rng, 5).astype(np.int64)
    y = m.conv_2d(y, _ints(rng, (5, 3, 3, 4)), biases, Quant(0.004), Quant(0.0002), stride=(2, 1))
    return [m.softmax(y)]


def patched(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    x = m.input((1, 24, 12, 3), quant=IMAGE)
    stem = m.conv_2d(x, _ints(rng, (4, 3, 3, 3)), _biases(rng, 4), Quant(0.005), UNIT, activation="RELU")
    y = m.conv_2d(stem, _ints(rng, (4, 3, 3, 4)), _biases(rng, 4), Quant(0.005), UNIT, stride=(2, 2))
    y = m.depthwise_conv_2d(y, _ints(rng, (1, 3, 3, 4)), _biases(rng, 4), Quant(0.005), UNIT)
    short = m.conv_2d(stem, _ints(rng, (4, 1, 1, 4)), _biases(rng, 4), Quant(0.005), UNIT, stride=(2, 2))
    return [m.mean(m.add(short, y, Quant(0.03, -10)), [1, 2], UNIT)]


def with_variables(m: Builder, rng: np.random.Generator) -> list[Tensor]:
    """A ring of what came before, and long short-term memories, one of them of a single step."""
    x = m.input((1, 2, 6), quant=IMAGE)
    seen = ring(m, x, 3, "ring", _ints(rng, (1, 3, 6)))
    gates = [[_ints(rng, (6, 6)) for _ in range(4)] for _ in range(2)]
    quants = [[Quant(float(scale)) for scale in rng.uniform(0.002, 0.01, 4)] for _ in range(2)]
    y = m.lstm(seen, *gates, [_biases(rng, 6) for _ in range(4)], *quants, Quant(1 / 128, 4), Quant(2.0**-11))
    step = m.input((1, 1, 6), quant=IMAGE)
    z = m.lstm(step, *gates, [_biases(rng, 6) for _ in range(4)], *quants, Quant(1 / 128, -3), Quant(2.0**-13))
    return [y, m.fully_connected(y, _ints(rng, (4, 30)), None, Quant(0.004), UNIT), z]


FLOAT16 = ("filters_float16", "elementwise_float16", "functions_float16")
OWN_RESULTS = ("functions_float32", *FLOAT16)
"""Models whose results are not the oracle's bits, but those of our portable kernels."""

OPTIONS: dict[str, dict[str, str]] = {
    "streamed": {"schedule": "stream", "input": "rows"},
    "patched": {"schedule": "patch"},
    "written_by_rows": {"schedule": "stream", "input": "rows", "outputs": "rows"},
    "with_two_memories": {"schedule": "layer", "memories": "fast:1K,slow"},
    **{name: {"floats": "float16"} for name in FLOAT16},
}
"""How a model is compiled, where not as usual."""

MODELS = {
    function.__name__: function
    for function in (
        conv_2d,
        conv_2d_groups,
        depthwise_conv_2d,
        fully_connected,
        pools,
        add_mul,
        mean,
        pad_concatenation_transpose,
        softmax,
        tables,
        float_ends,
        reshape,
        filters_int16,
        elementwise_int16,
        functions_int16,
        float_ends_int16,
        filters_float32,
        elementwise_float32,
        functions_float32,
        filters_float16,
        elementwise_float16,
        functions_float16,
        network,
        weights_int4,
        streamed,
        with_two_memories,
        with_variables,
        patched,
        written_by_rows,
    )
}


def build(name: str) -> bytes:
    """The `.tflite` file of a model."""
    builder = Builder(f"golden {name}")
    rng = np.random.default_rng(sorted(MODELS).index(name))
    return builder.build(MODELS[name](builder, rng))
