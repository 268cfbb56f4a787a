# SPDX-License-Identifier: Apache-2.0
"""Small networks of floats with random weights, as graphs: something to train."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from groat.graph import Graph, Op, Tensor
from groat.ops.window import same_padding

LINEAR = (-math.inf, math.inf)
RELU = (0.0, math.inf)
RELU6 = (0.0, 6.0)


class Net:
    """A graph that grows at its end; every method returns the number of a new tensor."""

    def __init__(self, shape: tuple[int, ...], seed: int = 0) -> None:
        self.tensors = {0: Tensor("image", (1, *shape), "float32")}
        self.ops: list[Op] = []
        self.last = 0
        self._rng = np.random.default_rng(seed)

    def _new(self, name: str, shape: tuple[int, ...], data: Any = None) -> int:
        number = len(self.tensors)
        self.tensors[number] = Tensor(name, shape, "float32", data=data)
        return number

    def _weights(self, shape: tuple[int, ...], fan_in: int, name: str) -> int:
        data = (self._rng.standard_normal(shape) * math.sqrt(2 / fan_in)).astype(np.float32)
        return self._new(name, shape, data)

    def _op(self, kind: str, inputs: tuple[int, ...], shape: tuple[int, ...], attrs: dict[str, Any]) -> int:
        out = self._new(f"{kind}_{len(self.ops)}", shape)
        self.ops.append(Op(kind + "_float32", inputs, (out,), attrs, len(self.ops)))
        self.last = out
        return out

    def _window(
        self, kernel: Any, stride: Any, padding: Any, dilation: Any = 1
    ) -> tuple[dict[str, Any], tuple[int, int]]:
        size, step, spread = ((v, v) if isinstance(v, int) else v for v in (kernel, stride, dilation))
        _, h, w, _ = self.tensors[self.last].shape
        if padding == "same":
            padding = tuple(same_padding(n, k, s, d) for n, k, s, d in zip((h, w), size, step, spread, strict=True))
        elif padding == "valid":
            padding = ((0, 0), (0, 0))
        out = tuple(
            (n + sum(p) - (k - 1) * d - 1) // s + 1
            for n, k, s, d, p in zip((h, w), size, step, spread, padding, strict=True)
        )
        return {"kernel": size, "stride": step, "dilation": spread, "padding": padding}, (out[0], out[1])

    def conv(
        self, out_c: int, kernel: Any = 3, stride: Any = 1, padding: Any = "same", act: Any = RELU, groups: int = 1,
        dilation: Any = 1, bias: bool = True,
    ) -> int:  # fmt: skip
        attrs, out = self._window(kernel, stride, padding, dilation)
        in_c = self.tensors[self.last].shape[3] // groups
        name = f"conv{len(self.ops)}"
        weights = self._weights((out_c, *attrs["kernel"], in_c), in_c * math.prod(attrs["kernel"]), f"{name}/w")
        inputs = (self.last, weights)
        if bias:
            inputs += (self._new(f"{name}/b", (out_c,), (0.1 * self._rng.standard_normal(out_c)).astype(np.float32)),)
        attrs |= {"groups": groups, "act_min": act[0], "act_max": act[1]}
        return self._op("conv_2d", inputs, (1, *out, out_c), attrs)

    def depthwise(
        self, kernel: Any = 3, stride: Any = 1, padding: Any = "same", act: Any = RELU, multiplier: int = 1
    ) -> int:
        attrs, out = self._window(kernel, stride, padding)
        out_c = self.tensors[self.last].shape[3] * multiplier
        name = f"depthwise{len(self.ops)}"
        weights = self._weights((1, *attrs["kernel"], out_c), math.prod(attrs["kernel"]), f"{name}/w")
        bias = self._new(f"{name}/b", (out_c,), (0.1 * self._rng.standard_normal(out_c)).astype(np.float32))
        attrs |= {"act_min": act[0], "act_max": act[1]}
        return self._op("depthwise_conv_2d", (self.last, weights, bias), (1, *out, out_c), attrs)

    def pool(self, kind: str, kernel: Any = 2, stride: Any = 2, padding: Any = "valid", act: Any = LINEAR) -> int:
        attrs, out = self._window(kernel, stride, padding)
        attrs |= {"act_min": act[0], "act_max": act[1]}
        return self._op(f"{kind}_pool_2d", (self.last,), (1, *out, self.tensors[self.last].shape[3]), attrs)

    def add(self, a: int, b: int, act: Any = LINEAR) -> int:
        attrs = {"act_min": act[0], "act_max": act[1]}
        return self._op("add", (a, b), self.tensors[a].shape, attrs)

    def mean(self) -> int:
        shape = self.tensors[self.last].shape
        return self._op("mean", (self.last,), (1, shape[3]), {"axes": (1, 2), "keep_dims": False})

    def dense(self, out_c: int, act: Any = LINEAR) -> int:
        depth = self.tensors[self.last].elements
        name = f"dense{len(self.ops)}"
        weights = self._weights((out_c, depth), depth, f"{name}/w")
        bias = self._new(f"{name}/b", (out_c,), np.zeros(out_c, np.float32))
        attrs = {"act_min": act[0], "act_max": act[1], "out_shape": (1, out_c)}
        return self._op("fully_connected", (self.last, weights, bias), (1, out_c), attrs)

    def softmax(self) -> int:
        return self._op("softmax", (self.last,), self.tensors[self.last].shape, {"beta": 1.0})

    def graph(self, name: str = "net") -> Graph:
        return Graph(name, dict(self.tensors), tuple(self.ops), (0,), (self.last,))


def digits_net(seed: int = 0) -> Graph:
    """The network of the digits: two convolutions, a mean, a dense layer, softmax."""
    net = Net((8, 8, 1), seed)
    net.conv(16)
    net.conv(32, stride=2)
    net.mean()
    net.dense(10)
    net.softmax()
    return net.graph("digits")
