# SPDX-License-Identifier: Apache-2.0
"""A 1-D CNN on gestures: convolutions over 2.56 s of an accelerometer.

The shape of M. Fawaz and others, *Deep learning for time series classification: a review*, 2019 (its fully
convolutional network, by Z. Wang and others, 2016), with strides.  Samples and the split by session are
groat.zoo.motion's.
"""

from __future__ import annotations

from torch import nn

from groat.zoo.entries import SIGNAL, Entry, Recipe
from groat.zoo.motion import AXES, CLASSES, WINDOW, read

LAYERS = ((16, 7), (32, 5), (32, 3), (48, 3))
"""Channels, window."""


def network(classes: int) -> nn.Module:
    """Of signals [n, 3, window]."""
    layers: list[nn.Module] = []
    channels = len(AXES)
    for out, size in LAYERS:
        layers += [nn.Conv1d(channels, out, size, 2, size // 2, bias=False), nn.BatchNorm1d(out), nn.ReLU()]
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(channels, classes))


ENTRY = Entry(
    name="gestures",
    task="gestures of an accelerometer",
    source="Wang and others 2016, with strides",
    shape=(WINDOW, len(AXES)),
    order=SIGNAL,
    classes=CLASSES,
    module=network,
    read=read,
    recipe=Recipe(epochs=30, batch=32),
)
