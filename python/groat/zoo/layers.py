# SPDX-License-Identifier: Apache-2.0
"""Pieces that several networks have."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


def multiple_of_8(channels: float) -> int:
    """The nearest one, but never less than 90 % of what was asked for (MobileNetV2's rule)."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


def conv(
    channels: int, out: int, size: int, stride: int = 1, act: Callable[[], nn.Module] | None = None, groups: int = 1
) -> nn.Sequential:
    """A convolution, normalised, and its activation."""
    layers = [
        nn.Conv2d(channels, out, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out),
        *(() if act is None else (act(),)),
    ]
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def head(channels: int, classes: int, dropout: float) -> list[nn.Module]:
    """The average of each channel, and a dense layer."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, classes)]
