# SPDX-License-Identifier: Apache-2.0
"""Models that keep something from run to run, as files of TFLite."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from tools.tflite_builder import Builder, Quant, Tensor

Array = npt.NDArray[Any]
Rng = np.random.Generator

INPUT = Quant(0.05, -5)


def ring(b: Builder, x: Tensor, rows: int, name: str, initial: Array) -> Tensor:
    """x [1, n, c] behind the last `rows` rows that came before, which a variable keeps."""
    _, count, channels = x.shape
    handle = b.variable(name, initial, x.quant)
    seen = b.concatenation([b.read(handle, (1, rows, channels), x.dtype, x.quant), x], axis=1)
    kept = b.tensor((1, rows, channels), x.dtype, x.quant)
    box = ([0, count, 0], [1, rows + count, channels], [1, 1, 1])
    begin, end, step = (b.constant(np.array(v, np.int32)) for v in box)
    b.op("STRIDED_SLICE", [seen, begin, end, step], [kept], "StridedSliceOptions")
    b.assign(handle, kept)
    return seen


def streaming_model(rng: Rng, layers: int = 2) -> bytes:
    """Convolutions along a sequence, as microWakeWord's models have them: each reads what runs before left."""
    b = Builder()
    quant = INPUT
    x = b.input((1, 2, 6), "int8", quant)
    for layer in range(layers):
        rows, channels = int(rng.integers(1, 5)), x.shape[2]
        initial = rng.integers(-128, 128, (1, rows, channels)).astype(np.int8)
        seen = ring(b, x, rows, f"state{layer}", initial)
        image = b.reshape(seen, (1, 1, seen.shape[1], channels))
        out = int(rng.integers(3, 9))
        weights = rng.integers(-127, 128, (out, 1, rows + 1, channels)).astype(np.int8)
        quant = Quant(0.1, int(rng.integers(-20, 20)))
        bias = rng.integers(-500, 500, out).astype(np.int32)
        y = b.conv_2d(image, weights, bias, Quant(0.004), quant, padding="VALID")
        x = b.reshape(y, (1, y.shape[2], out))
    return b.build([x])


def lstm_model(
    rng: Rng,
    *,
    batches: int = 1,
    steps: int = 4,
    inputs: int = 3,
    hidden: int = 5,
    time_major: bool = False,
    zero_point: int = 0,
    cell: float = 2.0**-11,
    clip: float = 0.0,
    floats: bool = False,
) -> bytes:
    """A long short-term memory alone."""
    b = Builder()
    shape = (steps, batches, inputs) if time_major else (batches, steps, inputs)
    if floats:
        arrays = [
            [rng.normal(0, 0.7, shape).astype(np.float32) for _ in range(4)]
            for shape in ((hidden, inputs), (hidden, hidden), (hidden,))
        ]
        x = b.input(shape, "float32")
        none = [None] * 4
        return b.build([b.lstm(x, *arrays, none, none, None, None, time_major=time_major, cell_clip=clip)])
    x = b.input(shape, "int8", Quant(float(rng.uniform(0.005, 0.05)), int(rng.integers(-128, 128))))
    quants = [[Quant(float(scale)) for scale in rng.uniform(0.002, 0.02, 4)] for _ in range(2)]
    weights, recurrent = (
        [rng.integers(-127, 128, (hidden, size)).astype(np.int8) for _ in range(4)] for size in (inputs, hidden)
    )
    biases = [rng.integers(-5000, 5000, hidden).astype(np.int32) for _ in range(4)]
    y = b.lstm(
        x, weights, recurrent, biases, *quants, Quant(1 / 128, zero_point), Quant(cell),
        time_major=time_major, cell_clip=clip,
    )  # fmt: skip
    return b.build([y])
