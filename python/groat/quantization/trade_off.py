# SPDX-License-Identifier: Apache-2.0
"""A picture of what fewer bytes of weights cost in accuracy."""

from __future__ import annotations

from groat.drawing import LEFT, RIGHT, WIDTH, Svg
from groat.quantization.mixture import Mixed, decibels

TOP, HEIGHT = 72, 260


def draw_trade_off(made: Mixed, title: str) -> str:
    """An SVG: expected signal-to-noise ratio over bytes of weights of the best mixtures, and of the chosen one."""
    points = [(point["weights_bytes"], point["expected_snr_db"]) for point in made.pareto]
    chosen = (float(made.weights_bytes), decibels(made.expected_loss))
    right, bottom = WIDTH - RIGHT - 20, TOP + HEIGHT
    most = 1.05 * max(x for x, _ in (*points, chosen))
    high, low = max(y for _, y in (*points, chosen)) + 2, min(0.0, *(y for _, y in (*points, chosen)))

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + x / most * (right - LEFT), bottom - (y - low) / (high - low) * HEIGHT

    svg = Svg()
    svg.text(LEFT, 28, title, "title")
    svg.text(LEFT, 46, "expected signal-to-noise ratio of the outputs, dB", "soft")
    for step in range(5):
        value = low + (high - low) * step / 4
        y = at(0, value)[1]
        svg.line(LEFT, y, right, y, "grid")
        svg.text(LEFT - 6, y + 4, f"{value:.1f}", "soft", "end")
        svg.text(at(most * step / 4, low)[0], bottom + 16, f"{most * step / 4:,.0f}", "soft", "middle")
    svg.line(LEFT, bottom, right, bottom, "axis")
    svg.text((LEFT + right) / 2, bottom + 32, "bytes of weights", "soft", "middle")
    svg.path([at(*point) for point in points], fill="none", stroke="#2b6cb0", stroke_width=1.5)
    for nbytes, ratio in points:
        svg.circle(*at(nbytes, ratio), 3, f"{nbytes:,.0f} bytes: {ratio:.1f} dB", fill="#2b6cb0")
    svg.circle(*at(*chosen), 5, f"chosen: {chosen[0]:,.0f} bytes, {chosen[1]:.1f} dB", fill="#c53030")
    return svg.document(bottom + 48, title)
