# SPDX-License-Identifier: Apache-2.0
"""A picture of training: loss and accuracy, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence

from groat.drawing import LEFT, RIGHT, WIDTH, Svg
from groat.train.loop import History

HEIGHT, GAP, TOP = 190, 76, 64


def draw_training(history: History, title: str) -> str:
    """An SVG with the loss of each step and epoch and, if there are any, accuracies on the test samples."""
    svg = Svg()
    svg.text(LEFT, 28, title, "title")
    svg.text(LEFT, 46, f"{len(history.losses):,} steps, {len(history.epoch_losses)} epochs", "soft")
    _draw(svg, TOP, "Loss", history.epoch_losses, history.losses, 1)
    height = TOP + HEIGHT + GAP
    if history.accuracies:
        percent = [100 * value for value in history.accuracies]
        _draw(svg, height, "Accuracy on the test samples, %", percent, (), 0, most=100)
        height += HEIGHT + GAP
    return svg.document(height - GAP / 2, title)


def _draw(
    svg: Svg, top: float, title: str, values: Sequence[float], fine: Sequence[float], first: int, most: float = 0.0
) -> None:
    """A curve over epochs; `fine` are values of steps behind it, `first` is the epoch of the first value."""
    last = first + len(values) - 1
    bottom, right = top + HEIGHT, WIDTH - RIGHT - 20
    most = most or 1.05 * max(max(values), *_smooth(fine), 1e-6)

    def at(epoch: float, value: float) -> tuple[float, float]:
        return LEFT + 10 + epoch / max(last, 1) * (right - LEFT - 20), bottom - value / most * (HEIGHT - 24)

    svg.text(LEFT, top, title, "part")
    for step in range(5):
        value = most * step / 4
        y = at(0, value)[1]
        svg.line(LEFT, y, right, y, "grid")
        svg.text(LEFT - 6, y + 4, f"{value:.3g}", "soft", "end")
    svg.line(LEFT, bottom, right, bottom, "axis")
    for epoch in range(0, last + 1, max(1, last // 10)):
        svg.text(at(epoch, 0)[0], bottom + 16, str(epoch), "soft", "middle")
    svg.text((LEFT + right) / 2, bottom + 32, "epochs", "soft", "middle")
    if fine:
        smooth = _smooth(fine)
        points = [at((i + 1) / len(smooth) * last, value) for i, value in enumerate(smooth)]
        svg.path(points, fill="none", stroke="#a9cbee", stroke_width=1)
    points = [at(first + i, value) for i, value in enumerate(values)]
    svg.path(points, fill="none", stroke="#2b6cb0", stroke_width=1.5)
    for i, (x, y) in enumerate(points):
        svg.circle(x, y, 3, f"epoch {first + i}: {values[i]:.4g}", fill="#2b6cb0")
    svg.text(points[-1][0], points[-1][1] - 8, f"{values[-1]:.3g}", "in", "end")


def _smooth(values: Sequence[float], points: int = 400) -> list[float]:
    """At most so many values: means of neighbours."""
    size = max(1, len(values) // points)
    return [sum(values[i : i + size]) / len(values[i : i + size]) for i in range(0, len(values), size)]
