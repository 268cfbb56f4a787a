# SPDX-License-Identifier: Apache-2.0
"""What is trained of a layer: its weights, its bias, and the scales of its integers.

All are relative: weights to the largest that the filter's integers could stand for at first, a bias to the range of the
layer's output, a scale to itself, as the logarithm of the quotient.  So one learning rate fits all layers and channels.
They are of double precision, which holds biases of 32 bits exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from groat.graph import Quantization
from groat.graph.ir import Array
from groat.quantization.weights import LIMITS, IntegerWeights, LayerScales, expressible, integer_bias

FURTHEST = 16.0  # times what it was, or that part of it, a scale may become: multipliers must stay expressible
NEAR = 0.49  # of a step: as far from its integer a weight is at first, at most


def factors_of(logarithms: Tensor) -> Array:
    """What scales and ranges are multiplied by, float64; the logarithms may lie beyond the limits."""
    return np.exp(np.clip(logarithms.numpy(force=True), -np.log(FURTHEST), np.log(FURTHEST)))


class Stored(torch.autograd.Function):
    """A value as it is stored.  Its gradient is that of the value where the integers reach (straight through), and 0
    beyond.

    Their range learns too: with wider steps, what is stored changes by the error of rounding inside, and by all of it
    beyond (S. K. Esser and others, "Learned Step Size Quantization", 2020).
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor, factor: Tensor, stored: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Args:
        factor: the logarithm of what the range is multiplied by, of the value's shape.
        stored: what its integer stands for.
        low, high: the ends of what is rounded to an integer without being cut off.
        """
        inside = (value >= low) & (value <= high)
        ctx.save_for_backward(inside, torch.where(inside, stored - value, stored))
        return stored.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inside, slope = ctx.saved_tensors
        # A function may be infinitely steep at a stored value, as a square root is at 0.
        gradient = torch.nan_to_num(gradients[0], nan=0.0, posinf=0.0, neginf=0.0)
        return gradient * inside, gradient * slope, None, None, None


def stored(value: Tensor, factor: Tensor, real: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """As Stored; all but `value` may have fewer elements."""
    result: Tensor = Stored.apply(value, factor.expand_as(value), real.expand_as(value), low, high)  # type: ignore[no-untyped-call]
    return result


class Layer(nn.Module):
    """The trained constants of one layer.

    Attributes:
        weights: [*shape]; 1 is the largest that the integers of the filter could stand for at first.
        bias: [channels]; 1 is the range of the layer's output.  None if the layer stays floats and has none.
        factors: [channels]; logarithms of what the scales of the filters are multiplied by.  None without integers.
    """

    unit: Tensor
    reach: Tensor

    def __init__(
        self,
        weights: Array,
        bias: Array | None,
        axis: int,
        reach: float,
        found: IntegerWeights | None,
        bits: int,
        x: float,
    ) -> None:
        """Args:
        weights, bias: of floats.
        axis: the output channels of `weights`.
        reach: the range of the output.
        found: the integers to begin with; None: the layer stays floats.
        bits: of them.
        x: the scale of the input.
        """
        super().__init__()
        self.axis, self.limits = axis, LIMITS[bits]
        values = np.moveaxis(weights.astype(np.float64), axis, -1)
        if found is None:
            unit = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
        else:
            assert found.quantization is not None
            scale = np.array(found.quantization.scale, np.float64)
            integers = np.moveaxis(found.weights, axis, -1).astype(np.float64)
            near = np.clip(values / scale, integers - NEAR, integers + NEAR)
            values, unit = near * scale, scale * self.limits[1]
            bias = found.bias * (x * scale)
        unit, reach = np.where(unit > 0, unit, 1.0), reach if reach > 0 else 1.0
        self.register_buffer("unit", torch.from_numpy(unit))
        self.register_buffer("reach", torch.tensor(reach, dtype=torch.float64))
        self.weights = nn.Parameter(torch.from_numpy(np.moveaxis(values / unit, -1, axis).copy()))
        self.bias = None if bias is None else nn.Parameter(torch.from_numpy(bias.astype(np.float64) / reach))
        self.factors = None if found is None else nn.Parameter(torch.zeros(len(unit), dtype=torch.float64))

    def _along(self, channels: Tensor) -> Tensor:
        """[channels] beside weights."""
        return channels.reshape([-1 if axis == self.axis else 1 for axis in range(self.weights.ndim)])

    def real_weights(self) -> Tensor:
        return self.weights * self._along(self.unit)

    def real_bias(self) -> Tensor | None:
        return None if self.bias is None else self.bias * self.reach

    def integers(self, scales: LayerScales) -> IntegerWeights:
        """The constants as integers."""
        real = self.real_bias()
        assert real is not None
        assert self.factors is not None
        bias = real.numpy(force=True)
        low, high = self.limits
        scale = expressible(self.unit.numpy(force=True) / high * factors_of(self.factors), bias, scales)
        steps = self.real_weights().numpy(force=True) / self._along(torch.from_numpy(scale)).numpy()
        return IntegerWeights(
            np.clip(np.round(steps), low, high).astype(np.int8),
            Quantization(tuple(float(s) for s in scale), (0,) * len(scale), self.axis),
            integer_bias(bias, scale, scales),
            "trained",
        )

    def forward(self, found: IntegerWeights | None) -> tuple[Tensor, ...]:
        """Weights as they are stored, and the bias, float32; `found`: as `integers`, None for a layer of floats."""
        weights = self.real_weights()
        if found is not None:
            assert self.factors is not None
            scale = self._along(torch.tensor(found.quantization.scale, dtype=torch.float64, device=weights.device))
            real = torch.from_numpy(found.weights).to(weights) * scale
            low, high = self.limits
            weights = stored(weights, self._along(self.factors), real, (low - 0.5) * scale, (high + 0.5) * scale)
        bias = self.real_bias()
        return (weights.float(),) if bias is None else (weights.float(), bias.float())
