# SPDX-License-Identifier: Apache-2.0
"""Random small convolutional networks with residual connections, for schedules that go row by row.

Odd sizes, strides of 1 to 3, kernels of 1 to 5, dilation, padding on any side, pools, and sums of tensors that lie
several ops apart.  Every model is one that TensorFlow Lite Micro runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from tools.tflite_builder import Builder, Padding, Quant, Tensor

Array = npt.NDArray[Any]


def _ints(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.integers(-127, 128, shape).astype(np.int8)


def _quant(rng: np.random.Generator) -> Quant:
    return Quant(float(rng.uniform(0.01, 0.1)), int(rng.integers(-128, 128)))


def _padding(rng: np.random.Generator) -> Padding:
    return "SAME" if rng.random() < 0.8 else "VALID"


def random_cnn(seed: int) -> bytes:
    """The `.tflite` file of a network; the same seed gives the same bytes."""
    rng = np.random.default_rng(seed)
    m = Builder(f"random network {seed}")
    size = (1, int(rng.integers(3, 18)), int(rng.integers(3, 14)), int(rng.integers(1, 6)))
    if rng.random() < 0.15:
        x = m.quantize(m.input(size, "float32"), Quant(0.05, -3))
    else:
        x = m.input(size, quant=_quant(rng))
    made: list[Tensor] = [x]
    for _ in range(int(rng.integers(2, 9))):
        x = _grow(m, rng, made)
        made.append(x)
    outputs = [x]
    if rng.random() < 0.5:
        outputs[0] = m.mean(x, [1, 2], _quant(rng))
    elif rng.random() < 0.4:
        outputs[0] = m.average_pool_2d(x, (x.shape[1], x.shape[2]), padding="VALID")
    if rng.random() < 0.2 and len(made) > 2:
        outputs.append(m.relu(made[int(rng.integers(1, len(made) - 1))]))
    return m.build(outputs)


def _grow(m: Builder, rng: np.random.Generator, made: list[Tensor]) -> Tensor:
    """One more tensor, mostly from the last one."""
    x = made[-1] if rng.random() < 0.85 else made[int(rng.integers(len(made)))]
    alike = [other for other in made if other.shape == x.shape and other is not x]
    kind = rng.choice(["conv", "depthwise", "pool", "sum", "table"], p=[0.35, 0.25, 0.1, 0.25, 0.05])
    if kind == "sum" and alike:
        other = alike[int(rng.integers(len(alike)))]
        pair = (x, other) if rng.random() < 0.5 else (other, x)
        # TFLM wants the factor of the output below 1.
        top = 2 * max(tensor.quant.scales[0] for tensor in pair if tensor.quant is not None)
        quant = Quant(float(rng.uniform(0.3, 1.0) * top), int(rng.integers(-128, 128)))
        return m.add(*pair, quant) if rng.random() < 0.8 else m.mul(*pair, Quant(0.1, 5))
    if kind == "table":
        return m.relu(x, Quant(0.04, -11))
    height, width, channels = x.shape[1:]
    if kind == "pool":
        window = (int(rng.integers(1, min(4, height + 1))), int(rng.integers(1, min(4, width + 1))))
        stride = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
        pool = m.max_pool_2d if rng.random() < 0.5 else m.average_pool_2d
        return pool(x, window, stride=stride, padding=_padding(rng))
    dilation = (1, 1) if rng.random() < 0.85 else (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    stride = (1, 1) if rng.random() < 0.6 or dilation != (1, 1) else (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    kernel = (1, 1) if rng.random() < 0.3 else (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    fits = all((kernel[i] - 1) * dilation[i] < (height, width)[i] for i in range(2))
    padding = _padding(rng) if fits else "SAME"
    scale = Quant(float(rng.uniform(0.002, 0.01)))
    if kind == "depthwise":
        depth = channels * (1 if rng.random() < 0.8 else 2)
        weights, bias = _ints(rng, (1, *kernel, depth)), rng.integers(-2000, 2000, depth).astype(np.int32)
        return m.depthwise_conv_2d(
            x, weights, bias, scale, _quant(rng), stride=stride, dilation=dilation, padding=padding
        )
    depth = channels if rng.random() < 0.5 else int(rng.integers(1, 9))
    weights, bias = _ints(rng, (depth, *kernel, channels)), rng.integers(-2000, 2000, depth).astype(np.int32)
    return m.conv_2d(x, weights, bias, scale, _quant(rng), stride=stride, dilation=dilation, padding=padding)
