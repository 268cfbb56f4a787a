# SPDX-License-Identifier: Apache-2.0
"""Upsampling, attention and what goes with them in integers: devices give the host's bytes."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.devices import device
from tools.tflite_builder import Builder, Quant

import groat

SCALE = Quant(0.05, 3)


def model(dtype: str) -> bytes:
    """x -> a transposed convolution, functions of one value, products of matrices, and functions of two values."""
    wide = dtype == "int16"
    quant = Quant(0.05 / 256) if wide else SCALE
    rng = np.random.default_rng(0)
    m = Builder()
    x = m.input((1, 4, 4, 6), dtype, quant)
    weights = m.tensor(
        (5, 3, 3, 6), "int8", Quant((0.01,) * 5, 0, 0), rng.integers(-127, 128, (5, 3, 3, 6)).astype(np.int8)
    )
    up = m.tensor((1, 8, 8, 5), dtype, quant)
    shape = m.constant(np.array([1, 8, 8, 5], np.int32))
    m.op("TRANSPOSE_CONV", [shape, weights, x], [up], "TransposeConvOptions", StrideH=2, StrideW=2, Padding=0)
    leaky = m.tensor(up.shape, dtype, quant)
    m.op("LEAKY_RELU", [up], [leaky], "LeakyReluOptions", Alpha=0.25)
    rows, attention = m.reshape(leaky, (8, 8, 5)), m.tensor((8, 8, 8), dtype, quant)
    m.op("BATCH_MATMUL", [rows, rows], [attention], "BatchMatMulOptions", AdjY=True)
    large = m.tensor((1, 12, 10, 8), dtype, quant)
    size = m.constant(np.array([12, 10], np.int32))
    resize = "RESIZE_NEAREST_NEIGHBOR" if wide else "RESIZE_BILINEAR"
    options = "ResizeNearestNeighborOptions" if wide else "ResizeBilinearOptions"
    m.op(resize, [m.reshape(attention, (1, 8, 8, 8)), size], [large], options, HalfPixelCenters=True)
    mean = m.mean(large, (1, 2), quant, keep_dims=True)
    apart, highest = m.tensor(large.shape, dtype, quant), m.tensor(large.shape, dtype, quant)
    m.op("SUB", [large, mean], [apart], "SubOptions")
    m.op("MAXIMUM", [apart, mean], [highest], "MaximumMinimumOptions")
    return m.build([highest])


@pytest.mark.qemu
@pytest.mark.parametrize("target", ["cortex-m0", "cortex-m4", "cortex-m55", "rv32v"])
def test_a_device_gives_the_hosts_bytes(target: str) -> None:
    device(target)
    for dtype in ("int8", "int16"):
        source = model(dtype)
        limits = np.iinfo(dtype)
        x = np.random.default_rng(1).integers(limits.min, limits.max + 1, (1, 4, 4, 6)).astype(dtype)
        expected = groat.compile(source).run(x)
        assert len(np.unique(expected)) > 20
        with groat.Runner(f"qemu:{target}", groat.compile(source, target=target).packed) as runner:
            (found,) = runner.run([x])
        np.testing.assert_array_equal(found, expected)
