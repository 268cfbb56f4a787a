# SPDX-License-Identifier: Apache-2.0
"""Random small convolutional networks with residual connections, for schedules that go row by row.

Odd sizes, strides of 1 to 3, kernels of 1 to 7, dilation, padding of any size on any side, pools, inverted residual
blocks, and sums of tensors that lie several ops apart.  Every model is one that TensorFlow Lite Micro runs.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from tools.tflite_builder import Builder, Padding, Pair, Quant, Tensor

Array = npt.NDArray[Any]
Kind = Literal["int8", "int16", "int4"]


class _Network(Builder):
    """Activations of int8 or int16; int4: weights of four bits."""

    def __init__(self, description: str, kind: Kind) -> None:
        super().__init__(description)
        self.dtype = "int16" if kind == "int16" else "int8"
        self.bits = 4 if kind == "int4" else 8


def _ints(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.integers(-127, 128, shape).astype(np.int8)


def _quant(m: _Network, rng: np.random.Generator, low: float = 0.01, high: float = 0.1) -> Quant:
    scale, zero_point = float(rng.uniform(low, high)), int(rng.integers(-128, 128))
    return Quant(scale / 200) if m.dtype == "int16" else Quant(scale, zero_point)


def _padding(rng: np.random.Generator) -> Padding:
    return "SAME" if rng.random() < 0.8 else "VALID"


def random_cnn(seed: int, image: bool = False, kind: Kind = "int8") -> bytes:
    """The `.tflite` file of a network; the same arguments give the same bytes.

    Args:
        image: its first output is an image, as of networks that segment; otherwise it mostly ends in an average of all
            pixels.
        kind: "int16": activations are; "int4": weights are, activations int8.
    """
    rng = np.random.default_rng(seed)
    m = _Network(f"random network {seed}", kind)
    size = (1, int(rng.integers(3, 18)), int(rng.integers(3, 14)), int(rng.integers(1, 6)))
    if rng.random() < 0.15:
        x = m.quantize(m.input(size, "float32"), _quant(m, rng), m.dtype)
    else:
        x = m.input(size, m.dtype, _quant(m, rng))
    made: list[Tensor] = [x]
    for _ in range(int(rng.integers(2, 9))):
        x = _inverted_residual(m, rng, x) if rng.random() < 0.15 else _grow(m, rng, made)
        made.append(x)
    outputs = [x]
    if image:
        last = rng.random()
        outputs[0] = m.softmax(x) if last < 0.3 else m.logistic(x) if last < 0.5 else x
        outputs[0] = m.dequantize(outputs[0]) if rng.random() < 0.2 else outputs[0]
    elif rng.random() < 0.5:
        outputs[0] = m.mean(x, [1, 2], _quant(m, rng))
    elif rng.random() < 0.4:
        outputs[0] = m.average_pool_2d(x, (x.shape[1], x.shape[2]), padding="VALID")
    if rng.random() < 0.2 and len(made) > 2:
        outputs.append(m.relu(made[int(rng.integers(1, len(made) - 1))]))
    return m.build(outputs)


def _grow(m: _Network, rng: np.random.Generator, made: list[Tensor]) -> Tensor:
    """One more tensor, mostly from the last one."""
    x = made[-1] if rng.random() < 0.85 else made[int(rng.integers(len(made)))]
    alike = [other for other in made if other.shape == x.shape and other is not x]
    kind = rng.choice(["conv", "depthwise", "pool", "join", "sum", "table"], p=[0.35, 0.25, 0.1, 0.04, 0.2, 0.06])
    if kind == "sum" and alike:
        other = alike[int(rng.integers(len(alike)))]
        pair = (x, other) if rng.random() < 0.5 else (other, x)
        return _sum(m, rng, *pair) if rng.random() < 0.8 else m.mul(*pair, _quant(m, rng, 0.09, 0.11))
    if kind == "table":
        return m.relu(x, _quant(m, rng, 0.03, 0.05)) if rng.random() < 0.7 else m.logistic(x)
    height, width, channels = x.shape[1:]
    if kind == "pool":
        window = (int(rng.integers(1, min(4, height + 1))), int(rng.integers(1, min(4, width + 1))))
        stride = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
        pool = m.max_pool_2d if rng.random() < 0.5 else m.average_pool_2d
        return pool(x, window, stride=stride, padding=_padding(rng))
    if kind == "join" and channels < 16:
        around = m.max_pool_2d(x, (3, 2), stride=(1, 1), padding="SAME")
        return m.concatenation([x, around, x] if rng.random() < 0.5 else [around, x], 3)
    depthwise = bool(kind == "depthwise")
    if depthwise:
        depth = channels * (1 if rng.random() < 0.8 else 2)
    else:
        depth = channels if rng.random() < 0.5 else int(rng.integers(1, 9))
    return _convolution(m, rng, x, depth, depthwise)


def _convolution(m: _Network, rng: np.random.Generator, x: Tensor, depth: int, depthwise: bool) -> Tensor:
    """Of any kernel that fits; now and then with a PAD in front, as frameworks write what SAME and VALID cannot say."""
    dilation = (1, 1) if rng.random() < 0.85 else (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    stride = (1, 1) if rng.random() < 0.6 or dilation != (1, 1) else (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    kernel = (1, 1) if rng.random() < 0.3 else (int(rng.integers(1, 8)), int(rng.integers(1, 8)))
    if rng.random() < 0.15:
        x = m.pad(x, [(0, 0), *((int(rng.integers(4)), int(rng.integers(4))) for _ in range(2)), (0, 0)])
        padding: Padding = "VALID"
    else:
        padding = _padding(rng)
    if any((kernel[i] - 1) * dilation[i] >= x.shape[1 + i] for i in range(2)):
        padding = "SAME"
    return _filter(m, rng, x, depth, depthwise, kernel, stride, dilation, padding)


def _inverted_residual(m: _Network, rng: np.random.Generator, x: Tensor) -> Tensor:
    """Wide between two narrow tensors, and their sum where they are alike."""
    channels, size = x.shape[3], int(rng.choice([3, 5, 7]))
    stride = (1, 1) if rng.random() < 0.7 else (2, 2)
    wide = channels * int(rng.integers(2, 7))
    y = _filter(m, rng, x, wide, False)
    y = _filter(m, rng, y, wide, True, (size, size), stride)
    y = _filter(m, rng, y, channels if rng.random() < 0.7 else channels + 1, False)
    return _sum(m, rng, x, y) if y.shape == x.shape else y


def _sum(m: _Network, rng: np.random.Generator, a: Tensor, b: Tensor) -> Tensor:
    # TFLM wants the factor of the output below 1.
    top = 2 * max(tensor.quant.scales[0] for tensor in (a, b) if tensor.quant is not None)
    scale, zero_point = float(rng.uniform(0.3, 1.0) * top), int(rng.integers(-128, 128))
    return m.add(a, b, Quant(scale, 0 if m.dtype == "int16" else zero_point))


def _filter(
    m: _Network,
    rng: np.random.Generator,
    x: Tensor,
    depth: int,
    depthwise: bool,
    kernel: Pair = (1, 1),
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: Padding = "SAME",
) -> Tensor:
    bias = rng.integers(-2000, 2000, depth).astype(np.int64 if m.dtype == "int16" else np.int32)
    shape = (1, *kernel, depth) if depthwise else (depth, *kernel, x.shape[3])
    weights = _ints(rng, shape) if m.bits == 8 else rng.integers(-7, 8, shape).astype(np.int8)
    layer = m.depthwise_conv_2d if depthwise else m.conv_2d
    scale = Quant(float(rng.uniform(0.002, 0.01)) * (1 if m.bits == 8 else 16))
    return layer(
        x,
        weights,
        bias,
        scale,
        _quant(m, rng),
        stride=stride,
        dilation=dilation,
        padding=padding,
        weight_bits=m.bits,
    )
