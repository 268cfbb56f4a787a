# SPDX-License-Identifier: Apache-2.0
"""Layers with weights, and their gradients as PyTorch's automatic differentiation finds them, in double precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[Any]
Two = tuple[int, int]


@dataclass(frozen=True)
class Layer:
    """A convolution (`depthwise` or not), or a dense layer if it has no kernel.

    Attributes:
        x_shape: [n, h, w, c], or [batches, depth].
        padding: ((top, bottom), (left, right)).
    """

    x_shape: tuple[int, ...]
    out_c: int
    kernel: Two | None = None
    stride: Two = (1, 1)
    dilation: Two = (1, 1)
    padding: tuple[Two, Two] = ((0, 0), (0, 0))
    groups: int = 1
    depthwise: bool = False

    @property
    def weights_shape(self) -> tuple[int, ...]:
        if self.kernel is None:
            return (self.out_c, self.x_shape[1])
        if self.depthwise:
            return (1, *self.kernel, self.out_c)
        return (self.out_c, *self.kernel, self.x_shape[3] // self.groups)

    @property
    def out_shape(self) -> tuple[int, ...]:
        if self.kernel is None:
            return (self.x_shape[0], self.out_c)
        size = []
        for axis in range(2):
            reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1
            size.append((self.x_shape[1 + axis] + sum(self.padding[axis]) - reach) // self.stride[axis] + 1)
        return (self.x_shape[0], *size, self.out_c)

    @property
    def window(self) -> dict[str, Any]:
        """The arguments of the functions of groat.kernels."""
        if self.kernel is None:
            return {}
        return {"stride": self.stride, "dilation": self.dilation, "padding": self.padding}

    def forward(self, x: torch.Tensor, weights: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional

        if self.kernel is None:
            return functional.linear(x, weights, bias)
        (top, bottom), (left, right) = self.padding
        image = functional.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom))
        filters = weights.permute(3, 0, 1, 2) if self.depthwise else weights.permute(0, 3, 1, 2)
        groups = self.x_shape[3] if self.depthwise else self.groups
        y = functional.conv2d(image, filters, bias, self.stride, 0, self.dilation, groups)
        return y.permute(0, 2, 3, 1)

    def gradients(self, x: Array, weights: Array, dy: Array) -> tuple[Array, Array, Array]:
        """(dx, dw, db) of the sum of dy * y, float64."""
        import torch

        leaves = [torch.tensor(a.astype(np.float64), requires_grad=True) for a in (x, weights, np.zeros(self.out_c))]
        y = self.forward(*leaves)
        assert tuple(y.shape) == dy.shape
        (y * torch.tensor(dy.astype(np.float64))).sum().backward()
        dx, dw, db = (leaf.grad.numpy() for leaf in leaves if leaf.grad is not None)
        return dx, dw, db
