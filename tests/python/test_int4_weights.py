# SPDX-License-Identifier: Apache-2.0
"""Weights of four bits: what is imported, how they are packed, and that every kernel set unpacks them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tflite
from tests.support.graphs import kinds
from tests.support.oracle import needs_tflm
from tools.tflite_builder import Builder, Quant, Tensor

import groat
from groat import kernels
from groat.errors import InputError, ModelError, UnsupportedError
from groat.oracle.tflm import Tflm
from groat.pack.layouts import nibbles

Array = npt.NDArray[Any]
SETS = ("ref", "dsp", "mve", "rvv", "scalar")
TARGETS = {"dsp": "cortex-m4", "mve": "cortex-m55", "rvv": "rv32v", "scalar": "rv32imc"}
X, Y = Quant(0.05, -7), Quant(0.2, 3)


def four_bits(rng: np.random.Generator, *shape: int) -> Array:
    return rng.integers(-8, 8, shape).astype(np.int8)


def dense_model(weights: Array, bits: int, scales: tuple[float, ...] = (0.05,)) -> bytes:
    m = Builder()
    x = m.input((2, weights.shape[1]), quant=X)
    quant = Quant(scales if len(scales) > 1 else scales[0])
    return m.build([m.fully_connected(x, weights, None, quant, Y, weight_bits=bits)])


# ---- Import ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 7, 8])
def test_the_first_weight_is_in_the_lower_half(depth: int) -> None:
    weights = four_bits(np.random.default_rng(depth), 3, depth)
    graph = groat.load(dense_model(weights, 4)).graph
    (op,) = graph.ops
    tensor = graph.tensors[op.inputs[1]]
    assert op.kind == "fully_connected_s4"
    assert (tensor.dtype, tensor.nbytes) == ("int4", (3 * depth + 1) // 2)
    np.testing.assert_array_equal(tensor.data, weights)


def test_a_constant_of_another_length_is_refused() -> None:
    weights = np.zeros((1, 15), np.int8)
    assert groat.load(dense_model(weights, 4)).graph
    data = bytearray(dense_model(weights, 8))
    graph = tflite.Model.GetRootAs(data, 0).Subgraphs(0)
    table = graph.Tensors(2)._tab  # the weights; their type is the second field
    data[table.Pos + table.Offset(6)] = tflite.TensorType.INT4
    with pytest.raises(ModelError, match=r"has 15 bytes; expected int4\[1, 15\]"):
        groat.load(bytes(data))


def test_int4_elsewhere_is_refused() -> None:
    m = Builder()
    x = m.input((2, 3), quant=X)
    constant = m.tensor((2, 3), "int4", X, np.zeros((2, 3), np.int8))
    with pytest.raises(UnsupportedError, match="int4"):
        groat.load(m.build([m.add(x, constant, Y)]))
    m = Builder()
    m.input((2, 3), quant=X)
    with pytest.raises(UnsupportedError, match="int4"):
        groat.load(m.build([m.reshape(m.tensor((2, 3), "int4", X, np.zeros((2, 3), np.int8)), (3, 2))]))
    m = Builder()
    x = m.input((2, 3), "int4", X)
    with pytest.raises(UnsupportedError, match="int4"):
        groat.load(m.build([m.reshape(x, (3, 2))]))


@needs_tflm
def test_scales_for_each_channel_of_a_dense_layer_are_taken_where_tflm_refuses() -> None:
    rng = np.random.default_rng(3)
    weights, scales = four_bits(rng, 5, 11), tuple(rng.uniform(0.01, 0.1, 5).tolist())
    x = rng.integers(-128, 128, (2, 11)).astype(np.int8)
    with pytest.raises(Exception, match="kTfLiteInt4"):
        Tflm(dense_model(weights, 4, scales), "int4").run([x])
    found = groat.compile(dense_model(weights, 4, scales)).run(x)
    np.testing.assert_array_equal(found, Tflm(dense_model(weights, 8, scales), "int8").run([x])[0])


# ---- Packing -----------------------------------------------------------------------------------------------


def test_nibbles_in_words() -> None:
    weights = np.array([-8, -7, -1, 0, 1, 2, 6, 7, 5], np.int8)
    assert nibbles.words(weights) == bytes([0x90, 0xA1, 0xE7, 0xF8, 0x8D, 0x88, 0x88, 0x88])


def test_nibbles_in_halves() -> None:
    weights = np.array([-8, -1, 0, 7, 1, 2, 3], np.int8)
    assert nibbles.halves(weights, 2) == bytes([0x08, 0x7F, 0x31, 0x02])


@pytest.mark.parametrize("multiple", [1, 2, 4, 8])
def test_blocks_fit_and_are_whole(multiple: int) -> None:
    for channels in (1, 3, 8, 16, 40, 64, 100, 1000):
        for inputs in (1, 9, 64, 144, 576, 5000):
            for tensors_bytes, most in ((100, 2560), (5000, 5000), (50000, 10240)):
                block = nibbles.block_channels(channels, inputs, multiple, tensors_bytes)
                assert 1 <= block <= channels
                assert block == channels or block % multiple == 0
                assert block * inputs <= most or block <= multiple


@pytest.mark.parametrize("target", ["host", *TARGETS.values()])
def test_weights_take_half_the_flash(target: str) -> None:
    rng = np.random.default_rng(0)
    x, bias = (1, 8, 8, 32), np.zeros(64, np.int32)
    files = []
    for bits in (8, 4):
        m = Builder()
        image = m.input(x, quant=X)
        y = m.conv_2d(image, four_bits(rng, 64, 3, 3, 32), bias, Quant(0.1), Y, weight_bits=bits)
        y = m.fully_connected(y, four_bits(rng, 16, 4096), None, Quant(0.1), Y, weight_bits=bits)
        files.append(groat.compile(m.build([y]), target).report)
    weights = 64 * 9 * 32 + 16 * 4096
    assert [report["weights_bytes"] for report in files] == [weights + 4 * 64, weights // 2 + 4 * 64]
    saved = files[0]["file_bytes"] - files[1]["file_bytes"]
    assert saved > 0.45 * weights


# ---- Every kernel set --------------------------------------------------------------------------------------


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("end", [-8, 7])
def test_weights_at_the_ends_of_their_range(isa: str, end: int) -> None:
    """A halfword 256 * -8 - 8 borrows; sums are as large as they get."""
    x = np.full((1, 5, 5, 40), -128, np.int8)
    for count in (1, 2, 7):
        weights = np.full((count, 3, 3, 40), end, np.int8)
        options: dict[str, Any] = {"multiplier": 1 << 30, "shift": -10, "padding": "same"}
        found = kernels.conv2d_s4(x, weights, **options, isa=isa)
        np.testing.assert_array_equal(found, kernels.conv2d(x, weights, **options, isa="ref"))


@pytest.mark.parametrize("isa", SETS)
def test_every_pair_of_neighbouring_weights(isa: str) -> None:
    """Whatever two weights share a byte or a halfword."""
    pairs = np.stack(np.meshgrid(np.arange(-8, 8), np.arange(-8, 8)), axis=-1).reshape(-1, 2).astype(np.int8)
    x = np.random.default_rng(1).integers(-128, 128, (1, 512)).astype(np.int8)
    weights = np.stack([pairs.ravel(), pairs[::-1].ravel(), pairs.T.ravel(), np.roll(pairs.ravel(), 1)])
    options: dict[str, Any] = {"multiplier": (1 << 31) - 1, "shift": -9}
    found = kernels.fully_connected_s4(x, weights, **options, isa=isa)
    np.testing.assert_array_equal(found, kernels.fully_connected(x, weights, **options, isa="ref"))


@pytest.mark.parametrize("function", [kernels.conv2d_s4, kernels.depthwise_conv2d_s4, kernels.fully_connected_s4])
@pytest.mark.parametrize("value", [-9, 8, 127])
def test_weights_that_do_not_fit_four_bits_are_refused(function: Callable[..., Array], value: int) -> None:
    dense = function is kernels.fully_connected_s4
    x, weights = np.zeros((1, 4) if dense else (1, 4, 4, 4), np.int8), np.zeros((4, 4) if dense else (1, 2, 2, 4))
    weights[-1, -1] = value
    with pytest.raises(InputError, match=r"weights has values from .* expected int4: -8 to 7"):
        function(x, weights.astype(np.int8), multiplier=1 << 30, shift=-3)


@needs_tflm
@pytest.mark.parametrize("isa", SETS)
def test_a_network_of_int4_layers_equals_tflm(isa: str) -> None:
    rng = np.random.default_rng(7)

    def network(m: Builder) -> Tensor:
        y = m.input((1, 9, 8, 6), quant=X)
        bias = rng.integers(-900, 900, 40).astype(np.int32)
        y = m.conv_2d(y, four_bits(rng, 40, 3, 3, 6), bias, Quant(0.02), Y, activation="RELU", weight_bits=4)
        y = m.depthwise_conv_2d(y, four_bits(rng, 1, 3, 3, 40), bias, Quant(0.05), Y, stride=(2, 2), weight_bits=4)
        y = m.conv_2d(y, four_bits(rng, 40, 1, 1, 40), bias, Quant(0.01), Y, weight_bits=4)
        return m.fully_connected(y, four_bits(rng, 40, 800), bias, Quant(0.01), Y, weight_bits=4)

    m = Builder()
    model = m.build([network(m)])
    graph = groat.load(model).graph
    assert kinds(graph) == ["conv_2d_s4", "depthwise_conv_2d_s4", "conv_2d_s4", "fully_connected_s4"]
    x = rng.integers(-128, 128, (1, 9, 8, 6)).astype(np.int8)
    (expected,) = Tflm(model, "int4").run([x])
    compiled = groat.compile(model, TARGETS.get(isa, "host"))
    np.testing.assert_array_equal(compiled.run(x), expected)
