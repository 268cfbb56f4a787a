# SPDX-License-Identifier: Apache-2.0
"""MobileNetV3-small, for images of 96 × 96.

A. Howard and others, *Searching for MobileNetV3*, 2019, table 2.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from groat.zoo.entries import IMAGE, Entry, Recipe
from groat.zoo.layers import Residual, conv, multiple_of_8
from groat.zoo.pictures import read

BLOCKS = (
    (3, 16, 16, True, nn.ReLU, 2),
    (3, 72, 24, False, nn.ReLU, 2),
    (3, 88, 24, False, nn.ReLU, 1),
    (5, 96, 40, True, nn.Hardswish, 2),
    (5, 240, 40, True, nn.Hardswish, 1),
    (5, 240, 40, True, nn.Hardswish, 1),
    (5, 120, 48, True, nn.Hardswish, 1),
    (5, 144, 48, True, nn.Hardswish, 1),
    (5, 288, 96, True, nn.Hardswish, 2),
    (5, 576, 96, True, nn.Hardswish, 1),
    (5, 576, 96, True, nn.Hardswish, 1),
)
"""Window, expanded channels, channels, squeeze and excitation, activation, stride."""
STEM, LAST, HIDDEN = 16, 576, 1024


class Excitation(nn.Module):
    """Scales each channel by what two dense layers make of the averages of all."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = multiple_of_8(channels / 4)
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            *(nn.Conv2d(channels, squeezed, 1), nn.ReLU(), nn.Conv2d(squeezed, channels, 1), nn.Hardsigmoid()),
        )

    def forward(self, x: Tensor) -> Tensor:
        """x [n, c, h, w]."""
        return x * self.scale(x)


def network(classes: int) -> nn.Module:
    """Of images [n, 3, h, w]."""
    layers: list[nn.Module] = [conv(3, STEM, 3, 2, nn.Hardswish)]
    channels = STEM
    for size, wide, out, excited, act, stride in BLOCKS:
        layers.append(_block(channels, size, wide, out, excited, act, stride))
        channels = out
    return nn.Sequential(
        *layers,
        conv(channels, LAST, 1, 1, nn.Hardswish),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(LAST, HIDDEN), nn.Hardswish(), nn.Dropout(0.2)),
        nn.Linear(HIDDEN, classes),
    )


def _block(
    channels: int, size: int, wide: int, out: int, excited: bool, act: Callable[[], nn.Module], stride: int
) -> nn.Module:
    body = nn.Sequential(
        *(() if wide == channels else (conv(channels, wide, 1, 1, act),)),
        conv(wide, wide, size, stride, act, groups=wide),
        *((Excitation(wide),) if excited else ()),
        conv(wide, out, 1),
    )
    return Residual(body) if stride == 1 and channels == out else body


ENTRY = Entry(
    name="mobilenet_v3",
    task="image classification",
    source="Howard and others 2019, small",
    shape=(96, 96, 3),
    order=IMAGE,
    classes=10,
    module=network,
    read=read,
    recipe=Recipe(epochs=60),
)
