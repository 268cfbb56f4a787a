# SPDX-License-Identifier: Apache-2.0
"""Random small models of float32, as random_graphs.py has them of integers.

Weights are scaled by the number of terms of a sum, so that values stay of about one size however long a model is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from tools.tflite_builder import Activation, Builder, Padding, Pair, Tensor, window_output

Array = npt.NDArray[Any]

MAX_OPS = 8
MAX_ELEMENTS = 3000
MAX_CHANNELS = 20
ACTIVATIONS: tuple[Activation, ...] = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")


def random_float_model(seed: int) -> bytes:
    """A model of one to MAX_OPS ops; the same seed gives the same bytes."""
    return _Grower(seed).grow(1 + seed % MAX_OPS)


class _Grower:
    """Builds one model."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng((seed, 32))
        self.m = Builder(f"random float model {seed}")
        self.live: list[Tensor] = []
        self.read: set[int] = set()

    def grow(self, steps: int) -> bytes:
        for _ in range(self.integer(1, 2)):
            rank = 4 if self.chance(0.8) else self.integer(1, 5)
            shape = [self.integer(1, 9) for _ in range(rank)]
            if rank == 4:
                shape = [1 if self.chance(0.7) else 2, *shape[1:3], self.integer(1, 10)]
            self.live.append(self.m.input(shape, "float32"))
        done = 0
        while done < steps:
            x = self.live[-1] if self.chance(0.7) else self.live[self.integer(0, len(self.live) - 1)]
            y = OPS[self.integer(0, len(OPS) - 1)](self, x)
            if y is not None:
                self.read.add(x.index)
                self.live.append(y)
                done += 1
        return self.m.build([x for x in self.live if x.index not in self.read])

    # -- choices --

    def integer(self, low: int, high: int) -> int:
        """Uniform, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pair(self, low: int, high: int) -> Pair:
        return self.integer(low, high), self.integer(low, high)

    def activation(self) -> Activation:
        return ACTIVATIONS[self.integer(0, len(ACTIVATIONS) - 1)]

    def weights(self, shape: tuple[int, ...], terms: int, channels: int) -> tuple[Array, Array | None]:
        """Weights and bias."""
        weights = self.rng.normal(0, 1 / math.sqrt(terms), shape).astype(np.float32)
        return weights, self.rng.normal(0, 0.5, channels).astype(np.float32) if self.chance(0.8) else None

    def window(self, x: Tensor, dilated: bool = True) -> dict[str, Any] | None:
        """Kernel, stride, dilation and padding that leave at least one output pixel."""
        if x.rank != 4:
            return None
        kernel, stride = self.pair(1, 4), self.pair(1, 3)
        dilation = self.pair(1, 3) if dilated and self.chance(0.3) else (1, 1)
        padding: Padding = "SAME" if self.chance(0.6) else "VALID"
        fits = all(window_output(x.shape[1 + i], kernel[i], stride[i], dilation[i], padding) > 0 for i in range(2))
        found = {"kernel": kernel, "stride": stride, "padding": padding, "activation": self.activation()}
        return ({**found, "dilation": dilation} if dilated else found) if fits else None

    # -- ops; None where one does not fit --

    def conv_2d(self, x: Tensor) -> Tensor | None:
        if (window := self.window(x)) is None:
            return None
        groups = int(self.rng.choice([g for g in range(1, x.shape[3] + 1) if x.shape[3] % g == 0]))
        groups = groups if self.chance(0.3) else 1
        out_c = groups * self.integer(1, max(1, MAX_CHANNELS // groups))
        kernel = window.pop("kernel")
        depth = x.shape[3] // groups
        weights, bias = self.weights((out_c, *kernel, depth), math.prod(kernel) * depth, out_c)
        return self.m.conv_2d(x, weights, bias, None, None, **window)

    def depthwise_conv_2d(self, x: Tensor) -> Tensor | None:
        if (window := self.window(x)) is None:
            return None
        out_c = x.shape[3] * (self.integer(1, 3) if self.chance(0.3) else 1)
        kernel = window.pop("kernel")
        weights, bias = self.weights((1, *kernel, out_c), math.prod(kernel), out_c)
        return self.m.depthwise_conv_2d(x, weights, bias, None, None, **window)

    def fully_connected(self, x: Tensor) -> Tensor | None:
        if x.rank == 0:
            return None
        depth, out_c = x.shape[-1], self.integer(1, MAX_CHANNELS)
        if math.prod(x.shape) <= 600 and self.chance(0.5):
            depth = math.prod(x.shape)
        if math.prod(x.shape) // depth * out_c > MAX_ELEMENTS:
            return None
        weights, bias = self.weights((out_c, depth), depth, out_c)
        return self.m.fully_connected(x, weights, bias, None, None, activation=self.activation())

    def average_pool_2d(self, x: Tensor) -> Tensor | None:
        window = self.window(x, dilated=False)
        return None if window is None else self.m.average_pool_2d(x, **window)

    def max_pool_2d(self, x: Tensor) -> Tensor | None:
        window = self.window(x, dilated=False)
        return None if window is None else self.m.max_pool_2d(x, **window)

    def operand(self, x: Tensor) -> Tensor:
        """Another tensor, or a constant, that broadcasts with x; perhaps x itself."""
        others = [y for y in self.live if y.shape == x.shape]
        if others and self.chance(0.6):
            other = others[self.integer(0, len(others) - 1)]
            self.read.add(other.index)
            return other
        shape = [1 if self.chance(0.4) else dim for dim in x.shape]
        return self.m.constant(self.rng.normal(0, 1, shape).astype(np.float32))

    def add(self, x: Tensor) -> Tensor | None:
        return self.m.add(x, self.operand(x), None, activation=self.activation())

    def mul(self, x: Tensor) -> Tensor | None:
        return self.m.mul(self.operand(x), x, None, activation=self.activation())

    def mean(self, x: Tensor) -> Tensor | None:
        if x.rank == 0:
            return None
        axes = [int(axis) for axis in self.rng.permutation(x.rank)[: self.integer(1, x.rank)]]
        axes = [1, 2] if x.rank == 4 and self.chance(0.4) else axes
        return self.m.mean(x, axes, None, self.chance(0.5))

    def pad(self, x: Tensor) -> Tensor | None:
        if not 1 <= x.rank <= 5:
            return None
        paddings = [self.pair(0, 2) if self.chance(0.5) else (0, 0) for _ in x.shape]
        grown = math.prod(dim + sum(pads) for dim, pads in zip(x.shape, paddings, strict=True))
        if grown > MAX_ELEMENTS:
            return None
        return self.m.pad(x, paddings, float(np.float32(self.rng.normal())) if self.chance(0.4) else None)

    def transpose(self, x: Tensor) -> Tensor | None:
        if not 2 <= x.rank <= 5:
            return None
        return self.m.transpose(x, [int(axis) for axis in self.rng.permutation(x.rank)])

    def concatenation(self, x: Tensor) -> Tensor | None:
        if x.rank == 0 or 2 * math.prod(x.shape) > MAX_ELEMENTS:
            return None
        return self.m.concatenation([x, x], self.integer(0, x.rank - 1))

    def reshape(self, x: Tensor) -> Tensor | None:
        return self.m.reshape(x, [1, math.prod(x.shape)])

    def softmax(self, x: Tensor) -> Tensor | None:
        if x.rank == 0:
            return None
        return self.m.softmax(x, beta=1.0 if self.chance(0.5) else float(np.float32(self.rng.uniform(0.3, 3))))

    def logistic(self, x: Tensor) -> Tensor | None:
        return self.m.logistic(x)

    def tanh(self, x: Tensor) -> Tensor | None:
        return self.m.tanh(x)

    def relu(self, x: Tensor) -> Tensor | None:
        return self.m.relu(x) if self.chance(0.5) else self.m.relu6(x)


OPS: tuple[Callable[[_Grower, Tensor], Tensor | None], ...] = (
    *(_Grower.conv_2d, _Grower.conv_2d, _Grower.conv_2d, _Grower.depthwise_conv_2d, _Grower.depthwise_conv_2d),
    *(_Grower.fully_connected, _Grower.average_pool_2d, _Grower.max_pool_2d, _Grower.add, _Grower.mul, _Grower.mean),
    *(_Grower.pad, _Grower.transpose, _Grower.concatenation, _Grower.reshape, _Grower.softmax, _Grower.logistic),
    *(_Grower.tanh, _Grower.relu),
)
